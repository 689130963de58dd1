//! The national health identity (*identité nationale de santé*): matricule, its key, and the kind of number it is.
//!
//! Carries out the RNIV's key check (97 − n mod 97, Corsica's 2A and 2B read as 19 and 18) and the CX form of XDS
//! (`<15 characters>^^^&<OID>&ISO^NH`). An [`Ins`] is never printed by `Debug`: it identifies a person.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cause::{Cause, Refusal};

/// Which register the number comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum InsOid {
    /// INS-NIR, the definitive number.
    #[serde(rename = "1.2.250.1.213.1.4.8")]
    Nir,
    /// INS-NIA, the waiting number.
    #[serde(rename = "1.2.250.1.213.1.4.9")]
    Nia,
    /// INS-NIR of test.
    #[serde(rename = "1.2.250.1.213.1.4.10")]
    NirTest,
    /// INS-NIR of demonstration.
    #[serde(rename = "1.2.250.1.213.1.4.11")]
    NirDemo,
}

impl InsOid {
    /// The four registers.
    pub const ALL: [Self; 4] = [Self::Nir, Self::Nia, Self::NirTest, Self::NirDemo];

    /// The OID.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nir => "1.2.250.1.213.1.4.8",
            Self::Nia => "1.2.250.1.213.1.4.9",
            Self::NirTest => "1.2.250.1.213.1.4.10",
            Self::NirDemo => "1.2.250.1.213.1.4.11",
        }
    }

    /// The identifier type FR Core gives it (`fr-core-cs-v2-0203`).
    #[must_use]
    pub const fn fhir_type(self) -> &'static str {
        match self {
            Self::Nir => "INS-NIR",
            Self::Nia => "INS-NIA",
            Self::NirTest => "INS-NIR-TEST",
            Self::NirDemo => "INS-NIR-DEMO",
        }
    }

    /// Reads an OID, with or without `urn:oid:`.
    #[must_use]
    pub fn parse(oid: &str) -> Option<Self> {
        let oid = oid.strip_prefix("urn:oid:").unwrap_or(oid);
        Self::ALL.into_iter().find(|o| o.as_str() == oid)
    }
}

/// For which registers a wrong key is let through (with a warning). Test persons of the national service carry wrong
/// keys (reference §2.2), real ones never do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InsTolerance {
    /// The key must be right in every register.
    Strict,
    /// The key must be right for real numbers (`.8`, `.9`); test and demonstration numbers may carry a wrong one.
    Test,
}

/// A matricule INS with its register. 15 characters: 13 of number (Corsica's letter kept) and 2 of key.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ins {
    matricule: String,
    oid: InsOid,
}

impl Ins {
    /// Reads a matricule of 15 characters.
    ///
    /// # Errors
    /// [`Cause::InsInvalid`] when the shape is wrong, [`Cause::InsKeyWrong`] when the key is and `tolerance` does not
    /// let it through.
    pub fn parse(matricule: &str, oid: InsOid, tolerance: InsTolerance) -> Result<Self, Refusal> {
        let ins = Self::parse_shape(matricule, oid)?;
        let lenient = tolerance == InsTolerance::Test && matches!(oid, InsOid::NirTest | InsOid::NirDemo);
        if ins.key_is_right() || lenient { Ok(ins) } else { Err(Refusal::new(Cause::InsKeyWrong)) }
    }

    /// Reads a matricule, whatever its key.
    fn parse_shape(matricule: &str, oid: InsOid) -> Result<Self, Refusal> {
        let bytes = matricule.as_bytes();
        let digit = |i: usize| bytes[i].is_ascii_digit();
        let shape = bytes.len() == 15
            && (0..15).all(|i| digit(i) || i == 6)
            && (digit(6) || (bytes[5] == b'2' && matches!(bytes[6], b'A' | b'B')))
            && bytes[0] != b'0';
        if shape { Ok(Self { matricule: matricule.to_owned(), oid }) } else { Err(Refusal::new(Cause::InsInvalid)) }
    }

    /// Reads the CX form of XDS: `<15>^^^&<OID>&ISO^NH`. Components after the type (old samples add a date) are ignored.
    ///
    /// # Errors
    /// As [`Ins::parse`]; [`Cause::InsInvalid`] as well when the authority is none of the four registers.
    pub fn parse_cx(cx: &str, tolerance: InsTolerance) -> Result<Self, Refusal> {
        let invalid = || Refusal::new(Cause::InsInvalid);
        let mut parts = cx.split('^');
        let id = parts.next().ok_or_else(invalid)?;
        let authority = parts.nth(2).ok_or_else(invalid)?;
        let mut authority = authority.split('&');
        let (_, oid, kind) = (authority.next(), authority.next(), authority.next());
        if kind.is_some_and(|k| k != "ISO") || parts.next().is_some_and(|t| !matches!(t, "NH" | "")) {
            return Err(invalid());
        }
        let oid = oid.and_then(InsOid::parse).ok_or_else(invalid)?;
        Self::parse(id, oid, tolerance)
    }

