//! Communities (docs/xca.md): one is asked by another (ITI-38, ITI-39), another's records are shown in one answer, each is
//! called once at most for one message, and one that is down is told and holds nobody up.

use testkit::{Catcher, Client, Gateway, GatewayOptions, Reply, TestDocument, soap};

use crate::support::{Caller, PARTIAL, SOAP, SUCCESS, newest, refused};

const PATH: &str = "/ihe/services/xca";
const OURS: &str = "1.2.250.1.999.70.1";
const THEIRS: &str = "1.2.250.1.999.70.2";
const DOWN: &str = "1.2.250.1.999.70.3";
const NEVER: &str = "1.2.250.1.999.70.4";

fn community(id: &str) -> GatewayOptions {
    GatewayOptions::default().with("IHE__HOME_COMMUNITY_ID", id).with("IHE__REPOSITORY_UNIQUE_ID", &format!("{id}.1"))
}

/// Ours, which asks theirs and one that is down.
fn asking(theirs: &Gateway) -> Gateway {
    // A port that was somebody's and is nobody's now.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    let one = |id: &str, port: &str| {
        let url = format!("https://localhost:{port}{PATH}");
        format!(r#"{{id = "{id}", query = "{url}", retrieve = "{url}"}}"#)
    };
    let port = theirs.pro.rsplit(':').next().expect("a port");
    let list = format!("[{}, {}]", one(THEIRS, port), one(DOWN, &closed.to_string()));
    Gateway::with(
        community(OURS)
            .with("OUTWARD__CERTIFICATE", "pki/hopital-auth.pem")
            .with("OUTWARD__KEY", "pki/hopital-auth.key")
            .with("OUTWARD__SEAL_CERTIFICATE", "pki/hopital-seal.pem")
            .with("OUTWARD__SEAL_KEY", "pki/hopital-seal.key")
            .with("OUTWARD__AUTHORITIES", "[\"pki/ca.pem\"]")
            .with("OUTWARD__BUDGET_MS", "60000")
            .with("XCA__COMMUNITIES", &list),
    )
}

