//! One file of `mappings/`: tab-separated values under a header that says what it is, since when, and where from.
//!
//! Law and code tables change by decree, not by release: they are data with a date, checked when they are loaded.

use std::collections::BTreeMap;

/// Why a table was refused. `line` counts from 1.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum TableError {
    /// The file names no source or no date from which it holds.
    #[error("{table}: the header lacks a line `# {field}: …`")]
    Header {
        /// File name.
        table: String,
        /// The field that is absent.
        field: &'static str,
    },
    /// A row has another number of cells than the header row.
    #[error("{table}:{line}: {got} cells where the header has {want}")]
    Width {
        /// File name.
        table: String,
        /// Line of the file.
        line: usize,
        /// Cells found.
        got: usize,
        /// Cells expected.
        want: usize,
    },
    /// A column that the program reads is absent.
    #[error("{table}: no column `{column}`")]
    Column {
        /// File name.
        table: String,
        /// The column.
        column: String,
    },
    /// A cell holds a value that means nothing.
    #[error("{table}:{line}: `{value}` is not a value of column `{column}`")]
    Value {
        /// File name.
        table: String,
        /// Line of the file.
        line: usize,
        /// The column.
        column: String,
        /// What stands there.
        value: String,
    },
    /// Two rows carry the same key.
    #[error("{table}:{line}: `{key}` stands twice")]
    Duplicate {
        /// File name.
        table: String,
        /// Line of the file.
        line: usize,
        /// The key.
        key: String,
    },
}

/// A table as read: header fields, column names, rows.
#[derive(Debug, Clone)]
pub struct Table {
    name: String,
    /// Where the table comes from.
    pub source: String,
    /// From which day it holds (ISO 8601 date).
    pub in_force: String,
    columns: Vec<String>,
    rows: Vec<(usize, Vec<String>)>,
}

impl Table {
    /// Reads `text`, the content of the file `name`.
    ///
    /// # Errors
    /// When the header lacks its source or date, or a row has another width than the column line.
    pub fn parse(name: &str, text: &str) -> Result<Self, TableError> {
        let mut fields = BTreeMap::new();
        let mut columns: Option<Vec<String>> = None;
        let mut rows = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if let Some(comment) = line.strip_prefix('#') {
                if let Some((key, value)) = comment.split_once(':') {
                    fields.entry(key.trim().to_owned()).or_insert_with(|| value.trim().to_owned());
                }
                continue;
            }
            if line.trim().is_empty() {
                continue;
            }
            let cells: Vec<String> = line.split('\t').map(str::to_owned).collect();
            match &columns {
                None => columns = Some(cells),
                Some(header) if header.len() != cells.len() => {
                    return Err(TableError::Width {
                        table: name.to_owned(),
                        line: index + 1,
                        got: cells.len(),
                        want: header.len(),
                    });
                }
                Some(_) => rows.push((index + 1, cells)),
            }
        }
        let mut header =
            |field: &'static str| fields.remove(field).ok_or(TableError::Header { table: name.to_owned(), field });
        Ok(Self {
            name: name.to_owned(),
            source: header("source")?,
            in_force: header("in force")?,
            columns: columns.unwrap_or_default(),
            rows,
        })
    }

    /// The file name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Names of the columns, in order.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Position of a column.
    ///
    /// # Errors
    /// When the table has no such column.
    pub fn column(&self, column: &str) -> Result<usize, TableError> {
        self.columns
            .iter()
            .position(|c| c == column)
            .ok_or_else(|| TableError::Column { table: self.name.clone(), column: column.to_owned() })
    }

    /// The rows, each with its line in the file.
    pub fn rows(&self) -> impl Iterator<Item = (usize, &[String])> {
        self.rows.iter().map(|(line, cells)| (*line, cells.as_slice()))
    }

    /// An error that points at a cell.
    #[must_use]
    pub fn bad_value(&self, line: usize, column: &str, value: &str) -> TableError {
        TableError::Value { table: self.name.clone(), line, column: column.to_owned(), value: value.to_owned() }
    }

    /// An error that says a key stands twice.
    #[must_use]
    pub fn duplicate(&self, line: usize, key: &str) -> TableError {
        TableError::Duplicate { table: self.name.clone(), line, key: key.to_owned() }
    }
}
