//! A client nobody here wrote, from the DMP's own contract: `zeep` (PyPI) reads the WSDLs, calls each service of the
//! running program over mutual TLS, and `lxml` holds the answers against the schemas (`tests/python/dmp.py`).

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use testkit::{Gateway, corpus, gateway::program};

/// Every call by name, its service, and the word it must be answered by.
const CALLS: &[(&str, &str, &str)] = &[
    ("without VIHF", "registry", "assertion_missing"),
    ("TD0.2 existence", "patients", "OK"),
    ("TD0.2 no record", "patients", "NF"),
    ("TD0.3 remove", "habilitations", "DMPOk"),
    ("TD0.3 declare", "habilitations", "DMPOk"),
    ("TD0.3 refused", "habilitations", "DMPFunctionDenied"),
    ("TD0.4", "patients", "DMPOk"),
    ("TD0.5 found", "patients", "OK"),
    ("TD0.5 none", "patients", "NF"),
    ("TD0.5 refused", "patients", "AE"),
    ("TD1.1 refused", "patients", "AE"),
    ("TD1.3a", "patients", "OK"),
    ("TD1.3b refused", "patients", "AE"),
    ("TD1.6", "habilitations", "DMPOk"),
    ("TD2.1 MTOM", "repository", "Success"),
    ("TD2.1 inline", "repository", "Success"),
    ("TD3.1a", "registry", "Success"),
    ("TD3.1b", "registry", "Success"),
    ("TD3.2", "repository", "Success"),
    ("TD3.2 unknown", "repository", "Failure"),
    ("TD3.3a mask", "registry", "Success"),
    ("TD3.3a mask, read again", "registry", "Success"),
    ("TD3.3b show", "registry", "Success"),
    ("TD3.3b show, read again", "registry", "Success"),
    ("TD3.3d archive", "registry", "Success"),
    ("TD3.3d archive, read again", "registry", "Success"),
    ("TD3.3c delete", "registry", "Success"),
    ("TD3.3c delete, read again", "registry", "Success"),
    ("TD3.3c again", "registry", "Failure"),
];

/// The contract, where it and its client are here; a test that has none says so and ends.
#[expect(clippy::print_stderr, reason = "a test says that it was skipped")]
pub(crate) fn contract() -> Option<PathBuf> {
    let Some(contract) = corpus::shared().map(|shared| shared.join("corpus/dmp/contract")).filter(|c| c.is_dir())
    else {
        eprintln!("skipped: no contract of the DMP here");
        return None;
    };
    let client = Command::new("python3").args(["-c", "import zeep, lxml"]).output();
    if !client.is_ok_and(|run| run.status.success()) {
        eprintln!("skipped: no python3 with zeep and lxml here (pip install zeep lxml)");
        return None;
    }
    Some(contract)
}

/// What the schemas of the contract say of SOAP messages, by name.
pub(crate) fn validity(contract: &Path, messages: &Value) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/valid.py");
    let mut run = Command::new("python3");
    run.arg(script).arg(contract).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = run.spawn().expect("python3 runs");
    child.stdin.take().expect("piped").write_all(messages.to_string().as_bytes()).expect("it reads");
    let done = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&done.stderr);
    serde_json::from_slice(&done.stdout).unwrap_or_else(|e| panic!("no report ({e}): {said}"))
}

fn report(gateway: &Gateway, contract: &Path) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/dmp.py");
    let port = gateway.pro.rsplit(':').next().expect("a port");
    let mut run = Command::new("python3");
    run.arg(script).arg("--contract").arg(contract).args(["--url", &format!("https://localhost:{port}")]);
    run.arg("--data").arg(gateway.data()).arg("--program").arg(program());
    // `passerelle vihf` is asked of the gateway's own store.
    if let Some(url) = gateway.variable("PASSERELLE__STORE__URL") {
        run.env("PASSERELLE__STORE__URL", url);
    }
    let run = run.output().expect("python3 runs");
    let said = String::from_utf8_lossy(&run.stderr);
    serde_json::from_slice(&run.stdout).unwrap_or_else(|e| panic!("no report ({e}): {said}"))
}

#[tokio::test]
async fn software_made_from_the_contract_of_the_dmp_is_served_by_every_service() {
    let Some(contract) = contract() else { return };
    let gateway = Gateway::start();
    let report = report(&gateway, &contract);
    assert_eq!(report["stopped"], Value::Null, "{report:#}");
    let calls = report["calls"].as_array().expect("calls");
    let told: Vec<_> = calls.iter().map(|call| call["call"].as_str().unwrap_or_default()).collect();
    let wanted: Vec<_> = CALLS.iter().map(|(name, ..)| *name).collect();
    assert_eq!(told, wanted);
    for (call, (name, service, word)) in calls.iter().zip(CALLS) {
        assert_eq!(call["service"], *service, "{name}");
        assert_eq!(call["problem"], Value::Null, "{name}: {call:#}");
        if call["fault"] != Value::Null {
            assert_eq!(call["fault"], json!([word]), "{name}: {call:#}");
            continue;
        }
        assert_eq!(call["schema"], "valid", "{name}: {call:#}");
        assert_eq!(call["status"], *word, "{name}: {call:#}");
        // Clients refuse an answer of another action than the contract declares.
        assert_ne!(call["action_as_declared"], false, "{name}: {call:#}");
    }
    let retrieved = calls.iter().find(|call| call["call"] == "TD3.2").expect("retrieved");
    assert_eq!(retrieved["same_bytes"], true, "{retrieved:#}");
    // Our own descriptions, as a tool loads them.
    let operations = |service: &str| report["descriptions"][service].as_array().map_or(0, Vec::len);
    let counted = ["registry", "repository", "patients", "habilitations", "pix", "pdq"].map(operations);
    assert_eq!(counted, [6, 3, 5, 2, 4, 3], "{:#}", report["descriptions"]);
}
