//! Identifiers of professionals and structures in the French health sector (reference §3.6).
//!
//! The same national numbers take different prefixes for a person (`PS_IdNat`) and for a structure (`Struct_IdNat`):
//! FINESS is 3 in the first and 1 in the second. The two types below cannot be taken for one another.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cause::{Cause, Refusal};

/// OID of `PS_IdNat`.
pub const PS_ID_NAT_OID: &str = "1.2.250.1.71.4.2.1";
/// OID of `Struct_IdNat`.
pub const STRUCT_ID_NAT_OID: &str = "1.2.250.1.71.4.2.2";

/// A professional's or agent's national identifier, with its prefix (`PS_IdNat`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProfessionalId(String);

impl ProfessionalId {
    /// Reads a `PS_IdNat`: a prefix (0 ADELI, 1 ADELI cabinet, 3 FINESS, 4 SIREN, 5 SIRET, 6 RPPS cabinet, 8 RPPS) and
    /// its number; internal identifiers of a structure carry a slash.
    ///
    /// # Errors
    /// [`Cause::ProfessionalIdInvalid`].
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let invalid = || Refusal::new(Cause::ProfessionalIdInvalid);
        let rest = text.get(1..).ok_or_else(invalid)?;
        let plain = |min: usize, max: usize| {
            (min..=max).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        let internal = || {
            rest.len() <= 62
                && rest.split_once('/').is_none_or(|(n, local)| !n.is_empty() && !local.is_empty())
                && rest.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'^' | b'&' | b'<' | b'|'))
                && !rest.is_empty()
        };
        let good = match text.as_bytes().first() {
            Some(b'0') => plain(9, 9),
            Some(b'8') => rest.len() == 11 && rest.bytes().all(|b| b.is_ascii_digit()),
            Some(b'1' | b'3' | b'4' | b'5' | b'6') => internal(),
            _ => false,
        };
        if good { Ok(Self(text.to_owned())) } else { Err(invalid()) }
    }

    /// The identifier of the holder of RPPS number `rpps` (11 digits).
    ///
    /// # Errors
    /// [`Cause::ProfessionalIdInvalid`] when it is not 11 digits.
    pub fn from_rpps(rpps: &str) -> Result<Self, Refusal> {
        Self::parse(&format!("8{rpps}"))
    }

    /// The identifier, prefix included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The RPPS number, when it is one.
    #[must_use]
    pub fn rpps(&self) -> Option<&str> {
        self.0.strip_prefix('8')
    }
}

/// A structure's national identifier, with its prefix (`Struct_IdNat`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StructureId(String);

impl StructureId {
    /// Reads a `Struct_IdNat`: a prefix (0 ADELI cabinet, 1 FINESS, 2 SIREN, 3 SIRET, 4 RPPS-rank) and its number, or a
    /// technical number.
    ///
    /// # Errors
    /// [`Cause::StructureIdInvalid`].
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let alnum = |s: &str| s.bytes().all(|b| b.is_ascii_alphanumeric());
        let rest = text.get(1..).unwrap_or_default();
        let good = (2..=32).contains(&text.len())
            && match text.as_bytes()[0] {
                b'0' => alnum(rest),
                b'1' => rest.len() == 9 && alnum(rest),
                b'2' => rest.len() == 9 && digits(rest),
                b'3' => rest.len() == 14 && digits(rest),
                b'4' => (12..=20).contains(&rest.len()) && alnum(rest),
                _ => alnum(text),
            };
        if good { Ok(Self(text.to_owned())) } else { Err(Refusal::new(Cause::StructureIdInvalid)) }
    }

    /// The identifier, prefix included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The FINESS number, when it is one.
    #[must_use]
    pub fn finess(&self) -> Option<&str> {
        self.0.strip_prefix('1').filter(|r| r.len() == 9)
    }

    /// The SIRET number, when it is one.
    #[must_use]
    pub fn siret(&self) -> Option<&str> {
        self.0.strip_prefix('3').filter(|r| r.len() == 14)
    }
}

macro_rules! text_type {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl TryFrom<String> for $name {
            type Error = Refusal;
            fn try_from(text: String) -> Result<Self, Refusal> {
                Self::parse(&text)
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}
text_type!(ProfessionalId);
text_type!(StructureId);

/// What a professional is: profession (TRE_G15) and what refines it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Profession {
    /// TRE_G15 code, e.g. `10` for a physician.
    pub code: String,
    /// Second role of the VIHF: speciality (TRE_R01, `SM26`), section (TRE_G05, `D`) or role (TRE_R85, `316`).
    pub speciality: Option<String>,
    /// Kind of activity (TRE_R22), for columns of the matrix that ask for one.
    pub activity: Option<String>,
}

impl Profession {
    /// Whether it is that of a physician (TRE_G15 `10`): médecins traitants are, and columns of the functional rights ask it.
    #[must_use]
    pub fn is_physician(&self) -> bool {
        self.code == "10"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finess_has_another_prefix_for_a_person_and_for_a_structure() {
        assert!(ProfessionalId::parse("3750000001/42").is_ok());
        assert_eq!(StructureId::parse("10B0127189").expect("reads").finess(), Some("0B0127189"));
        assert_eq!(StructureId::parse("339172288100052").expect("reads").siret(), Some("39172288100052"));
    }

    #[test]
    fn illegal_identifiers_are_refused() {
        assert_eq!(ProfessionalId::parse("899900063480").expect("reads").rpps(), Some("99900063480"));
        assert!(ProfessionalId::parse("00B2800585").is_ok());
        for bad in ["", "8", "89990006348", "8999000634801", "9123", "8abcdefghijk", "3a^b"] {
            assert!(ProfessionalId::parse(bad).is_err(), "{bad}");
        }
        assert!(StructureId::parse("499900063480001").is_ok());
        for bad in ["", "1", "112345", "21234567", "3123", "4 1", "1&2345678"] {
            assert!(StructureId::parse(bad).is_err(), "{bad}");
        }
    }
}
