//! The demonstration: a folder with configuration, development PKI, holders and a few documents, made once.
//!
//! Every step looks at what exists already, so that an interrupted first start is taken up by the next.

mod document;
mod people;

use std::path::{Path, PathBuf};

use ambient::{SystemClock, SystemRng};
use desk::{Caller, Desk, SettingChange};
use serde_json::{Value, json};
use space::{EmergencyConsents, Ins, InsOid, InsTolerance, Sex, SpaceState, Traits};
use trust::{IssueRequest, Kind, Pki};

use crate::{
    app::{self, Core},
    commands::Failure,
    config::{self, Config},
    holders, keys,
};

pub(crate) use people::People;

/// `identity.domains` of the demonstration: the numbers of the hospital's patients.
pub(crate) const DOMAINS: &str =
    "domains = [{ oid = \"1.2.250.1.999.8.1\", structure = \"10B0999991\", name = \"IPP\" }]";

/// Makes what is missing in `data` and gives the path of its configuration.
pub(crate) async fn prepare(data: &Path) -> Result<PathBuf, Failure> {
    let io = |e: std::io::Error| Failure::run(&data.display().to_string(), &e);
    std::fs::create_dir_all(data).map_err(io)?;
    let file = data.join("passerelle.toml");
    if !file.exists() {
        write(&file, &config::template(true)).map_err(io)?;
    }
    issue(&data.join("pki"))?;
    let config = Config::load(&file).map_err(|e| Failure::usage("configuration", &e))?;
    let rng: ambient::SharedRng = SystemRng::new();
    keys::make(&config, &rng)?;
    let described = data.join("demo.json");
    // A server's store may be another one than this folder was described for.
    let embedded = config.store.url.starts_with("sqlite:");
    if !described.exists() || (!embedded && !is_filled(&config).await?) {
        set_aside(&config.evidence.heads_file).map_err(io)?;
        let core = app::open(&config).await?;
        let made = fill(&core).await.map_err(|f| Failure::refused("demo", &f))?;
        core.store.close().await;
        let text = serde_json::to_string_pretty(&made).map_err(|e| Failure::run("demo.json", &e))?;
        write(&described, &text).map_err(io)?;
    }
    Ok(file)
}

/// Puts aside the heads of another store: this one has none yet.
fn set_aside(heads: &Path) -> std::io::Result<()> {
    if !heads.is_file() {
        return Ok(());
    }
    let free = (1..).map(|n| heads.with_extension(format!("{n}.txt"))).find(|path| !path.exists());
    free.map_or(Ok(()), |path| std::fs::rename(heads, path))
}

/// Whether the store has the first holder of the demonstration.
async fn is_filled(config: &Config) -> Result<bool, Failure> {
    let core = app::open(config).await?;
    let first = HOLDERS.first().map(DemoHolder::new_holder).transpose().map_err(|r| Failure::run("demo", &r))?;
    let found = match &first {
        Some(holder) => core.store.space_of(&holder.ins).await.map_err(|e| Failure::run("store", &e))?,
        None => None,
    };
    core.store.close().await;
    Ok(found.is_some())
}

/// Writes a file whole or not at all.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let temporary = path.with_extension("new");
    std::fs::write(&temporary, text)?;
    std::fs::rename(temporary, path)
}

/// Makes the authority and the certificates that are missing.
fn issue(folder: &Path) -> Result<(), Failure> {
    let failed = |e: &dyn std::fmt::Display| Failure::run("pki", e);
    let (clock, rng) = (SystemClock::new(), SystemRng::new());
    let pki =
        if folder.join("ca.pem").exists() { Pki::open(folder, clock, rng) } else { Pki::create(folder, clock, rng) };
    let pki = pki.map_err(|e| failed(&e))?;
    for (name, kind) in certificates().map_err(|e| failed(&e))? {
        if !folder.join(format!("{name}.pem")).exists() {
            pki.issue(&IssueRequest { replace: true, ..IssueRequest::new(name, kind) }).map_err(|e| failed(&e))?;
        }
    }
    if !folder.join("crl.pem").exists() {
        pki.crl().map_err(|e| failed(&e))?;
    }
    Ok(())
}

