//! `passerelle space …`: on development data, what a holder can set, and the trace as the holder sees it.

use clap::{Args, Subcommand};
use desk::{Caller, SettingChange, TracePlace, TraceQuery};
use space::{
    EmergencyConsents, Ins, ProfessionalId, StructureId,
    settings::AuthorisationKind,
    trace::{Outcome, TraceEvent},
};

use super::{Failure, print};
use crate::{
    app::{self, Core},
    demo::People,
    holders,
};

#[derive(Debug, Args)]
pub(crate) struct SpaceArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print state, day of the notice and settings, as JSON.
    Show(Target),
    /// Authorise a professional (or a structure: all its professionals).
    Authorise(Who),
    /// Withdraw an authorisation.
    Withdraw(Who),
    /// Block a professional or structure: no access at all, in any mode.
    Block(Who),
    /// Unblock.
    Unblock(Who),
    /// Declare a médecin traitant; with --remove, remove.
    MedecinTraitant {
        #[command(flatten)]
        who: Who,
        /// Remove instead.
        #[arg(long)]
        remove: bool,
    },
    /// Set emergency consents; those not given stay.
    Emergency {
        #[command(flatten)]
        target: Target,
        /// Regulation of emergency calls.
        #[arg(long)]
        centre15: Option<bool>,
        /// Break-glass.
        #[arg(long)]
        bris_de_glace: Option<bool>,
        /// Masked documents, in both.
        #[arg(long)]
        masked: Option<bool>,
    },
    /// Oppose that values found in documents feed the measures; with --again, let them.
    OpposeFeeding {
        #[command(flatten)]
        target: Target,
        /// Let them feed again.
        #[arg(long)]
        again: bool,
    },
    /// Oppose the opening of the space; an open one is closed.
    Oppose(Target),
    /// Let the space of --into go on for that of --ins: one person, two numbers. Never undone.
    Merge {
        #[command(flatten)]
        target: Target,
        /// Matricule of the space that goes on.
        #[arg(long)]
        into: String,
        /// OID of its register; without, whichever has it.
        #[arg(long)]
        into_oid: Option<String>,
    },
    /// Know the spaces of --ins and --with as one person's, who keeps both.
    Link(Pair),
    /// Know them so no more.
    Unlink(Pair),
    /// Print the trace as the holder sees it, newest first, one JSON object a line.
    Trace(Target),
}

#[derive(Debug, Args)]
struct Target {
    /// Matricule INS, 15 characters.
    #[arg(long)]
    ins: String,
    /// OID of its register; without, whichever has it.
    #[arg(long)]
    oid: Option<String>,
    #[command(flatten)]
    data: super::DataArgs,
}

#[derive(Debug, Args)]
struct Pair {
    #[command(flatten)]
    target: Target,
    /// Matricule of the other space.
    #[arg(long)]
    with: String,
    /// OID of its register; without, whichever has it.
    #[arg(long)]
    with_oid: Option<String>,
}

#[derive(Debug, Args)]
struct Who {
    #[command(flatten)]
    target: Target,
    /// A name of demo.json, an RPPS number, a PS_IdNat, or a structure's name or Struct_IdNat.
    #[arg(long)]
    who: String,
    /// Read --who as a structure's identifier.
    #[arg(long)]
    structure: bool,
}

impl Target {
    async fn open(&self) -> Result<(Core, Ins), Failure> {
        let (config, core) = app::open_data(&self.data.data).await?;
        if !config.access.operator_may_set {
            return Err(Failure::usage("space", &"only on development data: gateway.development = true"));
        }
        let ins = holders::find(&core, &self.ins, self.oid.as_deref()).await?;
        Ok((core, ins))
    }
}

impl Pair {
    async fn set(&self, linked: bool) -> Result<(), Failure> {
        let (core, one) = self.target.open().await?;
        let other = holders::find(&core, &self.with, self.with_oid.as_deref()).await?;
        let done = core.desk.link_holders(&Caller::operator(), &one, &other, linked).await;
        core.store.close().await;
        done.map_err(|f| Failure::refused("space", &f))
    }
}

impl Who {
    /// Who is meant: identifier, and whether it is a structure's.
    fn resolve(&self) -> Result<(String, bool), Failure> {
        if let Some(found) = People::of(&self.target.data.data).find(&self.who) {
            return Ok(found);
        }
        let wrong = || Failure::usage("--who", &"no name of demo.json, RPPS, PS_IdNat or Struct_IdNat");
        if self.structure {
            return StructureId::parse(&self.who).map(|id| (id.to_string(), true)).map_err(|_| wrong());
        }
        let person = ProfessionalId::parse(&self.who).or_else(|_| ProfessionalId::from_rpps(&self.who));
        match (person, StructureId::parse(&self.who)) {
            (Ok(id), _) => Ok((id.to_string(), false)),
            (Err(_), Ok(id)) => Ok((id.to_string(), true)),
            (Err(_), Err(_)) => Err(wrong()),
        }
    }
}

