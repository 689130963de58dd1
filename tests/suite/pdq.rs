//! ITI-47 in parts: how many are told at once, the rest asked for, or given up.

use space::Purpose;
use testkit::{Gateway, Reply, soap};

use crate::support::{Caller, faulted};

const FIND: &str = "PRPA_IN201305UV02";
const CONTINUE: &str = "QUQI_IN000003UV01";
const CANCEL: &str = "QUQI_IN000003UV01_Cancel";
/// People of one name and day of birth.
const TWINS: [&str; 5] =
    ["285057551012395", "285057551112365", "285057551212335", "285057551312305", "285057551412372"];

async fn post(caller: &mut Caller, interaction: &str, action: &str, body: &str) -> Reply {
    let envelope = soap::envelope(&format!("urn:hl7-org:v3:{action}"), &caller.vihf, body);
    let reply = caller.post_envelope(soap::PDQ, envelope).await;
    assert!(reply.status != 200 || reply.text().contains(interaction), "{}", reply.text());
    reply
}

/// Who is told, what remains, and whether more may be asked for.
fn told(reply: &Reply) -> (Vec<&'static str>, String, bool) {
    let text = reply.text();
    assert_eq!(reply.status, 200, "{text}");
    let left = text.split_once("<resultRemainingQuantity value=\"").and_then(|(_, rest)| rest.split_once('"'));
    let who = TWINS.into_iter().filter(|ins| text.contains(ins)).collect();
    (who, left.expect("a count").0.to_owned(), text.contains("waitContinuedQueryResponse"))
}

fn regulation(gateway: &Gateway) -> Caller {
    Caller::with(gateway, "samu", 0, |c| {
        c.request.purpose = Purpose::Centre15;
        c.request.patient = None;
    })
}

fn more(query: &str, start: &str, quantity: &str) -> String {
    soap::query_continuation(CONTINUE, query, &format!("{start}<continuationQuantity value=\"{quantity}\"/>"))
}

