//! Intervals of time: `IVL_TS`.

use super::datatypes::{NullFlavor, Nullable, Timestamp, write_nullable};
use crate::MessageErrorKind as Kind;
use crate::ns;
use crate::record::{At, Component, Result, boolean, children, close, open, take_one};
use crate::xml::Element;
use crate::xml::escape::{attr, attr_opt, raw};

/// A bound of an interval (`IVXB_TS`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The time.
    pub time: Nullable<Timestamp>,
    /// `@inclusive`: whether the time itself is within.
    pub inclusive: bool,
}

impl Bound {
    /// A bound that is within.
    #[must_use]
    pub fn at(time: &str) -> Self {
        Self { time: Timestamp::from(time).into(), inclusive: true }
    }
}

impl Component for Bound {
    fn read(element: Element<'_, '_>, at: &At<'_>) -> Result<Self> {
        let inclusive = element.attr("inclusive").map_or(Ok(true), |text| boolean(text, at))?;
        Ok(Self { time: Nullable::read(element, at)?, inclusive })
    }

    fn write(&self, out: &mut Vec<u8>, name: &str) {
        open(out, name);
        write_nullable(&self.time, out);
        if !self.inclusive {
            attr(out, "inclusive", "false");
        }
        raw(out, "/>");
    }
}

/// `IVL_TS`: a point, an interval, or its middle. A width is refused, for dropping it would change what is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interval {
    /// `@value`: a point, as an interval as long as its precision.
    pub value: Option<Timestamp>,
    /// `@nullFlavor`.
    pub null_flavor: Option<NullFlavor>,
    /// `low`.
    pub low: Option<Bound>,
    /// `center`; not beside a bound.
    pub center: Option<Nullable<Timestamp>>,
    /// `high`.
    pub high: Option<Bound>,
}

impl Interval {
    /// A point.
    #[must_use]
    pub fn point(time: &str) -> Self {
        Self { value: Some(time.into()), ..Self::default() }
    }

    /// From one time to another, both within.
    #[must_use]
    pub fn between(low: &str, high: &str) -> Self {
        Self { low: Some(Bound::at(low)), high: Some(Bound::at(high)), ..Self::default() }
    }

    /// Appends what follows the element's name.
    pub(super) fn write_rest(&self, out: &mut Vec<u8>, name: &str) {
        NullFlavor::write(self.null_flavor.as_ref(), out);
        attr_opt(out, "value", self.value.as_ref().map(|t| t.0.as_str()));
        raw(out, ">");
        self.low.iter().for_each(|bound| bound.write(out, "low"));
        self.center.iter().for_each(|time| time.write(out, "center"));
        self.high.iter().for_each(|bound| bound.write(out, "high"));
        close(out, name);
    }
}

impl Component for Interval {
    fn read(element: Element<'_, '_>, at: &At<'_>) -> Result<Self> {
        let value = element.attr("value").map(|_| Timestamp::read(element, at)).transpose()?;
        let mut interval = Self { value, null_flavor: NullFlavor::read(element, at)?, ..Self::default() };
        for child in children(element, ns::HL7V3) {
            match child.local_name() {
                "low" => take_one(&mut interval.low, child, "low", at)?,
                "center" => take_one(&mut interval.center, child, "center", at)?,
                "high" => take_one(&mut interval.high, child, "high", at)?,
                _ => return Err(at.child("*", 0).error(Kind::UnexpectedElement)),
            }
        }
        Ok(interval)
    }

    fn write(&self, out: &mut Vec<u8>, name: &str) {
        open(out, name);
        self.write_rest(out, name);
    }
}
