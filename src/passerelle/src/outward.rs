//! Whom the gateway calls by itself: the time-stamping authority, audit repositories, consumers of cross references, and
//! responders about certificates.

use std::{
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use ambient::{SharedClock, SharedRng};
use audit::{AuditSource, Header, SyslogOptions, SyslogSink, Timeouts, audit_message, tsa};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use store::FedEvent;

use crate::{
    commands::Failure,
    config::{self, Audit, Config},
};

/// How long a call may take.
const CALL: Duration = Duration::from_secs(20);
/// Longest answer that is read, in bytes.
const ANSWER: usize = 256 * 1024;

/// A collector and what messages to it say of us.
#[derive(Debug)]
pub(crate) struct Syslog {
    sink: SyslogSink,
    header: Header,
    source: AuditSource,
}

/// A certificate with its chain, and its key, as PEM.
pub(crate) type Identity = (Vec<u8>, Vec<u8>);

/// Somebody who is given every trace.
#[derive(Debug)]
pub(crate) enum Sink {
    /// A collector of ATNA messages.
    Syslog(Box<Syslog>),
    /// A FHIR server.
    Fhir { client: reqwest::Client, url: String },
}

impl Sink {
    /// Those that a configuration names, each with its name.
    pub(crate) fn of(config: &Config, clock: &SharedClock) -> Result<Vec<(&'static str, Self)>, Failure> {
        let audit = &config.audit;
        let mut sinks = Vec::new();
        if !audit.syslog.is_empty() {
            sinks.push(("syslog", Self::syslog(audit, clock)?));
        }
        if !audit.fhir.is_empty() {
            let identity = pair("audit.fhir_certificate", &audit.fhir_certificate, &audit.fhir_key)?;
            let client = client("audit.fhir", &audit.fhir_authorities, identity)?;
            let url = format!("{}/AuditEvent", audit.fhir.trim_end_matches('/'));
            sinks.push(("fhir", Self::Fhir { client, url }));
        }
        Ok(sinks)
    }

    fn syslog(audit: &Audit, clock: &SharedClock) -> Result<Self, Failure> {
        let wrong = |why: &dyn std::fmt::Display| Failure::usage("audit.syslog", why);
        let (host, port) = audit.syslog.rsplit_once(':').ok_or_else(|| wrong(&"must be host:port"))?;
        let options = SyslogOptions {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: port.parse().map_err(|_| wrong(&"must be host:port"))?,
            roots: pem("audit.syslog_authorities", &audit.syslog_authorities)?,
            identity: pair("audit.syslog_certificate", &audit.syslog_certificate, &audit.syslog_key)?,
            timeouts: Timeouts { connect: CALL / 2, write: CALL, close: CALL / 2 },
            orderly: audit.syslog_waits_for_end,
        };
        let process = std::process::id().to_string();
        Ok(Self::Syslog(Box::new(Syslog {
            sink: SyslogSink::new(options, clock.clone()).map_err(|e| wrong(&e))?,
            header: Header { host: audit.source_id.clone(), app: "passerelle".into(), process: process.clone() },
            source: AuditSource {
                id: audit.source_id.clone(),
                site: None,
                gateway: audit.source_id.clone(),
                process: Some(process),
                access_point: None,
            },
        })))
    }

    /// Gives it events in order: how many were taken, and why not all. What is uncertain counts as not taken.
    pub(crate) async fn give(&self, events: &[FedEvent]) -> (usize, Result<(), String>) {
        for fed in events.iter().filter(|fed| fed.event.is_none()) {
            tracing::error!(origin = fed.origin, seq = fed.seq, "feed.unreadable_event");
        }
        match self {
            Self::Syslog(syslog) => {
                let Syslog { sink, header, source } = &**syslog;
                let message = |fed: &FedEvent| {
                    let event = fed.event.as_ref()?;
                    let at = jiff::Timestamp::from_millisecond(event.at_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
                    Some(header.message(at, &audit_message(event, fed.ins.as_ref(), source)))
                };
                let messages: Vec<String> = events.iter().filter_map(message).collect();
                if messages.is_empty() {
                    return (events.len(), Ok(()));
                }
                match sink.send(&messages).await {
                    Ok(()) => (events.len(), Ok(())),
                    Err(error) => (0, Err(error.to_string())),
                }
            }
            Self::Fhir { client, url } => {
                let began = Instant::now();
                for (taken, fed) in events.iter().enumerate() {
                    // A slow one is given less at once: what it took is noted before the job's time is over.
                    if began.elapsed() > CALL {
                        return (taken, Ok(()));
                    }
                    if let Err(why) = post(client, url, fed).await {
                        return (taken, Err(why));
                    }
                }
                (events.len(), Ok(()))
            }
        }
    }
}

async fn post(client: &reqwest::Client, url: &str, fed: &FedEvent) -> Result<(), String> {
    let Some(event) = &fed.event else { return Ok(()) };
    let body = fhir::audit_record(event, fed.ins.as_ref());
    let call = client.post(url).header("content-type", "application/fhir+json").body(body);
    let answer = call.send().await.map_err(|e| told(&e))?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("the repository answered {}", status.as_u16())),
    }
}