fn certificates() -> Result<Vec<(&'static str, Kind)>, space::Refusal> {
    let mut all = Vec::new();
    for p in people::PROFESSIONALS {
        all.push((p.name, p.card()?));
    }
    let (id, organisation) = (people::HOSPITAL.id()?, people::HOSPITAL.organisation.to_owned());
    all.push(("hopital-auth", Kind::Structure { id: id.clone(), organisation: organisation.clone() }));
    all.push(("hopital-seal", Kind::Seal { id, organisation }));
    for (name, domain) in people::OPERATORS {
        all.push((*name, Kind::Operator { name: (*name).to_owned(), domains: vec![(*domain).to_owned()] }));
    }
    all.push(("server", Kind::Server { dns: Vec::new(), ips: Vec::new() }));
    // Of the sign-in service to come: its key signs the tokens of holders.
    all.push(("titulaire", Kind::Server { dns: Vec::new(), ips: Vec::new() }));
    Ok(all)
}

/// A holder of the demonstration.
struct DemoHolder {
    thirteen: &'static str,
    family: &'static str,
    given: &'static str,
    birth: &'static str,
    sex: Sex,
    state: SpaceState,
    authorises: &'static [&'static str],
    blocks: &'static [&'static str],
    emergency: EmergencyConsents,
    /// Kinds of document deposited by the physician, each masked or not.
    documents: &'static [(&'static str, bool)],
    /// What this holder is there to show.
    shows: &'static str,
}

const CONSENTS: EmergencyConsents = EmergencyConsents { centre15: true, bris_de_glace: true, masked: false };

const HOLDERS: &[DemoHolder] = &[
    DemoHolder {
        thirteen: "2801175123456",
        family: "AUBRY",
        given: "CLAIRE",
        birth: "19801105",
        sex: Sex::F,
        state: SpaceState::Open,
        authorises: &["medecin", "infirmier", "pharmacien", "medecin-traitant"],
        blocks: &[],
        emergency: EmergencyConsents { centre15: true, bris_de_glace: true, masked: true },
        documents: &[("11502-2", false), ("89233-1", false), ("11488-4", true)],
        shows: "an ordinary space: a biology report, a pregnancy report only physicians and midwives read, a masked consultation",
    },
    DemoHolder {
        thirteen: "1550613055123",
        family: "MOREL",
        given: "HENRI",
        birth: "19550614",
        sex: Sex::M,
        state: SpaceState::Open,
        authorises: &["medecin", "pharmacien"],
        blocks: &["infirmier"],
        emergency: CONSENTS,
        documents: &[("57833-6", false)],
        shows: "a holder who blocks a professional",
    },
    DemoHolder {
        thirteen: "2620333063987",
        family: "LE GUEN",
        given: "ANNE-MARIE",
        birth: "19620303",
        sex: Sex::F,
        state: SpaceState::Open,
        authorises: &["medecin"],
        blocks: &[],
        emergency: EmergencyConsents { centre15: false, bris_de_glace: false, masked: false },
        documents: &[("34112-3", false)],
        shows: "a holder who refused every emergency access",
    },
    DemoHolder {
        thirteen: "2170492025111",
        family: "AUBRY",
        given: "LILOU",
        birth: "20170402",
        sex: Sex::F,
        state: SpaceState::Open,
        authorises: &["medecin", "medecin-traitant"],
        blocks: &[],
        emergency: CONSENTS,
        documents: &[("87273-9", false)],
        shows: "a child with two legal representatives",
    },
    DemoHolder {
        thirteen: "1900759350222",
        family: "NGUYEN",
        given: "THOMAS",
        birth: "19900721",
        sex: Sex::M,
        state: SpaceState::Noticed,
        authorises: &[],
        blocks: &[],
        emergency: CONSENTS,
        documents: &[],
        shows: "told of the coming space, which is not open yet",
    },
    DemoHolder {
        thirteen: "1470969123333",
        family: "PETIT",
        given: "GERARD",
        birth: "19470917",
        sex: Sex::M,
        state: SpaceState::Closed,
        authorises: &[],
        blocks: &[],
        emergency: CONSENTS,
        documents: &[],
        shows: "a closed space",
    },
    DemoHolder {
        thirteen: "173022A004444",
        family: "LECA",
        given: "MARIE",
        birth: "19730210",
        sex: Sex::F,
        state: SpaceState::Open,
        authorises: &[],
        blocks: &[],
        emergency: CONSENTS,
        documents: &[],
        shows: "an open space where nobody is authorised yet (born in Corsica)",
    },
];

