//! Other servers that the gateway calls as a structure: the gateway upstream of an edge, gateways of other communities.
//! Carries the calls of `ihe::client` (mutual TLS, by `reqwest`) and signs its credentials.

use std::{path::PathBuf, sync::Arc, time::Duration};

use ambient::{SharedClock, SharedRng};
use bytes::Bytes;
use futures::{FutureExt as _, SinkExt as _, StreamExt as _, channel::mpsc, future::BoxFuture};
use http_body_util::StreamBody;
use hyper::body::Frame;
use ihe::{
    Other, Replies, Rest,
    client::{Answer, Call, Client, Endpoints, Signer, Transport, TransportError, Use, Way},
};
use space::{Actor, AuthMode, Ins, ProfessionalId, Purpose, Software, StructureId};
use trust::{
    Bearer, CodedRole, Peer, SignedDocument, SigningKey, StructureUse, VihfRequest, sign_set, xmldsig::SignError,
};

use crate::{
    commands::Failure,
    config::{Config, Role},
    outward,
};

/// Carries calls.
#[derive(Debug)]
pub(crate) struct Wire {
    client: reqwest::Client,
    timeout: Duration,
}

impl Wire {
    /// As the structure of `[outward]`, each call within `timeout`.
    pub(crate) fn of(config: &Config, timeout: Duration) -> Result<Arc<Self>, Failure> {
        let section = &config.outward;
        let identity = outward::pair("outward.certificate", &section.certificate, &section.key)?;
        if identity.is_none() {
            return Err(Failure::usage("outward.certificate", &"must be given: others are called as a structure"));
        }
        let client = outward::client("outward", &section.authorities, identity)?;
        Ok(Arc::new(Self { client, timeout }))
    }
}

impl Transport for Wire {
    fn post(&self, call: Call) -> BoxFuture<'_, Result<Answer, TransportError>> {
        async move {
            let Call { url, content_type, length, mut body } = call;
            // The client wants a body that threads may share: what is streamed goes through a channel.
            let (mut sender, receiver) = mpsc::channel::<Result<Bytes, std::io::Error>>(1);
            let sending = tokio::spawn(async move {
                while let Some(chunk) = body.next().await {
                    if sender.send(chunk).await.is_err() {
                        return;
                    }
                }
            });
            let body = reqwest::Body::wrap(StreamBody::new(receiver.map(|chunk| chunk.map(Frame::data))));
            let request = self
                .client
                .post(url)
                .timeout(self.timeout)
                .header("content-type", content_type)
                .header("content-length", length)
                .body(body);
            let answered = request.send().await;
            sending.abort();
            let answer = answered.map_err(|e| failed(&e))?;
            let status = answer.status().as_u16();
            let content_type = answer.headers().get("content-type").and_then(|v| v.to_str().ok());
            let content_type = content_type.unwrap_or_default().to_owned();
            let body = futures::stream::try_unfold(answer, |mut answer| async move {
                let chunk = answer.chunk().await.map_err(|e| failed(&e))?;
                Ok(chunk.map(|chunk| (chunk, answer)))
            });
            Ok(Answer { status, content_type, body: body.boxed() })
        }
        .boxed()
    }
}

/// How long the receiver of an answer may take.
const REPLY: Duration = Duration::from_secs(60);

/// Who may have answers sent to an address of their own, and what carries them.
pub(crate) fn replies(config: &Config) -> Result<Option<Replies>, Failure> {
    if config.ihe.reply_to.is_empty() {
        return Ok(None);
    }
    Ok(Some(Replies::new(crate::config::Address::admitted(&config.ihe.reply_to), Wire::of(config, REPLY)?)))
}

fn failed(error: &reqwest::Error) -> TransportError {
    if error.is_timeout() {
        TransportError::TooSlow
    } else if error.is_connect() {
        TransportError::Unreachable
    } else {
        TransportError::Broken
    }
}

/// Signs VIHFs with the structure's seal.
pub(crate) struct Seal {
    signer: Peer,
    key: Arc<SigningKey>,
    structure: StructureId,
    sector: String,
    homologation: String,
    air: bool,
    clock: SharedClock,
    rng: SharedRng,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seal").finish_non_exhaustive()
    }
}

/// How long a VIHF of ours holds: a call is not longer under way.
const HOLDS: Duration = Duration::from_secs(300);

impl Seal {
    /// The seal of `[outward]`.
    pub(crate) fn of(config: &Config, clock: SharedClock, rng: SharedRng) -> Result<Arc<Self>, Failure> {
        let section = &config.outward;
        let read = |path: &PathBuf| path.display().to_string();
        let signer = Peer::from_pem_file(&section.seal_certificate).map_err(|e| {
            Failure::usage("outward.seal_certificate", &format!("{}: {e}", read(&section.seal_certificate)))
        })?;
        let key = SigningKey::from_file(&section.seal_key)
            .map_err(|e| Failure::usage("outward.seal_key", &format!("{}: {e}", read(&section.seal_key))))?;
        let Bearer::Structure { id, usage: StructureUse::Seal } = signer.bearer() else {
            return Err(Failure::usage("outward.seal_certificate", &"is not the seal of a structure"));
        };
        Ok(Arc::new(Self {
            structure: id.clone(),
            key: Arc::new(key),
            sector: section.sector.clone(),
            homologation: section.homologation.clone(),
            air: section.air,
            signer,
            clock,
            rng,
        }))
    }

