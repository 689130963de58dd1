//! Each HL7 v3 message written and read back as its schema has it, and refused where it should be.

mod fixtures;
pub(crate) mod messages;
mod queries;
mod refusals;
mod round_trips;
