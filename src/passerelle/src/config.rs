//! The configuration: one struct a section, every key with its default, unknown keys refused, secrets in files.
//!
//! `PASSERELLE__SECTION__KEY` in the environment overrides a key. Paths are relative to the folder of the file.

mod exchange;
mod identity;
mod outward;
mod trust;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use access::AccessPolicy;
use serde::{Deserialize, Serialize};

pub(crate) use exchange::{Address, Dsub, Xades};
pub(crate) use identity::{Consumer, Identity};
pub(crate) use outward::{Outward, Role, Upstream, Xca};
pub(crate) use trust::{OcspSetting, Tls, Trust};

/// Prefix of the environment's keys.
const PREFIX: &str = "PASSERELLE__";

/// The whole configuration.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) gateway: Gateway,
    pub(crate) listen: Listen,
    pub(crate) tls: Tls,
    pub(crate) trust: Trust,
    pub(crate) identity: Identity,
    pub(crate) store: StoreSection,
    pub(crate) evidence: Evidence,
    pub(crate) audit: Audit,
    pub(crate) telemetry: Telemetry,
    pub(crate) access: AccessPolicy,
    pub(crate) ihe: Ihe,
    pub(crate) cda: cda::Policy,
    pub(crate) xades: Xades,
    pub(crate) fhir: Fhir,
    pub(crate) outward: Outward,
    pub(crate) upstream: Upstream,
    pub(crate) xca: Xca,
    pub(crate) dsub: Dsub,
    pub(crate) limits: Limits,
    pub(crate) mappings: MappingsSection,
}

/// Section `[gateway]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Gateway {
    /// Development data: the command line may set what holders set and move the clock.
    pub(crate) development: bool,
    /// `core`: what is here is all there is. `edge`: what is put in and changed here is passed on to `[upstream]`.
    pub(crate) role: Role,
}

/// Section `[listen]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Listen {
    /// Professional software, mutual TLS.
    pub(crate) pro: SocketAddr,
    /// Holders and referenced apps, TLS.
    pub(crate) public: SocketAddr,
    /// The operator: health and metrics. Keep it on loopback.
    pub(crate) admin: SocketAddr,
}

impl Default for Listen {
    fn default() -> Self {
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self { pro: local(8443), public: local(8444), admin: local(9464) }
    }
}

/// Section `[store]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StoreSection {
    /// `sqlite:PATH` or `postgres://…`.
    pub(crate) url: String,
    /// `file:FOLDER` or `s3://BUCKET/PREFIX`, for bodies of documents.
    pub(crate) blobs: String,
    /// File of the master key (base64 of 32 bytes, mode 0600).
    pub(crate) master_key_file: PathBuf,
    /// The master key itself, for who gives it by the environment; taken before the file.
    pub(crate) master_key: String,
    /// Files of former master keys, until `keys rotate` has wrapped everything anew.
    pub(crate) former_master_key_files: Vec<PathBuf>,
    /// Parts that PostgreSQL's tables are split into when they are first made.
    pub(crate) parts: u32,
    /// Longest a statement may take on PostgreSQL, in seconds.
    pub(crate) statement_timeout_s: u64,
    /// Bodies up to this many bytes stand in the database, larger ones in files.
    pub(crate) inline_bytes: usize,
    /// Room on the disk of the embedded store that deposits leave to the traces of readings, in MiB.
    pub(crate) reserve_mib: u32,
    /// Bodies read again each second to see that they are whole, in MiB; 0 = none are.
    pub(crate) scrub_mib_per_s: u32,
    /// Connections that read.
    pub(crate) readers: u32,
    /// Writes that may wait before callers are told to try later.
    pub(crate) queue: usize,
}

impl Default for StoreSection {
    fn default() -> Self {
        Self {
            url: "sqlite:passerelle.db".into(),
            blobs: "file:blobs".into(),
            master_key_file: "keys/master.key".into(),
            master_key: String::new(),
            former_master_key_files: Vec::new(),
            parts: 16,
            statement_timeout_s: 10,
            inline_bytes: 32 * 1024,
            reserve_mib: 256,
            scrub_mib_per_s: 1,
            readers: 4,
            queue: 4096,
        }
    }
}

