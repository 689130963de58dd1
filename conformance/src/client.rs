//! The server under test: one HTTP agent with the caller's certificate, and what a run shares.

use std::{
    cell::Cell,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use ureq::{
    Agent,
    tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig},
};

use crate::Arguments;

/// An answer.
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Result<serde_json::Value, String> {
        serde_json::from_slice(&self.body).map_err(|_| format!("status {}, not JSON: {}", self.status, self.head()))
    }

    /// The beginning, for reports.
    pub fn head(&self) -> String {
        self.text().chars().take(600).collect()
    }
}

/// The server under test.
pub struct Server {
    agent: Agent,
    target: String,
    pub ins: String,
    pub oid: String,
    pub vihf: Option<String>,
    pub bearer: Option<String>,
    /// A number without record, and a VIHF for it.
    pub nobody: Option<(String, String)>,
    pub registry: String,
    pub repository: String,
    pub patients: String,
    pub habilitations: String,
    pub pix: String,
    pub pdq: String,
    pub xdr: String,
    pub dsub: String,
    pub consumer: Option<String>,
    pub repository_id: String,
    pub xca: String,
    pub home: Option<String>,
    pub fhir: String,
    seed: u128,
    next: Cell<u64>,
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))
}

impl Server {
    pub fn new(arguments: &Arguments) -> Result<Self, String> {
        let pem = |path: &Path| -> Result<Certificate<'static>, String> {
            Certificate::from_pem(&read(path)?).map_err(|e| format!("{}: {e}", path.display()))
        };
        let key = PrivateKey::from_pem(&read(&arguments.key)?).map_err(|e| format!("--key: {e}"))?;
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&[pem(&arguments.ca)?]))
            .client_cert(Some(ClientCert::new_with_certs(&[pem(&arguments.cert)?], key)))
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .new_agent();
        let text = |path: &Option<std::path::PathBuf>| -> Result<Option<String>, String> {
            let Some(path) = path else { return Ok(None) };
            Ok(Some(String::from_utf8_lossy(&read(path)?).trim().to_owned()))
        };
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|e| e.to_string())?.as_nanos();
        Ok(Self {
            agent,
            target: arguments.target.trim_end_matches('/').to_owned(),
            ins: arguments.ins.clone(),
            oid: arguments.oid.clone(),
            vihf: text(&arguments.vihf)?,
            bearer: text(&arguments.bearer)?,
            nobody: arguments.nobody.clone().zip(text(&arguments.nobody_vihf)?),
            registry: arguments.registry.clone(),
            repository: arguments.repository.clone(),
            patients: arguments.patients.clone(),
            habilitations: arguments.habilitations.clone(),
            pix: arguments.pix.clone(),
            pdq: arguments.pdq.clone(),
            xdr: arguments.xdr.clone(),
            dsub: arguments.dsub.clone(),
            consumer: arguments.consumer.clone(),
            repository_id: arguments.repository_id.clone(),
            xca: arguments.xca.clone(),
            home: arguments.home.clone(),
            fhir: arguments.fhir.clone(),
            seed,
            next: Cell::new(0),
        })
    }

    /// An OID no other run uses.
    pub fn fresh_oid(&self) -> String {
        self.next.set(self.next.get() + 1);
        format!("1.2.250.1.999.9.{}.{}", self.seed, self.next.get())
    }

    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer, String> {
        let mut request = self.agent.post(format!("{}{path}", self.target));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.send(body))
    }

    pub fn put(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer, String> {
        let mut request = self.agent.put(format!("{}{path}", self.target));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.send(body))
    }

    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<Answer, String> {
        let url = if path.starts_with("https://") { path.to_owned() } else { format!("{}{path}", self.target) };
        let mut request = self.agent.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.call())
    }
}

fn answer(done: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer, String> {
    let mut response = done.map_err(|e| format!("no answer: {e}"))?;
    let status = response.status().as_u16();
    let content_type = response.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let content_type = content_type.to_owned();
    let body = response.body_mut().with_config().limit(256 << 20).read_to_vec().map_err(|e| e.to_string())?;
    Ok(Answer { status, content_type, body })
}
