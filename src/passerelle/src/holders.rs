//! Holders on the command line: a number given as 15 characters, found whatever its register; one line of an import.

use ambient::Clock as _;
use desk::{Caller, NewHolder};
use serde::Deserialize;
use space::{Dtm, Ins, InsOid, InsTolerance, Refusal, Sex, SpaceState, Traits};

use crate::{app::Core, commands::Failure};

/// Finds the holder of a number, in the register named or in whichever has it.
pub(crate) async fn find(core: &Core, matricule: &str, oid: Option<&str>) -> Result<Ins, Failure> {
    let registers: Vec<InsOid> = match oid {
        Some(oid) => vec![InsOid::parse(oid).ok_or_else(|| Failure::usage("--oid", &"no register of the INS"))?],
        None => InsOid::ALL.to_vec(),
    };
    let mut wrong = None;
    for register in registers {
        match Ins::parse(matricule, register, core.desk.ins_tolerance()) {
            Ok(ins) => {
                let found = core.store.space_of(&ins).await.map_err(|e| Failure::run("store", &e))?;
                if found.is_some() {
                    return Ok(ins);
                }
            }
            Err(refusal) => wrong = Some(refusal),
        }
    }
    let why = wrong.map_or("no space exists for this INS".to_owned(), |r: Refusal| r.cause.advice_en().to_owned());
    Err(Failure::usage("--ins", &why))
}

/// A line of `import identities`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Line {
    ins: String,
    oid: Option<String>,
    family: String,
    given: Given,
    used_family: Option<String>,
    birth_date: String,
    sex: Sex,
    birth_place: Option<String>,
    #[serde(default = "open")]
    state: SpaceState,
}

/// Given names: a list, or one text with spaces between them.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Given {
    List(Vec<String>),
    Text(String),
}

const fn open() -> SpaceState {
    SpaceState::Open
}

impl Line {
    /// Checks the line.
    pub(crate) fn read(text: &str, tolerance: InsTolerance) -> Result<NewHolder, String> {
        let line: Self = serde_json::from_str(text).map_err(|e| match e.classify() {
            serde_json::error::Category::Data => {
                format!("a field is absent, unknown or of another kind (column {})", e.column())
            }
            _ => format!("not JSON (column {})", e.column()),
        })?;
        let oid = line.oid.as_deref().unwrap_or(InsOid::Nir.as_str());
        let oid = InsOid::parse(oid).ok_or("oid: no register of the INS")?;
        let ins = Ins::parse(&line.ins, oid, tolerance).map_err(|r| format!("ins: {}", r.cause.code()))?;
        let given = match line.given {
            Given::List(list) => list,
            Given::Text(text) => text.split_whitespace().map(str::to_owned).collect(),
        };
        let birth_date = Dtm::parse(&line.birth_date.replace('-', "")).map_err(|_| "birthDate: not a date")?;
        let traits = Traits {
            family: line.family,
            given,
            used_family: line.used_family,
            birth_date,
            sex: line.sex,
            birth_place: line.birth_place,
        };
        traits.check().map_err(|field| format!("{field}: breaks the writing rules of the RNIV"))?;
        Ok(NewHolder { ins, traits, state: line.state })
    }
}

/// Makes a space; one that exists already is left as it is.
pub(crate) async fn create(core: &Core, holder: NewHolder) -> Result<bool, desk::Fault> {
    if core.store.space_of(&holder.ins).await.map_err(desk::Fault::Store)?.is_some() {
        return Ok(false);
    }
    core.desk.create(&Caller::operator(), holder).await.map(|_| true)
}

/// The present instant of a core, in milliseconds since 1970 UTC.
pub(crate) fn now_ms(core: &Core) -> i64 {
    core.clock.now().as_millisecond()
}
