//! The professionals, structures and operators of the demonstration.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};
use space::{Actor, AuthMode, Profession, ProfessionalId, Purpose, Refusal, Role, Software, StructureId};
use trust::Kind;

/// A professional with a card.
#[derive(Debug)]
pub(super) struct Professional {
    pub(super) name: &'static str,
    pub(super) rpps: &'static str,
    profession: &'static str,
    speciality: Option<&'static str>,
    pub(super) structure: &'static str,
    family: &'static str,
    given: &'static str,
}

pub(super) const PROFESSIONALS: &[Professional] = &[
    Professional {
        name: "medecin",
        rpps: "99900000101",
        profession: "10",
        speciality: Some("SM26"),
        structure: "499900000101001",
        family: "VASSEUR",
        given: "ELISE",
    },
    Professional {
        name: "infirmier",
        rpps: "99900000202",
        profession: "60",
        speciality: None,
        structure: "499900000202001",
        family: "DIALLO",
        given: "SEKOU",
    },
    Professional {
        name: "pharmacien",
        rpps: "99900000303",
        profession: "21",
        speciality: Some("A"),
        structure: "399900000300017",
        family: "ROUSSEL",
        given: "NADIA",
    },
    Professional {
        name: "samu",
        rpps: "99900000404",
        profession: "10",
        speciality: Some("SM26"),
        structure: "10B0999991",
        family: "KERVELLA",
        given: "YANN",
    },
    Professional {
        name: "medecin-traitant",
        rpps: "99900000505",
        profession: "10",
        speciality: Some("SM26"),
        structure: "499900000505001",
        family: "BERTIN",
        given: "PAUL",
    },
];

/// A structure with certificates.
#[derive(Debug)]
pub(super) struct Structure {
    name: &'static str,
    id: &'static str,
    pub(super) organisation: &'static str,
    /// The numbers of its patients (`demo::DOMAINS`).
    domain: &'static str,
}

pub(super) const HOSPITAL: Structure = Structure {
    name: "hopital",
    id: "10B0999991",
    organisation: "CENTRE HOSPITALIER DE DEMONSTRATION",
    domain: "1.2.250.1.999.8.1",
};

/// Operators of secure mail, each with its domain.
pub(super) const OPERATORS: &[(&str, &str)] =
    &[("operateur-a", "operateur-a.mssante.example"), ("operateur-b", "operateur-b.mssante.example")];

impl Professional {
    pub(super) fn id(&self) -> Result<ProfessionalId, Refusal> {
        ProfessionalId::from_rpps(self.rpps)
    }

    pub(super) fn card(&self) -> Result<Kind, Refusal> {
        Ok(Kind::Cps {
            id: self.id()?,
            profession: self.profession.to_owned(),
            speciality: self.speciality.map(str::to_owned),
            structure: Some(StructureId::parse(self.structure)?),
            family: self.family.to_owned(),
            given: self.given.to_owned(),
        })
    }

    /// The actor this professional is when calling with a card.
    pub(super) fn actor(&self) -> Result<Actor, Refusal> {
        Ok(Actor {
            role: Role::Professional,
            id: Some(self.id()?),
            profession: Profession {
                code: self.profession.to_owned(),
                speciality: self.speciality.map(str::to_owned),
                activity: None,
            },
            name: format!("{} {}", self.family, self.given),
            structure: Some(StructureId::parse(self.structure)?),
            auth: AuthMode::Directe,
            purpose: Purpose::Normal,
            structure_proven: true,
            secret: false,
            software: Software { name: "passerelle demo".into(), version: env!("CARGO_PKG_VERSION").into() },
        })
    }

    pub(super) const fn family(&self) -> &'static str {
        self.family
    }

    pub(super) const fn given(&self) -> &'static str {
        self.given
    }

    pub(super) fn described(&self) -> Value {
        json!({
            "name": self.name, "idNat": format!("8{}", self.rpps), "rpps": self.rpps, "profession": self.profession,
            "speciality": self.speciality.unwrap_or_default(), "structure": self.structure,
            "family": self.family, "given": self.given,
        })
    }
}

impl Structure {
    pub(super) fn id(&self) -> Result<StructureId, Refusal> {
        StructureId::parse(self.id)
    }

    pub(super) fn described(&self) -> Value {
        json!({
            "name": self.name, "idNat": self.id, "organisation": self.organisation,
            "auth": format!("{}-auth", self.name), "seal": format!("{}-seal", self.name),
            "domain": self.domain,
        })
    }
}

/// `PS_IdNat` of a professional of the demonstration.
pub(super) fn id_of(name: &str) -> Option<String> {
    PROFESSIONALS.iter().find(|p| p.name == name).map(|p| format!("8{}", p.rpps))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    name: String,
    id_nat: String,
    #[serde(default)]
    family: String,
    #[serde(default)]
    given: String,
}

/// The people a data folder's `demo.json` names.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct People {
    #[serde(default)]
    professionals: Vec<Named>,
    #[serde(default)]
    structures: Vec<Named>,
}

impl People {
    /// Reads them; a folder without `demo.json` names nobody.
    pub(crate) fn of(data: &Path) -> Self {
        let text = std::fs::read_to_string(data.join("demo.json")).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// The identifier a name stands for, and whether it is a structure's.
    pub(crate) fn find(&self, name: &str) -> Option<(String, bool)> {
        let of = |people: &[Named]| people.iter().find(|p| p.name == name).map(|p| p.id_nat.clone());
        of(&self.professionals).map(|id| (id, false)).or_else(|| of(&self.structures).map(|id| (id, true)))
    }

    /// "FAMILY GIVEN" of the professional who bears an identifier.
    pub(crate) fn name_of(&self, id: &str) -> Option<String> {
        let found = self.professionals.iter().find(|p| p.id_nat == id && !p.family.is_empty());
        found.map(|p| format!("{} {}", p.family, p.given))
    }
}
