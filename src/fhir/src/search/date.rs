//! Dates (FHIR R4 search §3.1.1.4.6): prefixes over implicit ranges. A day is the range of its seconds, in UTC.

use jiff::Timestamp;
use space::{
    Dtm, Refusal,
    data::{Relation, TimeTest},
};

use super::invalid;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prefix {
    Eq,
    Ne,
    Gt,
    Lt,
    Ge,
    Le,
    Sa,
    Eb,
}

/// A range of time looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DateCriterion {
    prefix: Prefix,
    from: Timestamp,
    to: Timestamp,
}

/// A range of time that a resource has: from (included) to (excluded).
pub(crate) type Range = (Timestamp, Timestamp);

impl DateCriterion {
    /// Reads one value of parameter `name`.
    pub(crate) fn read(name: &str, value: &str) -> Result<Self, Refusal> {
        let wrong = || invalid(name, "[eq|ne|gt|lt|ge|le|sa|eb]YYYY[-MM[-DD[Thh:mm:ss(Z|±hh:mm)]]]");
        let (prefix, rest) = match value.get(..2) {
            Some("eq") => (Prefix::Eq, &value[2..]),
            Some("ne") => (Prefix::Ne, &value[2..]),
            Some("gt") => (Prefix::Gt, &value[2..]),
            Some("lt") => (Prefix::Lt, &value[2..]),
            Some("ge") => (Prefix::Ge, &value[2..]),
            Some("le") => (Prefix::Le, &value[2..]),
            Some("sa") => (Prefix::Sa, &value[2..]),
            Some("eb") => (Prefix::Eb, &value[2..]),
            _ => (Prefix::Eq, value),
        };
        // In a URL a plus that was not encoded comes as a space; digits alone are XDS's form, not FHIR's.
        let text = rest.replace(' ', "+");
        if text.len() > 4 && !text.contains('-') {
            return Err(wrong());
        }
        let dtm = Dtm::from_fhir(&text).map_err(|_| wrong())?;
        Ok(Self { prefix, from: dtm.first(), to: dtm.end() })
    }

    /// Instants outside of which nothing short fits: from (included) to (excluded), open where absent.
    pub(crate) fn bounds(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        match self.prefix {
            Prefix::Eq => (Some(self.from), Some(self.to)),
            Prefix::Ne => (None, None),
            Prefix::Gt | Prefix::Ge => (Some(self.from), None),
            Prefix::Lt | Prefix::Le => (None, Some(self.to)),
            Prefix::Sa => (Some(self.to), None),
            Prefix::Eb => (None, Some(self.from)),
        }
    }

    /// The same, as the store tests it.
    pub(crate) fn test(&self) -> TimeTest {
        let relation = match self.prefix {
            Prefix::Eq => Relation::Within,
            Prefix::Ne => Relation::NotWithin,
            Prefix::Gt => Relation::Above,
            Prefix::Lt => Relation::Below,
            Prefix::Ge => Relation::AtLeast,
            Prefix::Le => Relation::AtMost,
            Prefix::Sa => Relation::After,
            Prefix::Eb => Relation::Before,
        };
        TimeTest { relation, from_ms: self.from.as_millisecond(), to_ms: self.to.as_millisecond() }
    }

    /// Whether it is a bound from below, or from above.
    pub(crate) fn is_bound(&self) -> (bool, bool) {
        let below = matches!(self.prefix, Prefix::Gt | Prefix::Ge | Prefix::Sa | Prefix::Eq);
        let above = matches!(self.prefix, Prefix::Lt | Prefix::Le | Prefix::Eb | Prefix::Eq);
        (below, above)
    }

    /// Whether a resource's range fits.
    pub(crate) fn fits(&self, (from, to): Range) -> bool {
        let inside = self.from <= from && to <= self.to;
        match self.prefix {
            Prefix::Eq => inside,
            Prefix::Ne => !inside,
            Prefix::Gt => to > self.to,
            Prefix::Lt => from < self.from,
            Prefix::Ge => inside || to > self.to,
            Prefix::Le => inside || from < self.from,
            Prefix::Sa => from >= self.to,
            Prefix::Eb => to <= self.from,
        }
    }
}

/// Reads a criterion: any of its values.
pub(crate) fn dates(name: &str, values: &[String]) -> Result<Vec<DateCriterion>, Refusal> {
    values.iter().map(|v| DateCriterion::read(name, v)).collect()
}

/// The range a DTM means.
pub(crate) fn range(dtm: &Dtm) -> Range {
    (dtm.first(), dtm.end())
}

/// The range of a period; without end it goes on.
pub(crate) fn period(start: Option<&Dtm>, end: Option<&Dtm>) -> Option<Range> {
    if start.is_none() && end.is_none() {
        return None;
    }
    Some((start.map_or(Timestamp::MIN, Dtm::first), end.map_or(Timestamp::MAX, Dtm::end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(criterion: &str, dtm: &str) -> bool {
        let criterion = DateCriterion::read("date", criterion).expect(criterion);
        criterion.fits(range(&Dtm::parse(dtm).expect("DTM")))
    }

    #[test]
    fn prefixes_compare_ranges() {
        assert!(fits("2026", "20260314194535") && fits("2026-03-14", "20260314") && !fits("2026-03-14", "202603"));
        assert!(fits("ge2026-03-14", "20260314") && fits("ge2026-03-14", "2027") && !fits("ge2026-03-15", "20260314"));
        assert!(!fits("gt2026-03-14", "20260314194535") && fits("gt2026-03-14", "20260315"));
        assert!(fits("le2026-03-14", "20260314235959") && !fits("le2026-03-14", "20260315"));
        assert!(fits("lt2026-03-14", "20260313") && !fits("lt2026-03-14", "20260314000000"));
        assert!(fits("ne2025", "2026") && fits("sa2025", "2026") && fits("eb2027", "2026"));
        assert!(fits("2026-03-14T20:45:35+01:00", "20260314194535"));
        assert!(fits("2026-03-14T20:45:35 01:00", "20260314194535"), "a plus lost in the URL");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for bad in ["", "yesterday", "2026-13", "ap2026", "20260314", "2026-03-14T10:00:00", "é", "gé2026"] {
            assert!(DateCriterion::read("date", bad).is_err(), "{bad}");
        }
    }
}
