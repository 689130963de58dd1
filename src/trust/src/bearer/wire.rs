//! Header and claims of the token, read and written.

use ambient::Timestamp;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use space::{AuthMode, Cause, Ins, ProfessionalId, Refusal, Software, StructureId};

use super::PLACES;
use crate::{
    Claims, CodedRole, VihfPolicy, VihfRequest,
    claims::{LONGEST_REASON, holder_of, is_role, purpose_of},
    key::KeyFamily,
    vihf::VihfError,
};

/// The audience a token may name, and must name if it names one.
pub const AUDIENCE: &str = "urn:passerelle:fhir";

#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
    #[serde(default)]
    pub(super) x5c: Vec<String>,
}

impl Header {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let invalid = |at: &str| Refusal::new(Cause::BearerInvalid).at(at);
        if !matches!(self.alg.as_str(), "RS256" | "ES256") {
            return Err(Refusal::new(Cause::SignatureAlgorithm).at("/alg"));
        }
        if !self.typ.as_ref().is_some_and(|t| t.eq_ignore_ascii_case("JWT")) {
            return Err(invalid("/typ"));
        }
        if self.crit.is_some() {
            return Err(invalid("/crit"));
        }
        if self.x5c.is_empty() || self.x5c.len() > 4 {
            return Err(invalid("/x5c"));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
pub(super) struct Body {
    iss: Option<String>,
    sub: Option<String>,
    iat: Option<Value>,
    nbf: Option<Value>,
    exp: Option<Value>,
    aud: Option<Audience>,
    vihf: Option<VihfBody>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
struct VihfBody {
    version: Option<String>,
    mode: Option<String>,
    structure: Option<String>,
    sector: Option<String>,
    name: Option<String>,
    #[serde(default)]
    roles: Vec<RoleBody>,
    patient_ins: Option<String>,
    purpose: Option<String>,
    reason: Option<String>,
    software: Option<SoftwareBody>,
    #[serde(default)]
    secret: bool,
}

#[derive(Serialize, Deserialize)]
struct RoleBody {
    code: String,
    system: String,
}

#[derive(Serialize, Deserialize)]
struct SoftwareBody {
    name: Option<String>,
    version: Option<String>,
    homologation: Option<String>,
}

fn present(value: Option<String>, at: &str) -> Result<String, Refusal> {
    let value = value.map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
    value.ok_or_else(|| Refusal::new(Cause::ClaimMissing).at(at))
}

fn invalid(at: &str) -> Refusal {
    Refusal::new(Cause::ClaimInvalid).at(at)
}

/// A NumericDate, its fraction dropped (RFC 7519 §2).
pub(super) fn instant(value: Option<&Value>, at: &str) -> Result<Option<Timestamp>, Refusal> {
    let Some(value) = value else { return Ok(None) };
    let bad = || Refusal::new(Cause::BearerInvalid).at(at);
    let whole = value.as_f64().filter(|n| (0.0..=253_402_300_799.0).contains(n)).ok_or_else(bad)?;
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked, the fraction is dropped on purpose")]
    let seconds = whole as i64;
    Timestamp::from_second(seconds).map(Some).map_err(|_| bad())
}

impl Body {
    pub(super) fn claims(self, policy: &VihfPolicy) -> Result<Claims, Refusal> {
        let ours = match &self.aud {
            None => true,
            Some(Audience::One(one)) => one == AUDIENCE,
            Some(Audience::Several(all)) => all.iter().any(|a| a == AUDIENCE),
        };
        if !ours {
            return Err(Refusal::new(Cause::BearerInvalid).at("/aud"));
        }
        let vihf = self.vihf.ok_or_else(|| Refusal::new(Cause::ClaimMissing).at("/vihf"))?;
        if !matches!(present(vihf.version, "/vihf/version")?.as_str(), "3.0" | "4.0") {
            return Err(invalid("/vihf/version"));
        }
        let roles: Vec<CodedRole> =
            vihf.roles.into_iter().map(|r| CodedRole { code: r.code, system: r.system }).collect();
        if roles.is_empty() {
            return Err(Refusal::new(Cause::ClaimMissing).at(PLACES.role));
        }
        if let Some(bad) = roles.iter().position(|r| !is_role(r)) {
            return Err(invalid(&format!("/vihf/roles/{bad}")));
        }
        let sector = present(vihf.sector, "/vihf/sector")?;
        if !policy.admits_sector(&sector) {
            return Err(invalid("/vihf/sector"));
        }
        let patient = vihf.patient_ins.map(|cx| holder_of(&cx, policy.ins_tolerance));
        let purpose = present(vihf.purpose, "/vihf/purpose")?;
        if vihf.reason.as_ref().is_some_and(|r| r.chars().count() > LONGEST_REASON) {
            return Err(invalid("/vihf/reason"));
        }
        let software = vihf.software.ok_or_else(|| Refusal::new(Cause::ClaimMissing).at("/vihf/software"))?;
        let issued = instant(self.iat.as_ref(), PLACES.issued)?;
        Ok(Claims {
            issuer: present(self.iss, PLACES.issuer)?,
            subject: ProfessionalId::parse(&present(self.sub, PLACES.subject)?).map_err(|r| r.at(PLACES.subject))?,
            name: vihf.name.map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()),
            mode: AuthMode::from_vihf(&present(vihf.mode, PLACES.mode)?).ok_or_else(|| invalid(PLACES.mode))?,
            structure: StructureId::parse(&present(vihf.structure, PLACES.structure)?)
                .map_err(|r| r.at(PLACES.structure))?,
            sector,
            roles,
            patient: patient.transpose().map_err(|r| r.at("/vihf/patient_ins"))?,
            purpose: purpose_of(&purpose, vihf.reason).ok_or_else(|| invalid("/vihf/purpose"))?,
            software: Software {
                name: present(software.name, "/vihf/software/name")?,
                version: present(software.version, "/vihf/software/version")?,
            },
            homologation: present(software.homologation, "/vihf/software/homologation")?,
            secret: vihf.secret,
            issued: issued.ok_or_else(|| Refusal::new(Cause::ClaimMissing).at(PLACES.issued))?,
            not_before: instant(self.nbf.as_ref(), PLACES.not_before)?,
            not_after: instant(self.exp.as_ref(), PLACES.not_after)?,
        })
    }
}

/// Writes the token that says what `request` says, in compact form.
///
/// # Errors
/// [`VihfError`] when the key is not the certificate's or cannot sign.
pub fn sign(request: &VihfRequest) -> Result<String, VihfError> {
    request.check_key()?;
    let alg = if request.key.family() == KeyFamily::Rsa { "RS256" } else { "ES256" };
    let header = json!({ "alg": alg, "typ": "JWT", "x5c": [STANDARD.encode(request.signer.der())] });
    let issued = request.issued.as_second();
    let mut body = Map::new();
    body.insert("iss".into(), json!(request.issuer_text()));
    body.insert("sub".into(), json!(request.subject.as_str()));
    body.insert("aud".into(), json!(AUDIENCE));
    body.insert("iat".into(), json!(issued));
    if let Some(expires) = request.expires() {
        body.insert("nbf".into(), json!(issued));
        body.insert("exp".into(), json!(expires.as_second()));
    }
    body.insert("vihf".into(), vihf(request));
    // An omitted claim is named by its path: `iat`, `vihf.sector`.
    for omitted in &request.omit {
        match omitted.strip_prefix("vihf.") {
            Some(inner) => {
                body.get_mut("vihf").and_then(Value::as_object_mut).and_then(|v| v.remove(inner));
            }
            None => {
                body.remove(omitted);
            }
        }
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&Value::Object(body)));
    let signature = request.key.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn vihf(request: &VihfRequest) -> Value {
    let roles: Vec<RoleBody> =
        request.roles.iter().map(|r| RoleBody { code: r.code.clone(), system: r.system.clone() }).collect();
    let mut vihf = json!({
        "version": request.version,
        "mode": request.mode.vihf(),
        "structure": request.structure.as_str(),
        "sector": request.sector,
        "roles": roles,
        "purpose": request.purpose.vihf(),
        "software": {
            "name": request.software.name,
            "version": request.software.version,
            "homologation": request.homologation,
        },
        "secret": request.secret,
    });
    let optional = [
        ("name", request.name.clone()),
        ("patient_ins", request.patient.as_ref().map(Ins::to_cx)),
        ("reason", request.purpose.reason().map(str::to_owned)),
    ];
    if let Some(object) = vihf.as_object_mut() {
        object.extend(optional.into_iter().filter_map(|(k, v)| Some((k.to_owned(), Value::String(v?)))));
    }
    vihf
}
