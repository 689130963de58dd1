//! Section `[identity]`: whose numbers are whose, and who is told when they change.

use std::path::PathBuf;

use access::Domain;
use serde::{Deserialize, Serialize};
use space::{InsTolerance, Oid, StructureId};

/// Section `[identity]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Identity {
    /// `strict`: the INS key must be right always. `test`: test and demonstration numbers may carry a wrong one.
    pub(crate) ins_key: InsTolerance,
    /// Domains of identifiers, each with the structure that feeds it.
    pub(crate) domains: Vec<Domain>,
    /// Who is told when numbers change (ITI-46).
    pub(crate) consumers: Vec<Consumer>,
    /// Authorities that may vouch for consumers (PEM); empty = the public ones.
    pub(crate) consumer_authorities: Vec<PathBuf>,
    /// Certificate and key (PEM) shown to consumers; empty = none.
    pub(crate) consumer_certificate: PathBuf,
    pub(crate) consumer_key: PathBuf,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            ins_key: InsTolerance::Strict,
            domains: Vec::new(),
            consumers: Vec::new(),
            consumer_authorities: Vec::new(),
            consumer_certificate: PathBuf::new(),
            consumer_key: PathBuf::new(),
        }
    }
}

impl Identity {
    /// What is wrong with it; nothing is served then: a number might be told in clear, or to the wrong structure.
    pub(crate) fn check(&self, file: &str, problems: &mut Vec<String>) {
        for (index, domain) in self.domains.iter().enumerate() {
            let oid = &domain.oid;
            if space::InsOid::parse(oid.as_str()).is_some() {
                problems
                    .push(format!("{file}: [identity] domains: {oid} is a register of the INS, no structure's domain"));
            }
            if self.domains[..index].iter().any(|other| other.oid == *oid) {
                problems.push(format!("{file}: [identity] domains: {oid} stands twice: a domain has one structure"));
            }
        }
        for (index, consumer) in self.consumers.iter().enumerate() {
            let name = &consumer.name;
            if name.is_empty() || self.consumers[..index].iter().any(|other| other.name == *name) {
                problems.push(format!("{file}: [identity] consumers: `{name}` is no name, or that of two"));
            }
            if !consumer.url.starts_with("https://") {
                problems.push(format!("{file}: [identity] consumers: {name}: url must be https://…"));
            }
            let known = |oid: &&Oid| {
                space::InsOid::parse(oid.as_str()).is_some() || self.domains.iter().any(|domain| domain.oid == **oid)
            };
            for oid in consumer.domains.iter().filter(|oid| !known(oid)) {
                problems.push(format!("{file}: [identity] consumers: {name}: {oid} is no domain of this gateway"));
            }
        }
    }

    /// The consumers, as far as decisions go.
    pub(crate) fn followers(&self) -> Vec<access::Consumer> {
        let follower = |consumer: &Consumer| access::Consumer {
            name: consumer.name.clone(),
            structure: consumer.structure.clone(),
            domains: consumer.domains.clone(),
        };
        self.consumers.iter().map(follower).collect()
    }
}

/// A consumer of cross references.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Consumer {
    /// What it is called here: as its job and in the trace.
    pub(crate) name: String,
    /// Where it takes PRPA_IN201302.
    pub(crate) url: String,
    /// OID of its device.
    pub(crate) device: Oid,
    /// Whose it is (`Struct_IdNat`).
    pub(crate) structure: StructureId,
    /// Domains it follows, registers of the INS among them.
    pub(crate) domains: Vec<Oid>,
}

#[cfg(test)]
mod tests {
    use super::super::tests::problems;

    #[test]
    fn a_domain_of_two_structures_and_a_consumer_of_none_are_told() {
        let text = "[identity]\ndomains = [{ oid = \"1.2.3\", structure = \"10B0999991\" }, \
                    { oid = \"1.2.3\", structure = \"10B0999992\" }, \
                    { oid = \"1.2.250.1.213.1.4.8\", structure = \"10B0999991\" }]\n\
                    consumers = [{ name = \"a\", url = \"http://x\", device = \"1.2.9\", \
                    structure = \"10B0999991\", domains = [\"1.2.4\"] }]\n";
        let (config, wrong) = problems(text, &[]);
        assert!(wrong.is_empty(), "{wrong:?}");
        let mut told = Vec::new();
        config.expect("reads").identity.check("f.toml", &mut told);
        assert_eq!(told.len(), 4, "{told:?}");
        let (_, wrong) = problems("[identity]\ndomains = [{ oid = \"x\", structure = \"1\" }]\n", &[]);
        assert_eq!(wrong.len(), 1, "{wrong:?}");
    }
}
