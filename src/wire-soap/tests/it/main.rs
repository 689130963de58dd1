//! What the whole crate promises: exact parts, real samples understood, no panic on any bytes.

#![expect(clippy::unwrap_used, reason = "what a test relies on and does not find fails it")]

mod corpus;
mod fuzz;
mod multipart;
mod registry_objects;
