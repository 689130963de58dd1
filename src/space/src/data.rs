//! Data of the bricks of a space that are no documents: each with its versions, whose it is, and what it came as.

use serde::{Deserialize, Serialize};

use crate::{
    measure::{Measure, MeasuringDevice},
    people::ProfessionalId,
};

/// Bricks of a space, by the rights on them (`brick-rights.tsv`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Brick {
    /// Measures, and the devices that take them.
    Measures,
}

impl Brick {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Measures];

    /// The table's word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Measures => "measures",
        }
    }
}

/// What a datum is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatumKind {
    /// A measure.
    Measure,
    /// A device that measures.
    Device,
}

impl DatumKind {
    /// The word by which it is stored.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Measure => "measure",
            Self::Device => "device",
        }
    }

    /// Which brick it belongs to.
    #[must_use]
    pub const fn brick(self) -> Brick {
        match self {
            Self::Measure | Self::Device => Brick::Measures,
        }
    }
}

/// Who put a datum in (R153).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authorship {
    /// The holder.
    Holder,
    /// A professional.
    Professional(ProfessionalId),
    /// A document that a professional put in (R136).
    Document(SourceDocument),
    /// The gateway, that calculated it.
    Gateway,
}

/// The document that a datum was taken from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SourceDocument {
    /// Its `uniqueId`.
    pub unique_id: String,
    /// `entry_uuid` of the version it came in with.
    pub entry_uuid: String,
}

/// What a datum says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// A measure.
    Measure(Box<Measure>),
    /// A device.
    Device(MeasuringDevice),
}

impl Content {
    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> DatumKind {
        match self {
            Self::Measure(_) => DatumKind::Measure,
            Self::Device(_) => DatumKind::Device,
        }
    }

    /// What it is looked for by: the word of a measure's kind.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Measure(measure) => &measure.kind,
            Self::Device(_) => "",
        }
    }

    /// When it holds, in milliseconds since 1970 UTC; 0 for what has no time.
    #[must_use]
    pub fn at_ms(&self) -> i64 {
        match self {
            Self::Measure(measure) => measure.at.first().as_millisecond(),
            Self::Device(_) => 0,
        }
    }

    /// When it no more holds: what is known to the day holds all that day.
    #[must_use]
    pub fn until_ms(&self) -> i64 {
        match self {
            Self::Measure(measure) => measure.at.end().as_millisecond(),
            Self::Device(_) => 0,
        }
    }
}

/// A version of a datum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datum {
    /// What it says.
    pub content: Content,
    /// Whose it is.
    pub author: Authorship,
    /// What it came as, text for text but for what its reader leaves to the gateway (its id, its version): given back so.
    pub original: Option<String>,
}

impl Datum {
    /// The name under which there is only one of it in a space: a device's number; what was measured and when, of a measure
    /// that documents feed, however many of them say it.
    #[must_use]
    pub fn natural_key(&self) -> Option<String> {
        match (&self.content, &self.author) {
            (Content::Device(device), _) => Some(device.key()),
            (Content::Measure(measure), Authorship::Document(_)) => Some(format!("{} {}", measure.kind, measure.at)),
            (Content::Measure(_), _) => None,
        }
    }
}

/// A version of a datum as it stands in a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDatum {
    /// Its id, a UUID, the same for all its versions.
    pub id: String,
    /// Its version, from 1.
    pub version: u32,
    /// When that version was put in, in milliseconds since 1970 UTC.
    pub recorded_ms: i64,
    /// What it says; nothing of a datum that was taken away.
    pub datum: Option<Datum>,
}

/// How the time of a datum stands to a time asked for: both are ranges, from (included) to (excluded) (FHIR R4 search
/// §3.1.1.4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Inside it.
    Within,
    /// Not inside it.
    NotWithin,
    /// Some of it later.
    Above,
    /// Some of it earlier.
    Below,
    /// Inside it, or some of it later.
    AtLeast,
    /// Inside it, or some of it earlier.
    AtMost,
    /// All of it later.
    After,
    /// All of it earlier.
    Before,
}

/// A time asked for, in milliseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeTest {
    /// How data are to stand to it.
    pub relation: Relation,
    /// Its start.
    pub from_ms: i64,
    /// Its end.
    pub to_ms: i64,
}
