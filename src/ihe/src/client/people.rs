//! TD0.2 (does a record exist, and what may one do with it), TD0.3 (declare or give up an authorisation), TD0.4 (records
//! one is authorised on), TD1.6 (who is authorised on a record), as a consumer (reference §1.1, §1.3, §1.4).

use space::{Cause, Dtm, Ins};
use wire_soap::{
    dmp::{
        AuthorizationAction, AuthorizationByPatient, AuthorizationMode, AuthorizationRole, ListAuthorizationByPatient,
        ListAuthorizationByPatientResponse, PatientList, PatientListData, PatientListDateType, PatientListResponse,
        SetAuthorization, SetAuthorizationResponse, status,
    },
    hl7v3::{
        Acknowledgement, AcknowledgementType, ControlAct, Demographics, Device, GetDemographics, IdentifierQuery,
        InstanceIdentifier, Timestamp, Transmission, Value, reason,
    },
    ns::action,
};

use super::{
    Client, ClientError, OnBehalf, ToldError,
    error::{bounded, code, place},
};

/// How a record stands (TD0.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether there is one, open or closed.
    pub exists: bool,
    /// Whether it is open.
    pub open: bool,
    /// The word of AUTORISATION, as the other writes it.
    pub authorisation: Option<String>,
    /// Whether the caller is its médecin traitant.
    pub medecin_traitant: bool,
}

/// Which of one's own authorisations changes (TD0.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnAuthorisation {
    /// Declared, or given up.
    pub declared: bool,
    /// As médecin traitant.
    pub medecin_traitant: bool,
}

impl Client {
    /// Asks whether a record exists (TD0.2). `device` is the OID by which this gateway names itself, `at` the present.
    ///
    /// # Errors
    /// [`ClientError`]; that there is none is an answer.
    pub async fn exists(&self, who: OnBehalf<'_>, ins: &Ins, device: &str, at: &Dtm) -> Result<Standing, ClientError> {
        let id = || InstanceIdentifier::root(self.rng.uuid().to_string());
        let asked = GetDemographics {
            transmission: Transmission::request(
                GetDemographics::INTERACTION,
                id(),
                Timestamp(at.as_str().to_owned()),
                Device::new(device),
                Device::new(DMP),
            ),
            control_act: ControlAct::because(reason::TEST_EXISTENCE),
            query: IdentifierQuery::on(id(), InstanceIdentifier::new(ins.oid().as_str(), ins.matricule())),
        };
        let to = &self.endpoints.patients;
        self.ask(
            action::GET_DEMOGRAPHICS,
            to,
            who,
            |out| asked.write(out),
            |body| {
                let answer = Demographics::read(body).map_err(|_| ClientError::Unreadable("PRPA_IN201308UV02"))?;
                standing(&answer)
            },
        )
        .await
    }

    /// Declares or gives up an authorisation of one's own (TD0.3).
    ///
    /// # Errors
    /// [`ClientError`]; nothing has then changed.
    pub async fn set_authorisation(&self, who: OnBehalf<'_>, change: OwnAuthorisation) -> Result<(), ClientError> {
        let asked = SetAuthorization {
            action: Some(if change.declared { AuthorizationAction::Ajout } else { AuthorizationAction::Suppression }),
            role: change.medecin_traitant.then_some(AuthorizationRole::MedecinTraitant),
        };
        let to = &self.endpoints.habilitations;
        self.ask(
            action::SET_AUTHORIZATION,
            to,
            who,
            |out| asked.write(out),
            |body| {
                let answer = SetAuthorizationResponse::read(body)
                    .map_err(|_| ClientError::Unreadable("setAuthorizationResponse"))?;
                verdict(answer.status.as_deref(), answer.context.as_deref())
            },
        )
        .await
    }

