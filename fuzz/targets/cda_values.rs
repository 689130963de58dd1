//! Values in the bodies of CDA documents.
#![no_main]
use std::sync::LazyLock;

static RULES: LazyLock<cda::ValueRules> =
    LazyLock::new(|| cda::ValueRules::load(&terminology::Mappings::built_in()).expect("the rules load"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = cda::values(bytes, &RULES);
});