    /// The matricule, 15 characters.
    #[must_use]
    pub fn matricule(&self) -> &str {
        &self.matricule
    }

    /// The register.
    #[must_use]
    pub const fn oid(&self) -> InsOid {
        self.oid
    }

    /// The CX form of XDS.
    #[must_use]
    pub fn to_cx(&self) -> String {
        format!("{}^^^&{}&ISO^NH", self.matricule, self.oid.as_str())
    }

    /// The FHIR identifier system of its register.
    #[must_use]
    pub fn fhir_system(&self) -> String {
        format!("urn:oid:{}", self.oid.as_str())
    }

    /// Whether the two last characters are the key of the thirteen first.
    #[must_use]
    pub fn key_is_right(&self) -> bool {
        key_of(&self.matricule[..13]).is_some_and(|key| self.matricule[13..] == format!("{key:02}"))
    }
}

/// The key of the first 13 characters: 97 − n mod 97, from 01 to 97. `None` when they are no number.
#[must_use]
pub fn key_of(thirteen: &str) -> Option<u64> {
    let number = match thirteen.get(5..7)? {
        "2A" => thirteen.replacen("2A", "19", 1),
        "2B" => thirteen.replacen("2B", "18", 1),
        _ => thirteen.to_owned(),
    };
    number.parse::<u64>().ok().map(|n| 97 - n % 97)
}

impl fmt::Debug for Ins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ins(…, {})", self.oid.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_published_vectors_have_the_right_key() {
        for (matricule, oid) in [
            ("277076322082910", InsOid::Nir),
            ("207058575627097", InsOid::NirTest),
            ("153078987658513", InsOid::Nir),
            ("279035121518989", InsOid::Nir),
            ("124018852493334", InsOid::Nir),
            ("188102B17295264", InsOid::Nir),
            ("109076322088835", InsOid::Nia),
        ] {
            assert!(Ins::parse(matricule, oid, InsTolerance::Strict).is_ok(), "{matricule}");
        }
    }

    #[test]
    fn a_wrong_key_passes_only_for_test_numbers_and_only_when_asked() {
        let wrong = "181036322045660";
        let refused = Ins::parse(wrong, InsOid::NirTest, InsTolerance::Strict).map_err(|r| r.cause);
        assert_eq!(refused, Err(Cause::InsKeyWrong));
        assert!(Ins::parse(wrong, InsOid::NirTest, InsTolerance::Test).is_ok());
        let real = Ins::parse(wrong, InsOid::Nir, InsTolerance::Test).map_err(|r| r.cause);
        assert_eq!(real, Err(Cause::InsKeyWrong));
    }

    #[test]
    fn the_old_cx_with_a_date_is_read_and_the_new_one_written() {
        let old = "207058575627097^^^&1.2.250.1.213.1.4.10&ISO^NH^^20100907";
        let ins = Ins::parse_cx(old, InsTolerance::Strict).expect("reads");
        assert_eq!(ins.to_cx(), "207058575627097^^^&1.2.250.1.213.1.4.10&ISO^NH");
        for bad in
            ["", "207058575627097", "207058575627097^^^&1.2.3&ISO^NH", "20705857562709^^^&1.2.250.1.213.1.4.8&ISO^NH"]
        {
            assert!(Ins::parse_cx(bad, InsTolerance::Strict).is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_shows_no_number() {
        let ins = Ins::parse("277076322082910", InsOid::Nir, InsTolerance::Strict).expect("reads");
        assert!(!format!("{ins:?}").contains("2770763"));
    }

    proptest! {
        #[test]
        fn any_number_with_its_key_is_read_and_with_another_refused(
            n in 1_000_000_000_000u64..2_999_999_999_999, corsica in proptest::option::of(prop::bool::ANY), off in 1u64..97,
        ) {
            let mut thirteen = n.to_string();
            if let Some(south) = corsica { thirteen.replace_range(5..7, if south { "2A" } else { "2B" }); }
            let key = key_of(&thirteen).expect("a number");
            let right = format!("{thirteen}{key:02}");
            prop_assert!(Ins::parse(&right, InsOid::Nir, InsTolerance::Strict).is_ok());
            let wrong = format!("{thirteen}{:02}", (key + off - 1) % 97 + 1);
            prop_assert!(Ins::parse(&wrong, InsOid::Nir, InsTolerance::Strict).is_err());
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = Ins::parse_cx(&text, InsTolerance::Strict);
            let _ = Ins::parse(&text, InsOid::Nir, InsTolerance::Strict);
        }
    }
}