    /// The signature of a set over these documents (DMP TD2.1).
    pub(crate) fn sign(
        &self,
        set: &str,
        documents: &[SignedDocument<'_>],
        at: jiff::Timestamp,
    ) -> Result<Vec<u8>, SignError> {
        sign_set(set, documents, &self.key, &self.signer, at).map(String::into_bytes)
    }

    /// An internal identifier of the structure, for what nobody did.
    fn automaton(&self) -> Result<ProfessionalId, &'static str> {
        let id = match self.structure.finess() {
            Some(finess) => format!("3{finess}/passerelle"),
            None => format!("5{}/passerelle", self.structure.siret().unwrap_or(self.structure.as_str())),
        };
        ProfessionalId::parse(&id).map_err(|_| "the structure has no identifier for a user")
    }
}

impl Signer for Seal {
    fn vihf(&self, actor: &Actor, patient: Option<&Ins>, to: Use) -> Result<String, &'static str> {
        // Who proved himself strongly here is vouched for as such; what the structure does itself is its own act.
        let strong = self.air && to == Use::Person && actor.auth != AuthMode::Indirecte;
        let request = VihfRequest {
            signer: self.signer.clone(),
            key: self.key.clone(),
            subject: match &actor.id {
                Some(id) => id.clone(),
                None => self.automaton()?,
            },
            name: Some(actor.name.clone()).filter(|name| !name.is_empty()).or_else(|| Some("PASSERELLE".to_owned())),
            structure: self.structure.clone(),
            sector: self.sector.clone(),
            roles: roles(actor),
            patient: patient.cloned(),
            purpose: match (&actor.purpose, to) {
                // A structure feeds as it always does, and late: an emergency was a person's, and then.
                (_, Use::Structure) => Purpose::Normal,
                (purpose, _) => purpose.clone(),
            },
            mode: if strong { AuthMode::IndirecteRenforcee } else { AuthMode::Indirecte },
            software: Software { name: "passerelle".into(), version: env!("CARGO_PKG_VERSION").into() },
            instance: None,
            homologation: self.homologation.clone(),
            secret: actor.secret,
            issued: self.clock.now(),
            validity: Some(HOLDS),
            version: "3.0".into(),
            issuer: None,
            omit: Vec::new(),
        };
        request
            .sign(self.rng.as_ref())
            .map_err(|_| "the seal does not sign: check outward.seal_certificate and seal_key")
    }
}

/// What the actor is, as the credentials here proved it.
fn roles(actor: &Actor) -> Vec<CodedRole> {
    use trust::claims::{PROFESSION_SYSTEM, SECTION_SYSTEM, SPECIALITY_SYSTEM};
    let role = |code: &str, system: &str| CodedRole { code: code.to_owned(), system: system.to_owned() };
    let profession = &actor.profession;
    if profession.code.is_empty() {
        return vec![role("SECRETARIAT_MEDICAL", "1.2.250.1.213.1.1.4.6")];
    }
    let mut roles = vec![role(&profession.code, PROFESSION_SYSTEM)];
    if let Some(speciality) = &profession.speciality {
        let system = match profession.code.as_str() {
            "10" | "40" => SPECIALITY_SYSTEM,
            "21" => SECTION_SYSTEM,
            _ => "1.2.250.1.213.1.6.1.107",
        };
        roles.push(role(speciality, system));
    }
    if let Some(activity) = &profession.activity {
        roles.push(role(activity, "1.2.250.1.213.1.6.1.19"));
    }
    roles
}

/// A client of the gateway upstream; `timeout` bounds each call.
pub(crate) fn upstream(config: &Config, core: &crate::app::Core, timeout: Duration) -> Result<Client, Failure> {
    let endpoints = Endpoints::of_dmp(&config.upstream.url);
    client(config, core, endpoints, timeout)
}

/// Others that are asked what they have, when somebody asks here.
pub(crate) fn others(config: &Config, core: &crate::app::Core) -> Result<Arc<[Other]>, Failure> {
    let budget = Duration::from_millis(config.outward.budget_ms.max(1));
    let mut others = Vec::new();
    // A structure alone reads nothing: nobody is asked in vain.
    if config.gateway.role == Role::Edge && config.upstream.read_through && config.outward.air {
        others.push(Other {
            name: "upstream".to_owned(),
            way: Way::Xds,
            repository: Some(config.upstream.repository_unique_id.clone()),
            client: upstream(config, core, budget)?,
            budget,
            rest: Rest::default(),
        });
    }
    for community in &config.xca.communities {
        let endpoints = Endpoints {
            registry: community.query.clone(),
            repository: community.retrieve.clone(),
            ..Endpoints::default()
        };
        others.push(Other {
            name: community.id.trim_start_matches("urn:oid:").to_owned(),
            way: Way::Xca(community.id.clone()),
            repository: None,
            client: client(config, core, endpoints, budget)?,
            budget,
            rest: Rest::default(),
        });
    }
    Ok(others.into())
}

/// A client of the server at `endpoints`.
pub(crate) fn client(
    config: &Config,
    core: &crate::app::Core,
    endpoints: Endpoints,
    timeout: Duration,
) -> Result<Client, Failure> {
    let wire = Wire::of(config, timeout)?;
    let seal = Seal::of(config, core.clock.clone(), core.rng.clone())?;
    Ok(Client::new(endpoints, wire, seal, core.rng.clone(), config.outward.answer_bytes))
}
