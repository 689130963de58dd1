//! Which documents of a space are looked for: the criteria that IHE's FindDocuments and PDSm's ITI-67 share.

use serde::{Deserialize, Serialize};

use crate::{
    code::Code,
    document::{AvailabilityStatus, DocumentEntry, EntryKind, Folder, SubmissionSet},
    dtm::Dtm,
};

/// A code looked for; without scheme, any system fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeQuery {
    /// The code.
    pub code: String,
    /// Its system.
    pub scheme: Option<String>,
}

impl CodeQuery {
    /// Whether it asks for this code.
    #[must_use]
    pub fn fits(&self, code: &Code) -> bool {
        self.code == code.code && self.scheme.as_ref().is_none_or(|s| *s == code.scheme)
    }
}

/// A span of time: from (included) to (excluded).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Not before.
    pub from: Option<Dtm>,
    /// Before.
    pub to: Option<Dtm>,
}

impl Span {
    /// Whether nothing is asked.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    /// Whether it holds an instant; what has none is only in a span that asks nothing.
    #[must_use]
    pub fn holds(&self, at: Option<&Dtm>) -> bool {
        let Some(at) = at else { return self.is_any() };
        let at = at.sortable();
        self.from.as_ref().is_none_or(|f| f.sortable() <= at) && self.to.as_ref().is_none_or(|t| at < t.sortable())
    }
}

/// Which versions of metadata are looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versions {
    /// The last of each document.
    #[default]
    Last,
    /// All of them.
    All,
}

/// The criteria. Within one list any value fits; lists of lists are all asked (AND of ORs).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryQuery {
    /// `entry_uuid`s; empty asks nothing.
    pub entry_uuids: Vec<String>,
    /// `unique_id`s; empty asks nothing.
    pub unique_ids: Vec<String>,
    /// `logical_id`s; empty asks nothing.
    pub logical_ids: Vec<String>,
    /// Which versions; one that is named by its `entry_uuid` is given, whichever it is.
    pub versions: Versions,
    /// Stable documents or on-demand ones; empty asks for stable ones, and for whichever is named by an identifier.
    pub kinds: Vec<EntryKind>,
    /// States; empty asks nothing.
    pub statuses: Vec<AvailabilityStatus>,
    /// Kinds.
    pub types: Vec<CodeQuery>,
    /// Classes.
    pub classes: Vec<CodeQuery>,
    /// Formats.
    pub formats: Vec<CodeQuery>,
    /// Facilities.
    pub facilities: Vec<CodeQuery>,
    /// Practice settings.
    pub settings: Vec<CodeQuery>,
    /// Confidentiality codes.
    pub confidentialities: Vec<Vec<CodeQuery>>,
    /// Event codes.
    pub events: Vec<Vec<CodeQuery>>,
    /// Identifiers it refers to (CXi value, whole or its first component).
    pub references: Vec<Vec<String>>,
    /// Authors' persons: patterns with SQL `LIKE` wildcards over the whole XCN; all lists are asked.
    pub author_persons: Vec<String>,
    /// When made.
    pub creation: Span,
    /// When the act began.
    pub service_start: Span,
    /// When the act ended.
    pub service_stop: Span,
}

