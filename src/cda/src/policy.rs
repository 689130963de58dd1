//! What follows from findings: the gateway's to choose, by kind of document.

use std::collections::BTreeMap;

use space::DocumentEntry;

use crate::{
    HEAD_BYTES,
    consistency::consistency,
    error::HeaderError,
    header::Header,
    rules::{Finding, Rules, Severity, check},
};

/// Media types of CDA in XDS: plain, and displaying itself.
const CDA_TYPES: [&str; 2] = ["text/xml", "application/xslt+xml"];
/// The kind of a stylesheet that travels beside a CDA document: XML, and no CDA.
const STYLESHEET: &str = "FEUILLE-DE-STYLE";

/// What findings lead to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// A finding that is an error refuses the document.
    Refuse,
    /// Findings are told, nothing is refused.
    #[default]
    Warn,
    /// The document is not looked at.
    Off,
}

/// The section `[cda]` of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// For every kind of document.
    pub policy: Level,
    /// By typeCode, instead.
    pub types: BTreeMap<String, Level>,
    /// How grave to take a rule, instead of what the table says.
    pub rules: BTreeMap<String, Severity>,
}

impl Policy {
    /// Gives the rules the gravity that the operator chose.
    ///
    /// # Errors
    /// The name of a rule that does not exist.
    pub fn apply(&self, rules: &mut Rules) -> Result<(), String> {
        match self.rules.iter().find(|(rule, severity)| !rules.set_severity(rule, **severity)) {
            None => Ok(()),
            Some((rule, _)) => Err(rule.clone()),
        }
    }

    /// What holds for a document. Signatures of sets, stylesheets and other media types are never looked at.
    #[must_use]
    pub fn level(&self, entry: &DocumentEntry) -> Level {
        let media = entry.mime_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let kind = &entry.type_code.code;
        if entry.is_signature() || kind == STYLESHEET || !CDA_TYPES.contains(&media.as_str()) {
            return Level::Off;
        }
        self.types.get(kind).copied().unwrap_or(self.policy)
    }
}

/// What was found in one document.
#[derive(Debug)]
pub struct Examined {
    /// What holds for it.
    pub level: Level,
    /// Its header, when it was looked at and could be read.
    pub header: Option<Header>,
    /// Why not, when it could not: the finding `read` says where.
    pub unread: Option<HeaderError>,
    /// Rules it breaks.
    pub findings: Vec<Finding>,
}

impl Examined {
    /// The findings for which the document is to be refused; none where the policy does not refuse.
    pub fn refusing(&self) -> impl Iterator<Item = &Finding> {
        let refuses = self.level == Level::Refuse;
        self.findings.iter().filter(move |f| refuses && f.severity == Severity::Error)
    }
}

/// Looks at the first bytes of a document as the policy has it: [`HEAD_BYTES`] of them, or all when it is shorter.
#[must_use]
pub fn examine(head: &[u8], entry: &DocumentEntry, rules: &Rules, policy: &Policy) -> Examined {
    let level = policy.level(entry);
    let mut examined = Examined { level, header: None, unread: None, findings: Vec::new() };
    if level == Level::Off {
        return examined;
    }
    match Header::read(&head[..head.len().min(HEAD_BYTES)]) {
        Ok(header) => {
            examined.findings = check(&header, rules);
            examined.findings.extend(consistency(&header, entry, rules));
            examined.header = Some(header);
        }
        Err(error) => {
            examined.findings.push(rules.finding("read", &*error.place));
            examined.unread = Some(error);
        }
    }
    examined
}
