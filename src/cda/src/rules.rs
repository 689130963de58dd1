//! The rules of the header, as `mappings/cda-header.tsv` writes them, and their reading of one header.

use std::collections::{BTreeMap, HashMap};

use terminology::{LoadError, Mappings, Table, TableError, Terminology};

use crate::{form::Form, header::Header, path::Path, tree::Element};

/// The table of rules.
const TABLE: &str = "cda-header.tsv";
/// The table of formats.
const FORMATS: &str = "cda-formats.tsv";
/// Findings on one header: more of them say nothing more.
const MAX_FINDINGS: usize = 200;
/// Elements one path may lead to: all that a header may hold.
const MAX_SELECTED: usize = 20_000;

/// How grave it is to break a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Said, never refused.
    Warning,
    /// Refused where the policy refuses.
    Error,
}

/// A language of the sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    /// French.
    Fr,
    /// English.
    En,
}

/// A rule that a header breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule: a row of `cda-header.tsv`.
    pub rule: String,
    /// How grave.
    pub severity: Severity,
    /// Where, as an XPath of the document: never a value.
    pub place: String,
}

/// What is said of a rule, whatever kind it is.
#[derive(Debug)]
struct Row {
    severity: Severity,
    clause: String,
    french: String,
    english: String,
}

/// A rule on the header itself.
#[derive(Debug)]
struct HeaderRule {
    id: String,
    context: Path,
    target: Path,
    /// The target as written, to tell where something absent should stand.
    written: String,
    least: usize,
    most: usize,
    forms: Vec<Form>,
}

/// How a format was told for a template or a media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Format {
    pub(crate) code: String,
    pub(crate) scheme: String,
    pub(crate) label: String,
    /// Whether a source says so; otherwise it was inferred, and metadata are not held against it.
    pub(crate) stated: bool,
}

/// The rules, the tables they refer to, and what is said when one is broken.
#[derive(Debug)]
pub struct Rules {
    rows: BTreeMap<String, Row>,
    header: Vec<HeaderRule>,
    formats: HashMap<String, Format>,
    pub(crate) terms: Terminology,
}

impl Rules {
    /// Loads `cda-header.tsv`, `cda-formats.tsv` and the tables of codes.
    ///
    /// # Errors
    /// When a cell means nothing, a rule or a format stands twice, or a table of codes is refused.
    pub fn load(mappings: &Mappings) -> Result<Self, LoadError> {
        let terms = Terminology::load(mappings)?;
        let formats = formats(&mappings.table(FORMATS)?, &terms)?;
        let mut rules = Self { rows: BTreeMap::new(), header: Vec::new(), formats, terms };
        let table = mappings.table(TABLE)?;
        let columns = Columns::of(&table)?;
        for (line, row) in table.rows() {
            rules.add(&table, &columns, line, row)?;
        }
        Ok(rules)
    }

    fn add(&mut self, table: &Table, columns: &Columns, line: usize, row: &[String]) -> Result<(), TableError> {
        let bad = |column: &str, value: &str| table.bad_value(line, column, value);
        let cell = |index: usize| row[index].as_str();
        let severity = match cell(columns.severity) {
            "error" => Severity::Error,
            "warning" => Severity::Warning,
            other => return Err(bad("severity", other)),
        };
        let id = cell(columns.rule).to_owned();
        if cell(columns.context) != "metadata" {
            let path = |index: usize, name: &str| Path::parse(cell(index)).ok_or_else(|| bad(name, cell(index)));
            let (least, most) = count(cell(columns.count)).ok_or_else(|| bad("count", cell(columns.count)))?;
            let forms = cell(columns.form).split(' ').filter(|f| !f.is_empty() && *f != "-");
            let forms = forms.map(|f| Form::parse(f).ok_or_else(|| bad("form", f))).collect::<Result<_, _>>()?;
            self.header.push(HeaderRule {
                id: id.clone(),
                context: path(columns.context, "context")?,
                target: path(columns.target, "target")?,
                written: cell(columns.target).to_owned(),
                least,
                most,
                forms,
            });
        }
        let row = Row {
            severity,
            clause: cell(columns.clause).to_owned(),
            french: cell(columns.french).to_owned(),
            english: cell(columns.english).to_owned(),
        };
        match self.rows.insert(id.clone(), row) {
            None => Ok(()),
            Some(_) => Err(table.duplicate(line, &id)),
        }
    }

