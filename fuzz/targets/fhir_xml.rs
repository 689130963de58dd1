//! FHIR between XML and JSON: what is read in one form can be written in the other, and comes back the same. The module is
//! taken by itself: the types of FHIR beside it would take longer to build than to fuzz.
#![no_main]
#![expect(dead_code, reason = "the rest of what the module stands on")]

#[path = "../../src/wire-fhir/src/error.rs"]
mod error;
#[path = "../../src/wire-fhir/src/json.rs"]
mod json;
#[path = "../../src/wire-fhir/src/xml/mod.rs"]
mod xml;

use xml::{XmlLimits, from_xml, to_xml};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let limits = XmlLimits::of_size(1 << 20);
    if let Ok(json) = from_xml(bytes, limits) {
        let written = to_xml(&json).expect("what was read can be written");
        assert_eq!(from_xml(written.as_bytes(), limits).as_ref(), Ok(&json));
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(written) = to_xml(text)
    {
        from_xml(written.as_bytes(), limits).expect("what was written can be read");
    }
});
