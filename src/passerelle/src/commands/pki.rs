//! `passerelle pki`: development certificates from a data folder's authority.

use std::path::PathBuf;

use ambient::{Clock as _, SystemClock, SystemRng};
use clap::{Args, Subcommand, ValueEnum};
use space::{ProfessionalId, StructureId};
use trust::{IssueRequest, KeyType, Kind, Pki, pki::Validity};

use super::{Failure, print};

#[derive(Debug, Args)]
pub(crate) struct PkiArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Issue a certificate: pki/NAME.pem and pki/NAME.key.
    Issue(Box<Issue>),
    /// Revoke a certificate and write the revocation list; a running gateway follows within a second or two.
    Revoke {
        /// Its name.
        name: String,
        #[command(flatten)]
        data: super::DataArgs,
    },
    /// Write the revocation list anew.
    Crl(super::DataArgs),
    /// List what was issued, one JSON object a line.
    List(super::DataArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KindArg {
    /// Professional's card.
    Cps,
    /// Agent's card (no profession).
    Cpe,
    /// Structure, authentication.
    Structure,
    /// Structure, signature.
    Seal,
    /// Server.
    Server,
    /// MSSanté operator.
    Operator,
}

#[derive(Debug, Args)]
struct Issue {
    /// What the certificate is for.
    #[arg(long)]
    kind: KindArg,
    /// Name of its files.
    #[arg(long)]
    name: String,
    /// PS_IdNat of a card, Struct_IdNat of a structure.
    #[arg(long, required_if_eq_any([("kind", "cps"), ("kind", "cpe"), ("kind", "structure"), ("kind", "seal")]))]
    id: Option<String>,
    /// Profession (TRE_G15), e.g. 10.
    #[arg(long, required_if_eq("kind", "cps"))]
    profession: Option<String>,
    /// Speciality (TRE_R01) or section (TRE_G05), e.g. SM26.
    #[arg(long)]
    speciality: Option<String>,
    /// Struct_IdNat a card's holder works in.
    #[arg(long, required_if_eq("kind", "cpe"))]
    structure: Option<String>,
    /// Family name.
    #[arg(long, default_value = "TEST")]
    family: String,
    /// Given name.
    #[arg(long, default_value = "CARTE")]
    given: String,
    /// Name of a structure.
    #[arg(long, default_value = "STRUCTURE DE TEST")]
    organisation: String,
    /// DNS names of a server.
    #[arg(long)]
    dns: Vec<String>,
    /// Addresses of a server.
    #[arg(long)]
    ip: Vec<std::net::IpAddr>,
    /// Mail domains of an operator.
    #[arg(long)]
    domain: Vec<String>,
    /// Valid from this many days before today (negative: not valid yet).
    #[arg(long, allow_hyphen_values = true)]
    days_before: Option<i64>,
    /// Valid until this many days after today (negative: no longer valid).
    #[arg(long, allow_hyphen_values = true)]
    days_after: Option<i64>,
    /// An EC key on P-256 instead of RSA 2048.
    #[arg(long)]
    p256: bool,
    /// Replace a certificate of that name.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    data: super::DataArgs,
}

pub(crate) fn run(args: PkiArgs) -> Result<(), Failure> {
    let failed = |e: &dyn std::fmt::Display| Failure::run("pki", e);
    match args.action {
        Action::Issue(issue) => {
            let pki = open(issue.data.data.clone())?;
            let entry = pki.issue(&issue.request()?).map_err(|e| failed(&e))?;
            print(&serde_json::to_string(&entry).unwrap_or_default());
        }
        Action::Revoke { name, data } => {
            let pki = open(data.data)?;
            pki.revoke(&name, trust::pki::Reason::default()).map_err(|e| failed(&e))?;
            pki.crl().map_err(|e| failed(&e))?;
        }
        Action::Crl(data) => open(data.data)?.crl().map_err(|e| failed(&e))?,
        Action::List(data) => {
            for entry in open(data.data)?.certificates().map_err(|e| failed(&e))? {
                print(&serde_json::to_string(&entry).unwrap_or_default());
            }
        }
    }
    Ok(())
}

fn open(data: PathBuf) -> Result<Pki, Failure> {
    Pki::open(&data.join("pki"), SystemClock::new(), SystemRng::new()).map_err(|e| Failure::usage("pki", &e))
}

impl Issue {
    fn request(&self) -> Result<IssueRequest, Failure> {
        let id = self.id.as_deref().unwrap_or_default();
        let person = || ProfessionalId::parse(id).map_err(|r| Failure::usage("--id", &r.cause.advice_en()));
        let structure = |text: &str, option: &str| {
            StructureId::parse(text).map_err(|r| Failure::usage(option, &r.cause.advice_en()))
        };
        let works_in = self.structure.as_deref().map(|s| structure(s, "--structure")).transpose()?;
        let (family, given) = (self.family.clone(), self.given.clone());
        let organisation = self.organisation.clone();
        let kind = match self.kind {
            KindArg::Cps => Kind::Cps {
                id: person()?,
                profession: self.profession.clone().unwrap_or_default(),
                speciality: self.speciality.clone(),
                structure: works_in,
                family,
                given,
            },
            KindArg::Cpe => {
                let structure = works_in.ok_or_else(|| Failure::usage("--structure", &"a CPE card names one"))?;
                Kind::Cpe { id: person()?, structure, family, given }
            }
            KindArg::Structure => Kind::Structure { id: structure(id, "--id")?, organisation },
            KindArg::Seal => Kind::Seal { id: structure(id, "--id")?, organisation },
            KindArg::Server => Kind::Server { dns: self.dns.clone(), ips: self.ip.clone() },
            KindArg::Operator => Kind::Operator { name: self.name.clone(), domains: self.domain.clone() },
        };
        let validity = (self.days_before.is_some() || self.days_after.is_some()).then(|| {
            let now = SystemClock::default().now();
            Validity::around(now, self.days_before.unwrap_or(1), self.days_after.unwrap_or(365))
        });
        Ok(IssueRequest {
            name: self.name.clone(),
            kind,
            validity,
            key: if self.p256 { KeyType::P256 } else { KeyType::Rsa2048 },
            replace: self.replace,
        })
    }
}