    /// Names of all rules.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.rows.keys().map(String::as_str)
    }

    /// What a rule asks, in one sentence.
    #[must_use]
    pub fn sentence(&self, rule: &str, lang: Lang) -> Option<&str> {
        self.rows.get(rule).map(|r| if lang == Lang::Fr { r.french.as_str() } else { r.english.as_str() })
    }

    /// Where a rule comes from.
    #[must_use]
    pub fn clause(&self, rule: &str) -> Option<&str> {
        self.rows.get(rule).map(|r| r.clause.as_str())
    }

    /// How grave it is to break a rule.
    #[must_use]
    pub fn severity(&self, rule: &str) -> Option<Severity> {
        self.rows.get(rule).map(|r| r.severity)
    }

    /// Makes a rule more or less grave than the table has it; `false` when there is no such rule.
    pub fn set_severity(&mut self, rule: &str, severity: Severity) -> bool {
        let row = self.rows.get_mut(rule);
        let known = row.is_some();
        if let Some(row) = row {
            row.severity = severity;
        }
        known
    }

    /// A finding on a rule, as grave as the table says; a rule nobody wrote down is a warning.
    pub(crate) fn finding(&self, rule: &str, place: impl Into<String>) -> Finding {
        let severity = self.severity(rule).unwrap_or(Severity::Warning);
        Finding { rule: rule.to_owned(), severity, place: place.into() }
    }

    /// The format of a media type or of a template (with its version, else without).
    pub(crate) fn format(&self, of: &str) -> Option<&Format> {
        self.formats.get(of)
    }
}

/// Positions of the columns.
struct Columns {
    rule: usize,
    context: usize,
    target: usize,
    count: usize,
    form: usize,
    severity: usize,
    clause: usize,
    french: usize,
    english: usize,
}

impl Columns {
    fn of(table: &Table) -> Result<Self, TableError> {
        Ok(Self {
            rule: table.column("rule")?,
            context: table.column("context")?,
            target: table.column("target")?,
            count: table.column("count")?,
            form: table.column("form")?,
            severity: table.column("severity")?,
            clause: table.column("clause")?,
            french: table.column("fr")?,
            english: table.column("en")?,
        })
    }
}

/// `min..max`, `min..*`.
fn count(text: &str) -> Option<(usize, usize)> {
    let (least, most) = text.split_once("..")?;
    let most = if most == "*" { usize::MAX } else { most.parse().ok()? };
    let least = least.parse().ok()?;
    (least <= most).then_some((least, most))
}

fn formats(table: &Table, terms: &Terminology) -> Result<HashMap<String, Format>, TableError> {
    let (of, code, basis) = (table.column("of")?, table.column("format")?, table.column("basis")?);
    let mut formats = HashMap::new();
    for (line, row) in table.rows() {
        let coding = terms.formats.get(&row[code]).ok_or_else(|| table.bad_value(line, "format", &row[code]))?;
        let stated = match row[basis].as_str() {
            "stated" => true,
            "inferred" => false,
            other => return Err(table.bad_value(line, "basis", other)),
        };
        let format =
            Format { code: coding.code.clone(), scheme: coding.scheme.clone(), label: coding.label.clone(), stated };
        if formats.insert(row[of].clone(), format).is_some() {
            return Err(table.duplicate(line, &row[of]));
        }
    }
    Ok(formats)
}

/// Every rule that a header breaks, in the order of the table; at most 200 findings.
#[must_use]
pub fn check(header: &Header, rules: &Rules) -> Vec<Finding> {
    let mut found = Vec::new();
    for rule in &rules.header {
        for context in rule.context.select(header.root(), MAX_SELECTED) {
            rule.look(context, rules, &mut found);
            if found.len() >= MAX_FINDINGS {
                found.truncate(MAX_FINDINGS);
                return found;
            }
        }
    }
    found
}

impl HeaderRule {
    fn look(&self, context: Element<'_>, rules: &Rules, found: &mut Vec<Finding>) {
        let targets = self.target.select(context, MAX_SELECTED);
        if targets.len() < self.least {
            found.push(rules.finding(&self.id, format!("{}/{}", context.place(), self.written)));
        }
        if let Some(beyond) = targets.get(self.most) {
            found.push(rules.finding(&self.id, beyond.place()));
        }
        let wrong = targets.into_iter().filter(|t| self.forms.iter().any(|f| !f.holds(*t, &rules.terms)));
        found.extend(wrong.take(MAX_FINDINGS).map(|t| rules.finding(&self.id, t.place())));
    }
}
