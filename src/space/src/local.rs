//! A structure's own number of a person (*IPP*), in the domain of the authority that gives such numbers out
//! (ITI TF-1 §5; RNIV). Never printed by `Debug`: it identifies a person to whoever knows the structure.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    cause::{Cause, Refusal},
    hl7,
    ins::InsOid,
    oid::Oid,
};

/// Longest number, in bytes.
const LONGEST: usize = 64;

/// A number in a domain that is none of the registers of the INS.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LocalId {
    domain: Oid,
    number: String,
}

impl LocalId {
    /// Reads a number of a domain, given by its OID with or without `urn:oid:`.
    ///
    /// # Errors
    /// [`Cause::LocalIdInvalid`] when the domain is no OID or a register of the INS, or the number is empty, too long or
    /// has a separator of HL7 or a control character in it.
    pub fn parse(domain: &str, number: &str) -> Result<Self, Refusal> {
        let invalid = || Refusal::new(Cause::LocalIdInvalid);
        let domain = Oid::parse(domain).map_err(|_| invalid())?;
        let good = !number.is_empty()
            && number.len() <= LONGEST
            && number.trim() == number
            && hl7::is_component(number)
            && !number.chars().any(char::is_control);
        if good && InsOid::parse(domain.as_str()).is_none() {
            Ok(Self { domain, number: number.to_owned() })
        } else {
            Err(invalid())
        }
    }

    /// The domain.
    #[must_use]
    pub const fn domain(&self) -> &Oid {
        &self.domain
    }

    /// The number.
    #[must_use]
    pub fn number(&self) -> &str {
        &self.number
    }
}

impl fmt::Debug for LocalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalId(…, {})", self.domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_a_domain_of_its_own_and_no_separator() {
        let read = LocalId::parse("urn:oid:1.2.250.1.999.8.1", "IPP-0042").expect("reads");
        assert_eq!((read.domain().as_str(), read.number()), ("1.2.250.1.999.8.1", "IPP-0042"));
        assert!(!format!("{read:?}").contains("0042"), "a number is not printed");
        let long = "1".repeat(65);
        for (domain, number) in [
            ("1.2.3", ""),
            ("1.2.3", " 1"),
            ("1.2.3", "1^2"),
            ("1.2.3", "1\n2"),
            ("1.2.3", &long),
            ("x", "1"),
            ("1.2.250.1.213.1.4.8", "277076322082910"),
        ] {
            assert_eq!(LocalId::parse(domain, number).expect_err(domain).cause, Cause::LocalIdInvalid);
        }
    }
}
