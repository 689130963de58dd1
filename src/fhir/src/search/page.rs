//! Pages of a search set (FHIR R4 search §3.1.1.5, http §2.21.0.13): `_count`, `_offset`, and the links that say again
//! what was understood.

use wire_fhir::{Answered, Bundle, Entry, Link, Meta, OperationOutcome, Search as Mode};

use super::{Search, invalid};
use crate::{
    FhirState,
    call::{Call, percent_encoded},
    respond::{self, Failure},
};

/// Which part of the matches is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) count: usize,
    pub(crate) offset: usize,
}

impl Page {
    /// Reads `_count` and `_offset`.
    pub(crate) fn read(state: &FhirState, call: &Call) -> Result<Self, Failure> {
        let number = |name: &str| match value(call, name) {
            None => Ok(None),
            Some(text) => text.parse::<usize>().map(Some).map_err(|_| invalid(name, "a number")),
        };
        let count = number("_count")?.unwrap_or(state.limits.page).min(state.limits.page_max);
        Ok(Self { count, offset: number("_offset")?.unwrap_or(0) })
    }
}

/// The last value of a parameter about the answer.
pub(crate) fn value<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    call.parameters.iter().rev().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
}

/// Which way the matches are sorted, by the one element they can be.
pub(crate) fn sorted(call: &Call, by: &str) -> Result<Option<bool>, Failure> {
    match value(call, "_sort") {
        None => Ok(None),
        Some(text) if text == by => Ok(Some(true)),
        Some(text) if text.strip_prefix('-') == Some(by) => Ok(Some(false)),
        Some(_) => Err(invalid("_sort", &format!("{by} | -{by}")).into()),
    }
}

/// Everything a search set says about itself.
pub(crate) struct Frame<'a> {
    pub(crate) call: &'a Call,
    pub(crate) search: &'a Search,
    /// Type of the resources, as it stands in URLs.
    pub(crate) kind: &'static str,
    /// Profile of the bundle.
    pub(crate) profile: Option<&'static str>,
    pub(crate) page: Page,
}

impl Frame<'_> {
    /// The bundle of one page: `render` makes the resource of a match and tells its id.
    pub(crate) fn bundle<M, R>(&self, matches: &[M], render: impl Fn(&M) -> (String, R)) -> Bundle<R> {
        let base = &self.call.base;
        let shown = matches.iter().skip(self.page.offset).take(self.page.count);
        let mut entry: Vec<Entry<R>> = shown
            .map(|found| {
                let (id, resource) = render(found);
                Entry {
                    // A trace is not read alone: its URL is its name.
                    full_url: Some(match self.kind {
                        "AuditEvent" => format!("urn:uuid:{id}"),
                        kind => format!("{base}/{kind}/{id}"),
                    }),
                    resource: Some(Answered::Match(resource)),
                    search: Some(Mode::mode("match")),
                    ..Entry::default()
                }
            })
            .collect();
        if !self.search.ignored.is_empty() {
            let issue = self.search.ignored.iter().map(|r| respond::issue(r, "warning")).collect();
            entry.push(Entry {
                resource: Some(Answered::Outcome(OperationOutcome { issue })),
                search: Some(Mode::mode("outcome")),
                ..Entry::default()
            });
        }
        let mut link = vec![Link { relation: "self", url: self.url(self.page.offset) }];
        let next = self.page.offset.saturating_add(self.page.count);
        if self.page.count > 0 && next < matches.len() {
            link.push(Link { relation: "next", url: self.url(next) });
        }
        Bundle {
            kind: "searchset",
            meta: self.profile.map(|p| Meta { profile: vec![p.to_owned()], ..Meta::default() }),
            total: Some(matches.len()),
            link,
            entry,
            id: None,
            resource_type: wire_fhir::BundleType::Bundle,
        }
    }

    fn url(&self, offset: usize) -> String {
        let mut url = format!("{}/{}?", self.call.base, self.kind);
        for (name, value) in &self.search.understood {
            url.push_str(&format!("{}={}&", percent_encoded(name), percent_encoded(value)));
        }
        if let Some(sort) = value(self.call, "_sort") {
            url.push_str(&format!("_sort={}&", percent_encoded(sort)));
        }
        url.push_str(&format!("_count={}", self.page.count));
        if offset > 0 {
            url.push_str(&format!("&_offset={offset}"));
        }
        url
    }
}
