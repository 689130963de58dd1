//! Writes signed VIHFs: what an integrator needs to try a call, and what our tests vary.

use std::{fmt, fmt::Write, sync::Arc, time::Duration};

use ambient::{Rng, Timestamp};
use space::{AuthMode, Ins, ProfessionalId, Purpose, Software, StructureId};

use super::attribute as name;
use crate::{
    Peer,
    claims::{CodedRole, PURPOSE_SYSTEM, SECTOR_SYSTEM},
    key::SigningKey,
    xmldsig::{SignError, sign_enveloped},
};

/// Why a VIHF could not be written.
#[derive(Debug, thiserror::Error)]
pub enum VihfError {
    /// The key is not the certificate's.
    #[error("the private key is not the certificate's")]
    KeyMismatch,
    /// The assertion could not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The token could not be signed.
    #[error(transparent)]
    Key(#[from] crate::key::KeyError),
    /// A value cannot be written in XML or JSON.
    #[error("a value holds a character that cannot be written")]
    Unwritable,
}

/// Everything a VIHF says, and who signs it.
#[derive(Clone)]
pub struct VihfRequest {
    /// The signer's certificate.
    pub signer: Peer,
    /// Its private key.
    pub key: Arc<SigningKey>,
    /// The user (`PS_IdNat`).
    pub subject: ProfessionalId,
    /// "FAMILY GIVEN" of the user.
    pub name: Option<String>,
    /// The structure.
    pub structure: StructureId,
    /// Code of the sector of activity (SAxx).
    pub sector: String,
    /// Roles, profession first.
    pub roles: Vec<CodedRole>,
    /// The holder.
    pub patient: Option<Ins>,
    /// Why.
    pub purpose: Purpose,
    /// How the software authenticated.
    pub mode: AuthMode,
    /// The software.
    pub software: Software,
    /// Which instance of it calls (`LPS_ID`).
    pub instance: Option<String>,
    /// Its DMP homologation number.
    pub homologation: String,
    /// *Connexion secrète*.
    pub secret: bool,
    /// When it is issued.
    pub issued: Timestamp,
    /// How long it is valid, from `issued`; by default no Conditions are written.
    pub validity: Option<Duration>,
    /// Version written (`3.0`).
    pub version: String,
    /// Issuer to write instead of the signer's name.
    pub issuer: Option<String>,
    /// Attributes not to write, by name.
    pub omit: Vec<String>,
}

impl fmt::Debug for VihfRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VihfRequest({})", self.mode.vihf())
    }
}

impl VihfRequest {
    /// The signed assertion, without XML declaration: it can be pasted in `wsse:Security`.
    ///
    /// # Errors
    /// [`VihfError`].
    pub fn sign(&self, rng: &dyn Rng) -> Result<String, VihfError> {
        self.check_key()?;
        let id = format!("_{}", rng.uuid());
        let unsigned = self.unsigned(&id);
        // What XML cannot carry at all is refused; the rest is escaped.
        if unsigned.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')) {
            return Err(VihfError::Unwritable);
        }
        Ok(sign_enveloped(&unsigned, &id, &self.key, self.signer.der())?)
    }

    pub(crate) fn check_key(&self) -> Result<(), VihfError> {
        let key = self.signer.public_key();
        if key.is_some_and(|key| self.key.is_private_half_of(&key)) { Ok(()) } else { Err(VihfError::KeyMismatch) }
    }

    pub(crate) fn issuer_text(&self) -> String {
        self.issuer.clone().unwrap_or_else(|| self.signer.subject().to_rfc4514())
    }

    pub(crate) fn expires(&self) -> Option<Timestamp> {
        self.issued.checked_add(self.validity?).ok()
    }

    /// The assertion with this ID, not signed.
    #[must_use]
    pub fn unsigned(&self, id: &str) -> String {
        let issued = instant(self.issued);
        let mut xml = format!(
            "<saml2:Assertion xmlns:saml2=\"urn:oasis:names:tc:SAML:2.0:assertion\" \
             xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
             ID=\"{id}\" IssueInstant=\"{issued}\" Version=\"2.0\"><saml2:Issuer \
             Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName\">{}</saml2:Issuer><saml2:Subject>\
             <saml2:NameID>{}</saml2:NameID></saml2:Subject>",
            escape(&self.issuer_text()),
            escape(self.subject.as_str()),
        );
        if let Some(expires) = self.expires() {
            let _ = write!(
                xml,
                "<saml2:Conditions NotBefore=\"{issued}\" NotOnOrAfter=\"{}\"></saml2:Conditions>",
                instant(expires)
            );
        }
        let class = if self.mode == AuthMode::Directe { "SmartcardPKI" } else { "MobileTwoFactorUnregistered" };
        let _ = write!(
            xml,
            "<saml2:AuthnStatement AuthnInstant=\"{issued}\"><saml2:AuthnContext><saml2:AuthnContextClassRef>\
             urn:oasis:names:tc:SAML:2.0:ac:classes:{class}</saml2:AuthnContextClassRef></saml2:AuthnContext>\
             </saml2:AuthnStatement><saml2:AttributeStatement>",
        );
        self.attributes(&mut xml);
        xml.push_str("</saml2:AttributeStatement></saml2:Assertion>");
        xml
    }

    fn attributes(&self, xml: &mut String) {
        let text = |value: &str| {
            format!("<saml2:AttributeValue xsi:type=\"xs:string\">{}</saml2:AttributeValue>", escape(value))
        };
        let coded = |element: &str, code: &str, system: &str, further: &str| {
            format!(
                "<saml2:AttributeValue><{element} xmlns=\"urn:hl7-org:v3\" code=\"{}\" codeSystem=\"{}\"{further} \
                 xsi:type=\"CE\"></{element}></saml2:AttributeValue>",
                escape(code),
                escape(system),
            )
        };
        let mut put = |attribute: &str, values: &str| {
            if !self.omit.iter().any(|o| o == attribute) {
                let _ = write!(xml, "<saml2:Attribute Name=\"{attribute}\">{values}</saml2:Attribute>");
            }
        };
        put(name::VERSION, &text(&self.version));
        put(name::MODE, &text(self.mode.vihf()));
        put(name::STRUCTURE, &text(self.structure.as_str()));
        put(name::SECTOR, &text(&format!("{}^{SECTOR_SYSTEM}", self.sector)));
        if let Some(user) = &self.name {
            put(name::SUBJECT_NAME, &text(user));
        }
        let roles: String = self.roles.iter().map(|r| coded("Role", &r.code, &r.system, "")).collect();
        put(name::ROLE, &roles);
        if let Some(patient) = &self.patient {
            put(name::RESOURCE, &text(&patient.to_cx()));
        }
        put(name::RESOURCE_URN, &text("urn:dmp"));
        let further = " codeSystemName=\"mode acces VIHF 2.0\"";
        put(name::PURPOSE, &coded("PurposeOfUse", self.purpose.vihf(), PURPOSE_SYSTEM, further));
        if let Some(reason) = self.purpose.reason() {
            put(name::REASON, &text(reason));
        }
        if self.secret {
            put(name::CONFIDENTIALITY, &text("INVISIBLE_REPRESENTANTS_LEGAUX"));
        }
        if let Some(instance) = &self.instance {
            put(name::SOFTWARE_ID, &text(instance));
        }
        put(name::SOFTWARE_NAME, &text(&self.software.name));
        put(name::SOFTWARE_VERSION, &text(&self.software.version));
        put(name::HOMOLOGATION, &text(&self.homologation));
    }
}

/// UTC with milliseconds, as the samples write it.
pub(crate) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}
