//! Sections about other servers: as whom they are called, the gateway upstream of an edge, other communities.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Config;

/// What a gateway is among others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    #[default]
    Core,
    Edge,
}

/// Section `[outward]`: as which structure the gateway calls the gateway upstream and other communities.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Outward {
    /// Certificate (with its chain) and key of the structure, for authentication (PEM).
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// Its seal: certificate and key that sign the VIHF (PEM).
    pub(crate) seal_certificate: PathBuf,
    pub(crate) seal_key: PathBuf,
    /// Authorities that may vouch for the servers called (PEM); empty = the public ones.
    pub(crate) authorities: Vec<PathBuf>,
    /// Sector of activity of the structure (SAxx).
    pub(crate) sector: String,
    /// DMP homologation number, written in the VIHF.
    pub(crate) homologation: String,
    /// Ask for people who proved themselves here in *authentification indirecte renforcée*: without it nothing is read
    /// from others, because a structure alone reads nothing (PDT-INF-606).
    pub(crate) air: bool,
    /// How long a question to another server may take while a caller waits, in milliseconds.
    pub(crate) budget_ms: u64,
    /// Largest answer with documents that is held in memory, in bytes.
    pub(crate) answer_bytes: u64,
}

impl Default for Outward {
    fn default() -> Self {
        Self {
            certificate: PathBuf::new(),
            key: PathBuf::new(),
            seal_certificate: PathBuf::new(),
            seal_key: PathBuf::new(),
            authorities: Vec::new(),
            sector: "SA01".into(),
            homologation: "NON HOMOLOGUE".into(),
            air: true,
            budget_ms: 5000,
            answer_bytes: 64 << 20,
        }
    }
}

/// Section `[upstream]`: the gateway that an edge passes on to and reads through.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Upstream {
    /// Its DMP services: `https://host/si-dmp-server/v2/services`.
    pub(crate) url: String,
    /// Its `repositoryUniqueId`.
    pub(crate) repository_unique_id: String,
    /// Show what it has beside what is here.
    pub(crate) read_through: bool,
    /// How long passing one set on may take, in seconds; 75 at most.
    pub(crate) feed_timeout_s: u64,
    /// How often a set that fails by itself is tried before it is given up.
    pub(crate) attempts: i64,
    /// Sets passed on in a second, at most; 0 = as many as go.
    pub(crate) sets_per_s: u32,
    /// Sign, with the seal of `[outward]`, the sets that came unsigned.
    pub(crate) sign_sets: bool,
}

impl Default for Upstream {
    fn default() -> Self {
        Self {
            url: String::new(),
            repository_unique_id: "1.2.250.1.213.4.1.1.1.2".into(),
            read_through: true,
            feed_timeout_s: 60,
            attempts: 20,
            sets_per_s: 4,
            sign_sets: true,
        }
    }
}

/// Section `[xca]`: other communities whose records are shown beside ours.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Xca {
    /// Each: `id` (its homeCommunityId, an OID), `query` and `retrieve` (addresses of its responding gateway).
    pub(crate) communities: Vec<Community>,
}

/// One other community.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Community {
    /// `homeCommunityId`, an OID.
    pub(crate) id: String,
    /// Where it answers ITI-38.
    pub(crate) query: String,
    /// Where it answers ITI-39.
    pub(crate) retrieve: String,
}

impl Config {
    /// Whether the gateway calls others at all: then it needs to be somebody.
    pub(crate) fn calls_others(&self) -> bool {
        self.gateway.role == Role::Edge || !self.xca.communities.is_empty()
    }

    pub(super) fn check_outward(&self, file: &str, problems: &mut Vec<String>) {
        let mut wrong = |what: &str| problems.push(format!("{file}: {what}"));
        let is_url = |url: &str| url.starts_with("https://");
        if self.gateway.role == Role::Edge && !is_url(&self.upstream.url) {
            wrong("[upstream] url must be https://…, as [gateway] role is \"edge\"");
        }
        if space::Oid::parse(&self.upstream.repository_unique_id).is_err() {
            wrong("[upstream] repository_unique_id is not an OID");
        }
        for community in &self.xca.communities {
            if space::Oid::parse(community.id.trim_start_matches("urn:oid:")).is_err() {
                wrong("[xca] communities: an id is not an OID");
            }
            if !is_url(&community.query) || !is_url(&community.retrieve) {
                wrong("[xca] communities: query and retrieve must be https://…");
            }
        }
        if !self.xca.communities.is_empty() && self.ihe.home_community_id.is_empty() {
            wrong("[ihe] home_community_id must be given: other communities know this one by it");
        }
        let outward = &self.outward;
        let files = [&outward.certificate, &outward.key, &outward.seal_certificate, &outward.seal_key];
        if self.calls_others() && files.iter().any(|path| !path.exists()) {
            wrong(
                "[outward] certificate, key, seal_certificate and seal_key must be files: others are called as a structure",
            );
        }
    }
}
