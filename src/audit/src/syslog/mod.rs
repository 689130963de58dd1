//! Syslog over TLS to an audit repository (ITI-20): RFC 5424 messages, RFC 5425 transport, as a client only.
//!
//! Nothing of a message is ever in an error.

mod frame;
mod sink;
#[cfg(test)]
mod tests;

pub use frame::Header;
pub use sink::{SinkError, Step, SyslogOptions, SyslogSink, Timeouts};
