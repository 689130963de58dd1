//! Credentials of the demonstration's people, made with their keys as `passerelle vihf` makes them.

use std::{path::Path, sync::Arc, time::Duration};

use ambient::{Clock as _, SystemClock, SystemRng};
use space::{AuthMode, Ins, InsOid, InsTolerance, ProfessionalId, Purpose, Software};
use trust::{Bearer, CodedRole, Peer, SigningKey, VihfRequest};

/// What a test asks of a credential; `request` is the whole of it, to be changed at will.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The request the credential is made from.
    pub request: VihfRequest,
}

fn role(code: &str, system: &str) -> CodedRole {
    CodedRole { code: code.to_owned(), system: system.to_owned() }
}

/// The access token of a holder (test register), signed by the gateway's own key.
///
/// # Panics
/// When the key cannot be read, or the number is none.
#[must_use]
pub fn holder_token(pki: &Path, ins: &str) -> String {
    let key = SigningKey::from_file(&pki.join("titulaire.key")).expect("the key of holders' tokens");
    let ins = Ins::parse(ins, InsOid::NirTest, InsTolerance::Test).expect("a test number");
    let hour = jiff::SignedDuration::from_hours(1);
    trust::bearer::sign_holder(&key, &ins, SystemClock::new().now(), hour).expect("signed")
}

impl Credentials {
    /// Credentials of `name` (a card, or a structure's seal) for the holder `ins` of the test register.
    ///
    /// # Panics
    /// When the certificate cannot be read or makes no credential.
    #[must_use]
    pub fn of(pki: &Path, name: &str, ins: &str) -> Self {
        let signer = Peer::from_pem_file(&pki.join(format!("{name}.pem"))).expect("a certificate");
        let key = Arc::new(SigningKey::from_file(&pki.join(format!("{name}.key"))).expect("a key"));
        let (subject, structure, mode, roles) = match signer.bearer() {
            Bearer::Card { id, profession, speciality, structure, .. } => {
                let mut roles = Vec::new();
                if profession.is_none() {
                    roles.push(role("SECRETARIAT_MEDICAL", "1.2.250.1.213.1.1.4.6"));
                }
                if let Some(profession) = profession {
                    roles.push(role(profession, "1.2.250.1.71.1.2.7"));
                    let system = if profession == "21" { "1.2.250.1.71.4.2.6" } else { "1.2.250.1.71.4.2.5" };
                    roles.extend(speciality.as_ref().map(|s| role(s, system)));
                }
                (id.clone(), structure.clone().expect("a structure"), AuthMode::Directe, roles)
            }
            Bearer::Structure { id, .. } => {
                let user = format!("3{}/0001", id.finess().unwrap_or("0B0000000"));
                let roles = vec![role("10", "1.2.250.1.71.1.2.7"), role("SM26", "1.2.250.1.71.4.2.5")];
                (ProfessionalId::parse(&user).expect("a user"), id.clone(), AuthMode::Indirecte, roles)
            }
            _ => panic!("{name} makes no credential"),
        };
        let patient = Ins::parse(ins, InsOid::NirTest, InsTolerance::Test).ok();
        Self {
            request: VihfRequest {
                signer,
                key,
                subject,
                name: Some("TEST PASSERELLE".into()),
                structure,
                sector: "SA01".into(),
                roles,
                patient,
                purpose: Purpose::Normal,
                mode,
                software: Software { name: "testkit".into(), version: "1".into() },
                instance: None,
                homologation: "TEST".into(),
                secret: false,
                issued: SystemClock::default().now(),
                validity: Some(Duration::from_secs(600)),
                version: "3.0".into(),
                issuer: None,
                omit: Vec::new(),
            },
        }
    }

    /// The signed VIHF.
    ///
    /// # Panics
    /// When it cannot be signed.
    #[must_use]
    pub fn vihf(&self) -> String {
        self.request.sign(&SystemRng).expect("it is signed")
    }

    /// `Bearer …`, for FHIR.
    ///
    /// # Panics
    /// When it cannot be signed.
    #[must_use]
    pub fn bearer(&self) -> String {
        format!("Bearer {}", trust::bearer::sign(&self.request).expect("it is signed"))
    }

    /// The same for another purpose.
    #[must_use]
    pub fn purpose(mut self, purpose: Purpose) -> Self {
        self.request.purpose = purpose;
        self
    }
}
