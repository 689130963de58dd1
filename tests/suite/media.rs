//! Sets of documents on a medium (ITI-32): written from one gateway, put into another, by the rules of any deposit.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use serde_json::Value;
use testkit::{Gateway, TestDocument, soap::Deposit};

use crate::support::{Caller, stored, succeeded};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
}

/// Writes what `name` may read of the first holder's documents.
fn export(gateway: &Gateway, name: &str, documents: &[&str], out: &Path) -> Vec<Value> {
    let out = out.to_str().expect("a path");
    let mut arguments = vec!["media", "export", "--as", name, "--ins", gateway.ins(0), "--out", out];
    for document in documents {
        arguments.extend(["--document", document]);
    }
    lines(&gateway.command(&arguments))
}

#[tokio::test]
async fn what_one_gateway_writes_another_takes_in_as_it_was() {
    let (here, there) = (Gateway::start(), Gateway::start());
    let mut physician = Caller::of(&here, "medecin", 0);
    let mut second = TestDocument::report("11488-4", "10");
    second.id = "Document02".into();
    second.title = "Café &amp; &lt;compte rendu>".into();
    second.extra = r#"<Slot name="urn:exemple:dossier"><ValueList><Value>42</Value></ValueList></Slot>"#.into();
    let deposit = Deposit {
        documents: vec![TestDocument::biology(), second],
        ..Deposit::one(&physician.ins, TestDocument::biology())
    };
    succeeded(&physician.send(&deposit).await);
    let ids: Vec<&str> = deposit.documents.iter().map(|d| d.unique_id.as_str()).collect();
    let file = here.data().join("IHE_XDM.zip");
    let written = export(&here, "medecin", &ids, &file);
    assert_eq!(written.len(), 2, "{written:?}");
    let path = file.to_str().expect("a path");
    let shown = Command::new(testkit::gateway::program()).args(["media", "show", path]).output().expect("runs");
    let shown = lines(&String::from_utf8_lossy(&shown.stdout));
    assert_eq!(shown.len(), 3);
    assert_eq!(shown[2], serde_json::json!({ "sets": 1, "departures": [] }));

    let before = stored(&there);
    let arguments = ["media", "import", path, "--as", "medecin", "--ins", there.ins(0)];
    let taken = lines(&there.command(&arguments));
    assert_eq!((taken.len(), &taken[0]["replayed"]), (1, &Value::Bool(false)));
    assert_eq!(stored(&there), before + 2);
    let mut reader = Caller::of(&there, "medecin", 0);
    for document in &deposit.documents {
        assert_eq!(reader.bytes(&document.unique_id).await, document.body.as_slice());
    }
    let found = reader.find("").await.text();
    for kept in ["Café &amp; &lt;compte rendu", "urn:exemple:dossier", &deposit.documents[1].unique_id] {
        assert!(found.contains(kept), "{kept}");
    }
    assert!(!found.contains("DOC00001"), "places on the medium are no metadata");
    let trace = there.trace(there.ins(0));
    let named = |e: &Value| ids.iter().all(|id| e["documents"].as_array().is_some_and(|d| d.contains(&(*id).into())));
    assert!(trace.iter().any(|e| e["act"] == "deposit" && named(e)), "the deposit is traced");
    // Once more, it is there already.
    let again = lines(&there.command(&arguments));
    assert_eq!(again[0]["replayed"], true);
    assert_eq!(stored(&there), before + 2);
}

#[tokio::test]
async fn a_medium_holds_what_its_bearer_may_read_and_is_traced() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let masked = TestDocument::biology().visible(&["MASQUE_PS"]);
    physician.put(&masked).await;
    let open = TestDocument::biology();
    physician.put(&open).await;
    let file = gateway.data().join("IHE_XDM.zip");
    let both = [masked.unique_id.as_str(), open.unique_id.as_str()];
    assert_eq!(export(&gateway, "pharmacien", &both, &file).len(), 1);
    // Over nothing that stands, and for nobody else to read.
    let out = file.to_str().expect("a path");
    let again = gateway.run(&["media", "export", "--as", "medecin", "--ins", &physician.ins, "--out", out]);
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    let file = gateway.data().join("own.zip");
    assert_eq!(export(&gateway, "medecin", &both, &file).len(), 2);
    let trace = gateway.trace(&physician.ins);
    assert!(trace.iter().any(|e| e["act"] == "fetch" && e["documents"][0] == both[1]));
    // A professional whom the holder blocks gets no medium.
    let out = file.to_str().expect("a path");
    let _ = gateway.command(&["space", "block", "--ins", &physician.ins, "--who", "infirmier"]);
    let refused = gateway.run(&["media", "export", "--as", "infirmier", "--ins", &physician.ins, "--out", out]);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("blocked") && !said.contains(&physician.ins), "{said}");
}

#[tokio::test]
async fn a_medium_that_was_changed_is_refused_and_nothing_of_it_goes_in() {
    let gateway = Gateway::start();
    let mut physician = Caller::of(&gateway, "medecin", 0);
    let document = TestDocument::biology();
    physician.put(&document).await;
    let file = gateway.data().join("IHE_XDM.zip");
    export(&gateway, "medecin", &[document.unique_id.as_str()], &file);
    let good = fs::read(&file).expect("a zip");
    let before = stored(&gateway);
    let cut = good[..good.len() - 30].to_vec();
    let mut flipped = good.clone();
    let at = flipped.windows(8).position(|w| w == b"DOC00001").expect("a document") + 40;
    flipped[at] ^= 0xff;
    for (name, bytes) in [("cut", cut), ("flipped", flipped), ("no zip", b"PK no zip at all".to_vec())] {
        fs::write(&file, bytes).expect("written");
        let path = file.to_str().expect("a path");
        let refused = gateway.run(&["media", "import", path, "--as", "medecin", "--ins", &physician.ins]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{name}: {said}");
        assert!(said.starts_with("passerelle: ") && said.lines().count() == 1, "{name}: {said}");
    }
    assert_eq!(stored(&gateway), before);
}
