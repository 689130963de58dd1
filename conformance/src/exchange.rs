//! What moves besides the registry and the repository: a Document Recipient (XDR, ITI TF-1 §15), subscriptions (ITI TF-2
//! §3.52), the signature of a set (ITI TF-3 §5.5, DMP TD2.1), answers of a search in parts (ITI TF-2 §3.47), and rules of
//! metadata (ITI TF-3 §4.2).

use crate::{
    Clause,
    bundle::document,
    client::{Answer, Server},
    dmp::{hl7, trigger},
    soap::{envelope, expect, failure, has, post, send, send_all, send_to, slot, submission, success, vihf},
};

const SUBSCRIBE: &str = "http://docs.oasis-open.org/wsn/bw-2/NotificationProducer/SubscribeRequest";
const UNSUBSCRIBE: &str = "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/UnsubscribeRequest";
const OF_DOCUMENTS: &str = "urn:uuid:aa2332d0-f8fe-11e0-be50-0800200c9a66";
const CREATED: &str = "creationTime";

pub const CLAUSES: &[Clause] = &[
    Clause {
        name: "XDR_ITI41_3.41.4.1.3_provided",
        asks: "what is provided to a Document Recipient is taken with Success",
        check: |s| {
            let body = submission(s, &s.fresh_oid(), &s.fresh_oid());
            success(&send_all(s, &s.xdr, &body, &[("document", &document("to a recipient"))])?)
        },
    },
    Clause {
        name: "XDR_ITI41_3.41.4.2_missing_document",
        asks: "an entry without its document is refused by XDSMissingDocument, by a Document Recipient too",
        check: |s| {
            let body = submission(s, &s.fresh_oid(), &s.fresh_oid());
            let end = body.find("<x:Document ").unwrap_or(body.len());
            let body = format!("{}</x:ProvideAndRegisterDocumentSetRequest>", &body[..end]);
            failure(&send_all(s, &s.xdr, &body, &[])?, "XDSMissingDocument")
        },
    },
    Clause {
        name: "ITI52_WSBN_6.1.2_unknown_subscription",
        asks: "the end of a subscription that is not there is a fault of WS-ResourceUnknown",
        check: |s| {
            let path = format!("{}/{}", s.dsub, "0f4a8a52-6a0c-4a52-9c5e-0d4b8a6f1c78");
            let end = r#"<w:Unsubscribe xmlns:w="http://docs.oasis-open.org/wsn/b-2"/>"#;
            named(&send_to(s, &path, UNSUBSCRIBE, end)?, "ResourceUnknownFault")
        },
    },
    Clause {
        name: "ITI52_WSBN_4.2_refused_by_name",
        asks: "a Subscribe for an address that may not be told is refused by SubscribeCreationFailedFault",
        check: |s| {
            let body = subscription(s, "https://127.0.0.1:9/nobody", "");
            named(&send_to(s, &s.dsub, SUBSCRIBE, &body)?, "SubscribeCreationFailedFault")
        },
    },
    Clause {
        name: "TF3_5.5_signature_told",
        asks: "a set whose signature is none is told so: by a warning of InvalidDocumentContent, or refused by it",
        check: |s| {
            let body = signed(s, &submission(s, &s.fresh_oid(), &s.fresh_oid()));
            let signature: &[u8] = b"<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>";
            let parts: [(&str, &[u8]); 2] = [("document", &document("signed")), ("signature", signature)];
            let answer = send_all(s, &s.repository, &body, &parts)?;
            expect(&answer, answer.status == 200, "HTTP 200")?;
            has(&answer, "errorCode=\"InvalidDocumentContent\"")
        },
    },
    Clause {
        name: "ITI47_3.47.4.2.3_quantities",
        asks: "a search by number says how many there are, are told, and remain",
        check: |s| {
            let answer = search(s)?;
            for part in [
                r#"queryResponseCode code="OK""#,
                r#"resultTotalQuantity value="1""#,
                r#"resultCurrentQuantity value="1""#,
                r#"resultRemainingQuantity value="0""#,
                r#"<statusCode code="active"/>"#,
            ] {
                has(&answer, part)?;
            }
            Ok(())
        },
    },
    Clause {
        name: "ITI47_3.47.4.4_cancel",
        asks: "a cancelled query is acknowledged by MCCI_IN000002UV01",
        check: |s| {
            let answer = continuation(s, "QUQI_IN000003UV01_Cancel", "aborted")?;
            expect(&answer, answer.status == 200, "HTTP 200")?;
            has(&answer, "MCCI_IN000002UV01")
        },
    },
    Clause {
        name: "ITI47_3.47.4.3_nothing_to_continue",
        asks: "the continuation of a query that nobody asked gives nobody",
        check: |s| {
            let answer = continuation(s, "QUQI_IN000003UV01", "waitContinuedQueryResponse")?;
            let refused = answer.text().contains(":Fault>") || answer.text().contains("typeCode=\"AE\"");
            expect(
                &answer,
                refused || answer.text().contains("queryResponseCode code=\"NF\""),
                "a refusal, or nobody found",
            )?;
            expect(&answer, !answer.text().contains("patientPerson"), "nobody")
        },
    },
    Clause {
        name: "TF3_4.2.3.1.7_DTM",
        asks: "a time that is no DTM is refused by XDSRegistryMetadataError",
        check: |s| altered(s, &slot(CREATED, "20260101115900"), &slot(CREATED, "2026-01-01")),
    },
    Clause {
        name: "TF3_4.2.3.2_one_value",
        asks: "an attribute of one value that has two slots is refused by XDSRegistryMetadataError",
        check: |s| {
            let once = slot(CREATED, "20260101115900");
            altered(s, &once, &format!("{once}{once}"))
        },
    },
    Clause {
        name: "TF3_4.2.3.2.23_sourcePatientId_CX",
        asks: "a sourcePatientId that is no CX is refused by XDSRegistryMetadataError",
        check: |s| altered(s, "1^^^&amp;1.2.250.1.999.9.2&amp;ISO^PI", "1^^^1.2.250.1.999.9.2"),
    },
    Clause {
        name: "TF3_4.2.2.1.1_SubmissionSetStatus",
        asks: "an entry of the submission whose SubmissionSetStatus is not Original is refused",
        check: |s| altered(s, &slot("SubmissionSetStatus", "Original"), &slot("SubmissionSetStatus", "Reference")),
    },
];

