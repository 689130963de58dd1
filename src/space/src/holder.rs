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

/// Part of what is known of a person who is looked for without a number (TD0.5, ITI-47). What is absent asks nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TraitQuery {
    /// Birth name or name in use.
    pub family: Option<String>,
    /// First given name.
    pub given: Option<String>,
    /// Day of birth, 8 digits.
    pub birth_date: Option<String>,
    /// Sex.
    pub sex: Option<Sex>,
    /// INSEE code of the place of birth.
    pub birth_place: Option<String>,
}

impl std::fmt::Debug for TraitQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TraitQuery(…)")
    }
}

/// A name as it is compared: capitals, without accents, hyphens, apostrophes and spaces (RNIV compares so).
#[must_use]
pub fn comparable_name(name: &str) -> String {
    name.chars().flat_map(|c| plain_letter(c).chars()).collect()
}

/// The capitals A to Z that a letter is compared as.
fn plain_letter(c: char) -> &'static str {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let upper = c.to_uppercase().next().unwrap_or(c);
    if let Some(at) = LETTERS.find(upper) {
        return &LETTERS[at..=at];
    }
    match upper {
        'À' | 'Á' | 'Â' | 'Ã' | 'Ä' | 'Å' => "A",
        'Ç' => "C",
        'È' | 'É' | 'Ê' | 'Ë' => "E",
        'Ì' | 'Í' | 'Î' | 'Ï' => "I",
        'Ñ' => "N",
        'Ò' | 'Ó' | 'Ô' | 'Õ' | 'Ö' => "O",
        'Ù' | 'Ú' | 'Û' | 'Ü' => "U",
        'Ý' | 'Ÿ' => "Y",
        'Æ' => "AE",
        'Œ' => "OE",
        _ => "",
    }
}

impl TraitQuery {
    /// Whether it asks for enough to look for: a name, with a day of birth or a given name.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        let named = |n: &Option<String>| n.as_deref().is_some_and(|n| !comparable_name(n).is_empty());
        named(&self.family) && (self.birth_date.is_some() || named(&self.given))
    }

    /// The same of a whole person: what must be found in a message that links a number to them.
    #[must_use]
    pub fn of(traits: &Traits) -> Self {
        Self {
            family: Some(traits.family.clone()),
            given: traits.given.first().cloned(),
            birth_date: Some(traits.birth_date.as_str().to_owned()),
            sex: Some(traits.sex),
            birth_place: None,
        }
    }

    /// Whether it tells enough of a person to say that an INS is theirs: name at birth, first given name, day of birth
    /// and sex (RNIV; the place of birth is compared where it is told).
    #[must_use]
    pub fn is_qualified(&self) -> bool {
        self.is_enough() && self.given.is_some() && self.birth_date.is_some() && self.sex.is_some()
    }

    /// Whether traits are those looked for.
    #[must_use]
    pub fn matches(&self, traits: &Traits) -> bool {
        let same = |a: &str, b: &str| comparable_name(a) == comparable_name(b);
        let family =
            |f: &String| same(f, &traits.family) || traits.used_family.as_deref().is_some_and(|used| same(f, used));
        let given = |g: &String| traits.given.first().is_some_and(|first| same(g, first));
        self.family.as_ref().is_none_or(family)
            && self.given.as_ref().is_none_or(given)
            && self.birth_date.as_deref().is_none_or(|d| d == traits.birth_date.as_str())
            && self.sex.is_none_or(|sex| sex == traits.sex)
            && self.birth_place.as_deref().is_none_or(|p| traits.birth_place.as_deref() == Some(p))
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
    /// Its holder has another space, which took over all this one held; only its trace is left.
    Merged,
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
            Self::Merged => "merged",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Noticed, Self::Open, Self::Opposed, Self::Closed, Self::Merged].into_iter().find(|s| s.as_str() == text)
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