/// Section `[evidence]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Evidence {
    /// File of the Ed25519 key that signs the heads of the trace log (base64 of its PKCS#8, mode 0600); empty = none are
    /// signed.
    pub(crate) key_file: PathBuf,
    /// How long traces may stand under no signed head, in seconds.
    pub(crate) sign_every_s: u64,
    /// File that signed heads are appended to: copy it to where the store's owner cannot write.
    pub(crate) heads_file: PathBuf,
    /// Time-stamping authority (RFC 3161) by http or https; empty = none.
    pub(crate) tsa_url: String,
    /// Authorities that may vouch for its stamps (PEM), and for its https server unless it stands under a public one.
    pub(crate) tsa_authorities: Vec<PathBuf>,
    /// How often the newest heads are stamped, in seconds.
    pub(crate) stamp_every_s: u64,
    /// How long the gateway goes on without the authority, in seconds; then it refuses every act.
    pub(crate) stamp_grace_s: u64,
}

impl Default for Evidence {
    fn default() -> Self {
        Self {
            key_file: "keys/evidence.key".into(),
            sign_every_s: 60,
            heads_file: "keys/heads.txt".into(),
            tsa_url: String::new(),
            tsa_authorities: Vec::new(),
            stamp_every_s: 3600,
            stamp_grace_s: 86_400,
        }
    }
}

/// Section `[audit]`: repositories that are fed the trace.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Audit {
    /// How this gateway is called in them.
    pub(crate) source_id: String,
    /// A collector of ATNA messages, by syslog over TLS: `host:port`; empty = none.
    pub(crate) syslog: String,
    /// Authorities that may vouch for the collector (PEM).
    pub(crate) syslog_authorities: Vec<PathBuf>,
    /// Certificate and key (PEM) shown to the collector; empty = none.
    pub(crate) syslog_certificate: PathBuf,
    pub(crate) syslog_key: PathBuf,
    /// Count as sent only what the collector has read to its end.
    pub(crate) syslog_waits_for_end: bool,
    /// Base of a FHIR server that takes AuditEvents: `https://host/fhir`; empty = none.
    pub(crate) fhir: String,
    /// Authorities that may vouch for it (PEM); empty = the public ones.
    pub(crate) fhir_authorities: Vec<PathBuf>,
    /// Certificate and key (PEM) shown to it; empty = none.
    pub(crate) fhir_certificate: PathBuf,
    pub(crate) fhir_key: PathBuf,
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            source_id: "passerelle".into(),
            syslog: String::new(),
            syslog_authorities: Vec::new(),
            syslog_certificate: PathBuf::new(),
            syslog_key: PathBuf::new(),
            syslog_waits_for_end: true,
            fhir: String::new(),
            fhir_authorities: Vec::new(),
            fhir_certificate: PathBuf::new(),
            fhir_key: PathBuf::new(),
        }
    }
}

/// Section `[telemetry]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Telemetry {
    /// Collector of OpenTelemetry spans, by OTLP over HTTP (`http://host:4318`); empty = none.
    pub(crate) otlp: String,
}

/// Section `[ihe]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Ihe {
    /// `repositoryUniqueId` of this gateway; the default is the national DMP's.
    pub(crate) repository_unique_id: String,
    /// OID by which this gateway names itself in HL7 v3 messages; the default is the national DMP's.
    pub(crate) device_id: String,
    /// `homeCommunityId` of the community this gateway belongs to (an OID); empty = none.
    pub(crate) home_community_id: String,
    /// Addresses of structures to which their answers may be sent (WS-Addressing ReplyTo); none, and every answer goes
    /// back on its connection.
    pub(crate) reply_to: Vec<Address>,
    /// Let a document be masked to professionals and hidden from the holder at once
    /// (`cumul-invisible_patient-masque_ps` of the DMP).
    pub(crate) masked_and_hidden: bool,
}

impl Default for Ihe {
    fn default() -> Self {
        Self {
            repository_unique_id: "1.2.250.1.213.4.1.1.1.2".into(),
            device_id: "1.2.250.1.213.4.1.1.1".into(),
            home_community_id: String::new(),
            reply_to: Vec::new(),
            masked_and_hidden: false,
        }
    }
}

