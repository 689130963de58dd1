//! What the whole crate promises: exact parts, real samples understood, messages that their schemas accept, no panic on
//! any bytes.

#![expect(clippy::unwrap_used, reason = "what a test relies on and does not find fails it")]

mod corpus;
mod dmp;
mod fuzz;
mod hl7v3;
mod multipart;
mod registry_objects;
mod schema;
