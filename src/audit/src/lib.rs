//! What leaves the house so that others can watch it: audit messages for an ATNA repository (ITI-20), the syslog they
//! travel in, and stamps of time that a third party puts on the heads of the trace log.
//!
//! Knows the model's traces ([`space::trace`]) and the formats of others. Knows no store, no face, no configuration,
//! and decides nothing. Reads no clock: the instants come in as parameters.

pub mod dicom;
pub mod syslog;
#[cfg(test)]
mod testing;
pub mod tsa;

pub use dicom::{AuditSource, audit_message};
pub use syslog::{Header, SinkError, Step, SyslogOptions, SyslogSink, Timeouts};
pub use tsa::TsaError;
