//! The client against a server that is a list of answers: what is sent, what is read, and whose fault an error is.

use std::sync::{Arc, Mutex};

use ambient::SystemRng;
use axum::http::StatusCode;
use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture};
use space::{Actor, Cause, Dtm, Ins, InsOid, InsTolerance, Refusal};
use wire_soap::{
    dmp::{AuthorizationMode, ListAuthorizationByPatientResponse, PatientListResponse, SetAuthorizationResponse},
    ns::action,
    reply::SoapReply,
    xds::RegistryResponse,
};

use super::{
    Answer, Call, Client, ClientError, Endpoints, OnBehalf, OwnAuthorisation, Signer, Submitted, Transport,
    TransportError, Use, Verdict,
};
use crate::errors;

/// Answers what it is given, and keeps what it was sent.
struct Canned {
    answer: Result<(u16, &'static str, Vec<u8>), TransportError>,
    sent: Mutex<String>,
}

impl Transport for Canned {
    fn post(&self, mut call: Call) -> BoxFuture<'_, Result<Answer, TransportError>> {
        async move {
            let mut length = 0;
            let mut sent = String::new();
            while let Some(chunk) = call.body.next().await {
                let chunk = chunk.expect("memory");
                length += chunk.len() as u64;
                sent.push_str(&String::from_utf8_lossy(&chunk));
            }
            assert_eq!(length, call.length, "what is announced is what is sent");
            *self.sent.lock().expect("no thread panicked") = sent;
            let (status, content_type, body) = self.answer.clone()?;
            let body = futures::stream::once(async move { Ok(Bytes::from(body)) }).boxed();
            Ok(Answer { status, content_type: content_type.to_owned(), body })
        }
        .boxed()
    }
}

struct Stamp;

impl Signer for Stamp {
    fn vihf(&self, _: &Actor, patient: Option<&Ins>, to: Use) -> Result<String, &'static str> {
        let ins = patient.ok_or("nobody")?.matricule();
        Ok(format!("<saml2:Assertion xmlns:saml2=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{to:?}{ins}\"/>"))
    }
}

const SOAP: &str = "application/soap+xml; charset=UTF-8";

