//! Following a space (ITI-52, ITI-53), and answers that go to an address of the caller's own (WS-Addressing ReplyTo), both
//! to a server of the test over mutual TLS.

use testkit::{
    Catcher, Gateway, Reply, TestDocument,
    soap::{self, Deposit},
};

use crate::support::{Caller, eventually, faulted, succeeded};

const DSUB: &str = "/ihe/services/dsub";
const SUBSCRIBE: &str = "http://docs.oasis-open.org/wsn/bw-2/NotificationProducer/SubscribeRequest";
const UNSUBSCRIBE: &str = "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/UnsubscribeRequest";
const OF_DOCUMENTS: &str = "urn:uuid:aa2332d0-f8fe-11e0-be50-0800200c9a66";
const OF_SETS: &str = "urn:uuid:fbede94e-dbdc-4f6b-bc1f-d730e677cece";

fn taken(_: &[u8]) -> (u16, &'static str, Vec<u8>) {
    (202, "application/soap+xml", Vec::new())
}

/// The server that is told, and a gateway that calls as the hospital and may tell it for the people of two structures.
async fn followed() -> (Catcher, Gateway, String) {
    // Its certificate is made with the gateway's: a port is found first.
    let address = Catcher::http("127.0.0.1:0", taken).await.address.clone();
    let url = format!("https://{address}/notify");
    let mut gateway = Gateway::start();
    let of = |name: &str| {
        let people = gateway.demo["professionals"].as_array().expect("people");
        let one = people.iter().find(|p| p["name"] == name).expect("somebody");
        format!("{{ structure = {}, address = \"{url}\" }}", one["structure"])
    };
    let addresses = format!("[{}, {}]", of("medecin"), of("pharmacien"));
    for (key, value) in [
        ("PASSERELLE__OUTWARD__CERTIFICATE", "pki/hopital-auth.pem"),
        ("PASSERELLE__OUTWARD__KEY", "pki/hopital-auth.key"),
        ("PASSERELLE__OUTWARD__AUTHORITIES", "[\"pki/ca.pem\"]"),
        ("PASSERELLE__DSUB__CONSUMERS", &addresses),
        ("PASSERELLE__IHE__REPLY_TO", &addresses),
        ("PASSERELLE_LOG", "info"),
    ] {
        gateway.set(key, value);
    }
    gateway.restart();
    let catcher = Catcher::https(&address, &gateway.data().join("pki"), taken).await;
    (catcher, gateway, url)
}

fn filter(topic: &str, query: &str, slots: &[(&str, &str)], consumer: &str, ends: &str) -> String {
    let slots: String = slots.iter().map(|(name, value)| soap::query_slot(name, value)).collect();
    format!(
        r#"<wsnt:Subscribe xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" xmlns:wsa="http://www.w3.org/2005/08/addressing"><wsnt:ConsumerReference><wsa:Address>{consumer}</wsa:Address></wsnt:ConsumerReference><wsnt:Filter><wsnt:TopicExpression Dialect="http://docs.oasis-open.org/wsn/t-1/TopicExpression/Simple">ihe:{topic}</wsnt:TopicExpression><rim:AdhocQuery xmlns:rim="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0" xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0" id="{query}">{slots}</rim:AdhocQuery></wsnt:Filter>{ends}</wsnt:Subscribe>"#
    )
}

fn patient(ins: &str) -> String {
    format!("'{ins}^^^&amp;1.2.250.1.213.1.4.10&amp;ISO^NH'")
}

async fn ask(caller: &mut Caller, path: &str, action: &str, body: &str) -> Reply {
    let envelope = soap::envelope(action, &caller.vihf, body);
    caller.post_envelope(path, envelope).await
}

/// Follows documents of a kind, and gives the subscription's path.
async fn follow(caller: &mut Caller, topic: &str, url: &str) -> String {
    let cx = patient(&caller.ins);
    let body = match topic {
        "SubmissionSetMetadata" => filter(topic, OF_SETS, &[("$XDSSubmissionSetPatientId", &cx)], url, ""),
        _ => {
            let slots = [
                ("$XDSDocumentEntryPatientId", cx.as_str()),
                ("$XDSDocumentEntryTypeCode", "('11502-2^^2.16.840.1.113883.6.1')"),
            ];
            filter(topic, OF_DOCUMENTS, &slots, url, "<wsnt:InitialTerminationTime>P30D</wsnt:InitialTerminationTime>")
        }
    };
    let reply = ask(caller, DSUB, SUBSCRIBE, &body).await;
    let text = reply.text();
    assert_eq!(reply.status, 200, "{text}");
    assert!(text.contains("SubscribeResponse") && text.contains("TerminationTime"), "{text}");
    let reference = text.split("SubscriptionReference>").nth(1).expect("a reference");
    let start = reference.find(DSUB).expect("its address");
    reference[start..].split('<').next().expect("its end").to_owned()
}

