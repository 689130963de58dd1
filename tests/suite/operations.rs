//! Running a gateway: the ready line, health, draining, several processes on one folder, the command line beside it.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _, channel::mpsc};
use testkit::{
    Client, Gateway, GatewayOptions, Reply, TestDocument,
    client::{request, streamed},
    gateway::program,
    soap::{self, Deposit},
};

use crate::support::{Caller, eventually, faulted, newest, refused, stored, succeeded};

/// A page of the operator's listener: status line and body.
pub(crate) fn page(admin: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(admin).expect("it listens");
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {admin}\r\n\r\n").expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}

#[tokio::test]
async fn health_and_metrics_stand_on_the_operators_listener_and_say_nothing_of_anybody() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    physician.put(&TestDocument::biology()).await;
    refused(&physician.retrieve("1.2.3").await, "XDSDocumentUniqueIdError", "unknown_document");
    for path in ["/health/live", "/health/ready"] {
        assert!(page(&gateway.admin, path).0.contains("200"), "{path}");
    }
    let (status, metrics) = page(&gateway.admin, "/metrics");
    assert!(status.contains("200"), "{status}");
    assert!(metrics.contains("passerelle_calls_total{") && metrics.trim_end().ends_with("# EOF"), "{metrics}");
    assert!(metrics.contains("/si-dmp-server/v2/services/repository"), "{metrics}");
    for word in [gateway.ins(0), "VASSEUR", "899900000101"] {
        assert!(!metrics.contains(word), "{word}");
    }
}

#[tokio::test]
async fn serve_prints_one_ready_line_with_the_addresses_it_took() {
    let gateway = Gateway::start();
    let config = gateway.data().join("passerelle.toml");
    let any = GatewayOptions::default()
        .with("LISTEN__PRO", "127.0.0.1:0")
        .with("LISTEN__PUBLIC", "127.0.0.1:0")
        .with("LISTEN__ADMIN", "127.0.0.1:0");
    let process = gateway.beside(&["serve", "--config", config.to_str().expect("text")], &any);
    assert_eq!(process.ready["ready"], true);
    assert!(process.ready["pro"].as_str().is_some_and(|u| u.starts_with("https://127.0.0.1:")), "{}", process.ready);
    assert!(process.ready["admin"].as_str().is_some_and(|u| u.starts_with("http://127.0.0.1:")), "{}", process.ready);
    assert!(process.ready.get("smtp").is_none(), "a listener nothing serves yet is absent");
    let mut physician = Caller::of(&gateway, "medecin", 0);
    physician.client = Client::new(&process.pro, &gateway.data().join("pki"), "medecin");
    physician.put(&TestDocument::biology()).await;
    assert!(page(&process.admin, "/health/ready").0.contains("200"));
}

#[tokio::test]
async fn a_second_process_on_the_folder_serves_the_same_data_and_settings() {
    let gateway = Gateway::start();
    let folder = gateway.data().to_str().expect("text");
    let second = gateway.beside(&["demo", "--any-port", "--data", folder], &GatewayOptions::default());
    assert_ne!(second.pro, gateway.pro);
    let pki = gateway.data().join("pki");
    let at_second = |name: &str| {
        let mut caller = Caller::of(&gateway, name, 0);
        caller.client = Client::new(&second.pro, &pki, name);
        caller
    };
    let (mut here, mut there) = (Caller::of(&gateway, "medecin", 0), at_second("medecin"));
    for length in [500, 100_000] {
        let document = TestDocument::of(crate::iti41::noise(length), "11502-2", "10");
        here.put(&document).await;
        assert_eq!(there.bytes(&document.unique_id).await, document.body.as_slice());
        let back = TestDocument::of(crate::iti41::noise(length), "11502-2", "10");
        there.put(&back).await;
        assert_eq!(here.bytes(&back.unique_id).await, back.body.as_slice());
    }
    // Both know the settings by now; what changes holds at both from the next request.
    let mut nurses = [Caller::of(&gateway, "infirmier", 0), at_second("infirmier")];
    for nurse in &mut nurses {
        succeeded(&nurse.find("").await);
    }
    let _ = gateway.command(&["space", "block", "--ins", gateway.ins(0), "--who", "infirmier"]);
    for nurse in &mut nurses {
        refused(&nurse.find("").await, "LocalPolicyRestrictionError", "blocked");
    }
    assert!(stored(&gateway) > 4);
}

