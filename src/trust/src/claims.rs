//! What a VIHF or its JWT equivalent claims, and whether those who vouch for it may: one set of rules for both.
//!
//! Carries out reference §1.9 (values) and §1.10 (who signs and who calls in each authentication mode). Turns claims into
//! a [`Credential`]; never decides what its bearer may do.

use std::fmt;

use ambient::Timestamp;
use jiff::SignedDuration;
use space::{
    Actor, AuthMode, Cause, Credential, Ins, InsTolerance, Profession, ProfessionalId, Purpose, Refusal, Role,
    Software, StructureId,
};

use crate::peer::{Bearer, Peer, StructureUse};

/// Code system of professions (TRE_G15).
pub const PROFESSION_SYSTEM: &str = "1.2.250.1.71.1.2.7";
/// Code system of physicians' specialities (TRE_R01).
pub const SPECIALITY_SYSTEM: &str = "1.2.250.1.71.4.2.5";
/// Code system of pharmacists' sections (TRE_G05).
pub const SECTION_SYSTEM: &str = "1.2.250.1.71.4.2.6";
/// Roles of professionals without a table of their own (TRE_R85).
const ROLE_SYSTEM: &str = "1.2.250.1.213.1.6.1.107";
/// Staff, machines and services (TRE_A00).
const STAFF_SYSTEM: &str = "1.2.250.1.213.1.1.4.6";
/// Kinds of activity (TRE_R22), by which some columns of the matrix are told.
const ACTIVITY_SYSTEM: &str = "1.2.250.1.213.1.6.1.19";
/// Code system of sectors of activity (JDV_J61).
pub const SECTOR_SYSTEM: &str = "1.2.250.1.71.4.2.4";
/// Code system of access modes, as written; the terminology server has renumbered it since.
pub const PURPOSE_SYSTEM: &str = "1.2.250.1.213.1.1.4.248";
/// Code system of access modes after its renumbering.
pub const PURPOSE_SYSTEM_NEW: &str = "1.2.250.1.213.1.1.4.336";

/// Systems whose codes say more of a first role and are none themselves.
const SAYS_MORE: [&str; 4] = [SPECIALITY_SYSTEM, SECTION_SYSTEM, ROLE_SYSTEM, ACTIVITY_SYSTEM];
/// Roles that one user may have.
const MOST_ROLES: usize = 8;
/// Longest reason of a break-glass access, in characters.
pub(crate) const LONGEST_REASON: usize = 2000;

/// A role of the user: code and code system (OID).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodedRole {
    /// The code.
    pub code: String,
    /// OID of its system.
    pub system: String,
}

/// Everything a credential claims. `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Claims {
    /// Name of the signer, as text (RFC 2253 or 4514).
    pub issuer: String,
    /// The user (`PS_IdNat`); for an automaton, the person in charge.
    pub subject: ProfessionalId,
    /// "FAMILY GIVEN" of the user.
    pub name: Option<String>,
    /// How the software authenticated.
    pub mode: AuthMode,
    /// The structure (`Struct_IdNat`).
    pub structure: StructureId,
    /// Code of the sector of activity (SAxx).
    pub sector: String,
    /// Profession, then speciality, section or role.
    pub roles: Vec<CodedRole>,
    /// The holder whose space the call bears on.
    pub patient: Option<Ins>,
    /// Why access is asked for.
    pub purpose: Purpose,
    /// The calling software.
    pub software: Software,
    /// Its DMP homologation number.
    pub homologation: String,
    /// *Connexion secrète*.
    pub secret: bool,
    /// When it was issued.
    pub issued: Timestamp,
    /// From when it is valid.
    pub not_before: Option<Timestamp>,
    /// From when it is valid no more.
    pub not_after: Option<Timestamp>,
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claims({})", self.mode.vihf())
    }
}

/// Where the claims that rules refuse stand in the message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    pub(crate) issuer: &'static str,
    pub(crate) issued: &'static str,
    pub(crate) not_before: &'static str,
    pub(crate) not_after: &'static str,
    pub(crate) subject: &'static str,
    pub(crate) name: &'static str,
    pub(crate) mode: &'static str,
    pub(crate) structure: &'static str,
    pub(crate) role: &'static str,
    pub(crate) speciality: &'static str,
    pub(crate) signer: &'static str,
}

/// How long claims hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lifetime {
    pub(crate) lifetime: SignedDuration,
    pub(crate) skew: SignedDuration,
}

/// Whether an instant has passed, `skew` granted. Instants at the end of time never pass.
fn passed(limit: Timestamp, after: SignedDuration, now: Timestamp) -> bool {
    limit.checked_add(after).is_ok_and(|limit| limit <= now)
}