impl EntryQuery {
    /// Whether an entry is looked for.
    #[must_use]
    pub fn matches(&self, entry: &DocumentEntry) -> bool {
        let one_of = |asked: &[CodeQuery], code: &Code| asked.is_empty() || asked.iter().any(|q| q.fits(code));
        let all_of = |asked: &[Vec<CodeQuery>], codes: &[Code]| {
            asked.iter().all(|group| codes.iter().any(|c| group.iter().any(|q| q.fits(c))))
        };
        let named = |asked: &[String], value: &str| asked.is_empty() || asked.iter().any(|a| a == value);
        let by_name = !self.entry_uuids.is_empty() || !self.unique_ids.is_empty() || !self.logical_ids.is_empty();
        named(&self.entry_uuids, &entry.entry_uuid)
            && named(&self.unique_ids, &entry.unique_id)
            && named(&self.logical_ids, &entry.logical_id)
            && (if self.kinds.is_empty() {
                by_name || entry.kind.is_stable()
            } else {
                self.kinds.contains(&entry.kind)
            })
            && (self.statuses.is_empty() || self.statuses.contains(&entry.status))
            && one_of(&self.types, &entry.type_code)
            && one_of(&self.classes, &entry.class_code)
            && one_of(&self.formats, &entry.format_code)
            && one_of(&self.facilities, &entry.healthcare_facility_type_code)
            && one_of(&self.settings, &entry.practice_setting_code)
            && all_of(&self.confidentialities, &entry.confidentiality_codes)
            && all_of(&self.events, &entry.event_codes)
            && self.references.iter().all(|group| {
                entry
                    .reference_ids
                    .iter()
                    .any(|id| group.iter().any(|asked| *asked == id.0 || Some(asked.as_str()) == id.id()))
            })
            && (self.author_persons.is_empty()
                || entry
                    .authors
                    .iter()
                    .filter_map(|a| a.person.as_ref())
                    .any(|p| self.author_persons.iter().any(|pattern| like(pattern, &p.0))))
            && self.creation.holds(Some(&entry.creation_time))
            && self.service_start.holds(entry.service_start_time.as_ref())
            && self.service_stop.holds(entry.service_stop_time.as_ref())
    }
}

/// The criteria of a search of submission sets (FindSubmissionSets).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetQuery {
    /// States; empty asks nothing.
    pub statuses: Vec<AvailabilityStatus>,
    /// Sending systems, as OIDs.
    pub sources: Vec<String>,
    /// When sent.
    pub submission: Span,
    /// The sender's person: a pattern with SQL `LIKE` wildcards over the whole XCN.
    pub author_person: Option<String>,
    /// Activities.
    pub content_types: Vec<CodeQuery>,
}

impl SetQuery {
    /// Whether a set is looked for.
    #[must_use]
    pub fn matches(&self, set: &SubmissionSet) -> bool {
        let by = |pattern: &String| {
            set.authors.iter().filter_map(|a| a.person.as_ref()).any(|person| like(pattern, &person.0))
        };
        (self.statuses.is_empty() || self.statuses.contains(&set.status))
            && (self.sources.is_empty() || self.sources.iter().any(|s| s == set.source_id.as_str()))
            && self.submission.holds(Some(&set.submission_time))
            && self.author_person.as_ref().is_none_or(by)
            && (self.content_types.is_empty() || self.content_types.iter().any(|q| q.fits(&set.content_type_code)))
    }
}

/// The criteria of a search of folders (FindFolders).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderQuery {
    /// States; empty asks nothing.
    pub statuses: Vec<AvailabilityStatus>,
    /// When something last went in.
    pub last_update: Span,
    /// What for.
    pub codes: Vec<Vec<CodeQuery>>,
}

impl FolderQuery {
    /// Whether a folder is looked for.
    #[must_use]
    pub fn matches(&self, folder: &Folder) -> bool {
        (self.statuses.is_empty() || self.statuses.contains(&folder.status))
            && self.last_update.holds(Some(&folder.last_update))
            && self.codes.iter().all(|group| folder.codes.iter().any(|c| group.iter().any(|q| q.fits(c))))
    }
}

/// SQL `LIKE`: `%` any text, `_` any character. Linear in time for patterns with one `%`, bounded by the product else.
#[must_use]
pub fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('%') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '_' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    p = at + 1;
                    t = from + 1;
                    star = Some((at, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_is_sqls() {
        assert!(like("%MAX%", "899^MAX^LIBRE") && like("899%", "899^M") && like("a_c", "abc") && like("%", ""));
        assert!(!like("MAX", "MAXIME") && !like("a_c", "ac") && !like("", "x"));
    }

    #[test]
    fn a_span_includes_its_start_and_excludes_its_end() {
        let d = |t: &str| Dtm::parse(t).expect("dtm");
        let span = Span { from: Some(d("20100101")), to: Some(d("20110101")) };
        assert!(span.holds(Some(&d("2010"))) && span.holds(Some(&d("20101231235959"))));
        assert!(!span.holds(Some(&d("2011"))) && !span.holds(None) && Span::default().holds(None));
    }
}
