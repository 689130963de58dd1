//! The MTOM splitter: any bytes, in any pieces.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wire_soap::fuzzing::fuzz_multipart(bytes));