#[tokio::test]
async fn who_follows_is_told_of_what_fits_and_may_be_read_until_unsubscribed() {
    let (catcher, gateway, url) = followed().await;
    let mut follower = Caller::of(&gateway, "pharmacien", 0);
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let path = follow(&mut follower, "FullDocumentEntry", &url).await;
    follow(&mut follower, "MinimalDocumentEntry", &url).await;
    follow(&mut follower, "SubmissionSetMetadata", &url).await;
    let masked = TestDocument::biology().visible(&["MASQUE_PS"]);
    physician.put(&masked).await;
    physician.put(&TestDocument::report("11488-4", "10")).await;
    let told = TestDocument::biology();
    let deposit = Deposit::one(&physician.ins, told.clone());
    succeeded(&physician.send(&deposit).await);
    // Three topics fit the biology report, one the other document; nothing fits the masked one.
    assert!(eventually(|| async { catcher.texts().len() >= 4 }).await);
    let texts = catcher.texts();
    let full = texts.iter().find(|t| t.contains("ihe:FullDocumentEntry")).expect("the whole entry");
    assert!(full.contains(&told.unique_id) && full.contains("ExtrinsicObject") && full.contains(&path), "{full}");
    let minimal = texts.iter().find(|t| t.contains("ihe:MinimalDocumentEntry")).expect("a reference");
    assert!(minimal.contains("ObjectRef") && !minimal.contains(&told.unique_id));
    let sets: Vec<_> = texts.iter().filter(|t| t.contains("ihe:SubmissionSetMetadata")).collect();
    assert!(sets.len() == 2 && sets.iter().any(|t| t.contains(&deposit.set_id)));
    assert!(texts.iter().all(|t| !t.contains(&masked.unique_id)));
    let trace = gateway.trace(&physician.ins);
    assert!(trace.iter().any(|e| e["act"] == "subscribe" && e["outcome"] == "done"));
    let reader = |e: &&serde_json::Value| e["act"] == "find" && e["documents"][0] == told.unique_id.as_str();
    assert!(trace.iter().any(|e| reader(&e)), "who was told is in the trace");
    // Nobody else ends it; who made it does, once.
    let end = r#"<wsnt:Unsubscribe xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2"/>"#;
    faulted(&ask(&mut physician, &path, UNSUBSCRIBE, end).await, 400, "unknown_subscription");
    assert!(ask(&mut follower, &path, UNSUBSCRIBE, end).await.text().contains("UnsubscribeResponse"));
    let ended = ask(&mut follower, &path, UNSUBSCRIBE, end).await;
    faulted(&ended, 400, "unknown_subscription");
    assert!(ended.text().contains("<f:ResourceUnknownFault xmlns:f=\"http://docs.oasis-open.org/wsrf/r-2\""));
    // Who is blocked is told nothing more, though the other subscriptions run.
    let before = catcher.texts().len();
    let _ = gateway.command(&["space", "block", "--ins", &physician.ins, "--who", "pharmacien"]);
    physician.put(&TestDocument::biology()).await;
    assert!(
        eventually(|| async {
            gateway.trace(&physician.ins).iter().any(|e| e["act"] == "find" && e["cause"] == "blocked")
        })
        .await
    );
    assert_eq!(catcher.texts().len(), before);
    // That his subscriptions ended stands in the trace beside what he was refused.
    let ended = || {
        gateway
            .trace(&physician.ins)
            .into_iter()
            .filter(|e| e["act"] == "subscribe" && e["who"]["name"] == "passerelle")
    };
    assert!(eventually(|| async { ended().count() >= 1 }).await, "{:#?}", gateway.trace(&physician.ins));
}

#[tokio::test]
async fn a_consumer_that_was_away_is_told_when_it_is_back() {
    let (catcher, mut gateway, url) = followed().await;
    let mut physician = Caller::of(&gateway, "medecin", 0);
    follow(&mut physician, "FullDocumentEntry", &url).await;
    let address = catcher.address.clone();
    drop(catcher);
    let document = TestDocument::biology();
    physician.put(&document).await;
    // What is to be told outlives the process.
    gateway.restart();
    let catcher = Catcher::https(&address, &gateway.data().join("pki"), taken).await;
    let _ = gateway.command(&["advance", "--by", "2h"]);
    assert!(eventually(|| async { catcher.texts().iter().any(|t| t.contains(&document.unique_id)) }).await);
}

