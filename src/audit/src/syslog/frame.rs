//! One audit message as syslog: RFC 5424, and the octet counting of RFC 5425 §4.3.

use jiff::Timestamp;

/// Facility 10 (security and authorization), severity 5 (notice), as ITI-20 asks: 10 × 8 + 5.
const PRI: u8 = 85;

/// ITI-20 names the kind of message so.
const MSGID: &str = "IHE+DICOM";

/// Who sends, as the header says it. What the header cannot hold is left out, what is too long is cut, and what is then
/// empty is written `-`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// HOSTNAME, up to 255 printable ASCII characters.
    pub host: String,
    /// APP-NAME, up to 48.
    pub app: String,
    /// PROCID, up to 128.
    pub process: String,
}

impl Header {
    /// The audit message `xml` as a syslog message: `at` in UTC to the millisecond, no structured data, and the byte
    /// order mark that says UTF-8 (RFC 5424 §6.4).
    #[must_use]
    pub fn message(&self, at: Timestamp, xml: &str) -> String {
        let (host, app, process) = (field(&self.host, 255), field(&self.app, 48), field(&self.process, 128));
        format!("<{PRI}>1 {at:.3} {host} {app} {process} {MSGID} - \u{FEFF}{xml}")
    }
}

/// `1*n PRINTUSASCII`, or the nil value.
fn field(text: &str, max: usize) -> String {
    let kept: String = text.chars().filter(char::is_ascii_graphic).take(max).collect();
    if kept.is_empty() { "-".to_owned() } else { kept }
}

/// A message as it goes over TLS: its length in bytes, a space, the message.
pub(super) fn frame(message: &str) -> Vec<u8> {
    let mut framed = message.len().to_string().into_bytes();
    framed.reserve(message.len() + 1);
    framed.push(b' ');
    framed.extend_from_slice(message.as_bytes());
    framed
}
