//! Code systems and value sets, loaded from `mappings/`: one look-up for all faces.
//!
//! The files are part of the program (so that one binary is enough) and may be replaced by a folder of the
//! operator's: a table that changes by decree needs no release. Knows codes; knows neither documents nor rights.

mod measures;
mod table;
mod value_set;

use std::path::Path;

pub use measures::{MeasureKind, MeasurePart, Measures, Saying};
pub use table::{Table, TableError};
pub use value_set::{Coding, DocumentType, DocumentTypes, ValueSet};

/// Text of a file of `mappings/`, as built into the program.
macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        const BUILT_IN: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../../mappings/", $name)))),*];
    };
}

built_in!(
    "author-specialties.tsv",
    "brick-rights.tsv",
    "cda-formats.tsv",
    "cda-header.tsv",
    "cda/biologie.tsv",
    "cda/signes-vitaux.tsv",
    "class-codes.tsv",
    "confidentiality-codes.tsv",
    "content-types.tsv",
    "dmp-authorisation-status.tsv",
    "dmp-record-words.tsv",
    "document-types.tsv",
    "droits-fonctionnels-dmp.tsv",
    "format-codes.tsv",
    "healthcare-facility-types.tsv",
    "matrice-habilitation.tsv",
    "matrice-professions.tsv",
    "measure-codes.tsv",
    "measures.tsv",
    "practice-settings.tsv",
    "professions.tsv",
);

/// Why the tables could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A table says something that means nothing.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A file of the operator's folder could not be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// No table bears that name.
    #[error("no table is called `{0}`")]
    Unknown(String),
}

/// Where tables are read from: the operator's folder first, then the program's own copy.
#[derive(Debug, Clone, Default)]
pub struct Mappings {
    folder: Option<std::path::PathBuf>,
}

impl Mappings {
    /// The tables built into the program.
    #[must_use]
    pub fn built_in() -> Self {
        Self::default()
    }

    /// Tables of `folder` replace those of the same name.
    #[must_use]
    pub fn with_folder(folder: &Path) -> Self {
        Self { folder: Some(folder.to_owned()) }
    }

    /// Names of all tables.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// Names of the tables of a folder of `mappings/`: the program's own, and what the operator's folder adds to them.
    ///
    /// # Errors
    /// When the operator's folder cannot be read.
    pub fn tables_of(&self, folder: &str) -> Result<Vec<String>, LoadError> {
        let mut names: Vec<String> = Self::names()
            .filter(|n| n.strip_prefix(folder).is_some_and(|n| n.starts_with('/')))
            .map(str::to_owned)
            .collect();
        if let Some(added) = self.folder.as_ref().map(|f| f.join(folder)).filter(|p| p.is_dir()) {
            let failed = |source| LoadError::Read { path: added.display().to_string(), source };
            for file in std::fs::read_dir(&added).map_err(failed)? {
                let name = file.map_err(failed)?.file_name().to_string_lossy().into_owned();
                if name.ends_with(".tsv") {
                    names.push(format!("{folder}/{name}"));
                }
            }
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// Reads one table.
    ///
    /// # Errors
    /// When no table bears the name, or its text is refused.
    pub fn table(&self, name: &str) -> Result<Table, LoadError> {
        if let Some(path) = self.folder.as_ref().map(|f| f.join(name)).filter(|p| p.exists()) {
            let text = std::fs::read_to_string(&path)
                .map_err(|source| LoadError::Read { path: path.display().to_string(), source })?;
            return Ok(Table::parse(name, &text)?);
        }
        let (_, text) = BUILT_IN.iter().find(|(n, _)| *n == name).ok_or_else(|| LoadError::Unknown(name.to_owned()))?;
        Ok(Table::parse(name, text)?)
    }
}

/// Every code table that the metadata of a document refers to.
#[derive(Debug)]
pub struct Terminology {
    /// XDS typeCode.
    pub types: DocumentTypes,
    /// XDS classCode.
    pub classes: ValueSet,
    /// XDS formatCode.
    pub formats: ValueSet,
    /// XDS healthcareFacilityTypeCode.
    pub facilities: ValueSet,
    /// XDS practiceSettingCode.
    pub settings: ValueSet,
    /// XDS confidentialityCode.
    pub confidentialities: ValueSet,
    /// XDS contentTypeCode of a submission set.
    pub content_types: ValueSet,
    /// XDS authorSpecialty.
    pub author_specialties: ValueSet,
    /// Professions (TRE_G15).
    pub professions: ValueSet,
    /// Words of TD0.2 on the caller's authorisation, by state (`given`, `none`, `blocked`).
    pub authorisation_words: ValueSet,
    /// Words that TD0.2 and its like tell of a record by.
    pub record_words: ValueSet,
    /// Kinds of measures.
    pub measures: Measures,
}

impl Terminology {
    /// Loads and checks every table.
    ///
    /// # Errors
    /// On the first table that says something which means nothing.
    pub fn load(mappings: &Mappings) -> Result<Self, LoadError> {
        let set = |name: &str| -> Result<ValueSet, LoadError> { Ok(ValueSet::read(&mappings.table(name)?)?) };
        Ok(Self {
            types: DocumentTypes::read(&mappings.table("document-types.tsv")?)?,
            classes: set("class-codes.tsv")?,
            formats: set("format-codes.tsv")?,
            facilities: set("healthcare-facility-types.tsv")?,
            settings: set("practice-settings.tsv")?,
            confidentialities: set("confidentiality-codes.tsv")?,
            content_types: set("content-types.tsv")?,
            author_specialties: set("author-specialties.tsv")?,
            professions: set("professions.tsv")?,
            authorisation_words: set("dmp-authorisation-status.tsv")?,
            record_words: set("dmp-record-words.tsv")?,
            measures: Measures::read(&mappings.table("measures.tsv")?, &mappings.table("measure-codes.tsv")?)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_names_its_source_and_date_and_loads() {
        for name in Mappings::names() {
            let table = Mappings::built_in().table(name).expect(name);
            assert!(!table.source.is_empty() && table.in_force.len() == 10, "{name}");
            assert!(table.rows().count() > 0, "{name} is empty");
        }
        Terminology::load(&Mappings::built_in()).expect("tables load");
    }

    #[test]
    fn every_type_belongs_to_a_known_class() {
        let terms = Terminology::load(&Mappings::built_in()).expect("tables load");
        for (code, kind) in terms.types.iter() {
            if let Some(class) = &kind.class {
                assert!(terms.classes.contains_code(class), "{code} → {class}");
            }
        }
        assert!(terms.types.get("11502-2").is_some_and(|t| t.may_be_written));
        assert!(terms.types.get("27899-4").is_some_and(|t| !t.may_be_written));
    }

    #[test]
    fn a_table_without_source_or_with_a_short_row_is_refused_with_its_line() {
        assert!(matches!(Table::parse("t", "a\tb\n"), Err(TableError::Header { .. })));
        let short = "# source: x\n# in force: 2024-01-01\na\tb\n1\n";
        assert!(matches!(Table::parse("t", short), Err(TableError::Width { line: 4, .. })));
    }
}