/// Somebody who is told when the numbers of a holder change (ITI-46).
#[derive(Debug)]
pub(crate) struct Follower {
    pub(crate) name: String,
    client: reqwest::Client,
    url: String,
    /// OIDs of its device and of ours.
    device: String,
    gateway: String,
}

impl Follower {
    /// Those that a configuration names.
    pub(crate) fn of(config: &Config) -> Result<Vec<Self>, Failure> {
        let identity = &config.identity;
        if identity.consumers.is_empty() {
            return Ok(Vec::new());
        }
        let shown = pair("identity.consumer_certificate", &identity.consumer_certificate, &identity.consumer_key)?;
        let client = client("identity.consumers", &identity.consumer_authorities, shown)?;
        let follower = |consumer: &config::Consumer| Self {
            name: consumer.name.clone(),
            client: client.clone(),
            url: consumer.url.clone(),
            device: consumer.device.to_string(),
            gateway: config.ihe.device_id.clone(),
        };
        Ok(identity.consumers.iter().map(follower).collect())
    }

    /// Tells it of one holder; whether it takes it.
    pub(crate) async fn tell(&self, references: &[desk::Reference], id: &str, at: &space::Dtm) -> Result<bool, String> {
        let addressed = ihe::Addressed { device: &self.gateway, consumer: &self.device, url: &self.url };
        let kind = "application/soap+xml; charset=UTF-8; action=\"urn:hl7-org:v3:PRPA_IN201302UV02\"";
        let call = self.client.post(&self.url).header("content-type", kind);
        let sent = call.body(ihe::notice(&addressed, references, id, at)).send().await;
        let mut answer = sent.map_err(|e| told(&e))?;
        if !answer.status().is_success() {
            return Err(format!("the consumer answered {}", answer.status().as_u16()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|e| told(&e))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > ANSWER {
                return Err("the consumer's answer is too long".to_owned());
            }
        }
        ihe::verdict(&bytes).ok_or_else(|| "the consumer's answer is no acknowledgement".to_owned())
    }
}

/// The time-stamping authority.
#[derive(Debug)]
pub(crate) struct Authority {
    client: reqwest::Client,
    url: String,
    roots: Arc<Vec<CertificateDer<'static>>>,
    rng: SharedRng,
}

impl Authority {
    /// The one that a configuration names.
    pub(crate) fn of(config: &Config, rng: SharedRng) -> Result<Option<Self>, Failure> {
        let evidence = &config.evidence;
        if evidence.tsa_url.is_empty() {
            return Ok(None);
        }
        let roots = stamp_roots(config)?;
        let client = client("evidence.tsa_url", &evidence.tsa_authorities, None)?;
        Ok(Some(Self { client, url: evidence.tsa_url.clone(), roots: Arc::new(roots), rng }))
    }