/// Clauses that need an address which the server may tell of what is new.
pub const OF_A_CONSUMER: &[Clause] = &[Clause {
    name: "ITI52_3.52.5_subscribe_and_unsubscribe",
    asks: "a Subscribe gives a reference with its end, by which it is ended once",
    check: |s| {
        let consumer = s.consumer.clone().unwrap_or_default();
        let ends = "<w:InitialTerminationTime>P1D</w:InitialTerminationTime>";
        let made = send_to(s, &s.dsub, SUBSCRIBE, &subscription(s, &consumer, ends))?;
        expect(&made, made.status == 200, "HTTP 200")?;
        has(&made, "TerminationTime")?;
        let text = made.text();
        let at = text.find(&format!("{}/", s.dsub)).ok_or("no address of the subscription")?;
        let path = text[at..].split('<').next().unwrap_or_default();
        let end = r#"<w:Unsubscribe xmlns:w="http://docs.oasis-open.org/wsn/b-2"/>"#;
        has(&send_to(s, path, UNSUBSCRIBE, end)?, "UnsubscribeResponse")?;
        named(&send_to(s, path, UNSUBSCRIBE, end)?, "ResourceUnknownFault")
    },
}];

/// A fault of this name in its detail.
fn named(answer: &Answer, name: &str) -> Result<(), String> {
    expect(answer, answer.status == 400 || answer.status == 500, "HTTP 400 or 500")?;
    has(answer, name)
}

/// A submission that is sound but for one thing.
fn altered(s: &Server, from: &str, to: &str) -> Result<(), String> {
    let sound = submission(s, &s.fresh_oid(), &s.fresh_oid());
    let body = sound.replace(from, to);
    if body == sound {
        return Err(format!("{from} is not in the submission"));
    }
    failure(&send(s, &body, &document("altered"))?, "XDSRegistryMetadataError")
}