fn client(answer: Result<(u16, &'static str, Vec<u8>), TransportError>) -> (Client, Arc<Canned>) {
    let canned = Arc::new(Canned { answer, sent: Mutex::default() });
    let endpoints = Endpoints::of_dmp("https://there.example/services/");
    (Client::new(endpoints, canned.clone(), Arc::new(Stamp), SystemRng::new(), 1 << 20), canned)
}

fn answered(body: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    SoapReply::new("urn:answer", "urn:uuid:1").write(&mut out, body);
    out
}

fn ins() -> Ins {
    Ins::parse("277076322082910", InsOid::NirTest, InsTolerance::Strict).expect("an INS")
}

/// An update of nothing, as the other answers it.
async fn updated(answer: Result<(u16, &'static str, Vec<u8>), TransportError>) -> (Result<(), ClientError>, String) {
    let (client, canned) = client(answer);
    let (actor, ins) = (Actor::operator("TEST"), ins());
    let set = space::SubmissionSet {
        entry_uuid: "urn:uuid:set".into(),
        unique_id: "1.2.3".into(),
        source_id: space::Oid::parse("1.2.4").expect("an OID"),
        patient_id: space::hl7::Cx(ins.to_cx()),
        status: space::AvailabilityStatus::Approved,
        submission_time: Dtm::parse("20260101").expect("a date"),
        authors: Vec::new(),
        content_type_code: space::Code { code: "04".into(), scheme: "1.2".into(), label: Vec::new() },
        title: Vec::new(),
        comments: Vec::new(),
        intended_recipients: Vec::new(),
        home: None,
        extra: Vec::new(),
    };
    let what = Submitted { set: &set, documents: &[], folders: &[], associations: &[] };
    let who = OnBehalf { actor: &actor, patient: Some(&ins), to: Use::Structure };
    let done = client.update(who, what).await;
    let sent = canned.sent.lock().expect("no thread panicked").clone();
    (done, sent)
}

fn registry(refusals: &[Refusal]) -> Vec<u8> {
    let errors = errors::registry_errors(refusals).unwrap_or_default();
    answered(|out| RegistryResponse::failure(errors).write(out))
}

#[tokio::test]
async fn a_request_is_addressed_signed_and_says_nothing_that_the_registry_says() {
    let done = answered(|out| RegistryResponse::success().write(out));
    let (done, sent) = updated(Ok((200, SOAP, done))).await;
    assert!(done.is_ok(), "{done:?}");
    assert!(sent.contains(action::UPDATE_DOCUMENT_SET) && sent.contains("https://there.example/services/registry"));
    assert!(sent.contains("ID=\"Structure277076322082910\"") && sent.contains("ReplyTo"), "{sent}");
    assert!(!sent.contains("status=") && !sent.contains("lid="), "{sent}");
}

#[tokio::test]
async fn what_failed_is_told_by_whose_fault_it_is() {
    use Cause as C;
    let fault = |cause: C| {
        let mut out = Vec::new();
        let fault = errors::fault(&Refusal::new(cause).at("/Envelope"));
        SoapReply::new("urn:fault", "urn:uuid:1").write_fault(&mut out, &fault);
        (errors::status(&fault, cause).as_u16(), SOAP, out)
    };
    let soap11 = br#"<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><faultcode>e:Server</faultcode><faultstring>panne</faultstring></e:Fault></e:Body></e:Envelope>"#;
    let cases = [
        (Err(TransportError::Unreachable), Verdict::Away, "transport", ""),
        (Ok((502, "text/html", b"<html>".to_vec())), Verdict::Away, "HTTP 502", ""),
        (Ok((403, "text/html", b"<html>".to_vec())), Verdict::Away, "HTTP 403", ""),
        (Ok((500, "text/html", b"<html>".to_vec())), Verdict::Later, "HTTP 500", ""),
        (Ok((200, "text/html", b"<html>".to_vec())), Verdict::Later, "unreadable", ""),
        (Ok((200, SOAP, b"<a".to_vec())), Verdict::Later, "unreadable", ""),
        (Ok((200, SOAP, answered(|out| out.extend_from_slice(b"<a/>")))), Verdict::Later, "unreadable", ""),
        (Ok((500, "application/soap+xml", soap11.to_vec())), Verdict::Later, "Server", ""),
        (Ok(fault(C::Busy)), Verdict::Away, "busy", "busy"),
        (Ok(fault(C::SignerRevoked)), Verdict::Away, "signer_revoked", "signer_revoked"),
        (Ok(fault(C::ClaimInvalid)), Verdict::Refused, "claim_invalid", "claim_invalid"),
        (Ok((200, SOAP, registry(&[Refusal::new(C::Busy)]))), Verdict::Away, "XDSRegistryBusy", "busy"),
        (Ok((200, SOAP, registry(&[Refusal::new(C::Internal)]))), Verdict::Later, "XDSRegistryError", "internal"),
        (
            Ok((200, SOAP, registry(&[Refusal::new(C::UnknownHolder)]))),
            Verdict::Refused,
            "XDSUnknownPatientId",
            "unknown_holder",
        ),
    ];
    for (answer, verdict, code, word) in cases {
        let error = updated(answer).await.0.expect_err("it failed");
        let told = error.told();
        assert_eq!((error.verdict(), told.code.as_str(), told.word.as_str()), (verdict, code, word), "{error:?}");
        assert!(told.text.is_empty(), "what the other writes is not kept");
    }
    assert_eq!(StatusCode::SERVICE_UNAVAILABLE.as_u16(), fault(C::Busy).0);
}

#[tokio::test]
async fn authorisations_are_set_and_listed_and_refusals_have_the_dmps_word() {
    let (actor, ins) = (Actor::operator("TEST"), ins());
    let who = OnBehalf { actor: &actor, patient: Some(&ins), to: Use::Person };
    let status = |word: &str| Some(word.to_owned());
    let done = SetAuthorizationResponse { status: status("DMPOk"), context: None };
    let (there, canned) = client(Ok((200, SOAP, answered(|out| done.write(out)))));
    let change = OwnAuthorisation { declared: false, medecin_traitant: true };
    there.set_authorisation(who, change).await.expect("done");
    let sent = canned.sent.lock().expect("no thread panicked").clone();
    assert!(sent.contains("SUPPRESSION") && sent.contains("MEDECIN_TRAITANT"), "{sent}");

    let context = Some("blocked — …".to_owned());
    let refused = SetAuthorizationResponse { status: status("DMPBlocked"), context };
    let (there, _) = client(Ok((200, SOAP, answered(|out| refused.write(out)))));
    let error = there.set_authorisation(who, change).await.expect_err("refused").told();
    assert_eq!((error.code.as_str(), error.word.as_str()), ("DMPBlocked", "blocked"));

    let list = ListAuthorizationByPatientResponse { status: status("DMPOk"), ..Default::default() };
    let (there, _) = client(Ok((200, SOAP, answered(|out| list.write(out)))));
    assert!(there.authorised(who, AuthorizationMode::Toute).await.expect("a list").is_empty());

    let list = PatientListResponse { status: status("DMPOk"), ..Default::default() };
    let (there, canned) = client(Ok((200, SOAP, answered(|out| list.write(out)))));
    let since = Dtm::parse("20260101000000").expect("a date");
    assert!(there.accessible(who, &since).await.expect("a list").is_empty());
    assert!(canned.sent.lock().expect("no thread panicked").contains("LASTAUTORIZATION"));
}