/// Section `[fhir]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Fhir {
    /// Address under which clients reach the gateway (`https://host:port`); empty = as they wrote it in `Host`.
    pub(crate) public_url: String,
    /// The same for holders and their apps.
    pub(crate) holders_url: String,
}

/// Section `[limits]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// Largest document, in bytes.
    pub(crate) document_bytes: u64,
    /// Largest SOAP envelope, in bytes.
    pub(crate) envelope_bytes: usize,
    /// Deepest XML or JSON, in levels.
    pub(crate) depth: u32,
    /// Largest FHIR bundle, in bytes; it is held in memory.
    pub(crate) bundle_bytes: usize,
    /// All bundles held at once together, in bytes; a call past it is told to come back.
    pub(crate) bundles_bytes: usize,
    /// Longest silence inside a message, in seconds.
    pub(crate) idle_s: u64,
    /// Longest listing, in documents.
    pub(crate) results: usize,
    /// Connections at once.
    pub(crate) connections: usize,
    /// How long shutdown waits for calls under way, in seconds.
    pub(crate) drain_s: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes: 2 << 30,
            envelope_bytes: 4 << 20,
            depth: 100,
            bundle_bytes: 64 << 20,
            bundles_bytes: 512 << 20,
            idle_s: 30,
            results: 10_000,
            connections: 10_000,
            drain_s: 30,
        }
    }
}

/// Section `[mappings]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MappingsSection {
    /// Folder of tables that replace those built in; empty = none.
    pub(crate) folder: PathBuf,
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: cannot be read ({source}): give the path of an existing configuration")]
    Read { path: String, source: std::io::Error },
    /// One thing is wrong in it.
    #[error("{0}")]
    Wrong(String),
}

impl Config {
    /// Reads a file, applies the environment, and makes paths absolute.
    pub(crate) fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read(path)?;
        let mut problems = Vec::new();
        let config = parse(path, &text, &environment(), &mut problems);
        match (config, problems.into_iter().next()) {
            (Some(config), None) => Ok(config.rooted(path)),
            (_, Some(problem)) => Err(ConfigError::Wrong(problem)),
            (None, None) => Err(ConfigError::Wrong(format!("{}: no configuration", path.display()))),
        }
    }

    /// Everything that is wrong with a file, one line each.
    pub(crate) fn check(path: &Path) -> Result<Vec<String>, ConfigError> {
        let text = read(path)?;
        let mut problems = Vec::new();
        if let Some(config) = parse(path, &text, &environment(), &mut problems) {
            config.rooted(path).check_values(&path.display().to_string(), &mut problems);
        }
        Ok(problems)
    }

    fn rooted(mut self, file: &Path) -> Self {
        let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let root = |path: &mut PathBuf| {
            if !path.as_os_str().is_empty() {
                *path = folder.join(&path);
            }
        };
        for path in [
            &mut self.tls.certificate,
            &mut self.tls.key,
            &mut self.trust.holder_tokens,
            &mut self.mappings.folder,
            &mut self.store.master_key_file,
            &mut self.evidence.key_file,
            &mut self.evidence.heads_file,
            &mut self.audit.syslog_certificate,
            &mut self.audit.syslog_key,
            &mut self.audit.fhir_certificate,
            &mut self.audit.fhir_key,
            &mut self.identity.consumer_certificate,
            &mut self.identity.consumer_key,
            &mut self.outward.certificate,
            &mut self.outward.key,
            &mut self.outward.seal_certificate,
            &mut self.outward.seal_key,
        ] {
            root(path);
        }
        let lists = [
            &mut self.evidence.tsa_authorities,
            &mut self.audit.syslog_authorities,
            &mut self.audit.fhir_authorities,
            &mut self.identity.consumer_authorities,
            &mut self.outward.authorities,
        ];
        lists.into_iter().flatten().for_each(root);
        self.store.former_master_key_files.iter_mut().for_each(root);
        self.tls.authorities.iter_mut().chain(&mut self.tls.crls).for_each(root);
        for (url, scheme) in [(&mut self.store.url, "sqlite:"), (&mut self.store.blobs, "file:")] {
            if let Some(path) = url.strip_prefix(scheme) {
                *url = format!("{scheme}{}", folder.join(path).display());
            }
        }
        self.access.operator_may_set |= self.gateway.development;
        self
    }

    fn check_values(&self, file: &str, problems: &mut Vec<String>) {
        for path in self.tls.authorities.iter().chain(&self.tls.crls).chain([&self.tls.certificate, &self.tls.key]) {
            if !path.exists() {
                problems.push(format!("{file}: [tls] {} does not exist: issue it or correct the path", path.display()));
            }
        }
        let starts = |text: &str, ways: &[&str]| ways.iter().any(|way| text.starts_with(way));
        if !starts(&self.store.url, &["sqlite:", "postgres://", "postgresql://"]) {
            problems.push(format!("{file}: [store] url must be sqlite:PATH or postgres://…"));
        }
        if !starts(&self.store.blobs, &["file:", "s3://"]) {
            problems.push(format!("{file}: [store] blobs must be file:FOLDER or s3://BUCKET/PREFIX"));
        }
        if self.store.master_key.is_empty() && !self.store.master_key_file.exists() {
            let path = self.store.master_key_file.display();
            problems.push(format!("{file}: [store] {path} does not exist: `passerelle keys make` makes a master key"));
        }
        if !self.trust.ocsp_url.is_empty() && !starts(&self.trust.ocsp_url, &["http://", "https://"]) {
            problems.push(format!("{file}: [trust] ocsp_url must be http://… or https://…, or empty"));
        }
        if space::Oid::parse(&self.ihe.repository_unique_id).is_err() {
            problems.push(format!("{file}: [ihe] repository_unique_id is not an OID"));
        }
        if space::Oid::parse(&self.ihe.device_id).is_err() {
            problems.push(format!("{file}: [ihe] device_id is not an OID"));
        }
        for (key, list) in [("[dsub] consumers", &self.dsub.consumers), ("[ihe] reply_to", &self.ihe.reply_to)] {
            if list.iter().any(|address| !address.is_sound()) {
                problems.push(format!("{file}: {key}: an address is not https://host[:port][/path]"));
            }
        }
        self.identity.check(file, problems);
        self.check_outward(file, problems);
        if !self.mappings.folder.as_os_str().is_empty() && !self.mappings.folder.is_dir() {
            problems.push(format!("{file}: [mappings] folder does not exist"));
        }
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.display().to_string(), source })
}