    /// A stamp on a hash, checked, with its instant.
    pub(crate) async fn stamp(&self, sha256: &[u8; 32]) -> Result<(Vec<u8>, jiff::Timestamp), String> {
        let mut nonce = [0; 8];
        self.rng.fill(&mut nonce);
        let nonce = u64::from_be_bytes(nonce) >> 1;
        let call = self.client.post(&self.url).header("content-type", tsa::REQUEST_TYPE);
        let answer = call.body(tsa::request(sha256, nonce)).send().await.map_err(|e| told(&e))?;
        if !answer.status().is_success() {
            return Err(format!("the authority answered {}", answer.status().as_u16()));
        }
        let mut answer = answer;
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|e| told(&e))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > ANSWER {
                return Err("the authority's answer is too long".to_owned());
            }
        }
        let token = tsa::token_of(&bytes, sha256, nonce).map_err(|e| e.to_string())?;
        let at = tsa::check(&token, sha256, &self.roots).map_err(|e| e.to_string())?;
        Ok((token, at))
    }
}

/// Carries questions about certificates (OCSP) to their responders.
#[derive(Debug)]
pub(crate) struct Responders {
    client: reqwest::Client,
    runtime: tokio::runtime::Handle,
}

impl Responders {
    /// Over the runtime this is called on.
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self { client: client("trust.ocsp", &[], None)?, runtime: tokio::runtime::Handle::current() })
    }

    async fn post(&self, url: &str, request: Vec<u8>) -> Result<Vec<u8>, &'static str> {
        let call = self.client.post(url).header("content-type", trust::ocsp::REQUEST_TYPE).body(request);
        let mut answer = call.send().await.map_err(|e| step(&e))?;
        if !answer.status().is_success() {
            return Err("answered by an error of HTTP");
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|e| step(&e))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > trust::ocsp::MAX_ANSWER {
                return Err("sent too long an answer");
            }
        }
        Ok(bytes)
    }
}

impl trust::OcspTransport for Responders {
    /// The calling thread has been set aside by `trust`: the runtime goes on without it.
    fn ask(&self, url: &str, request: Vec<u8>, limit: Duration) -> Result<Vec<u8>, &'static str> {
        let bounded = async { tokio::time::timeout(limit, self.post(url, request)).await };
        self.runtime.block_on(bounded).unwrap_or(Err("took too long"))
    }
}

/// Authorities that time stamps must lead to.
pub(crate) fn stamp_roots(config: &Config) -> Result<Vec<CertificateDer<'static>>, Failure> {
    roots("evidence.tsa_authorities", &config.evidence.tsa_authorities)
}

/// Certificates of authorities in files.
pub(crate) fn roots(key: &str, files: &[PathBuf]) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let text = pem(key, files)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    read.map_err(|_| Failure::usage(key, &"a file is not PEM: give certificates of authorities"))
}

/// An HTTP client that trusts `authorities` (or the public ones) and shows `identity`.
pub(crate) fn client(
    key: &str,
    authorities: &[PathBuf],
    identity: Option<Identity>,
) -> Result<reqwest::Client, Failure> {
    let wrong = |e: reqwest::Error| Failure::usage(key, &e);
    let mut builder = reqwest::Client::builder()
        .timeout(CALL)
        .connect_timeout(CALL / 2)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("passerelle/", env!("CARGO_PKG_VERSION")));
    if !authorities.is_empty() {
        let roots = reqwest::Certificate::from_pem_bundle(&pem(key, authorities)?).map_err(wrong)?;
        builder = builder.tls_certs_only(roots);
    }
    if let Some((mut certificate, secret)) = identity {
        certificate.push(b'\n');
        certificate.extend(secret);
        builder = builder.identity(reqwest::Identity::from_pem(&certificate).map_err(wrong)?);
    }
    builder.build().map_err(wrong)
}

fn pem(key: &str, files: &[PathBuf]) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    for file in files {
        text.extend(fs::read(file).map_err(|e| Failure::usage(key, &format!("{}: {e}", file.display())))?);
        text.push(b'\n');
    }
    Ok(text)
}

pub(crate) fn pair(key: &str, certificate: &PathBuf, secret: &PathBuf) -> Result<Option<Identity>, Failure> {
    if certificate.as_os_str().is_empty() {
        return Ok(None);
    }
    Ok(Some((pem(key, std::slice::from_ref(certificate))?, pem(key, std::slice::from_ref(secret))?)))
}

/// What failed, without the address (which may carry a secret).
fn told(error: &reqwest::Error) -> String {
    format!("the call {}", step(error))
}

fn step(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "took too long"
    } else if error.is_connect() {
        "could not be reached"
    } else {
        "broke off"
    }
}