pub(crate) async fn run(args: SpaceArgs) -> Result<(), Failure> {
    match args.action {
        Action::Show(target) => show(&target).await,
        Action::Trace(target) => trace(&target).await,
        Action::Oppose(target) => set(&target, SettingChange::Oppose).await,
        Action::Merge { target, into, into_oid } => {
            let (core, retired) = target.open().await?;
            let survivor = holders::find(&core, &into, into_oid.as_deref()).await?;
            let done = core.desk.merge(&Caller::operator(), &survivor, &retired).await;
            core.store.close().await;
            done.map_err(|f| Failure::refused("space", &f))
        }
        Action::Link(pair) => pair.set(true).await,
        Action::Unlink(pair) => pair.set(false).await,
        Action::Authorise(who) => {
            let (id, is_structure) = who.resolve()?;
            set(&who.target, SettingChange::Authorise { who: id, is_structure }).await
        }
        Action::Withdraw(who) => {
            let (id, is_structure) = who.resolve()?;
            set(&who.target, SettingChange::Withdraw { who: id, is_structure }).await
        }
        Action::Block(who) => {
            let (id, is_structure) = who.resolve()?;
            set(&who.target, SettingChange::Block { who: id, is_structure }).await
        }
        Action::Unblock(who) => {
            let (id, is_structure) = who.resolve()?;
            set(&who.target, SettingChange::Unblock { who: id, is_structure }).await
        }
        Action::MedecinTraitant { who, remove } => {
            let (id, _) = who.resolve()?;
            set(&who.target, SettingChange::MedecinTraitant { who: id, declared: !remove }).await
        }
        Action::OpposeFeeding { target, again } => set(&target, SettingChange::Feeding { opposed: !again }).await,
        Action::Emergency { target, centre15, bris_de_glace, masked } => {
            let (core, ins) = target.open().await?;
            let known = core.desk.identify(&Caller::operator(), Some(&ins)).await;
            let (_, _, settings) = known.map_err(|f| Failure::refused("space", &f))?;
            let consents = EmergencyConsents {
                centre15: centre15.unwrap_or(settings.emergency.centre15),
                bris_de_glace: bris_de_glace.unwrap_or(settings.emergency.bris_de_glace),
                masked: masked.unwrap_or(settings.emergency.masked),
            };
            change(&core, &ins, &SettingChange::Emergency(consents)).await
        }
    }
}

async fn set(target: &Target, setting: SettingChange) -> Result<(), Failure> {
    let (core, ins) = target.open().await?;
    change(&core, &ins, &setting).await
}

async fn change(core: &Core, ins: &Ins, setting: &SettingChange) -> Result<(), Failure> {
    let done = core.desk.set(&Caller::operator(), Some(ins), setting).await;
    core.store.close().await;
    done.map_err(|f| Failure::refused("space", &f))
}

async fn show(target: &Target) -> Result<(), Failure> {
    let (core, ins) = target.open().await?;
    let known = core.desk.identify(&Caller::operator(), Some(&ins)).await;
    let (holder, noticed_ms, settings) = known.map_err(|f| Failure::refused("space", &f))?;
    core.store.close().await;
    let day = |ms: i64| jiff::Timestamp::from_millisecond(ms).map(|t| t.to_string()).unwrap_or_default();
    let of = |kind: AuthorisationKind| -> Vec<_> {
        let stands = settings.authorisations.iter().filter(|a| a.kind == kind);
        stands
            .map(|a| serde_json::json!({ "id": a.grantee, "structure": a.is_structure, "since": day(a.since_ms) }))
            .collect()
    };
    let shown = serde_json::json!({
        "ins": holder.ins.matricule(),
        "oid": holder.ins.oid().as_str(),
        "state": holder.state.as_str(),
        "noticed": day(noticed_ms),
        "revision": settings.revision,
        "authorises": of(AuthorisationKind::Given),
        "blocks": of(AuthorisationKind::Blocked),
        "feedingOpposed": settings.feeding_opposed,
        "medecinsTraitants": settings.medecins_traitants,
        "emergency": {
            "centre15": settings.emergency.centre15,
            "bris_de_glace": settings.emergency.bris_de_glace,
            "masked": settings.emergency.masked,
        },
    });
    print(&serde_json::to_string_pretty(&shown).unwrap_or_default());
    Ok(())
}

/// Events read at once.
const PAGE: usize = 500;

async fn trace(target: &Target) -> Result<(), Failure> {
    let (core, ins) = target.open().await?;
    let operator = Caller::operator();
    let mut page = TraceQuery { limit: PAGE, ..TraceQuery::default() };
    loop {
        let read = core.desk.traces(&operator, Some(&ins), &page).await;
        let events = read.map_err(|f| Failure::refused("space", &f))?;
        for (place, event) in &events {
            print(&as_the_holder_sees(place, event).to_string());
        }
        if events.len() < PAGE {
            break;
        }
        page.before = events.last().map(|(place, _)| place.clone());
    }
    core.store.close().await;
    Ok(())
}

/// Technical mode and level of access stay in the back office (holder-space rules R123, R250); an emergency is shown.
fn as_the_holder_sees(place: &TracePlace, event: &TraceEvent) -> serde_json::Value {
    let at = jiff::Timestamp::from_millisecond(event.at_ms).map(|t| t.to_string()).unwrap_or_default();
    let (outcome, cause) = match &event.outcome {
        Outcome::Done => ("done", None),
        Outcome::Refused(cause) => ("refused", Some(cause)),
    };
    serde_json::json!({
        "at": at,
        "act": event.act,
        "outcome": outcome,
        "cause": cause,
        "who": {
            "id": event.actor.id,
            "name": event.actor.name,
            "profession": event.actor.profession.code,
            "structure": event.actor.structure,
        },
        "emergency": (event.actor.purpose.vihf() != "normal").then(|| event.actor.purpose.vihf()),
        "reason": event.actor.purpose.reason(),
        "documents": event.targets,
        "signature": event.signature,
        "rule": event.rule,
        // Where it stands in the log: what `evidence proof --place` takes.
        "place": format!("{}/{}", place.origin, place.seq),
    })
}
