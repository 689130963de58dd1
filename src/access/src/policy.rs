//! Readings of the law, where its sources contradict one another: the stricter is the default, a named setting opens
//! the other (reference §1.11, §8, §9).

use serde::{Deserialize, Serialize};

/// Section `[access]` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessPolicy {
    /// Let the médecin traitant read masked documents (R.1111-49 and PDT-INF-526 say so, the holder's application and
    /// the CNAM's impact assessment do not).
    pub mt_reads_masked: bool,
    /// In emergency modes read every kind of document, whatever the matrix says (R.1111-48 says "full access"; the DMP's
    /// practice is unverified).
    pub emergency_ignores_matrix: bool,
    /// Let an author or depositing structure read what it deposited even in a mode that reads nothing: structure
    /// certificate, secretary's card, occupational physician (R.1111-49 against PDT-INF-526/606).
    pub depositor_reads_in_any_mode: bool,
    /// Let deleted documents be read (PDT-INF-526 says "oui", R.1111-51 keeps them in the back office).
    pub read_deleted: bool,
    /// An authorisation given to a structure opens the space to all its professionals, as one care team (R.1111-46).
    pub team_of_structure: bool,
    /// G15/R01 codes of occupational physicians (médecins du travail), who read nothing.
    pub occupational_specialities: Vec<String>,
    /// Bricks (`measures`) that professionals whom the holder authorised read and feed directly: a space of a region's own may.
    /// In Mon espace santé none (R130, R136).
    pub bricks_open_to_professionals: Vec<String>,
    /// Whether the command line may set authorisations, blocks and consents: development data only.
    pub operator_may_set: bool,
}

impl Default for AccessPolicy {
    fn default() -> Self {
        Self {
            mt_reads_masked: false,
            emergency_ignores_matrix: false,
            depositor_reads_in_any_mode: false,
            read_deleted: false,
            team_of_structure: true,
            occupational_specialities: vec!["SM25".into()],
            bricks_open_to_professionals: Vec::new(),
            operator_may_set: false,
        }
    }
}
