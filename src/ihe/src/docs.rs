//! The parts of `docs/dmp.md` that are written from the code: `UPDATE_DOCS=1 cargo test -p ihe` writes them anew, any
//! other run compares.

use std::fmt::Write as _;

use space::Cause;

use crate::{Service, errors, habilitations, wsdl};

/// Causes only the FHIR face has.
const ELSEWHERE: [Cause; 5] =
    [Cause::MalformedJson, Cause::FormatNotServed, Cause::ResourceInvalid, Cause::BearerMissing, Cause::BearerInvalid];

fn actions() -> String {
    let mut out = String::from("| service | body | action | action of the answer |\n|---|---|---|---|\n");
    for service in [Service::Registry, Service::Repository, Service::Patients, Service::Habilitations, Service::Gateway]
    {
        let (name, operations) = wsdl::actions(service);
        for [body, action, answered] in operations {
            let _ = writeln!(out, "| `{name}` | `{body}` | `{action}` | `{answered}` |");
        }
    }
    out
}

fn codes() -> String {
    let mut out = String::from(
        "| cause | registry error, or fault | `status` word | what is wrong, and what to do | rule |\n|---|---|---|---|---|\n",
    );
    for &cause in Cause::ALL.iter().filter(|cause| !ELSEWHERE.contains(cause)) {
        let (code, sent, word) = (cause.code(), errors::sent_as(cause), habilitations::word(cause));
        let _ = writeln!(out, "| `{code}` | {sent} | `{word}` | {} | {} |", cause.advice_en(), cause.rule());
    }
    out
}

#[test]
fn what_the_page_of_integrators_says_of_actions_and_codes_is_what_the_code_does() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/dmp.md");
    let kept = std::fs::read_to_string(path).expect("docs/dmp.md");
    let mut page = kept.clone();
    for (name, text) in [("actions", actions()), ("codes", codes())] {
        let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
        let start = page.find(&open).expect("a mark") + open.len();
        let end = page.find(&close).expect("its end");
        page.replace_range(start..end, &text);
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &page).expect("the page is written");
    }
    assert!(kept == page || std::env::var_os("UPDATE_DOCS").is_some(), "UPDATE_DOCS=1 cargo test -p ihe");
}