#[tokio::test]
async fn what_waits_for_a_consumer_that_is_away_is_put_off_without_a_trace_of_telling() {
    let (catcher, gateway, url) = followed().await;
    let mut physician = Caller::of(&gateway, "medecin", 0);
    follow(&mut physician, "FullDocumentEntry", &url).await;
    let address = catcher.address.clone();
    drop(catcher);
    // Each try is of something that could be told: the first leaves its trace, the others are not even decided.
    let documents: Vec<_> = (0..3).map(|_| TestDocument::biology()).collect();
    physician.put(&documents[0]).await;
    let ins = physician.ins.clone();
    let told = || gateway.trace(&ins).iter().filter(|e| e["act"] == "find").count();
    assert!(eventually(|| async { told() == 1 }).await);
    for document in &documents[1..] {
        physician.put(document).await;
    }
    assert!(eventually(|| async { gateway.log().matches("away").count() >= 2 }).await, "{}", gateway.log());
    assert_eq!(told(), 1);
    let catcher = Catcher::https(&address, &gateway.data().join("pki"), taken).await;
    let _ = gateway.command(&["advance", "--by", "2h"]);
    let all = || documents.iter().all(|d| catcher.texts().iter().any(|t| t.contains(&d.unique_id)));
    assert!(eventually(|| async { all() }).await);
}

#[tokio::test]
async fn what_cannot_be_followed_is_refused_with_its_reason() {
    let (_catcher, gateway, url) = followed().await;
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let cx = patient(&physician.ins);
    let slots = [("$XDSDocumentEntryPatientId", cx.as_str())];
    let elsewhere = "https://127.0.0.1:1/notify";
    let topic = |topic: &str, query: &str| filter(topic, query, &slots, &url, "");
    let past = "<wsnt:InitialTerminationTime>2001-01-01T00:00:00Z</wsnt:InitialTerminationTime>";
    let unknown = [slots[0], ("$Anything", "'x'")];
    let content = "InvalidMessageContentExpressionFault";
    let cases = [
        (
            filter("FullDocumentEntry", OF_DOCUMENTS, &slots, elsewhere, ""),
            "consumer_refused",
            "SubscribeCreationFailedFault",
        ),
        (topic("FullDocumentEntry", OF_SETS), "query_parameter_invalid", content),
        (topic("FolderMetadata", OF_DOCUMENTS), "query_parameter_invalid", "TopicNotSupportedFault"),
        (filter("FullDocumentEntry", OF_DOCUMENTS, &[], &url, ""), "query_parameter_missing", content),
        (filter("FullDocumentEntry", OF_DOCUMENTS, &unknown, &url, ""), "query_parameter_unknown", content),
        (
            filter("FullDocumentEntry", OF_DOCUMENTS, &slots, &url, past),
            "query_parameter_invalid",
            "UnacceptableInitialTerminationTimeFault",
        ),
    ];
    for (body, cause, word) in cases {
        let reply = ask(&mut physician, DSUB, SUBSCRIBE, &body).await;
        faulted(&reply, 400, cause);
        // In the words of WS-Notification too, first in the detail.
        let named = format!("<soap:Detail><f:{word} xmlns:f=\"http://docs.oasis-open.org/wsn/b-2\"");
        let text = reply.text();
        assert!(text.contains(&named) && text.contains("bf:Timestamp>") && text.contains("wsn/fault<"), "{text}");
    }
    let body = filter("FullDocumentEntry", OF_DOCUMENTS, &slots, &url, "");
    // Another house's address is nobody else's to have told.
    let mut nurse = Caller::of(&gateway, "infirmier", 0);
    faulted(&ask(&mut nurse, DSUB, SUBSCRIBE, &body).await, 400, "consumer_refused");
    let mut blocked = Caller::of(&gateway, "pharmacien", 0);
    let _ = gateway.command(&["space", "block", "--ins", &physician.ins, "--who", "pharmacien"]);
    faulted(&ask(&mut blocked, DSUB, SUBSCRIBE, &body).await, 400, "blocked");
}

