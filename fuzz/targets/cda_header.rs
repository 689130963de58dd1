//! Headers of CDA documents: read, checked against every rule, turned into metadata.
#![no_main]
use std::sync::LazyLock;

static RULES: LazyLock<cda::Rules> =
    LazyLock::new(|| cda::Rules::load(&terminology::Mappings::built_in()).expect("the rules load"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(header) = cda::Header::read(bytes) else { return };
    let _ = cda::check(&header, &RULES);
    let _ = cda::derive(&header, &RULES);
});
