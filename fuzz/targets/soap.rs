//! Envelopes, ebXML, HL7 v3 and the DMP's own messages: what is read is written and read again.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wire_soap::fuzzing::fuzz_envelope(bytes));