impl DemoHolder {
    fn new_holder(&self) -> Result<desk::NewHolder, space::Refusal> {
        let key = space::ins::key_of(self.thirteen).unwrap_or_default();
        let ins = Ins::parse(&format!("{}{key:02}", self.thirteen), InsOid::NirTest, InsTolerance::Strict)?;
        let birth_date = space::Dtm::parse(self.birth)
            .map_err(|_| space::Refusal::new(space::Cause::MetadataInvalid).about("birthDate"))?;
        let traits = Traits {
            family: self.family.to_owned(),
            given: vec![self.given.to_owned()],
            used_family: None,
            birth_date,
            sex: self.sex,
            birth_place: Some(self.thirteen[5..10].to_owned()),
        };
        Ok(desk::NewHolder { ins, traits, state: self.state })
    }
}

/// Makes holders, settings and documents; gives what `demo.json` says.
async fn fill(core: &Core) -> Result<Value, desk::Fault> {
    let desk = &core.desk;
    let mut described = Vec::new();
    for (index, holder) in HOLDERS.iter().enumerate() {
        // A closed space was open once, and a noticed one is opened by nobody here.
        let mut new = holder.new_holder()?;
        let ins = new.ins.clone();
        if holder.state == SpaceState::Closed {
            new.state = SpaceState::Open;
        }
        holders::create(core, new).await?;
        settle(desk, holder, &ins).await?;
        let mut documents = Vec::new();
        for (number, (kind, masked)) in holder.documents.iter().enumerate() {
            let unique_id = format!("1.2.250.1.999.7.1.{}.{}", index + 1, number + 1);
            document::deposit(desk, &ins, holder.family, holder.given, kind, *masked, &unique_id).await?;
            documents.push(unique_id);
        }
        described.push(json!({
            "ins": ins.matricule(), "oid": ins.oid().as_str(), "family": holder.family, "given": holder.given,
            "birthDate": format!("{}-{}-{}", &holder.birth[..4], &holder.birth[4..6], &holder.birth[6..]),
            "sex": holder.sex, "state": holder.state, "authorises": holder.authorises, "blocks": holder.blocks,
            "emergency": holder.emergency, "documents": documents, "shows": holder.shows,
        }));
    }
    Ok(json!({
        "holders": described,
        "professionals": people::PROFESSIONALS.iter().map(people::Professional::described).collect::<Vec<_>>(),
        "structures": [people::HOSPITAL.described()],
        "operators": people::OPERATORS.iter().map(|(n, d)| json!({ "name": n, "domains": [d] })).collect::<Vec<_>>(),
        "made": holders::now_ms(core),
    }))
}

async fn settle(desk: &Desk, holder: &DemoHolder, ins: &Ins) -> Result<(), desk::Fault> {
    let operator = Caller::operator();
    let id = |name: &str| people::id_of(name).unwrap_or_default();
    let mut changes = Vec::new();
    for name in holder.authorises {
        changes.push(SettingChange::Authorise { who: id(name), is_structure: false });
        if *name == "medecin-traitant" {
            changes.push(SettingChange::MedecinTraitant { who: id(name), declared: true });
        }
    }
    for name in holder.blocks {
        changes.push(SettingChange::Block { who: id(name), is_structure: false });
    }
    if holder.emergency != EmergencyConsents::default() {
        changes.push(SettingChange::Emergency(holder.emergency));
    }
    if holder.state == SpaceState::Closed {
        changes.push(SettingChange::Oppose);
    }
    for change in changes {
        desk.set(&operator, Some(ins), &change).await?;
    }
    Ok(())
}
