//! Points in time as XDS metadata write them: `YYYY[MM[DD[hh[mm[ss]]]]]`, always UTC (ITI TF-3 §4.2.3.1.7).

use std::fmt;

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// A DTM: the digits as they came, known to be a real date.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Dtm(String);

/// Why a text is no DTM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a DTM: YYYY[MM[DD[hh[mm[ss]]]]] in UTC, without offset")]
pub struct DtmError;

impl Dtm {
    /// Reads `text`.
    ///
    /// # Errors
    /// When it is not a real point in time of that form.
    pub fn parse(text: &str) -> Result<Self, DtmError> {
        if bounds(text).is_some() { Ok(Self(text.to_owned())) } else { Err(DtmError) }
    }

    /// The DTM of an instant, to the second.
    #[must_use]
    pub fn from_timestamp(at: Timestamp) -> Self {
        let t = at.to_zoned(TimeZone::UTC).datetime();
        Self(format!("{:04}{:02}{:02}{:02}{:02}{:02}", t.year(), t.month(), t.day(), t.hour(), t.minute(), t.second()))
    }

    /// The DTM of an instant in milliseconds since 1970 UTC; `None` when it is no real one.
    #[must_use]
    pub fn from_millisecond(ms: i64) -> Option<Self> {
        Timestamp::from_millisecond(ms).ok().map(Self::from_timestamp)
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// First second it can mean.
    #[must_use]
    pub fn first(&self) -> Timestamp {
        bounds(&self.0).map_or(Timestamp::UNIX_EPOCH, |b| b.0)
    }

    /// First second after what it can mean (a day when it names a day).
    #[must_use]
    pub fn end(&self) -> Timestamp {
        bounds(&self.0).map_or(Timestamp::UNIX_EPOCH, |b| b.1)
    }

    /// The digits padded to 14 with the earliest value, so that texts compare as times.
    #[must_use]
    pub fn sortable(&self) -> String {
        const FLOOR: &str = "00000101000000";
        let mut text = self.0.clone();
        text.push_str(&FLOOR[text.len()..]);
        text
    }

    /// RFC 3339 with as much precision as it has (FHIR `dateTime`).
    #[must_use]
    pub fn to_fhir(&self) -> String {
        let d = &self.0;
        match d.len() {
            4 => d.clone(),
            6 => format!("{}-{}", &d[..4], &d[4..6]),
            8 => format!("{}-{}-{}", &d[..4], &d[4..6], &d[6..8]),
            _ => {
                let s = self.sortable();
                format!("{}-{}-{}T{}:{}:{}Z", &s[..4], &s[4..6], &s[6..8], &s[8..10], &s[10..12], &s[12..14])
            }
        }
    }

    /// Reads a FHIR `date`, `dateTime` or `instant`; times are turned to UTC, fractions of a second dropped.
    ///
    /// # Errors
    /// When it is none of those, or a time without offset.
    pub fn from_fhir(text: &str) -> Result<Self, DtmError> {
        if text.contains('T') {
            let at: Timestamp = text.parse().map_err(|_| DtmError)?;
            return Ok(Self::from_timestamp(at));
        }
        Self::parse(&text.replace('-', ""))
    }
}

fn bounds(text: &str) -> Option<(Timestamp, Timestamp)> {
    if !matches!(text.len(), 4 | 6 | 8 | 10 | 12 | 14) || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |range: std::ops::Range<usize>, default: i8| -> Option<i8> {
        text.get(range).map_or(Some(default), |t| t.parse().ok())
    };
    let year: i16 = text[..4].parse().ok()?;
    let date = civil::Date::new(year, part(4..6, 1)?, part(6..8, 1)?).ok()?;
    let time = civil::Time::new(part(8..10, 0)?, part(10..12, 0)?, part(12..14, 0)?, 0).ok()?;
    let first = date.to_datetime(time).to_zoned(TimeZone::UTC).ok()?;
    let span = match text.len() {
        4 => jiff::Span::new().years(1),
        6 => jiff::Span::new().months(1),
        8 => jiff::Span::new().days(1),
        10 => jiff::Span::new().hours(1),
        12 => jiff::Span::new().minutes(1),
        _ => jiff::Span::new().seconds(1),
    };
    Some((first.timestamp(), first.checked_add(span).ok()?.timestamp()))
}

impl fmt::Display for Dtm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Dtm {
    type Error = DtmError;
    fn try_from(text: String) -> Result<Self, DtmError> {
        Self::parse(&text)
    }
}

impl From<Dtm> for String {
    fn from(dtm: Dtm) -> Self {
        dtm.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_precision_and_no_unreal_date() {
        for good in ["2010", "201003", "20100319", "2010031919", "201003191945", "20100319194535"] {
            assert!(Dtm::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "201", "20101301", "20100230", "2010031925", "20100319194535+0100", "2010-03"] {
            assert!(Dtm::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Dtm::parse("201003").expect("reads").sortable(), "20100301000000");
    }

    #[test]
    fn a_fhir_time_with_offset_becomes_utc_and_back() {
        let dtm = Dtm::from_fhir("2010-03-19T20:45:35+01:00").expect("reads");
        assert_eq!(dtm.as_str(), "20100319194535");
        assert_eq!(dtm.to_fhir(), "2010-03-19T19:45:35Z");
        assert_eq!(Dtm::parse("20100319").expect("reads").to_fhir(), "2010-03-19");
    }
}