#[tokio::test]
async fn sigterm_lets_a_call_under_way_end_and_exits_0() {
    let mut gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    physician.put(&TestDocument::biology()).await;
    let deposit = Deposit::one(&physician.ins, TestDocument::of(crate::iti41::noise(200_000), "11502-2", "10"));
    let (content_type, message) = deposit.message(&physician.vihf);
    let (mut sender, body) = mpsc::channel(1);
    let message = Bytes::from(message);
    sender.send(Ok(message.slice(..100_000))).await.expect("taken");
    let headers = [("content-type", content_type.as_str())];
    let call = request("POST", soap::REPOSITORY, &headers, streamed(body));
    let call = tokio::spawn(async move { physician.client.send(call).await });
    // The call is under way once its first piece was taken.
    sender.feed(Ok(message.slice(100_000..150_000))).await.expect("taken");
    sender.flush().await.expect("taken");
    let under_way = async || page(&gateway.admin, "/metrics").1.contains("passerelle_calls_under_way 1");
    assert!(eventually(under_way).await);
    gateway.signal();
    let pro = gateway.pro.clone();
    assert!(eventually(async || TcpStream::connect(&pro).is_err()).await, "no new connections");
    sender.send(Ok(message.slice(150_000..))).await.expect("taken");
    drop(sender);
    succeeded(&call.await.expect("it ends").expect("an answer"));
    assert_eq!(gateway.wait(), Some(0));
    gateway.restart();
    let document = &deposit.documents[0];
    assert_eq!(Caller::of(&gateway, "medecin", 0).bytes(&document.unique_id).await, document.body.as_slice());
}

#[tokio::test]
async fn identities_are_imported_and_each_refused_line_is_reported() {
    let gateway = Gateway::start();
    let key = space::ins::key_of("1860475123456").expect("a key");
    let ins = format!("1860475123456{key:02}");
    let line = |ins: &str, family: &str| {
        format!(
            r#"{{"ins":"{ins}","oid":"1.2.250.1.213.1.4.10","family":"{family}","given":["JEAN","PAUL"],"birthDate":"1986-04-12","sex":"M","birthPlace":"75123"}}"#
        )
    };
    let lines = [
        line(&ins, "DURAND"),
        "{\"ins\":".to_owned(),
        line("12", "DURAND"),
        String::new(),
        line(gateway.ins(0), "AUBRY"),
        line(&ins, "DURAND").replace("\"family\"", "\"nom\""),
    ];
    let file = gateway.data().join("holders.ndjson");
    std::fs::write(&file, lines.join("\n")).expect("written");
    let output = gateway.run(&["import", "identities", file.to_str().expect("text")]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let told: Vec<serde_json::Value> =
        told.lines().map(|l| serde_json::from_str(l).expect("an object a line")).collect();
    let mut refused: Vec<u64> = told.iter().filter_map(|l| l["line"].as_u64()).collect();
    refused.sort_unstable();
    assert_eq!(refused, [2, 3, 6], "{told:?}");
    let sums = told.last().expect("sums");
    assert_eq!((&sums["imported"], &sums["known"], &sums["refused"]), (&1.into(), &1.into(), &3.into()), "{sums}");
    let shown: serde_json::Value =
        serde_json::from_str(&gateway.command(&["space", "show", "--ins", &ins])).expect("JSON");
    assert_eq!((&shown["ins"], &shown["state"]), (&ins.as_str().into(), &"open".into()));

    std::fs::write(&file, line(&ins, "DURAND")).expect("written");
    let again = gateway.command(&["import", "identities", file.to_str().expect("text")]);
    assert!(again.contains(r#""known":1"#), "{again}");
}

#[tokio::test]
async fn a_space_is_shown_with_its_state_notice_and_settings() {
    let gateway = Gateway::start();
    let show = |holder: usize| -> serde_json::Value {
        serde_json::from_str(&gateway.command(&["space", "show", "--ins", gateway.ins(holder)])).expect("JSON")
    };
    let shown = show(1);
    assert_eq!((&shown["ins"], &shown["state"]), (&gateway.ins(1).into(), &"open".into()));
    assert_eq!(shown["blocks"][0]["id"], "899900000202");
    assert_eq!(shown["authorises"].as_array().map(Vec::len), Some(2));
    assert!(shown["noticed"].as_str().is_some_and(|d| d.ends_with('Z')), "{shown}");
    assert_eq!(shown["emergency"]["bris_de_glace"], true);
    for (holder, state) in [(4, "noticed"), (5, "closed")] {
        assert_eq!(show(holder)["state"], state);
    }
    let unknown = gateway.run(&["space", "show", "--ins", "180017512345699"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&unknown.stderr).trim_end().lines().count(), 1);
}

#[tokio::test]
async fn the_clock_of_development_data_moves_while_the_gateway_runs() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    succeeded(&physician.find("").await);
    let was = newest(&gateway, &physician.ins, "find")["at"].as_str().expect("an instant").to_owned();
    let moved = gateway.command(&["advance", "--by", "42d"]);
    assert!(moved.contains("\"now\""), "{moved}");
    let mut reply = physician.find("").await;
    for _ in 0..100 {
        if reply.status != 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        reply = physician.find("").await;
    }
    faulted(&reply, 400, "assertion_expired");
    let mut later = Caller::with(&gateway, "medecin", 0, |c| c.request.issued += Duration::from_secs(42 * 86_400));
    later.put(&TestDocument::biology()).await;
    let now = newest(&gateway, &physician.ins, "deposit")["at"].as_str().expect("an instant").to_owned();
    let day = |at: &str| at[..10].parse::<jiff::civil::Date>().expect("a date");
    let days = (day(&now) - day(&was)).get_days();
    assert!((42..=43).contains(&days), "{was} → {now}");
    let back = gateway.run(&["advance", "--to", "2020-01-01"]);
    assert_eq!(back.status.code(), Some(2), "the clock only moves forward");
}

#[tokio::test]
async fn a_configuration_that_is_wrong_is_said_line_by_line_before_anything_starts() {
    let gateway = Gateway::start();
    let file = gateway.data().join("wrong.toml");
    std::fs::write(&file, "[listen]\npro = \"nowhere\"\n[limits]\nunknown = 1\n").expect("written");
    for arguments in [["config", "check"], ["serve", "--config"]] {
        let output = std::process::Command::new(program()).args(arguments).arg(&file).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains("pro") || told.contains("unknown"), "{told}");
    }
}

/// A kilobyte of kilobytes that differs with its number.
fn block(number: u64) -> Bytes {
    static NOISE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    let mut block = NOISE.get_or_init(|| crate::iti41::noise(1 << 20)).clone();
    block[..8].copy_from_slice(&number.to_le_bytes());
    block.into()
}

/// Most memory the process has ever had resident, in KiB.
fn peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).expect("Linux says it");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number")
}