fn environment() -> Vec<(String, String)> {
    std::env::vars().filter(|(key, _)| key.starts_with(PREFIX)).collect()
}

/// Parses a configuration; every key that is unknown or of another kind than its default is a problem with its line.
fn parse(path: &Path, text: &str, environment: &[(String, String)], problems: &mut Vec<String>) -> Option<Config> {
    let file = path.display();
    let mut table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            let line = error.span().map_or(1, |s| text[..s.start.min(text.len())].lines().count().max(1));
            problems.push(format!("{file}:{line}: {}", error.message()));
            return None;
        }
    };
    let defaults = toml::Table::try_from(Config::default()).ok()?;
    for (section, value) in &table {
        let Some(known) = defaults.get(section).and_then(toml::Value::as_table) else {
            problems.push(format!("{file}:{}: no section [{section}]", line_of(text, section, None)));
            continue;
        };
        let Some(keys) = value.as_table() else {
            problems.push(format!("{file}:{}: {section} must be a section", line_of(text, section, None)));
            continue;
        };
        for (key, value) in keys {
            let line = line_of(text, section, Some(key));
            match known.get(key) {
                None => problems.push(format!("{file}:{line}: [{section}] has no key {key}")),
                Some(default) if !default.same_type(value) => problems.push(format!(
                    "{file}:{line}: [{section}] {key} must be {}, not {}",
                    default.type_str(),
                    value.type_str()
                )),
                Some(_) => {}
            }
        }
    }
    for (name, value) in environment {
        if let Err(problem) = override_with(&mut table, &defaults, name, value) {
            problems.push(problem);
        }
    }
    if !problems.is_empty() {
        return None;
    }
    match toml::Value::Table(table).try_into::<Config>() {
        Ok(config) => Some(config),
        Err(error) => {
            problems.push(format!("{file}: {}", error.message()));
            None
        }
    }
}

