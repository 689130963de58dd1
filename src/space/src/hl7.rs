//! HL7 v2.5 data types inside XDS metadata (ITI TF-3 §4.2.3.1.7): CX, XCN, XON — kept as they came, read when needed.

use serde::{Deserialize, Serialize};

/// A person or system: `<id>^<family>^<given>^^^^^^&<OID>&ISO^<name type>^^^<id type>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Xcn(pub String);

/// An organisation: `<name>^^^^^&<OID>&ISO^<id type>^^^<id>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Xon(pub String);

/// An identifier: `<id>^^^&<OID>&ISO^<type>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cx(pub String);

fn component(text: &str, index: usize) -> Option<&str> {
    text.split('^').nth(index).filter(|c| !c.is_empty())
}

fn authority_oid(text: &str, index: usize) -> Option<&str> {
    component(text, index)?.split('&').nth(1).filter(|c| !c.is_empty())
}

/// Whether a text may stand as one component: no HL7 separator in it.
#[must_use]
pub fn is_component(text: &str) -> bool {
    !text.contains(['^', '&', '|', '~'])
}

impl Xcn {
    /// Builds one; separators inside components are replaced by a space.
    #[must_use]
    pub fn new(id: &str, family: &str, given: &str, oid: &str, name_type: &str, id_type: &str) -> Self {
        let c = |t: &str| t.replace(['^', '&', '|', '~'], " ");
        Self(format!("{}^{}^{}^^^^^^&{}&ISO^{}^^^{}", c(id), c(family), c(given), c(oid), c(name_type), c(id_type)))
    }
    /// Identifier (XCN-1).
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        component(&self.0, 0)
    }
    /// Family name, or name of a system (XCN-2).
    #[must_use]
    pub fn family(&self) -> Option<&str> {
        component(&self.0, 1)
    }
    /// Given name, or model of a system (XCN-3).
    #[must_use]
    pub fn given(&self) -> Option<&str> {
        component(&self.0, 2)
    }
    /// OID of the authority (XCN-9).
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        authority_oid(&self.0, 8)
    }
    /// Type of the name (XCN-10): `D` a person, `U` a system.
    #[must_use]
    pub fn name_type(&self) -> Option<&str> {
        component(&self.0, 9)
    }
    /// Type of the identifier (XCN-13).
    #[must_use]
    pub fn id_type(&self) -> Option<&str> {
        component(&self.0, 12)
    }
}

impl Xon {
    /// Builds one; separators inside components are replaced by a space.
    #[must_use]
    pub fn new(name: &str, oid: &str, id_type: &str, id: &str) -> Self {
        let c = |t: &str| t.replace(['^', '&', '|', '~'], " ");
        Self(format!("{}^^^^^&{}&ISO^{}^^^{}", c(name), c(oid), c(id_type), c(id)))
    }
    /// Name (XON-1).
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        component(&self.0, 0)
    }
    /// OID of the authority (XON-6).
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        authority_oid(&self.0, 5)
    }
    /// Type of the identifier (XON-7).
    #[must_use]
    pub fn id_type(&self) -> Option<&str> {
        component(&self.0, 6)
    }
    /// Identifier (XON-10).
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        component(&self.0, 9)
    }
}

impl Cx {
    /// Builds one.
    #[must_use]
    pub fn new(id: &str, oid: &str, id_type: &str) -> Self {
        Self(format!("{id}^^^&{oid}&ISO^{id_type}"))
    }
    /// Identifier (CX-1).
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        component(&self.0, 0)
    }
    /// OID of the authority (CX-4).
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        authority_oid(&self.0, 3)
    }
    /// Type of the identifier (CX-5).
    #[must_use]
    pub fn id_type(&self) -> Option<&str> {
        component(&self.0, 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_forms_of_the_dmp() {
        let x = Xcn("899900063480^MAX^LIBRE^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS".into());
        assert_eq!(
            (x.id(), x.family(), x.authority()),
            (Some("899900063480"), Some("MAX"), Some("1.2.250.1.71.4.2.1"))
        );
        assert_eq!((x.name_type(), x.id_type()), (Some("D"), Some("IDNPS")));
        assert_eq!(Xcn::new("899900063480", "MAX", "LIBRE", "1.2.250.1.71.4.2.1", "D", "IDNPS"), x);
        let o = Xon("CABINET^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^499900063480001".into());
        assert_eq!((o.name(), o.id()), (Some("CABINET"), Some("499900063480001")));
        assert_eq!(Xon::new("CABINET", "1.2.250.1.71.4.2.2", "IDNST", "499900063480001"), o);
        assert_eq!(Cx::new("45", "1.2.3", "PI").authority(), Some("1.2.3"));
    }
}