    /// Who is authorised or blocked on a record (TD1.6).
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn authorised(
        &self,
        who: OnBehalf<'_>,
        mode: AuthorizationMode,
    ) -> Result<Vec<AuthorizationByPatient>, ClientError> {
        let asked = ListAuthorizationByPatient { mode: Some(mode) };
        let to = &self.endpoints.habilitations;
        self.ask(
            action::LIST_AUTHORIZATION_BY_PATIENT,
            to,
            who,
            |out| asked.write(out),
            |body| {
                let answer = ListAuthorizationByPatientResponse::read(body)
                    .map_err(|_| ClientError::Unreadable("listAuthorizationByPatientResponse"))?;
                verdict(answer.status.as_deref(), answer.context.as_deref())?;
                Ok(answer.authorizations)
            },
        )
        .await
    }

    /// The records one is authorised on since an instant (TD0.4).
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn accessible(&self, who: OnBehalf<'_>, since: &Dtm) -> Result<Vec<PatientListData>, ClientError> {
        let asked = PatientList {
            start_date: Some(since.as_str().to_owned()),
            date_type: Some(PatientListDateType::LastAuthorization),
            ps_owner_id: None,
        };
        let to = &self.endpoints.patients;
        self.ask(
            action::PATIENT_LIST,
            to,
            who,
            |out| asked.write(out),
            |body| {
                let answer =
                    PatientListResponse::read(body).map_err(|_| ClientError::Unreadable("patientListResponse"))?;
                verdict(answer.status.as_deref(), answer.context.as_deref())?;
                Ok(answer.patients)
            },
        )
        .await
    }
}

/// The DMP in HL7 v3 messages (reference §1.2).
const DMP: &str = "1.2.250.1.213.4.1.1.1";

fn standing(answer: &Demographics) -> Result<Standing, ClientError> {
    refused(&answer.acknowledgement)?;
    let line = |word: &str| {
        let named = |line: &&wire_soap::hl7v3::AttentionLine| {
            line.key_word_text.as_ref().is_some_and(|text| text.code.as_deref() == Some(word))
        };
        answer.transmission.attention_lines.iter().find(named).and_then(|line| line.value.as_ref())
    };
    let authorisation = match line("AUTORISATION") {
        Some(Value::CodedValue(code) | Value::CodedWithEquivalents(code) | Value::Concept(code)) => code.code.clone(),
        _ => None,
    };
    let patient = answer.subjects.first().map(|registration| &registration.patient);
    Ok(Standing {
        exists: patient.is_some(),
        open: patient.is_some_and(|patient| patient.status_code.0 == "active"),
        authorisation,
        medecin_traitant: matches!(line("STATUT_MT"), Some(Value::Boolean(value)) if value.value() == Some(&true)),
    })
}

/// What an acknowledgement refuses.
fn refused(acknowledgement: &Acknowledgement) -> Result<(), ClientError> {
    if !matches!(
        acknowledgement.type_code,
        AcknowledgementType::ApplicationError | AcknowledgementType::ApplicationReject
    ) {
        return Ok(());
    }
    let told = acknowledgement.details.iter().map(|detail| {
        let said = detail.code.as_ref().and_then(|code| code.code.clone()).unwrap_or_default();
        ToldError {
            word: word_of(&said),
            code: code(&said),
            place: place(detail.locations.first().map_or("", String::as_str)),
            text: bounded(detail.text.as_deref().unwrap_or_default(), 1000),
        }
    });
    Err(ClientError::Registry(told.collect()))
}

/// What the DMP's own answers come to: a word, and a sentence where it is another than DMPOk.
fn verdict(word: Option<&str>, context: Option<&str>) -> Result<(), ClientError> {
    if word == Some(status::OK) {
        return Ok(());
    }
    let context = context.unwrap_or_default();
    let stable = context.split([' ', '[']).next().unwrap_or_default();
    Err(ClientError::Registry(vec![ToldError {
        code: code(word.unwrap_or("none")),
        word: word_of(stable),
        place: String::new(),
        text: bounded(context, 1000),
    }]))
}

fn word_of(code: &str) -> String {
    let known = Cause::ALL.iter().any(|cause| cause.code() == code);
    if known { code.to_owned() } else { String::new() }
}