#[tokio::test]
async fn an_answer_goes_where_the_caller_may_have_it_sent() {
    let (catcher, gateway, url) = followed().await;
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let document = TestDocument::biology();
    physician.put(&document).await;
    let query = soap::find_documents(&physician.ins, soap::APPROVED, "");
    let asked = |address: &str, caller: &Caller| {
        let envelope = soap::envelope("urn:ihe:iti:2007:RegistryStoredQuery", &caller.vihf, &query);
        envelope.replace("http://www.w3.org/2005/08/addressing/anonymous", address)
    };
    let envelope = asked(&url, &physician);
    let accepted = physician.post_envelope(soap::REGISTRY, envelope).await;
    assert_eq!((accepted.status.as_u16(), accepted.text().len()), (202, 0));
    assert!(eventually(|| async { !catcher.texts().is_empty() }).await);
    let answer = catcher.texts().remove(0);
    assert!(answer.contains("AdhocQueryResponse") && answer.contains(&document.unique_id), "{answer}");
    assert!(answer.contains(&format!("<wsa:To>{url}</wsa:To>")) && answer.contains("RelatesTo"));
    // Elsewhere nothing is sent: the answer comes back on the connection.
    let envelope = asked("https://127.0.0.1:1/elsewhere", &physician);
    let answered = physician.post_envelope(soap::REGISTRY, envelope).await;
    assert!(answered.status == 200 && answered.text().contains(&document.unique_id));
    assert_eq!(catcher.texts().len(), 1);
}

#[tokio::test]
async fn a_fault_goes_where_the_caller_may_have_faults_sent() {
    let (catcher, gateway, url) = followed().await;
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let nowhere = soap::find_documents(&physician.ins, soap::APPROVED, "").replace("AdhocQueryRequest", "Nothing");
    let asked = |reply_to: &str, fault_to: &str, caller: &Caller| {
        let envelope = soap::envelope("urn:ihe:iti:2007:RegistryStoredQuery", &caller.vihf, &nowhere);
        let envelope = envelope.replace("http://www.w3.org/2005/08/addressing/anonymous", reply_to);
        let header = format!(
            r#"<w:FaultTo xmlns:w="http://www.w3.org/2005/08/addressing"><w:Address>{fault_to}</w:Address></w:FaultTo>"#
        );
        let at = envelope.find(":Header>").or_else(|| envelope.find("<Header>")).expect("a header");
        let at = at + envelope[at..].find('>').expect("its end") + 1;
        format!("{}{header}{}", &envelope[..at], &envelope[at..])
    };
    let anonymous = "http://www.w3.org/2005/08/addressing/anonymous";
    let message = asked(anonymous, &format!("{url}/faults"), &physician);
    let accepted = physician.post_envelope(soap::REGISTRY, message).await;
    assert_eq!((accepted.status.as_u16(), accepted.text().len()), (202, 0), "{}", accepted.text());
    assert!(eventually(|| async { !catcher.texts().is_empty() }).await);
    let fault = catcher.texts().remove(0);
    assert!(fault.contains("unknown_action") && fault.contains(&format!("<wsa:To>{url}/faults</wsa:To>")), "{fault}");
    // Faults on the connection, though answers would go elsewhere; an address that is not the caller's is none.
    for elsewhere in [anonymous, "https://127.0.0.1:1/faults"] {
        let message = asked(&url, elsewhere, &physician);
        faulted(&physician.post_envelope(soap::REGISTRY, message).await, 400, "unknown_action");
    }
    assert_eq!(catcher.texts().len(), 1);
}

#[tokio::test]
async fn a_document_recipient_takes_what_says_less_of_itself() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let kept = gateway.demo["holders"][0]["documents"][0].as_str().expect("a document").to_owned();
    let sample = String::from_utf8_lossy(&physician.bytes(&kept).await).into_owned();
    let mut document = TestDocument::biology();
    document.body = sample.replace(&kept, &document.unique_id).into_bytes();
    let deposit = Deposit::one(&physician.ins, document.clone());
    let without = |scheme: &str, body: String| {
        let at = body.rfind(scheme).expect("a classification");
        let start = body[..at].rfind("<Classification").expect("its start");
        let end = at + body[at..].find("</Classification>").expect("its end") + "</Classification>".len();
        format!("{}{}", &body[..start], &body[end..])
    };
    // The kind of document and of facility are in the document.
    let body = ["f0306f51-975f-434e-a61c-c59651d33983", "f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1"]
        .iter()
        .fold(deposit.body(), |body, scheme| without(scheme, body));
    let envelope = soap::envelope("urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b", &physician.vihf, &body);
    let message = soap::package(&envelope, &[("text/xml", document.body.as_slice())]);
    let headers = [("content-type", soap::content_type())];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let refused = physician.client.post(soap::REPOSITORY, &headers, message.clone()).await;
    assert!(refused.text().contains("metadata_missing"), "{}", refused.text());
    succeeded(&physician.client.post("/ihe/services/xdr", &headers, message).await);
    assert_eq!(physician.bytes(&document.unique_id).await, document.body.as_slice());
    assert!(physician.find("").await.text().contains(&document.unique_id));
}