#[tokio::test]
async fn an_answer_is_told_in_parts_each_with_its_trace() {
    let gateway = Gateway::start();
    let lines: String = TWINS
        .iter()
        .map(|ins| {
            format!(
                r#"{{"ins":"{ins}","oid":"1.2.250.1.213.1.4.10","family":"LEGRAND","given":"ANNE","birthDate":"19850507","sex":"F"}}"#
            ) + "\n"
        })
        .collect();
    let file = gateway.data().join("twins.ndjson");
    std::fs::write(&file, lines).expect("written");
    let _ = gateway.command(&["import", "identities", file.to_str().expect("text")]);
    let mut samu = regulation(&gateway);
    let traits = soap::candidate_traits("LEGRAND", "", "19850507", "");
    let find = soap::find_candidates(&traits).replace(
        r#"<responsePriorityCode code="I"/>"#,
        r#"<responsePriorityCode code="I"/><initialQuantity value="2"/>"#,
    );
    let query = find.split("<queryId ").nth(1).and_then(|q| q.split("/>").next()).expect("a queryId").to_owned();

    let first = post(&mut samu, "PRPA_IN201306UV02", FIND, &find).await;
    let (mut seen, left, waits) = told(&first);
    assert_eq!((seen.len(), left.as_str(), waits), (2, "3", true), "{}", first.text());
    for part in [r#"resultTotalQuantity value="5""#, r#"resultCurrentQuantity value="2""#, r#"value="40""#] {
        assert!(first.text().contains(part), "{part}: {}", first.text());
    }
    assert!(first.text().contains(r#"<statusCode code="active"/>"#) && !first.text().contains("completed"));
    // Only who was told of stands in a trace.
    let traced = |ins: &str| gateway.trace(ins).iter().any(|e| e["act"] == "identify");
    for ins in TWINS {
        assert_eq!(traced(ins), seen.contains(&ins), "{ins}");
    }
    // Nobody else may go on with it.
    let mut physician = Caller::of(&gateway, "medecin", 0);
    faulted(
        &post(&mut physician, "", "QUQI_IN000003UV01_Continue", &more(&query, "", "9")).await,
        400,
        "unknown_query",
    );
    let second = post(&mut samu, "PRPA_IN201306UV02", "QUQI_IN000003UV01_Continue", &more(&query, "", "2")).await;
    let (part, left, waits) = told(&second);
    assert_eq!((part.len(), left.as_str(), waits), (2, "1", true), "{}", second.text());
    assert!(part.iter().all(|ins| !seen.contains(ins)));
    seen.extend(part);
    let last = post(&mut samu, "PRPA_IN201306UV02", "QUQI_IN000003UV01_Continue", &more(&query, "", "2")).await;
    let (part, left, waits) = told(&last);
    assert_eq!((part.len(), left.as_str(), waits), (1, "0", false), "{}", last.text());
    seen.extend(part);
    seen.sort_unstable();
    assert_eq!(seen, TWINS);
    // Again from where the caller says, as after a lost answer.
    let again = more(&query, r#"<startResultNumber value="2"/>"#, "3");
    let again = post(&mut samu, "PRPA_IN201306UV02", "QUQI_IN000003UV01_Continue", &again).await;
    assert_eq!(told(&again).0.len(), 3, "{}", again.text());

    // Given up: nothing is left of it, and giving it up again changes nothing.
    for _ in 0..2 {
        let cancel = soap::query_continuation(CANCEL, &query, "");
        let done = post(&mut samu, "MCCI_IN000002UV01", CANCEL, &cancel).await;
        assert!(done.text().contains(r#"<typeCode code="CA"/>"#), "{}", done.text());
    }
    let gone = post(&mut samu, "", "QUQI_IN000003UV01_Continue", &more(&query, "", "2")).await;
    faulted(&gone, 400, "unknown_query");
    // What is not asked for in time is asked anew.
    let _ = post(&mut samu, "PRPA_IN201306UV02", FIND, &find).await;
    faulted(
        &post(&mut samu, "", "QUQI_IN000003UV01_Continue", &more(&query, "", "0")).await,
        400,
        "query_parameter_invalid",
    );
    let _ = gateway.command(&["advance", "--by", "6m"]);
    let mut late = None;
    // A running gateway hears of the moved clock in a moment.
    for _ in 0..100 {
        let reply = post(&mut samu, "", "QUQI_IN000003UV01_Continue", &more(&query, "", "2")).await;
        if reply.status != 200 {
            late = Some(reply);
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    faulted(&late.expect("it ends"), 400, "unknown_query");
    assert!(!gateway.log().contains("LEGRAND"));
}

#[tokio::test]
async fn without_a_quantity_all_are_told_and_nothing_waits() {
    let gateway = Gateway::start();
    let mut samu = regulation(&gateway);
    let holder = gateway.demo["holders"][0].clone();
    let text = |key: &str| holder[key].as_str().expect("text").to_owned();
    let birth = text("birthDate").replace('-', "");
    let find = soap::find_candidates(&soap::candidate_traits(&text("family"), "", &birth, ""));
    let query = find.split("<queryId ").nth(1).and_then(|q| q.split("/>").next()).expect("a queryId").to_owned();
    let all = post(&mut samu, "PRPA_IN201306UV02", FIND, &find).await;
    assert!(all.text().contains("deliveredResponse") && all.text().contains(gateway.ins(0)), "{}", all.text());
    let none = post(&mut samu, "", "QUQI_IN000003UV01_Continue", &more(&query, "", "2")).await;
    faulted(&none, 400, "unknown_query");
    // Of no number nobody can be told.
    for quantity in ["0", "-1"] {
        let told = find.replace(
            r#"<responsePriorityCode code="I"/>"#,
            &format!(r#"<responsePriorityCode code="I"/><initialQuantity value="{quantity}"/>"#),
        );
        let refused = post(&mut samu, "PRPA_IN201306UV02", FIND, &told).await.text();
        assert!(refused.contains("query_parameter_invalid") && !refused.contains(gateway.ins(0)), "{refused}");
    }
    // Whom a message goes on with must be said.
    let nameless = soap::query_continuation(CONTINUE, "", "");
    let nameless = nameless.replace("<queryId />", "");
    faulted(&post(&mut samu, "", "QUQI_IN000003UV01_Continue", &nameless).await, 400, "unknown_query");
}

#[tokio::test]
async fn an_answer_that_would_leave_somebody_out_is_refused() {
    let gateway = Gateway::start();
    let line = |n: usize| {
        let thirteen = format!("28505750{n:05}");
        let key = space::ins::key_of(&thirteen).expect("a number");
        format!(
            r#"{{"ins":"{thirteen}{key:02}","oid":"1.2.250.1.213.1.4.10","family":"NOMBREUX","given":"ANNE","birthDate":"19850507","sex":"F"}}"#
        ) + "\n"
    };
    let file = gateway.data().join("many.ndjson");
    std::fs::write(&file, (0..501).map(line).collect::<String>()).expect("written");
    let _ = gateway.command(&["import", "identities", file.to_str().expect("text")]);
    let mut samu = regulation(&gateway);
    let find = soap::find_candidates(&soap::candidate_traits("NOMBREUX", "", "19850507", ""));
    let refused = post(&mut samu, "PRPA_IN201306UV02", FIND, &find).await.text();
    assert!(refused.contains("too_many_results") && !refused.contains("patientPerson"), "{}", refused.len());
}