fn override_with(table: &mut toml::Table, defaults: &toml::Table, name: &str, value: &str) -> Result<(), String> {
    let wrong = |why: &str| format!("environment {name}: {why}");
    let path = name[PREFIX.len()..].to_ascii_lowercase();
    let (section, key) = path.split_once("__").ok_or_else(|| wrong("must be PASSERELLE__SECTION__KEY"))?;
    let default = defaults
        .get(section)
        .and_then(|s| s.get(key))
        .ok_or_else(|| wrong(&format!("there is no key {key} in [{section}]")))?;
    let value = if default.is_str() {
        toml::Value::String(value.to_owned())
    } else {
        let text = format!("v = {value}");
        let parsed: Option<toml::Value> = text.parse::<toml::Table>().ok().and_then(|mut t| t.remove("v"));
        parsed.filter(|v| v.same_type(default)).ok_or_else(|| wrong(&format!("must be {}", default.type_str())))?
    };
    let section = table.entry(section.to_owned()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
    if let Some(section) = section.as_table_mut() {
        section.insert(key.to_owned(), value);
    }
    Ok(())
}

/// The line (from 1) where a section, or a key in it, stands.
fn line_of(text: &str, section: &str, key: Option<&str>) -> usize {
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.split(']').next()) {
            inside = name.trim() == section;
            if inside && key.is_none() {
                return index + 1;
            }
        } else if let Some(key) = key
            && inside
            && line.split('=').next().map(str::trim) == Some(key)
        {
            return index + 1;
        }
    }
    1
}

/// The whole configuration as text, every key with what it is for and its default.
pub(crate) fn template(development: bool) -> String {
    let template = include_str!("../passerelle.toml");
    if !development {
        return template.to_owned();
    }
    // `advance` moves the clock of development data past the month its revocation list lasts.
    template
        .replace("development = false", "development = true")
        .replace("require_fresh_crl = true", "require_fresh_crl = false")
        .replace("domains = []", crate::demo::DOMAINS)
        .replace("holder_tokens = \"\"", "holder_tokens = \"pki/titulaire.pem\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn problems(text: &str, environment: &[(&str, &str)]) -> (Option<Config>, Vec<String>) {
        let mut problems = Vec::new();
        let environment: Vec<_> = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let config = parse(Path::new("f.toml"), text, &environment, &mut problems);
        (config, problems)
    }

    #[test]
    fn the_template_holds_every_key_with_its_default() {
        let (config, wrong) = problems(&template(false), &[]);
        assert!(wrong.is_empty(), "{wrong:?}");
        let table: toml::Table = template(false).parse().expect("toml");
        let defaults = toml::Table::try_from(Config::default()).expect("defaults");
        assert_eq!(table, defaults);
        assert!(!config.expect("reads").gateway.development);
        let demonstration = problems(&template(true), &[]).0.expect("reads");
        assert!(demonstration.gateway.development && !demonstration.tls.require_fresh_crl);
        assert_eq!(demonstration.identity.domains.len(), 1);
        let mut wrong = Vec::new();
        demonstration.identity.check("f.toml", &mut wrong);
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    #[test]
    fn everything_wrong_is_told_with_its_line() {
        let (_, wrong) = problems("[listen]\npro = 3\nproo = \"x\"\n[lisen]\n", &[]);
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        assert!(wrong.iter().any(|w| w.starts_with("f.toml:2:")) && wrong.iter().any(|w| w.starts_with("f.toml:3:")));
        assert!(wrong.iter().any(|w| w.starts_with("f.toml:4:")));
    }

    #[test]
    fn the_environment_overrides_and_is_checked() {
        let (config, _) =
            problems("", &[("PASSERELLE__LISTEN__PRO", "127.0.0.1:1"), ("PASSERELLE__STORE__READERS", "9")]);
        let config = config.expect("reads");
        assert_eq!((config.listen.pro.port(), config.store.readers), (1, 9));
        let (_, wrong) = problems("", &[("PASSERELLE__STORE__READERS", "many"), ("PASSERELLE__STORE__X", "1")]);
        assert_eq!(wrong.len(), 2);
    }
}