impl Claims {
    /// Whether the claims hold at `now`.
    pub(crate) fn check_time(&self, rule: Lifetime, now: Timestamp, places: &Places) -> Result<(), Refusal> {
        let early = |place: &str| Err(Refusal::new(Cause::AssertionNotYetValid).at(place));
        let late = |place: &str| Err(Refusal::new(Cause::AssertionExpired).at(place));
        let ahead = |at: Timestamp| now.checked_add(rule.skew).is_ok_and(|limit| limit < at);
        if ahead(self.issued) {
            return early(places.issued);
        }
        if passed(self.issued, rule.lifetime.saturating_add(rule.skew), now) {
            return late(places.issued);
        }
        if self.not_before.is_some_and(ahead) {
            return early(places.not_before);
        }
        if self.not_after.is_some_and(|at| passed(at, rule.skew, now)) {
            return late(places.not_after);
        }
        Ok(())
    }

    /// The credential these claims make when `signer` signed them and `peer` calls (`None` where the protocol has no
    /// client certificate).
    pub(crate) fn credential(
        &self,
        signer: &Peer,
        peer: Option<&Peer>,
        places: &Places,
    ) -> Result<Credential, Refusal> {
        if !signer.may_sign() {
            return Err(Refusal::new(Cause::SignerUntrusted).at(places.signer).about("key usage"));
        }
        if !crate::same_name(&self.issuer, signer.subject()) {
            return Err(Refusal::new(Cause::IssuerMismatch).at(places.issuer));
        }
        let structure_proven = match signer.bearer() {
            Bearer::Card { structure, .. } => structure.is_some(),
            _ => true,
        };
        let (role, name) = match self.mode {
            AuthMode::Directe => self.direct(signer, peer, places)?,
            AuthMode::Indirecte | AuthMode::IndirecteRenforcee => self.indirect(signer, peer, places)?,
        };
        self.check_roles(places)?;
        let actor = Actor {
            role,
            id: Some(self.subject.clone()),
            profession: self.profession(),
            name,
            structure: Some(self.structure.clone()),
            structure_proven,
            auth: self.mode,
            purpose: self.purpose.clone(),
            secret: self.secret,
            software: self.software.clone(),
        };
        Ok(Credential { actor, patient: self.patient.clone() })
    }

    /// What the user is: each code only from its own system, so that no other table's "10" makes a physician.
    fn profession(&self) -> Profession {
        let of = |systems: &[&str]| {
            let found = self.roles.iter().find(|r| systems.contains(&r.system.as_str()));
            found.map(|r| r.code.clone())
        };
        Profession {
            code: of(&[PROFESSION_SYSTEM]).unwrap_or_default(),
            speciality: of(&[SPECIALITY_SYSTEM, SECTION_SYSTEM, ROLE_SYSTEM]),
            activity: of(&[ACTIVITY_SYSTEM]),
        }
    }

    /// The first role is a profession, or what staff, machine or student the user is; further ones say more of it, each
    /// code system once, so that nobody is two things (reference §1.9): physicians their speciality, pharmacists their
    /// section, who acts by a role rather than a profession that role.
    fn check_roles(&self, places: &Places) -> Result<(), Refusal> {
        let refused = |cause: Cause, place: &str| Err(Refusal::new(cause).at(place));
        let Some((first, further)) = self.roles.split_first() else { return refused(Cause::ClaimMissing, places.role) };
        let twice = self.roles.iter().enumerate().any(|(n, r)| self.roles[..n].iter().any(|o| o.system == r.system));
        if twice || self.roles.len() > MOST_ROLES || SAYS_MORE.contains(&first.system.as_str()) {
            return refused(Cause::ClaimInvalid, places.role);
        }
        let is_profession = first.system == PROFESSION_SYSTEM;
        let wanted = match first.code.as_str() {
            "10" if is_profession => Some(SPECIALITY_SYSTEM),
            "21" if is_profession => Some(SECTION_SYSTEM),
            _ => None,
        };
        match (further.first(), wanted) {
            (None, Some(_)) => return refused(Cause::ClaimMissing, places.speciality),
            (Some(second), Some(wanted)) if second.system != wanted => {
                return refused(Cause::ClaimInvalid, places.speciality);
            }
            _ => {}
        }
        let fits = |role: &CodedRole| match role.system.as_str() {
            SPECIALITY_SYSTEM if is_profession => matches!(first.code.as_str(), "10" | "40"),
            SECTION_SYSTEM if is_profession => first.code == "21",
            SPECIALITY_SYSTEM | SECTION_SYSTEM => first.system != STAFF_SYSTEM,
            PROFESSION_SYSTEM => false,
            _ => true,
        };
        if further.iter().all(fits) { Ok(()) } else { refused(Cause::ClaimInvalid, places.speciality) }
    }

