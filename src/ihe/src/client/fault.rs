//! A fault that another server answers: SOAP 1.2 part 1 §5.4, or SOAP 1.1 §4.4.

use space::Cause;
use wire_soap::{ns, xml::Element};

use super::{
    ClientError, ToldError,
    error::{bounded, code, place},
};

/// Reads a fault.
pub(super) fn read(fault: Element<'_, '_>, status: u16) -> ClientError {
    let text = |e: Option<Element<'_, '_>>| e.map(|e| e.text().trim().to_owned()).unwrap_or_default();
    let of_soap12 = |e: Element<'_, '_>, name: &str| e.child(ns::SOAP12, name).map(|e| e.id());
    let step =
        |from: Option<Element<'_, '_>>, name: &str| from.and_then(|e| e.child(ns::SOAP12, name)).map(|e| text(Some(e)));
    let stated = fault.children().find(|e| matches!(e.local_name(), "Code" | "faultcode"));
    let value = match stated {
        Some(code) if of_soap12(code, "Value").is_some() => step(Some(code), "Value").unwrap_or_default(),
        stated => text(stated),
    };
    let subcode = stated.and_then(|c| c.child(ns::SOAP12, "Subcode"));
    let subcode = step(subcode, "Value").unwrap_or_default();
    let reason = fault.children().find(|e| matches!(e.local_name(), "Reason" | "faultstring"));
    let problem = fault.descendants().find(|e| e.is(ns::FAULT_DETAIL, "Problem"));
    let of_problem = |name: &str| text(problem.and_then(|p| p.child(ns::FAULT_DETAIL, name)));
    let local = |name: &str| name.rsplit(':').next().unwrap_or(name).to_owned();
    let (value, subcode) = (local(&value), local(&subcode));
    let word = of_problem("Code");
    let known = Cause::ALL.iter().any(|cause| cause.code() == word);
    ClientError::Fault {
        receiver: matches!(value.as_str(), "Receiver" | "Server"),
        status,
        told: ToldError {
            code: code(if subcode.is_empty() { &value } else { &subcode }),
            word: if known { word } else { String::new() },
            place: place(&of_problem("Place")),
            text: bounded(&text(reason), 1000),
        },
    }
}
