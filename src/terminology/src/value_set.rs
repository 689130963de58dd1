//! A set of codes, and the set of document kinds with their class.

use std::collections::HashMap;

use crate::{Table, TableError};

/// A code with its system and label, as a table gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coding {
    /// The code.
    pub code: String,
    /// OID (or name) of its system.
    pub scheme: String,
    /// Label, in French. Labels change with time: compare codes, never labels.
    pub label: String,
}

/// A set of codes.
#[derive(Debug, Default)]
pub struct ValueSet {
    by_code: HashMap<String, Vec<Coding>>,
}

impl ValueSet {
    /// Reads a table of columns `code`, `scheme`, `label`.
    ///
    /// # Errors
    /// When a column is absent or a code of one system stands twice.
    pub fn read(table: &Table) -> Result<Self, TableError> {
        let (code, scheme, label) = (table.column("code")?, table.column("scheme")?, table.column("label")?);
        let mut set = Self::default();
        for (line, row) in table.rows() {
            let codings = set.by_code.entry(row[code].clone()).or_default();
            if codings.iter().any(|c| c.scheme == row[scheme]) {
                return Err(table.duplicate(line, &row[code]));
            }
            codings.push(Coding { code: row[code].clone(), scheme: row[scheme].clone(), label: row[label].clone() });
        }
        Ok(set)
    }

    /// Whether `code` of system `scheme` belongs to the set.
    #[must_use]
    pub fn contains(&self, code: &str, scheme: &str) -> bool {
        self.by_code.get(code).is_some_and(|codings| codings.iter().any(|c| c.scheme == scheme))
    }

    /// Whether `code` belongs to the set in some system.
    #[must_use]
    pub fn contains_code(&self, code: &str) -> bool {
        self.by_code.contains_key(code)
    }

    /// The first coding that bears this code.
    #[must_use]
    pub fn get(&self, code: &str) -> Option<&Coding> {
        self.by_code.get(code).and_then(|codings| codings.first())
    }
}

/// A kind of document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentType {
    /// OID (or name) of the code system.
    pub scheme: String,
    /// The class it belongs to, when one is published.
    pub class: Option<String>,
    /// Whether new documents may bear it; withdrawn kinds are only read.
    pub may_be_written: bool,
    /// Label, in French.
    pub label: String,
}

/// All kinds of document.
#[derive(Debug, Default)]
pub struct DocumentTypes {
    by_code: HashMap<String, DocumentType>,
}

impl DocumentTypes {
    /// Reads `document-types.tsv`.
    ///
    /// # Errors
    /// When a column is absent, a code stands twice or a cell means nothing.
    pub fn read(table: &Table) -> Result<Self, TableError> {
        let column = |name| table.column(name);
        let (code, scheme, class) = (column("code")?, column("scheme")?, column("class")?);
        let (write, label) = (column("write")?, column("label")?);
        let mut types = Self::default();
        for (line, row) in table.rows() {
            let may_be_written = match row[write].as_str() {
                "y" => true,
                "n" => false,
                other => return Err(table.bad_value(line, "write", other)),
            };
            let kind = DocumentType {
                scheme: row[scheme].clone(),
                class: (row[class] != "?").then(|| row[class].clone()),
                may_be_written,
                label: row[label].clone(),
            };
            if types.by_code.insert(row[code].clone(), kind).is_some() {
                return Err(table.duplicate(line, &row[code]));
            }
        }
        Ok(types)
    }

    /// The kind that bears `code`.
    #[must_use]
    pub fn get(&self, code: &str) -> Option<&DocumentType> {
        self.by_code.get(code)
    }

    /// All kinds.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &DocumentType)> {
        self.by_code.iter().map(|(code, kind)| (code.as_str(), kind))
    }
}