/// How often a gateway was called for a transaction.
pub(crate) fn calls(gateway: &Gateway, transaction: &str) -> u64 {
    let metrics = crate::operations::page(&gateway.admin, "/metrics").1;
    let of = |line: &&str| line.starts_with("passerelle_calls_total{") && line.contains(&format!("\"{transaction}\""));
    metrics.lines().filter(of).filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

fn urn(id: &str) -> String {
    format!("urn:oid:{id}")
}

/// Retrieves documents that name their community.
async fn retrieve(caller: &mut Caller, action: &str, path: &str, documents: &[(&str, &str)]) -> Reply {
    let one = |(home, document): &(&str, &str)| {
        let named =
            if home.is_empty() { String::new() } else { format!("<HomeCommunityId>{}</HomeCommunityId>", urn(home)) };
        let repository = if home.is_empty() { THEIRS } else { home };
        format!(
            "<DocumentRequest>{named}<RepositoryUniqueId>{repository}.1</RepositoryUniqueId><DocumentUniqueId>{document}</DocumentUniqueId></DocumentRequest>"
        )
    };
    let requests: String = documents.iter().map(one).collect();
    let body = format!(
        r#"<RetrieveDocumentSetRequest xmlns="urn:ihe:iti:xds-b:2007">{requests}</RetrieveDocumentSetRequest>"#
    );
    caller.post_envelope(path, soap::envelope(action, &caller.vihf, &body)).await
}

const ITI43: &str = "urn:ihe:iti:2007:RetrieveDocumentSet";
const ITI39: &str = "urn:ihe:iti:2007:CrossGatewayRetrieve";
const ITI38: &str = "urn:ihe:iti:2007:CrossGatewayQuery";

#[tokio::test]
async fn another_communitys_records_are_in_the_answer_and_one_that_is_down_is_told() {
    let theirs = Gateway::with(community(THEIRS));
    let ours = asking(&theirs);
    let (mut here, mut there) = (Caller::of(&ours, "medecin", 0), Caller::of(&theirs, "medecin", 0));
    let (one, two, own) = (TestDocument::biology(), TestDocument::biology(), TestDocument::biology());
    there.put(&one).await;
    there.put(&two).await;
    here.put(&own).await;

    let found = here.find("").await.text();
    assert!(found.contains(PARTIAL), "{found}");
    assert!([&one, &two, &own].iter().all(|d| found.contains(&d.unique_id)), "{found}");
    assert_eq!(soap::errors(&found), [("XDSUnavailableCommunity".to_owned(), "unavailable_community".to_owned())]);
    assert_eq!(soap::attributes(&found, "location"), [urn(DOWN)]);
    let homes = soap::attributes(&found, "home");
    assert!(homes.contains(&urn(OURS)) && homes.iter().filter(|home| **home == urn(THEIRS)).count() == 2, "{homes:?}");
    assert_eq!(calls(&theirs, "ITI-38"), 1, "one call for one question");
    let event = newest(&theirs, &here.ins, "find");
    assert_eq!(event["who"]["id"], "899900000101", "they know who asks: {event}");

    // Two of theirs and one of ours in one message: one call.
    let documents =
        [(THEIRS, one.unique_id.as_str()), (OURS, own.unique_id.as_str()), (THEIRS, two.unique_id.as_str())];
    let before = crate::registry::commits(&ours);
    let reply = retrieve(&mut here, ITI43, soap::REPOSITORY, &documents).await;
    assert_eq!(crate::registry::commits(&ours), before + 1, "one transaction, with leave to ask others");
    let (envelope, parts) = soap::unpack(&reply);
    assert!(envelope.contains(SUCCESS), "{envelope}");
    assert!([&one, &two, &own].iter().all(|d| parts.iter().any(|part| *part == d.body.as_slice())), "{envelope}");
    assert!(envelope.contains(&format!("<xdsb:HomeCommunityId>{}</xdsb:HomeCommunityId>", urn(THEIRS))), "{envelope}");
    assert_eq!(calls(&theirs, "ITI-39"), 1, "one call for one message");
    assert_eq!(newest(&ours, &here.ins, "fetch")["outcome"], "done");

    // Of one that is down, and of one that nobody knows.
    let reply = retrieve(&mut here, ITI43, soap::REPOSITORY, &[(DOWN, "1.2.3"), (THEIRS, &one.unique_id)]).await;
    let (envelope, parts) = soap::unpack(&reply);
    assert!(
        envelope.contains(PARTIAL) && envelope.contains("XDSUnavailableCommunity") && parts.len() == 1,
        "{envelope}"
    );
    let reply = retrieve(&mut here, ITI43, soap::REPOSITORY, &[(NEVER, "1.2.3")]).await;
    refused(&reply, "XDSUnknownCommunity", "unknown_community");
}

#[tokio::test]
async fn a_community_that_is_named_is_asked_alone_and_others_are_left_in_peace() {
    let theirs = Gateway::with(community(THEIRS));
    let ours = asking(&theirs);
    let (mut here, mut there) = (Caller::of(&ours, "medecin", 0), Caller::of(&theirs, "medecin", 0));
    let document = TestDocument::biology();
    there.put(&document).await;
    // By its own identifiers nobody else is asked, unless the community is named.
    let query = soap::get_documents(&document.unique_id);
    let found = here.query(&query).await.text();
    assert!(found.contains(SUCCESS) && !found.contains("ExtrinsicObject"), "{found}");
    assert_eq!(calls(&theirs, "ITI-38"), 0);
    let named = |id: &str| query.replace("<AdhocQuery id", &format!("<AdhocQuery home=\"{}\" id", urn(id)));
    let found = here.query(&named(THEIRS)).await.text();
    assert!(found.contains(SUCCESS) && found.contains(&document.unique_id), "{found}");
    assert_eq!(calls(&theirs, "ITI-38"), 1);
    refused(&here.query(&named(NEVER)).await, "XDSUnknownCommunity", "unknown_community");
    // References only, when only they are asked for.
    let references = named(THEIRS).replace("LeafClass", "ObjectRef");
    let found = here.query(&references).await.text();
    assert!(found.contains("ObjectRef") && !found.contains("ExtrinsicObject"), "{found}");
    // Who may not read here is not asked for there.
    let _ = ours.command(&["space", "block", "--ins", &here.ins, "--who", "infirmier"]);
    let mut nurse = Caller::of(&ours, "infirmier", 0);
    refused(&nurse.query(&named(THEIRS)).await, "LocalPolicyRestrictionError", "blocked");
    let reply = retrieve(&mut nurse, ITI43, soap::REPOSITORY, &[(THEIRS, &document.unique_id)]).await;
    refused(&reply, "LocalPolicyRestrictionError", "blocked");
    assert_eq!((calls(&theirs, "ITI-38"), calls(&theirs, "ITI-39")), (2, 0));
    // What they do not show him there is not shown here.
    let _ = theirs.command(&["space", "block", "--ins", &here.ins, "--who", "medecin"]);
    let found = here.query(&named(THEIRS)).await.text();
    assert!(found.contains("LocalPolicyRestrictionError") && !found.contains(&document.unique_id), "{found}");
}

#[tokio::test]
async fn a_community_answers_for_itself_and_says_whose_every_object_is() {
    let theirs = Gateway::with(community(THEIRS));
    let mut caller = Caller::of(&theirs, "medecin", 0);
    let document = TestDocument::biology();
    caller.put(&document).await;
    let ask = async |caller: &mut Caller, body: &str| {
        let envelope = soap::envelope(ITI38, &caller.vihf, body);
        caller.post_envelope(PATH, envelope).await
    };
    let query = soap::find_documents(&caller.ins, soap::APPROVED, "");
    let found = ask(&mut caller, &query).await.text();
    assert!(found.contains(SUCCESS) && found.contains("CrossGatewayQueryResponse"), "{found}");
    let objects = found.matches("<rim:ExtrinsicObject").count();
    assert!(objects > 0);
    assert_eq!(soap::attributes(&found, "home"), vec![urn(THEIRS); objects]);
    let by_id = soap::get_documents(&document.unique_id);
    refused(&ask(&mut caller, &by_id).await, "XDSMissingHomeCommunityId", "missing_community");
    let of = |id: &str| by_id.replace("<AdhocQuery id", &format!("<AdhocQuery home=\"{}\" id", urn(id)));
    refused(&ask(&mut caller, &of(OURS)).await, "XDSUnknownCommunity", "unknown_community");
    assert!(ask(&mut caller, &of(THEIRS)).await.text().contains(&document.unique_id));

    let reply = retrieve(&mut caller, ITI39, PATH, &[("", &document.unique_id)]).await;
    refused(&reply, "XDSMissingHomeCommunityId", "missing_community");
    let reply = retrieve(&mut caller, ITI39, PATH, &[(OURS, &document.unique_id)]).await;
    refused(&reply, "XDSUnknownCommunity", "unknown_community");
    let (envelope, parts) = soap::unpack(&retrieve(&mut caller, ITI39, PATH, &[(THEIRS, &document.unique_id)]).await);
    assert!(envelope.contains(SUCCESS) && envelope.contains("CrossGatewayRetrieveResponse"), "{envelope}");
    assert!(envelope.contains(&urn(THEIRS)) && parts[0] == document.body.as_slice(), "{envelope}");

    // A gateway that belongs to no community has no such service.
    let alone = Gateway::start();
    let mut client = Client::new(&alone.pro, &alone.data().join("pki"), "medecin");
    assert_eq!(client.post(PATH, &[("content-type", SOAP)], "").await.status, 404);
}

#[tokio::test]
async fn a_mask_here_holds_whoever_else_has_the_document() {
    let theirs = Gateway::with(community(THEIRS));
    let ours = asking(&theirs);
    let (mut here, mut there) = (Caller::of(&ours, "medecin", 0), Caller::of(&theirs, "medecin", 0));
    let open = TestDocument::biology();
    there.put(&open).await;
    here.put(&open.clone().visible(&["MASQUE_PS"])).await;
    let mut pharmacist = Caller::of(&ours, "pharmacien", 0);
    let found = pharmacist.find("").await.text();
    assert!(!found.contains(&open.unique_id), "{found}");
    let before = calls(&theirs, "ITI-39");
    let reply = retrieve(&mut pharmacist, ITI43, soap::REPOSITORY, &[(THEIRS, &open.unique_id)]).await;
    refused(&reply, "XDSDocumentUniqueIdError", "unknown_document");
    assert_eq!(calls(&theirs, "ITI-39"), before, "nobody else is asked for what is here");
    let own = retrieve(&mut here, ITI43, soap::REPOSITORY, &[(THEIRS, &open.unique_id)]).await;
    assert_eq!(soap::unpack(&own).1[0], open.body.as_slice(), "to whom it is shown here it is given");
}

/// An entry as a registry gives it back.
fn told(ins: &str, document: &TestDocument, uuid: &str) -> String {
    let mut document = document.clone();
    document.id = format!("{uuid}\" lid=\"{uuid}\" status=\"urn:oasis:names:tc:ebxml-regrep:StatusType:Approved");
    let slot = |name: &str, value: &str| {
        format!(r#"<Slot name="{name}"><ValueList><Value>{value}</Value></ValueList></Slot>"#)
    };
    document.extra =
        [slot("hash", &"ab".repeat(20)), slot("size", "10"), slot("repositoryUniqueId", &format!("{THEIRS}.1"))]
            .concat();
    soap::document_entry(ins, &document)
        .replace(&format!("classifiedObject=\"{}\"", document.id), &format!("classifiedObject=\"{uuid}\""))
        .replace(&format!("registryObject=\"{}\"", document.id), &format!("registryObject=\"{uuid}\""))
}

#[tokio::test]
async fn what_another_tells_of_anybody_else_is_shown_to_nobody() {
    let address = Catcher::http("127.0.0.1:0", |_| (200, "text/plain", Vec::new())).await.address.clone();
    let port = address.rsplit(':').next().expect("a port").to_owned();
    let mut ours = Gateway::start();
    let (ins, other) = (ours.ins(0).to_owned(), ours.ins(1).to_owned());
    let (own, stranger) = (TestDocument::biology(), TestDocument::biology());
    let (one, two) = (
        told(&ins, &own, "urn:uuid:00000000-0000-4000-8000-00000000000a"),
        told(&other, &stranger, "urn:uuid:00000000-0000-4000-8000-00000000000b"),
    );
    let set = soap::submission_set(&ins, "1.2.250.1.999.8.77")
        .replace("<RegistryPackage", "<RegistryPackage status=\"urn:oasis:names:tc:ebxml-regrep:StatusType:Approved\"");
    let answer = format!(
        r#"<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope"><soap:Header/><soap:Body><query:AdhocQueryResponse xmlns:query="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0" xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0" status="urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success"><RegistryObjectList>{one}{one}{two}{set}</RegistryObjectList></query:AdhocQueryResponse></soap:Body></soap:Envelope>"#
    );
    let list = format!(
        r#"[{{ id = "{THEIRS}", query = "https://localhost:{port}/xca", retrieve = "https://localhost:{port}/xca" }}]"#
    );
    for (key, value) in [
        ("PASSERELLE__IHE__HOME_COMMUNITY_ID", OURS),
        ("PASSERELLE__OUTWARD__CERTIFICATE", "pki/hopital-auth.pem"),
        ("PASSERELLE__OUTWARD__KEY", "pki/hopital-auth.key"),
        ("PASSERELLE__OUTWARD__SEAL_CERTIFICATE", "pki/hopital-seal.pem"),
        ("PASSERELLE__OUTWARD__SEAL_KEY", "pki/hopital-seal.key"),
        ("PASSERELLE__OUTWARD__AUTHORITIES", "[\"pki/ca.pem\"]"),
        ("PASSERELLE__XCA__COMMUNITIES", &list),
    ] {
        ours.set(key, value);
    }
    ours.restart();
    let told = answer.into_bytes();
    let pki = ours.data().join("pki");
    let hostile = Catcher::https(&address, &pki, move |_| (200, "application/soap+xml", told.clone())).await;
    let mut physician = Caller::of(&ours, "medecin", 0);
    let found = physician.find("").await.text();
    assert_eq!(hostile.caught().len(), 1);
    assert_eq!(found.matches(&own.unique_id).count(), 1, "once, however often it is told: {found}");
    assert!(!found.contains(&stranger.unique_id) && !found.contains(&other), "{found}");
    assert!(!found.contains("1.2.250.1.999.8.77"), "a set without a shown document is not shown");
}
