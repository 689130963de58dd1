//! Points in time as CDA writes them (HL7 v3 TS): `YYYY[MM[DD[hh[mm[ss[.f]]]]]][±hhmm]`, local time with its offset.

use jiff::{SignedDuration, Timestamp};
use space::Dtm;

/// A TS, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Time(pub String);

/// A TS taken apart.
struct Parts<'a> {
    /// Digits before a fraction or an offset.
    digits: &'a str,
    /// Offset east of UTC, in minutes.
    offset: Option<i64>,
}

impl Time {
    fn parts(&self) -> Option<Parts<'_>> {
        let text = self.0.as_str();
        let cut = text.find(['+', '-']).unwrap_or(text.len());
        let (digits, offset) = text.split_at_checked(cut)?;
        let digits = match digits.split_once('.') {
            None => digits,
            Some((whole, f)) => {
                let good = whole.len() == 14 && (1..=6).contains(&f.len()) && f.bytes().all(|b| b.is_ascii_digit());
                good.then_some(whole)?
            }
        };
        let offset = match offset.split_at_checked(1) {
            None => None,
            Some((sign, zone)) => {
                let good = zone.len() == 4 && zone.bytes().all(|b| b.is_ascii_digit());
                let zone = zone.get(..2).zip(zone.get(2..)).filter(|_| good)?;
                let (hours, minutes): (i64, i64) = (zone.0.parse().ok()?, zone.1.parse().ok()?);
                let east = hours * 60 + minutes;
                Some(if sign == "-" { -east } else { east }).filter(|_| hours <= 14 && minutes < 60)
            }
        };
        Some(Parts { digits, offset })
    }

    /// Whether it is a real point in time of that form, whose time of day (if it has one) carries an offset.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.parts().is_some_and(|p| Dtm::parse(p.digits).is_ok() && (p.digits.len() <= 8) == p.offset.is_none())
    }

    /// How many digits it has, from 4 (a year) to 14 (a second); 0 when it is no TS.
    #[must_use]
    pub fn precision(&self) -> usize {
        self.parts().map_or(0, |p| p.digits.len())
    }

    /// The same in UTC, as precise as it is. A day, month or year stays what it is: it has no offset.
    ///
    /// `None` when it is no TS, or a time of day whose offset nobody said.
    #[must_use]
    pub fn to_utc(&self) -> Option<Dtm> {
        let parts = self.parts()?;
        let local = Dtm::parse(parts.digits).ok()?;
        if parts.digits.len() <= 8 {
            return Some(local);
        }
        let at = local.first().checked_sub(SignedDuration::from_mins(parts.offset?)).ok()?;
        let utc = Dtm::from_timestamp(at);
        // Half-hour offsets turn a bare hour into minutes.
        let digits = if parts.digits.len() == 10 && parts.offset? % 60 != 0 { 12 } else { parts.digits.len() };
        Dtm::parse(utc.as_str().get(..digits)?).ok()
    }

    /// First and last second it may mean, in UTC: a day without offset may have begun anywhere on Earth.
    pub(crate) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let utc = self.to_utc()?;
        let (east, west) = if utc.as_str().len() <= 8 { (14, 12) } else { (0, 0) };
        let first = utc.first().checked_sub(SignedDuration::from_hours(east)).ok()?;
        let end = utc.end().checked_add(SignedDuration::from_hours(west)).ok()?;
        Some((first, end))
    }

    /// Whether a time of XDS metadata may be this one: neither says more than the other contradicts.
    #[must_use]
    pub fn agrees(&self, utc: &Dtm) -> bool {
        self.span().is_some_and(|(first, end)| utc.first() < end && first < utc.end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Time {
        Time(text.to_owned())
    }

    #[test]
    fn local_time_with_offset_becomes_utc_at_its_own_precision() {
        let utc = |t: &str| time(t).to_utc().map(|d| d.to_string());
        assert_eq!(utc("20210401134745+0200").as_deref(), Some("20210401114745"));
        assert_eq!(utc("20210401013000-0330").as_deref(), Some("20210401050000"));
        assert_eq!(utc("202101010010+0100").as_deref(), Some("202012312310"));
        assert_eq!(utc("2021010100+0530").as_deref(), Some("202012311830"));
        assert_eq!(utc("19790328").as_deref(), Some("19790328"));
        assert_eq!(utc("20210401134745.123+0200").as_deref(), Some("20210401114745"));
        for bad in ["20210401134745", "20211301", "", "20210401134745+02", "20210401+0200x", "2021040113+9900", "é"] {
            assert_eq!(utc(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_time_of_day_without_offset_is_unsound_and_so_is_a_day_with_one() {
        assert!(time("19790328").is_sound() && time("202104011347+0200").is_sound());
        assert!(!time("202104011347").is_sound() && !time("20210401+0200").is_sound());
    }

    #[test]
    fn a_day_agrees_with_any_time_that_day_had_somewhere() {
        let dtm = |t: &str| Dtm::parse(t).expect("reads");
        assert!(time("20210401").agrees(&dtm("20210331220000")));
        assert!(!time("20210401").agrees(&dtm("20210329220000")));
        assert!(time("20210401134745+0200").agrees(&dtm("20210401114745")));
        assert!(time("20210401134745+0200").agrees(&dtm("202104011147")));
        assert!(!time("20210401134745+0200").agrees(&dtm("20210401134745")));
    }
}