    /// A card on both ends, of the same holder; what the card says is what counts.
    fn direct(&self, signer: &Peer, peer: Option<&Peer>, places: &Places) -> Result<(Role, String), Refusal> {
        let mode = || Refusal::new(Cause::ModeMismatch).at(places.mode);
        let Bearer::Card { id, profession, speciality, structure, is_agent } = signer.bearer() else {
            return Err(mode());
        };
        match peer.map(Peer::bearer) {
            None => {}
            Some(Bearer::Card { id: caller, .. }) if caller == id => {}
            Some(Bearer::Card { .. }) => return Err(Refusal::new(Cause::PeerMismatch).at(places.signer)),
            Some(_) => return Err(mode()),
        }
        if *id != self.subject {
            return Err(Refusal::new(Cause::PeerMismatch).at(places.subject));
        }
        if structure.as_ref().is_some_and(|s| *s != self.structure) {
            return Err(Refusal::new(Cause::StructureMismatch).at(places.structure));
        }
        let claimed = |index: usize| self.roles.get(index);
        // A card without profession cannot lend one to its holder.
        let other = match (profession, claimed(0)) {
            (Some(on_card), Some(role)) => role.system != PROFESSION_SYSTEM || role.code != *on_card,
            (None, Some(role)) => *is_agent && role.system == PROFESSION_SYSTEM,
            (_, None) => false,
        };
        if other {
            return Err(Refusal::new(Cause::ClaimInvalid).at(places.role));
        }
        if let (Some(on_card), Some(role)) = (speciality, claimed(1))
            && matches!(role.system.as_str(), SPECIALITY_SYSTEM | SECTION_SYSTEM)
            && role.code != *on_card
        {
            return Err(Refusal::new(Cause::ClaimInvalid).at(places.speciality));
        }
        let role = if *is_agent { Role::Agent } else { Role::Professional };
        let name = signer.person().map(str::to_owned).or_else(|| self.name.clone());
        Ok((role, name.unwrap_or_default()))
    }

    /// The structure's certificate calls, the same structure's seal vouches for the user.
    fn indirect(&self, signer: &Peer, peer: Option<&Peer>, places: &Places) -> Result<(Role, String), Refusal> {
        let mode = || Refusal::new(Cause::ModeMismatch).at(places.mode);
        let Bearer::Structure { id, usage: StructureUse::Seal } = signer.bearer() else { return Err(mode()) };
        match peer.map(Peer::bearer) {
            None => {}
            Some(Bearer::Structure { id: caller, usage: StructureUse::Authentication }) if caller == id => {}
            Some(Bearer::Structure { usage: StructureUse::Authentication, .. }) => {
                return Err(Refusal::new(Cause::PeerMismatch).at(places.signer));
            }
            Some(_) => return Err(mode()),
        }
        if *id != self.structure {
            return Err(Refusal::new(Cause::StructureMismatch).at(places.structure));
        }
        let missing = || Refusal::new(Cause::ClaimMissing).at(places.name);
        let name = self.name.clone().ok_or_else(missing)?;
        let role = match self.mode {
            AuthMode::Indirecte => Role::Structure,
            // Under AIR, staff without a health profession (column PE) act for the structure.
            _ if self.profession().code.is_empty() => Role::Agent,
            _ => Role::Professional,
        };
        Ok((role, name))
    }
}

/// The holder that a text names, exactly as CX writes it (`<INS>^^^&<OID>&ISO^NH`): what two readers could read in two
/// ways, white space around it included, is no identifier.
pub(crate) fn holder_of(cx: &str, tolerance: InsTolerance) -> Result<Ins, Refusal> {
    let between = cx.split('^').skip(1).take(2).any(|part| !part.is_empty());
    if between || !cx.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Refusal::new(Cause::InsInvalid));
    }
    Ins::parse_cx(cx, tolerance)
}

/// Reads a purpose by its code.
pub(crate) fn purpose_of(code: &str, reason: Option<String>) -> Option<Purpose> {
    Some(match code {
        "normal" => Purpose::Normal,
        "bris_de_glace" => Purpose::BrisDeGlace { reason: reason.filter(|r| !r.trim().is_empty()) },
        "centre_15" => Purpose::Centre15,
        _ => return None,
    })
}

/// Whether a text is the code of a sector of activity.
pub(crate) fn is_sector(code: &str) -> bool {
    code.len() == 4 && code.starts_with("SA") && code[2..].bytes().all(|b| b.is_ascii_digit())
}

/// Whether a role is one: a short code and a code system of the French arc. The first value may come from any of the
/// systems of professions and roles (G15, G16, A00, R94, R95, R291…), whose list is the terminology's, not ours.
pub(crate) fn is_role(role: &CodedRole) -> bool {
    let code = (1..=64).contains(&role.code.len())
        && role.code.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/'));
    let arcs = role.system.strip_prefix("1.2.250.1.").unwrap_or_default();
    code && !arcs.is_empty()
        && arcs.len() <= 48
        && arcs.split('.').all(|a| !a.is_empty() && a.bytes().all(|b| b.is_ascii_digit()))
}