/// Sends a document of `mebibytes` blocks as they are made.
async fn send_big(caller: &mut Caller, document: &TestDocument, mebibytes: u64) -> Reply {
    let deposit = Deposit::one(&caller.ins, document.clone());
    let envelope = soap::envelope("urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b", &caller.vihf, &deposit.body());
    let mut head = soap::package_head(&envelope);
    head.extend_from_slice(soap::part_head(0, &document.mime_type).as_bytes());
    let ends = futures::stream::iter([Ok(Bytes::from(soap::package_end()))]);
    let blocks = futures::stream::iter(0..mebibytes).map(|n| Ok(block(n)));
    let body = streamed(futures::stream::iter([Ok(Bytes::from(head))]).chain(blocks).chain(ends));
    let headers = [("content-type", soap::content_type())];
    let headers = headers.each_ref().map(|(n, v)| (*n, v.as_str()));
    caller.client.send(request("POST", soap::REPOSITORY, &headers, body)).await.expect("an answer")
}

#[tokio::test]
async fn a_very_large_document_goes_in_and_out_in_constant_memory() {
    let mebibytes = std::env::var("PASSERELLE_BIG_MIB").ok().and_then(|n| n.parse().ok()).unwrap_or(256);
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    physician.put(&TestDocument::biology()).await;
    let before = peak_kib(gateway.pid());
    let mut document = TestDocument::of(Vec::new(), "11502-2", "10");
    document.mime_type = "application/dicom".into();
    succeeded(&send_big(&mut physician, &document, mebibytes).await);

    let body = format!(
        r#"<RetrieveDocumentSetRequest xmlns="urn:ihe:iti:xds-b:2007"><DocumentRequest><RepositoryUniqueId>{}</RepositoryUniqueId><DocumentUniqueId>{}</DocumentUniqueId></DocumentRequest></RetrieveDocumentSetRequest>"#,
        soap::REPOSITORY_ID,
        document.unique_id
    );
    let envelope = soap::envelope("urn:ihe:iti:2007:RetrieveDocumentSet", &physician.vihf, &body);
    let headers = [("content-type", crate::support::SOAP)];
    let call = request("POST", soap::REPOSITORY, &headers, testkit::client::full(envelope));
    let answer = physician.client.begin(call).await.expect("an answer");
    let mut data = http_body_util::BodyDataStream::new(answer.into_body());
    let mut held = Vec::new();
    // The document begins after the headers of the second part.
    let start = loop {
        held.extend_from_slice(&data.next().await.expect("more").expect("it arrives"));
        let ends: Vec<_> = held.windows(4).enumerate().filter(|(_, w)| w == b"\r\n\r\n").map(|(i, _)| i + 4).collect();
        if let Some(start) = ends.get(1) {
            break *start;
        }
    };
    held.drain(..start);
    for number in 0..mebibytes {
        while held.len() < 1 << 20 {
            held.extend_from_slice(&data.next().await.expect("more").expect("it arrives"));
        }
        assert!(held[..1 << 20] == block(number)[..], "mebibyte {number} differs");
        held.drain(..1 << 20);
    }
    while let Some(rest) = data.next().await {
        held.extend_from_slice(&rest.expect("it arrives"));
    }
    assert!(held.starts_with(b"\r\n--") && held.len() < 200, "nothing follows but the end of the package");
    let grown = peak_kib(gateway.pid()) - before;
    assert!(grown < 64 << 10, "resident memory grew by {grown} KiB");
}
