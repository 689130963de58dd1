//! The DMP's own messages written and read back, and refused where they should be.

use crate::schema;
use wire_soap::dmp::*;
use wire_soap::xml::{Element, Tree, XmlLimits};
use wire_soap::{MessageError, MessageErrorKind as Kind};

/// The bound of one text.
const BOUND: usize = 10_000;

fn read<T>(text: &str, read: impl FnOnce(Element<'_, '_>) -> Result<T, MessageError>) -> Result<T, MessageError> {
    read(Tree::parse(text, &XmlLimits::default()).unwrap().root())
}

macro_rules! round {
    ($message:expr, $type:ident) => {{
        let message: $type = $message;
        let mut out = Vec::new();
        message.write(&mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(read(&text, $type::read), Ok(message), "{text}");
        schema::accepts(&text);
        text
    }};
}

#[test]
fn a_request_for_authorisation_is_written_and_read_back() {
    let text = round!(
        SetAuthorization { action: Some(AuthorizationAction::Ajout), role: Some(AuthorizationRole::MedecinTraitant) },
        SetAuthorization
    );
    assert_eq!(
        text,
        "<setAuthorization xmlns=\"urn:si-dmp-habilitations\"><action>AJOUT</action><role>MEDECIN_TRAITANT</role></setAuthorization>"
    );
    round!(SetAuthorization::default(), SetAuthorization);
    let answer = SetAuthorizationResponse { status: Some(status::OK.into()), context: Some("é & <".into()) };
    assert!(answer.is_ok());
    round!(answer, SetAuthorizationResponse);
    assert!(!SetAuthorizationResponse::default().is_ok());
}

#[test]
fn a_listing_of_professionals_is_written_and_read_back() {
    round!(ListAuthorizationByPatient { mode: Some(AuthorizationMode::Interdite) }, ListAuthorizationByPatient);
    let one = AuthorizationByPatient {
        national_id: Some("899700000001".into()),
        national_id_type: Some("1.2.250.1.71.4.2.1".into()),
        first_name: Some("ANNE".into()),
        last_name: Some("DOC".into()),
        speciality_codes: vec!["G15_10/SM26".into(), "G15_10/SM01".into()],
        speciality_labels: vec!["a".into(), "b".into()],
        start_of_authorization: Some("20240101120000".into()),
        last_action_date: Some("20240102120000".into()),
        mode: Some(AuthorizationMode::Active),
        specific_rights: vec![AuthorizationRole::MedecinTraitant],
    };
    round!(
        ListAuthorizationByPatientResponse {
            authorizations: vec![one, AuthorizationByPatient::default()],
            status: Some(status::OK.into()),
            context: None,
        },
        ListAuthorizationByPatientResponse
    );
}

#[test]
fn a_listing_of_patients_is_written_and_read_back() {
    round!(
        PatientList {
            start_date: Some("20240101120000".into()),
            date_type: Some(PatientListDateType::LastAuthorization),
            ps_owner_id: Some("899700000001".into()),
        },
        PatientList
    );
    let one = PatientListData {
        patient_identifiers: vec![PatientIdentifier {
            national_id: Some("277076322082910".into()),
            national_id_type: Some("1.2.250.1.213.1.4.10".into()),
        }],
        last_name: Some("PAT".into()),
        patronymical_name: Some("BIRTH".into()),
        civility: Some("M".into()),
        medecin_traitant: true,
        last_add_date: Some("20240102120000".into()),
        ..PatientListData::default()
    };
    round!(
        PatientListResponse { patients: vec![one], status: Some(status::CLOSED.into()), context: Some(String::new()) },
        PatientListResponse
    );
}

#[test]
fn what_the_schema_does_not_have_is_refused_with_its_place() {
    let wrap =
        |inside: &str| format!("<setAuthorization xmlns=\"urn:si-dmp-habilitations\">{inside}</setAuthorization>");
    let refusal = |inside: &str| read(&wrap(inside), SetAuthorization::read).unwrap_err();
    let invalid = refusal("<action>ajout</action>");
    assert_eq!(invalid.kind, Kind::InvalidValue("AuthorizationAction"));
    assert_eq!(invalid.place, "/setAuthorization/action");
    assert_eq!(refusal("<patient>1</patient>").kind, Kind::UnexpectedElement);
    assert_eq!(refusal("<action>AJOUT</action><action>AJOUT</action>").kind, Kind::RepeatedElement("action"));
    let long = format!("<action>{}</action>", "A".repeat(BOUND + 1));
    assert_eq!(refusal(&long).kind, Kind::TooLong { max: BOUND });
    let other = read("<setAuthorization xmlns=\"urn:si-dmp-patients\"/>", SetAuthorization::read).unwrap_err();
    assert_eq!((other.kind, other.place.as_str()), (Kind::UnexpectedElement, "/setAuthorization"));
    let empty = "<patientListResponse xmlns=\"urn:si-dmp-patients\"/>";
    assert_eq!(read(empty, PatientListResponse::read).unwrap_err().kind, Kind::MissingElement("output"));
    let data = |inside: &str| {
        format!(
            "<patientListResponse xmlns=\"urn:si-dmp-patients\"><output><patientlistData><MT>1</MT></patientlistData><patientlistData>{inside}</patientlistData></output></patientListResponse>"
        )
    };
    let error = read(&data("<MT>yes</MT>"), PatientListResponse::read).unwrap_err();
    assert_eq!(error.kind, Kind::MissingElement("message"), "the first of the two");
    let error = read(
        &data("<MT>yes</MT>").replace("<MT>1</MT>", "<MT>1</MT><message> false </message><new/>"),
        PatientListResponse::read,
    )
    .unwrap_err();
    assert_eq!(error.place, "/patientListResponse/output/patientlistData[2]/MT");
}
