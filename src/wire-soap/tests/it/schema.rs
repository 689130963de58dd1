//! The schemas of HL7 v3 and of the DMP, which live outside this repository, judge what is written; `xmllint` reads them.
//! Without one or the other nothing is judged, and it is said so.

use crate::hl7v3::messages;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use wire_soap::MessageError;
use wire_soap::dmp::*;
use wire_soap::hl7v3::*;
use wire_soap::xml::{Element, Tree, XmlLimits};

/// Messages whose schema is of normative edition 2009; the others' is of 2008.
const NE2009: [&str; 8] = [
    "PRPA_IN201307UV02",
    "PRPA_IN201308UV02",
    "PRPA_IN201311UV02",
    "PRPA_IN201312UV02",
    "PRPA_IN201313UV02",
    "PRPA_IN201314UV02",
    "PRPA_IN201315UV02",
    "PRPA_IN201316UV02",
];

/// Asserts that its schema accepts a message, if there is one to ask.
pub(crate) fn accepts(text: &str) {
    if let Some(Err(reason)) = judge(text) {
        panic!("{reason}\n{text}");
    }
}

#[test]
fn a_message_with_its_children_in_another_order_is_not_accepted() {
    let request =
        SetAuthorization { action: Some(AuthorizationAction::Ajout), role: Some(AuthorizationRole::MedecinTraitant) };
    let mut out = Vec::new();
    request.write(&mut out);
    let text = String::from_utf8(out).unwrap();
    let role = "<role>MEDECIN_TRAITANT</role>";
    let swapped = text.replace(role, "").replace("<action>", &format!("{role}<action>"));
    assert_ne!(swapped, text);
    assert_ne!(judge(&swapped), Some(Ok(())));
    let text = String::from_utf8(messages::written(|out| messages::demographics().write(out))).unwrap();
    let untyped = text.replace("<acknowledgement typeCode=\"AA\">", "<acknowledgement>");
    assert_ne!(judge(&untyped), Some(Ok(())));
}

/// What its schema says of a message; of a wrapped answer, of the message inside. `None` when there is none to ask.
fn judge(text: &str) -> Option<Result<(), String>> {
    static HABILITATIONS: OnceLock<PathBuf> = OnceLock::new();
    static PATIENTS: OnceLock<PathBuf> = OnceLock::new();
    let contract = contract()?;
    let tree = Tree::parse(text, &XmlLimits::default()).unwrap();
    let message = match tree.root().namespace() {
        Some(wire_soap::ns::DMP_GDP) => tree.root().children().next().unwrap(),
        _ => tree.root(),
    };
    let schema = match message.namespace() {
        Some(wire_soap::ns::DMP_HABILITATIONS) => inline(contract, "Habilitations.wsdl", &HABILITATIONS),
        Some(wire_soap::ns::DMP_PATIENTS) => inline(contract, "PatientsSpecific.wsdl", &PATIENTS),
        _ => {
            let name = message.local_name();
            let edition = if NE2009.contains(&name) { "NE2009" } else { "NE2008" };
            let name = name.trim_end_matches("_Cancel");
            contract.join(format!("schema/HL7V3/{edition}/multicacheschemas/{name}.xsd"))
        }
    };
    assert!(schema.exists(), "{}", schema.display());
    let mut lint = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema"])
        .arg(&schema)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    lint.stdin.take().unwrap().write_all(message.source().as_bytes()).unwrap();
    let output = lint.wait_with_output().unwrap();
    let reason = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(if output.status.success() { Ok(()) } else { Err(reason) })
}

/// Reads a message on patients, writes it, reads it again as the same, and has its schema judge it. `None` for another.
pub(crate) fn again(message: Element<'_, '_>) -> Option<Result<(), MessageError>> {
    macro_rules! again {
        ($type:ident) => {
            $type::read(message).map(|read| {
                let mut out = Vec::new();
                read.write(&mut out);
                let text = String::from_utf8(out).unwrap();
                let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
                assert_eq!($type::read(tree.root()).as_ref(), Ok(&read), "{text}");
                accepts(&text);
            })
        };
    }
    Some(match message.local_name() {
        GetDemographics::INTERACTION => again!(GetDemographics),
        Demographics::INTERACTION => again!(Demographics),
        FindCandidates::INTERACTION => again!(FindCandidates),
        Candidates::INTERACTION => again!(Candidates),
        GetIdentifiers::INTERACTION => again!(GetIdentifiers),
        Identifiers::INTERACTION => again!(Identifiers),
        AcceptAcknowledgement::INTERACTION => again!(AcceptAcknowledgement),
        "PRPA_IN201301UV02" | "PRPA_IN201302UV02" | "PRPA_IN201304UV02" => again!(RegistryRecord),
        PatientList::ELEMENT => again!(PatientList),
        PatientListResponse::ELEMENT => again!(PatientListResponse),
        _ => return None,
    })
}

/// The folder of the DMP's contract, if it and `xmllint` are there.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn contract() -> Option<&'static Path> {
    static CONTRACT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        if Command::new("xmllint").arg("--version").stderr(Stdio::null()).status().is_err() {
            eprintln!("not judged by a schema: xmllint is absent");
            return None;
        }
        crate::corpus::shared().map(|shared| shared.join("corpus/dmp/contract"))
    };
    CONTRACT.get_or_init(find).as_deref()
}

/// The schema that stands in a WSDL, as a file written once.
fn inline(contract: &Path, wsdl: &str, once: &'static OnceLock<PathBuf>) -> PathBuf {
    let write = || {
        let text = std::fs::read_to_string(contract.join("wsdl").join(wsdl)).unwrap();
        let end = "</xs:schema>";
        let schema = &text[text.find("<xs:schema").unwrap()..text.find(end).unwrap() + end.len()];
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(wsdl).with_extension("xsd");
        std::fs::write(&file, schema).unwrap();
        file
    };
    once.get_or_init(write).clone()
}