fn subscription(s: &Server, consumer: &str, ends: &str) -> String {
    let patient = slot("$XDSDocumentEntryPatientId", &format!("'{}^^^&amp;{}&amp;ISO^NH'", s.ins, s.oid));
    format!(
        r#"<w:Subscribe xmlns:w="http://docs.oasis-open.org/wsn/b-2" xmlns:a="http://www.w3.org/2005/08/addressing"><w:ConsumerReference><a:Address>{consumer}</a:Address></w:ConsumerReference><w:Filter><w:TopicExpression Dialect="http://docs.oasis-open.org/wsn/t-1/TopicExpression/Simple">ihe:FullDocumentEntry</w:TopicExpression><AdhocQuery xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0" id="{OF_DOCUMENTS}">{patient}</AdhocQuery></w:Filter>{ends}</w:Subscribe>"#
    )
}

/// A submission with the entry of a signature beside its document.
fn signed(s: &Server, submission: &str) -> String {
    let start = submission.find("<ExtrinsicObject ").unwrap_or_default();
    let end = submission.find("</ExtrinsicObject>").map_or(start, |at| at + "</ExtrinsicObject>".len());
    let entry = &submission[start..end];
    let identified = entry.split("2e82c1f6-a085-4c72-9da3-8640a32e42ab").nth(1).unwrap_or_default();
    let unique = identified.split("value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    let coded = |text: String, from: (&str, &str), to: (&str, &str)| {
        text.replace(&format!("nodeRepresentation=\"{}\"", from.0), &format!("nodeRepresentation=\"{}\"", to.0))
            .replace(&slot("codingScheme", from.1), &slot("codingScheme", to.1))
    };
    let mut signature = entry.replace("\"doc\"", "\"sig\"").replace("id=\"c", "id=\"sc").replace("id=\"e", "id=\"se");
    signature = signature.replace(unique, &s.fresh_oid()).replace("fr-FR", "art");
    for (from, to) in [
        (("10", "1.2.250.1.213.1.1.4.1"), ("urn:oid:1.3.6.1.4.1.19376.1.2.1.1.1", "URN")),
        (("11502-2", "2.16.840.1.113883.6.1"), ("E1762", "ASTM")),
        (("urn:ihe:iti:xds-sd:text:2008", "1.3.6.1.4.1.19376.1.2.3"), ("http://www.w3.org/2000/09/xmldsig#", "URN")),
    ] {
        signature = coded(signature, from, to);
    }
    let links = format!(
        r#"<Association id="a2" associationType="urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember" sourceObject="set" targetObject="sig">{}</Association><Association id="a3" associationType="urn:ihe:iti:2007:AssociationType:signs" sourceObject="sig" targetObject="set"/>"#,
        slot("SubmissionSetStatus", "Original")
    );
    let part = r#"<x:Document id="sig"><xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:signature@conformance"/></x:Document>"#;
    submission
        .replacen("</ExtrinsicObject>", &format!("</ExtrinsicObject>{signature}"), 1)
        .replace("</RegistryObjectList>", &format!("{links}</RegistryObjectList>"))
        .replace("</x:ProvideAndRegister", &format!("{part}</x:ProvideAndRegister"))
}

/// ITI-47 for the holder's own number, one at a time.
fn search(s: &Server) -> Result<Answer, String> {
    let act = format!(
        r#"{}<queryByParameter><queryId root="{}" extension="1"/><statusCode code="new"/><responseModalityCode code="R"/><responsePriorityCode code="I"/><initialQuantity value="1"/><parameterList><livingSubjectId><value root="{}" extension="{}"/><semanticsText>LivingSubject.id</semanticsText></livingSubjectId></parameterList></queryByParameter>"#,
        trigger("PRPA_TE201305UV02"),
        s.fresh_oid(),
        s.oid,
        s.ins
    );
    let body = hl7(s, "PRPA_IN201305UV02", &act);
    send_to(s, &s.pdq, "urn:hl7-org:v3:PRPA_IN201305UV02", &body)
}

fn continuation(s: &Server, interaction: &str, word: &str) -> Result<Answer, String> {
    let act = format!(
        r#"{}<queryContinuation><queryId root="{}" extension="1"/><continuationQuantity value="1"/><statusCode code="{word}"/></queryContinuation>"#,
        trigger("PRPA_TE000003UV01"),
        s.fresh_oid(),
    );
    let action = if word == "aborted" { "QUQI_IN000003UV01_Cancel" } else { "QUQI_IN000003UV01_Continue" };
    let body = hl7(s, interaction, &act);
    post(s, &s.pdq, envelope(&format!("urn:hl7-org:v3:{action}"), vihf(s), &body).as_bytes())
}
