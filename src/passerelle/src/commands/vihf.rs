//! `passerelle vihf`: a signed VIHF, or its JWT equivalent — what an integrator needs to try a call.

use std::{path::Path, sync::Arc, time::Duration};

use ambient::{Clock as _, SystemRng};
use clap::{Args, ValueEnum};
use jiff::SignedDuration;
use space::{AuthMode, Ins, InsOid, ProfessionalId, Purpose, Software, StructureId};
use trust::{Bearer, CodedRole, Peer, SigningKey, StructureUse, VihfRequest};

use super::{Failure, print};
use crate::{app, demo::People, holders};

/// Name under which the holder's own token is made.
const HOLDER: &str = "titulaire";

#[derive(Debug, Args)]
pub(crate) struct VihfArgs {
    /// Name of the certificate: pki/NAME.pem. A structure's is signed with its seal (NAME-auth → NAME-seal); `titulaire` makes
    /// the access token of the holder, for the public listener.
    #[arg(long = "as")]
    pub(super) name: String,
    /// Matricule INS of the holder the call bears on.
    #[arg(long)]
    ins: Option<String>,
    /// OID of its register; without, whichever has it, else the test register.
    #[arg(long)]
    oid: Option<String>,
    /// Why access is asked for.
    #[arg(long, default_value = "normal")]
    mode: ModeArg,
    /// Reason of a break-glass access.
    #[arg(long)]
    reason: Option<String>,
    /// How the software authenticated; by default directe for a card, indirecte for a structure.
    #[arg(long)]
    auth: Option<AuthArg>,
    /// Connexion secrète.
    #[arg(long)]
    secret: bool,
    /// The user, for a structure (PS_IdNat).
    #[arg(long)]
    user: Option<String>,
    /// The user's name, for a structure.
    #[arg(long, default_value = "INTERNE GARDE")]
    user_name: String,
    /// The user's profession (TRE_G15), for a structure.
    #[arg(long, default_value = "10")]
    profession: String,
    /// The user's speciality (TRE_R01) or section (TRE_G05), for a structure.
    #[arg(long, default_value = "SM26")]
    speciality: String,
    /// Sector of activity (TRE_R02).
    #[arg(long, default_value = "SA01")]
    sector: String,
    /// How long it is valid, in seconds, when Conditions are to be written.
    #[arg(long)]
    valid_s: Option<u64>,
    /// Print the JWT equivalent, for FHIR.
    #[arg(long)]
    jwt: bool,
    #[command(flatten)]
    pub(super) data: super::DataArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum ModeArg {
    Normal,
    BrisDeGlace,
    #[value(name = "centre_15")]
    Centre15,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum AuthArg {
    Directe,
    Indirecte,
    IndirecteRenforcee,
}

pub(crate) async fn run(args: VihfArgs) -> Result<(), Failure> {
    let (_, core) = app::open_data(&args.data.data).await?;
    let signed = args.signed(&core).await;
    core.store.close().await;
    print(&signed?);
    Ok(())
}

impl VihfArgs {
    /// The credential they ask for, signed.
    pub(super) async fn signed(&self, core: &app::Core) -> Result<String, Failure> {
        if self.name == HOLDER {
            return self.holder_token(self.patient(core).await?.as_ref(), core.clock.now());
        }
        let request = request(self, self.patient(core).await?, core.clock.now())?;
        if self.jwt {
            return trust::bearer::sign(&request).map_err(|e| Failure::run("vihf", &e));
        }
        request.sign(SystemRng::new().as_ref()).map_err(|e| Failure::run("vihf", &e))
    }

    /// The access token of the holder: what the sign-in service will give them.
    fn holder_token(&self, patient: Option<&Ins>, issued: jiff::Timestamp) -> Result<String, Failure> {
        let holder = patient.ok_or_else(|| Failure::usage("--ins", &"names the holder whose token it is"))?;
        let (_, key) = load(&self.data.data.join("pki"), HOLDER)?;
        let valid = SignedDuration::from_secs(i64::try_from(self.valid_s.unwrap_or(3600)).unwrap_or(3600));
        trust::bearer::sign_holder(&key, holder, issued, valid).map_err(|e| Failure::run("vihf", &e))
    }

    async fn patient(&self, core: &app::Core) -> Result<Option<Ins>, Failure> {
        Ok(match &self.ins {
            None => None,
            Some(matricule) => Some(match holders::find(core, matricule, self.oid.as_deref()).await {
                Ok(ins) => ins,
                // Nobody here: still a number one may ask for.
                Err(_) => {
                    let oid = self.oid.as_deref().and_then(InsOid::parse).unwrap_or(InsOid::NirTest);
                    Ins::parse(matricule, oid, space::InsTolerance::Test)
                        .map_err(|r| Failure::usage("--ins", &r.cause.advice_en()))?
                }
            }),
        })
    }
}

fn load(folder: &Path, name: &str) -> Result<(Peer, SigningKey), Failure> {
    let place = folder.join(format!("{name}.pem"));
    let peer = Peer::from_pem_file(&place).map_err(|e| Failure::usage(&place.display().to_string(), &e))?;
    let key = folder.join(format!("{name}.key"));
    let key = SigningKey::from_file(&key).map_err(|e| Failure::usage(&key.display().to_string(), &e))?;
    Ok((peer, key))
}

fn request(args: &VihfArgs, patient: Option<Ins>, issued: jiff::Timestamp) -> Result<VihfRequest, Failure> {
    let folder = args.data.data.join("pki");
    let (mut signer, mut key) = load(&folder, &args.name)?;
    if let Bearer::Structure { usage: StructureUse::Authentication, .. } = signer.bearer() {
        (signer, key) = load(&folder, &args.name.replace("-auth", "-seal"))?;
    }
    let people = People::of(&args.data.data);
    let role = |code: &str, system: &str| CodedRole { code: code.to_owned(), system: system.to_owned() };
    let (subject, name, structure, roles, default) = match signer.bearer() {
        Bearer::Card { id, profession, speciality, structure, .. } => {
            let name = people.name_of(id.as_str()).or_else(|| signer.person().map(str::to_owned));
            let structure = structure.clone().ok_or_else(|| Failure::usage("--as", &"the card names no structure"))?;
            let code = profession.as_deref().unwrap_or_default();
            (id.clone(), name, structure, roles_of(code, speciality.as_deref(), role), AuthMode::Directe)
        }
        Bearer::Structure { id, .. } => {
            let user = args.user.clone().unwrap_or_else(|| default_user(id));
            let subject = ProfessionalId::parse(&user)
                .or_else(|_| ProfessionalId::from_rpps(&user))
                .map_err(|r| Failure::usage("--user", &r.cause.advice_en()))?;
            let roles = roles_of(&args.profession, Some(args.speciality.as_str()), role);
            (subject, Some(args.user_name.clone()), id.clone(), roles, AuthMode::Indirecte)
        }
        _ => return Err(Failure::usage("--as", &"only cards and structures make a VIHF")),
    };
    let purpose = match args.mode {
        ModeArg::Normal => Purpose::Normal,
        ModeArg::BrisDeGlace => Purpose::BrisDeGlace { reason: args.reason.clone() },
        ModeArg::Centre15 => Purpose::Centre15,
    };
    let mode = args.auth.map_or(default, |auth| match auth {
        AuthArg::Directe => AuthMode::Directe,
        AuthArg::Indirecte => AuthMode::Indirecte,
        AuthArg::IndirecteRenforcee => AuthMode::IndirecteRenforcee,
    });
    Ok(VihfRequest {
        signer,
        key: Arc::new(key),
        subject,
        name,
        structure,
        sector: args.sector.clone(),
        roles,
        patient,
        purpose,
        mode,
        software: Software { name: "passerelle".into(), version: env!("CARGO_PKG_VERSION").into() },
        instance: None,
        homologation: "DEVELOPPEMENT".into(),
        secret: args.secret,
        issued,
        validity: args.valid_s.map(Duration::from_secs),
        version: "3.0".into(),
        issuer: None,
        omit: Vec::new(),
    })
}

/// An internal identifier of the structure, as hospitals give their staff.
fn default_user(structure: &StructureId) -> String {
    match structure.finess() {
        Some(finess) => format!("3{finess}/0001"),
        None => format!("5{}/0001", structure.siret().unwrap_or(structure.as_str())),
    }
}

/// Profession, then speciality in the system its profession uses; a bearer without profession says what staff he is.
fn roles_of(code: &str, speciality: Option<&str>, role: impl Fn(&str, &str) -> CodedRole) -> Vec<CodedRole> {
    const G15: &str = "1.2.250.1.71.1.2.7";
    const R01: &str = "1.2.250.1.71.4.2.5";
    const G05: &str = "1.2.250.1.71.4.2.6";
    const A00: &str = "1.2.250.1.213.1.1.4.6";
    let mut roles = Vec::new();
    if code.is_empty() {
        roles.push(role("SECRETARIAT_MEDICAL", A00));
    } else {
        roles.push(role(code, G15));
        match (code, speciality.filter(|s| !s.is_empty())) {
            ("10", Some(s)) => roles.push(role(s, R01)),
            ("21", Some(s)) => roles.push(role(s, G05)),
            _ => {}
        }
    }
    roles
}
