//! Kinds of measures: codes, units, what must and must not be said with each; and the value sets of what is said.

use std::collections::HashMap;

use crate::{Table, TableError};

/// Whether something is said with a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saying {
    /// It must be.
    Must,
    /// It must not be.
    No,
    /// As the sender likes.
    May,
}

/// One value of a measure that has several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasurePart {
    /// Its code, in the measure's system.
    pub code: String,
    /// Whether it must be there.
    pub required: bool,
}

/// A kind of measure.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasureKind {
    /// Its word here.
    pub word: String,
    /// Codes: the first is written, all are read.
    pub codes: Vec<String>,
    /// OID of their system.
    pub scheme: String,
    /// Unit (UCUM).
    pub unit: String,
    /// The one text of the unit, where there is one.
    pub unit_text: Option<String>,
    /// Its values, when there are several.
    pub parts: Vec<MeasurePart>,
    /// Value set of methods, and whether one may depart from it.
    pub method: Option<(String, bool)>,
    /// Value set of body sites, and whether one may depart from it.
    pub site: Option<(String, bool)>,
    /// The moment.
    pub moment: Saying,
    /// The number of days.
    pub days: Saying,
    /// Whether anybody writes it: others are calculated.
    pub is_written: bool,
    /// Least value.
    pub least: Option<f64>,
    /// Greatest value.
    pub most: Option<f64>,
    /// Digits after the point, at most.
    pub decimals: Option<usize>,
    /// Profiles that mean this kind.
    pub profiles: Vec<String>,
    /// Label, in French.
    pub label: String,
}

/// All kinds, and the codes that go with them.
#[derive(Debug, Default)]
pub struct Measures {
    kinds: Vec<MeasureKind>,
    by_code: HashMap<(String, String), usize>,
    /// (set, code, scheme) → label.
    codes: HashMap<(String, String, String), String>,
}

impl Measures {
    /// Reads `measures.tsv` and `measure-codes.tsv`.
    ///
    /// # Errors
    /// When a column is absent, a code stands twice, or a cell means nothing.
    pub fn read(table: &Table, sets: &Table) -> Result<Self, TableError> {
        let mut read = Self { codes: Self::read_codes(sets)?, ..Self::default() };
        let column = |name| table.column(name);
        for (line, row) in table.rows() {
            let cell = |name| Ok::<_, TableError>(row[column(name)?].as_str());
            let text = |name| Ok::<_, TableError>(Some(cell(name)?.to_owned()).filter(|t| !t.is_empty()));
            let bad = |name: &str, value: &str| table.bad_value(line, name, value);
            let list = |name| Ok::<_, TableError>(cell(name)?.split(',').filter(|c| !c.is_empty()).map(str::to_owned));
            let number = |name| match cell(name)? {
                "" => Ok(None),
                value => value.parse::<f64>().map(Some).map_err(|_| bad(name, value)),
            };
            let set = |name| match cell(name)? {
                "" => Ok(None),
                value => {
                    let (set, loose) = value.strip_suffix('?').map_or((value, false), |set| (set, true));
                    let known = read.codes.keys().any(|(known, ..)| known == set);
                    if known { Ok(Some((set.to_owned(), loose))) } else { Err(bad(name, value)) }
                }
            };
            let saying = |name| match cell(name)? {
                "must" => Ok(Saying::Must),
                "no" => Ok(Saying::No),
                "" => Ok(Saying::May),
                other => Err(bad(name, other)),
            };
            let part = |part: String| match part.strip_suffix('!') {
                Some(code) => MeasurePart { code: code.to_owned(), required: true },
                None => MeasurePart { code: part, required: false },
            };
            let kind = MeasureKind {
                word: cell("word")?.to_owned(),
                codes: list("codes")?.collect(),
                scheme: cell("scheme")?.to_owned(),
                unit: cell("unit")?.to_owned(),
                unit_text: text("unit_text")?,
                parts: list("parts")?.map(part).collect(),
                method: set("method")?,
                site: set("site")?,
                moment: saying("moment")?,
                days: saying("days")?,
                is_written: match cell("write")? {
                    "y" => true,
                    "n" => false,
                    other => return Err(bad("write", other)),
                },
                least: number("least")?,
                most: number("most")?,
                decimals: match cell("decimals")? {
                    "" => None,
                    value => Some(value.parse().map_err(|_| bad("decimals", value))?),
                },
                profiles: list("profiles")?.collect(),
                label: cell("label")?.to_owned(),
            };
            if kind.codes.is_empty() {
                return Err(bad("codes", ""));
            }
            for code in &kind.codes {
                if read.by_code.insert((code.clone(), kind.scheme.clone()), read.kinds.len()).is_some() {
                    return Err(table.duplicate(line, code));
                }
            }
            read.kinds.push(kind);
        }
        Ok(read)
    }

    fn read_codes(sets: &Table) -> Result<HashMap<(String, String, String), String>, TableError> {
        let (set, code) = (sets.column("set")?, sets.column("code")?);
        let (scheme, label) = (sets.column("scheme")?, sets.column("label")?);
        let mut codes = HashMap::new();
        for (line, row) in sets.rows() {
            let key = (row[set].clone(), row[code].clone(), row[scheme].clone());
            if codes.insert(key, row[label].clone()).is_some() {
                return Err(sets.duplicate(line, &row[code]));
            }
        }
        Ok(codes)
    }

    /// All kinds, in the table's order.
    #[must_use]
    pub fn kinds(&self) -> &[MeasureKind] {
        &self.kinds
    }

    /// The kind that a code means.
    #[must_use]
    pub fn of_code(&self, code: &str, scheme: &str) -> Option<&MeasureKind> {
        self.by_code.get(&(code.to_owned(), scheme.to_owned())).and_then(|at| self.kinds.get(*at))
    }

    /// The kind of that word.
    #[must_use]
    pub fn of_word(&self, word: &str) -> Option<&MeasureKind> {
        self.kinds.iter().find(|kind| kind.word == word)
    }

    /// Whether a code belongs to a value set.
    #[must_use]
    pub fn contains(&self, set: &str, code: &str, scheme: &str) -> bool {
        self.codes.contains_key(&(set.to_owned(), code.to_owned(), scheme.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mappings;

    #[test]
    fn the_tables_of_measures_say_what_the_interface_says() {
        let mappings = Mappings::built_in();
        let table = |name| mappings.table(name).expect(name);
        let measures = Measures::read(&table("measures.tsv"), &table("measure-codes.tsv")).expect("tables");
        assert_eq!(measures.kinds().len(), 14);
        let loinc = "2.16.840.1.113883.6.1";
        let pressure = measures.of_code("85354-9", loinc).expect("blood pressure");
        assert_eq!(pressure.parts.iter().filter(|p| p.required).count(), 2);
        assert!(!measures.of_code("39156-5", loinc).expect("BMI").is_written);
        let glucose = measures.of_code("2345-7", loinc).expect("glucose");
        assert_eq!((glucose.moment, glucose.days), (Saying::Must, Saying::No));
        assert!(measures.contains("J157", "53049-3", loinc) && !measures.contains("J164", "53049-3", loinc));
        assert!(measures.of_code("MED-969", loinc).is_none(), "a code of another system");
    }
}
