//! The *matrice d'habilitation* as bit sets: for each kind of document, the professions that may read it.

use std::collections::HashMap;

use space::Profession;
use terminology::{LoadError, Mappings, TableError};

/// Position of a kind of document in the matrix. Kinds the table does not know share [`KindIndex::UNKNOWN`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KindIndex(u16);

impl KindIndex {
    /// A kind without a row: nobody but its author reads it.
    pub const UNKNOWN: Self = Self(0);
    /// The signature of a submission set: about documents, not one of them; no column restricts it.
    pub const SIGNATURE: Self = Self(1);
}

/// A column: what a profession must be to stand in it.
#[derive(Debug)]
struct ColumnRule {
    profession: String,
    selectors: Vec<(String, String)>,
    bit: u32,
}

/// The matrix.
#[derive(Debug)]
pub struct Matrix {
    kinds: HashMap<String, KindIndex>,
    readers: Vec<u32>,
    names: Vec<String>,
    rules: Vec<ColumnRule>,
}

impl Matrix {
    /// Loads `matrice-habilitation.tsv` and `matrice-professions.tsv`.
    ///
    /// # Errors
    /// When a cell is none of `L`, `-`, `?`, a column is described nowhere, or a kind stands twice.
    pub fn load(mappings: &Mappings) -> Result<Self, LoadError> {
        let table = mappings.table("matrice-habilitation.tsv")?;
        let names: Vec<String> = table.columns().iter().skip(1).cloned().collect();
        let mut kinds = HashMap::new();
        let mut readers = vec![0, u32::MAX];
        for (line, row) in table.rows() {
            let mut bits = 0u32;
            for (column, cell) in row[1..].iter().enumerate() {
                match cell.as_str() {
                    "L" => bits |= 1 << column,
                    "-" | "?" => {}
                    other => return Err(table.bad_value(line, &names[column], other).into()),
                }
            }
            let index = u16::try_from(readers.len()).map_err(|_| table.bad_value(line, "type", "too many rows"))?;
            if kinds.insert(row[0].clone(), KindIndex(index)).is_some() {
                return Err(table.duplicate(line, &row[0]).into());
            }
            readers.push(bits);
        }
        let rules = load_columns(mappings, &names)?;
        Ok(Self { kinds, readers, names, rules })
    }

    /// The kind that bears a typeCode.
    #[must_use]
    pub fn kind(&self, type_code: &str, scheme: &str) -> KindIndex {
        if type_code == "E1762" && scheme == "ASTM" {
            return KindIndex::SIGNATURE;
        }
        self.kinds.get(type_code).copied().unwrap_or(KindIndex::UNKNOWN)
    }

    /// The column a profession stands in, as one bit; 0 when it stands in none.
    #[must_use]
    pub fn column(&self, profession: &Profession) -> u32 {
        let fits = |rule: &ColumnRule| {
            rule.profession == profession.code
                && (rule.selectors.is_empty()
                    || rule.selectors.iter().any(|(kind, value)| match kind.as_str() {
                        "genre" => profession.activity.as_deref() == Some(value),
                        _ => profession.speciality.as_deref() == Some(value),
                    }))
        };
        self.rules.iter().find(|rule| fits(rule)).map_or(0, |rule| rule.bit)
    }

    /// Whether the column may read the kind.
    #[must_use]
    pub fn may_read(&self, column: u32, kind: KindIndex) -> bool {
        self.readers.get(usize::from(kind.0)).is_some_and(|readers| readers & column != 0)
    }

    /// Name of a column, for explanations.
    #[must_use]
    pub fn column_name(&self, column: u32) -> &str {
        self.names.get(column.trailing_zeros() as usize).map_or("none", String::as_str)
    }

    /// All kinds that have a row.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, KindIndex)> {
        self.kinds.iter().map(|(code, kind)| (code.as_str(), *kind))
    }
}

fn load_columns(mappings: &Mappings, names: &[String]) -> Result<Vec<ColumnRule>, LoadError> {
    let table = mappings.table("matrice-professions.tsv")?;
    let (column, professions, other) = (table.column("column")?, table.column("professions")?, table.column("other")?);
    let mut rules = Vec::new();
    let mut described = 0u32;
    for (line, row) in table.rows() {
        let position = names.iter().position(|n| *n == row[column]);
        let position = position.ok_or_else(|| table.bad_value(line, "column", &row[column]))?;
        let bit = 1u32 << position;
        described |= bit;
        for profession in row[professions].split(',') {
            let selectors = row[other].split_once('=').filter(|(code, _)| *code == profession);
            let selectors = match selectors {
                None => Vec::new(),
                Some((_, list)) => list
                    .split('|')
                    .map(|s| s.split_once(':').map(|(k, v)| (k.to_owned(), v.to_owned())))
                    .collect::<Option<Vec<_>>>()
                    .ok_or_else(|| table.bad_value(line, "other", &row[other]))?,
            };
            rules.push(ColumnRule { profession: profession.to_owned(), selectors, bit });
        }
    }
    for (position, name) in names.iter().enumerate() {
        if described & (1 << position) == 0 {
            return Err(TableError::Column { table: table.name().to_owned(), column: name.clone() }.into());
        }
    }
    // A column whose selector fits comes before one that asks for nothing.
    rules.sort_by_key(|rule| rule.selectors.is_empty());
    Ok(rules)
}
