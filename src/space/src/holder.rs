//! The holder (*titulaire*) of a space, and the state the space is in.

use serde::{Deserialize, Serialize};

use crate::{dtm::Dtm, ins::Ins};

/// Identity of a space inside the gateway: random, says nothing about its holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SpaceId(pub uuid::Uuid);

impl std::fmt::Display for SpaceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Sex, as the INS knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sex {
    /// Female.
    F,
    /// Male.
    M,
}

/// The strict traits of an INS (RNIV): what, beside the number, identifies a person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Traits {
    /// Birth name, in capitals.
    pub family: String,
    /// Given names, in civil-record order; the first is the *premier prénom*.
    pub given: Vec<String>,
    /// Name in use, when it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_family: Option<String>,
    /// Day of birth.
    pub birth_date: Dtm,
    /// Sex.
    pub sex: Sex,
    /// INSEE code (COG) of the place of birth, five characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth_place: Option<String>,
}

impl Traits {
    /// Checks the writing rules of the RNIV: names in capitals A–Z with hyphen, apostrophe and space; a whole day or
    /// less of birth date; a COG of five characters.
    ///
    /// # Errors
    /// The name of the trait that breaks them.
    pub fn check(&self) -> Result<(), &'static str> {
        let name = |n: &str| {
            !n.is_empty()
                && n.len() <= 100
                && n.bytes().all(|b| b.is_ascii_uppercase() || matches!(b, b'-' | b'\'' | b' '))
        };
        if !name(&self.family) {
            return Err("family");
        }
        if self.given.is_empty() || !self.given.iter().all(|g| name(g)) {
            return Err("given");
        }
        if self.birth_date.as_str().len() > 8 {
            return Err("birthDate");
        }
        let cog = |c: &str| c.len() == 5 && c.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        if self.birth_place.as_deref().is_some_and(|c| !cog(c)) {
            return Err("birthPlace");
        }
        Ok(())
    }
}

impl std::fmt::Debug for Traits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Traits(…)")
    }
}

/// Where a space stands in its life (law R.1111-26 and following).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpaceState {
    /// The holder has been told and may still oppose: nothing goes in or out yet.
    Noticed,
    /// Open.
    Open,
    /// The holder opposed: there is no space.
    Opposed,
    /// Closed by the holder or by death: kept ten years, answers nobody.
    Closed,
}

impl SpaceState {
    /// As stored and printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Noticed => "noticed",
            Self::Open => "open",
            Self::Opposed => "opposed",
            Self::Closed => "closed",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Noticed, Self::Open, Self::Opposed, Self::Closed].into_iter().find(|s| s.as_str() == text)
    }
}

/// A person and the space opened for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The space.
    pub space: SpaceId,
    /// The number.
    pub ins: Ins,
    /// The traits.
    pub traits: Traits,
    /// State of the space.
    pub state: SpaceState,
}
