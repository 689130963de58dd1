//! The SOAP envelope of a request: SOAP 1.2 part 1 §5 (structure, `mustUnderstand`), WS-Addressing 1.0 core §3.
//!
//! Reads SOAP 1.2; tolerates the SOAP 1.1 namespace and the WS-Addressing namespace of 2004/08, which senders still
//! use, and says so. Finds the SAML assertions of `wsse:Security` without judging them.
//!
//! Never verifies a signature, never decides whether an action is allowed.

use crate::ns;
use crate::xml::{Element, Tree};
use std::borrow::Cow;

/// Which envelope namespace a sender used. Answers are SOAP 1.2 whatever it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SoapVersion {
    /// `http://schemas.xmlsoap.org/soap/envelope/`.
    Soap11,
    /// `http://www.w3.org/2003/05/soap-envelope`.
    Soap12,
}

/// Why a document is not an envelope this node can process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SoapError {
    /// The document element is not a SOAP envelope of a known version (fault code `VersionMismatch`).
    #[error("{place} is not a SOAP 1.2 envelope")]
    VersionMismatch {
        /// The document element.
        place: String,
    },
    /// An element of SOAP is absent, repeated, or stands where it may not.
    #[error("{place} does not have the structure of an envelope")]
    Structure {
        /// The element.
        place: String,
    },
    /// A WS-Addressing header occurs twice.
    #[error("{place} repeats an addressing header")]
    RepeatedHeader {
        /// The second one.
        place: String,
    },
    /// A header must be understood and is not (fault code `MustUnderstand`).
    #[error("{place} must be understood and is not")]
    MustUnderstand {
        /// The header.
        place: String,
    },
}

impl SoapError {
    /// A stable name for logs, metrics and fault details.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::VersionMismatch { .. } => "soap-version-mismatch",
            Self::Structure { .. } => "soap-structure",
            Self::RepeatedHeader { .. } => "soap-repeated-header",
            Self::MustUnderstand { .. } => "soap-must-understand",
        }
    }

    /// The element the error is about.
    #[must_use]
    pub fn place(&self) -> &str {
        match self {
            Self::VersionMismatch { place }
            | Self::Structure { place }
            | Self::RepeatedHeader { place }
            | Self::MustUnderstand { place } => place,
        }
    }
}

/// An envelope that was understood.
#[derive(Debug, Clone)]
pub struct Envelope<'t, 'a> {
    /// Which SOAP the sender speaks.
    pub version: SoapVersion,
    /// `wsa:Action`.
    pub action: Option<Cow<'t, str>>,
    /// `wsa:MessageID`.
    pub message_id: Option<Cow<'t, str>>,
    /// `wsa:To`.
    pub to: Option<Cow<'t, str>>,
    /// `wsa:ReplyTo/wsa:Address`.
    pub reply_to: Option<Cow<'t, str>>,
    /// `wsa:FaultTo/wsa:Address`.
    pub fault_to: Option<Cow<'t, str>>,
    /// `wsa:RelatesTo`.
    pub relates_to: Option<Cow<'t, str>>,
    header: Option<Element<'t, 'a>>,
    body: Element<'t, 'a>,
}

impl<'t, 'a> Envelope<'t, 'a> {
    /// Reads the envelope of a tree. Header values are trimmed; empty ones count as absent.
    ///
    /// # Errors
    /// [`SoapError`]; no header value is repeated in it.
    pub fn read(tree: &'t Tree<'a>) -> Result<Self, SoapError> {
        let root = tree.root();
        let (version, soap) = match root.namespace() {
            Some(ns::SOAP12) => (SoapVersion::Soap12, ns::SOAP12),
            Some(ns::SOAP11) => (SoapVersion::Soap11, ns::SOAP11),
            _ => return Err(SoapError::VersionMismatch { place: root.path() }),
        };
        if root.local_name() != "Envelope" {
            return Err(SoapError::VersionMismatch { place: root.path() });
        }
        let (header, body) = blocks(root, soap)?;
        let mut envelope = Self {
            version,
            action: None,
            message_id: None,
            to: None,
            reply_to: None,
            fault_to: None,
            relates_to: None,
            header,
            body: only_child(body)?,
        };
        for block in header.into_iter().flat_map(Element::children) {
            envelope.read_header(block, soap)?;
        }
        Ok(envelope)
    }

    fn read_header(&mut self, block: Element<'t, 'a>, soap: &str) -> Result<(), SoapError> {
        let Some(addressing @ (ns::WSA | ns::WSA_2004)) = block.namespace() else {
            if !block.is(ns::WSSE, "Security") && must_understand(block, soap) {
                return Err(SoapError::MustUnderstand { place: block.path() });
            }
            return Ok(());
        };
        let (field, value) = match block.local_name() {
            "Action" => (&mut self.action, Some(block)),
            "MessageID" => (&mut self.message_id, Some(block)),
            "To" => (&mut self.to, Some(block)),
            "ReplyTo" => (&mut self.reply_to, block.child(addressing, "Address")),
            "FaultTo" => (&mut self.fault_to, block.child(addressing, "Address")),
            // A message may relate to several; the first is the one answered.
            "RelatesTo" if self.relates_to.is_some() => return Ok(()),
            "RelatesTo" => (&mut self.relates_to, Some(block)),
            _ => return Ok(()),
        };
        if field.is_some() {
            return Err(SoapError::RepeatedHeader { place: block.path() });
        }
        *field = value.map(|e| trimmed(e.text())).filter(|text| !text.is_empty());
        Ok(())
    }

    /// The one element in the body: the message.
    #[must_use]
    pub fn body(&self) -> Element<'t, 'a> {
        self.body
    }

    /// The header element, if there is one.
    #[must_use]
    pub fn header(&self) -> Option<Element<'t, 'a>> {
        self.header
    }

    /// Every SAML 2.0 assertion anywhere under any `wsse:Security` header, so that a caller can demand exactly one.
    #[must_use]
    pub fn security_assertions(&self) -> Vec<Element<'t, 'a>> {
        self.header
            .into_iter()
            .flat_map(|h| h.children_named(ns::WSSE, "Security"))
            .flat_map(Element::descendants)
            .filter(|e| e.is(ns::SAML2, "Assertion"))
            .collect()
    }
}

/// The optional header and the one body of an envelope.
type Blocks<'t, 'a> = (Option<Element<'t, 'a>>, Element<'t, 'a>);

fn blocks<'t, 'a>(root: Element<'t, 'a>, soap: &str) -> Result<Blocks<'t, 'a>, SoapError> {
    let mut header = None;
    let mut body = None;
    for child in root.children() {
        if child.is(soap, "Header") && header.is_none() && body.is_none() {
            header = Some(child);
        } else if child.is(soap, "Body") && body.is_none() {
            body = Some(child);
        } else {
            return Err(SoapError::Structure { place: child.path() });
        }
    }
    body.map(|b| (header, b)).ok_or_else(|| SoapError::Structure { place: root.path() })
}

fn only_child<'t, 'a>(body: Element<'t, 'a>) -> Result<Element<'t, 'a>, SoapError> {
    let mut children = body.children();
    match (children.next(), children.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(SoapError::Structure { place: body.path() }),
    }
}

/// Whether this node, as ultimate receiver, must understand the block (SOAP 1.2 part 1 §2.2 to §2.4).
fn must_understand(block: Element<'_, '_>, soap: &str) -> bool {
    let flagged = matches!(block.attr_ns(soap, "mustUnderstand").map(str::trim), Some("true" | "1"));
    let role = block.attr_ns(soap, "role").or_else(|| block.attr_ns(soap, "actor")).unwrap_or("").trim();
    let ours = role.is_empty()
        || role.ends_with("/role/next")
        || role.ends_with("/role/ultimateReceiver")
        || role.ends_with("/actor/next");
    flagged && ours
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::XmlLimits;

    fn envelope(header: &str, body: &str) -> String {
        format!(
            "<s:Envelope xmlns:s='{}' xmlns:a='{}' xmlns:w='{}' xmlns:saml2='{}'><s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>",
            ns::SOAP12,
            ns::WSA,
            ns::WSSE,
            ns::SAML2
        )
    }

    fn error(text: &str) -> SoapError {
        Envelope::read(&Tree::parse(text, &XmlLimits::default()).unwrap()).unwrap_err()
    }

    #[test]
    fn addressing_headers_are_read_and_trimmed() {
        let text = envelope(
            "<a:Action s:mustUnderstand='1'> urn:x </a:Action><a:MessageID>urn:m</a:MessageID><a:To/><a:ReplyTo><a:Address>urn:r</a:Address></a:ReplyTo><a:FaultTo s:mustUnderstand='1'/>",
            "<m xmlns='urn:m'/>",
        );
        let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
        let read = Envelope::read(&tree).unwrap();
        assert_eq!((read.action.as_deref(), read.message_id.as_deref()), (Some("urn:x"), Some("urn:m")));
        assert_eq!(
            (read.to.as_deref(), read.reply_to.as_deref(), read.relates_to.as_deref()),
            (None, Some("urn:r"), None)
        );
        assert!(read.body().is("urn:m", "m"));
        assert_eq!(read.version, SoapVersion::Soap12);
    }

    #[test]
    fn the_older_namespaces_are_tolerated() {
        let text = format!(
            "<Envelope xmlns='{}'><Header><Action xmlns='{}'>urn:x</Action></Header><Body><m xmlns=''/></Body></Envelope>",
            ns::SOAP11,
            ns::WSA_2004
        );
        let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
        let read = Envelope::read(&tree).unwrap();
        assert_eq!((read.version, read.action.as_deref()), (SoapVersion::Soap11, Some("urn:x")));
    }

    #[test]
    fn every_assertion_under_security_is_found() {
        let text = envelope(
            "<w:Security s:mustUnderstand='true'><saml2:Assertion><saml2:Advice><saml2:Assertion/></saml2:Advice></saml2:Assertion></w:Security><w:Security><x xmlns='urn:x'><saml2:Assertion/></x></w:Security>",
            "<saml2:Assertion/>",
        );
        let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
        assert_eq!(Envelope::read(&tree).unwrap().security_assertions().len(), 3);
    }

    #[test]
    fn an_unknown_header_that_must_be_understood_is_refused() {
        let header = |attributes: &str| envelope(&format!("<h xmlns='urn:h' {attributes}>secret</h>"), "<m/>");
        let refused = error(&header("s:mustUnderstand='true'"));
        assert_eq!(refused, SoapError::MustUnderstand { place: "/Envelope/Header/h".into() });
        assert_eq!(error(&header("s:mustUnderstand=' 1 '")), refused);
        for tolerated in [
            "",
            "s:mustUnderstand='0'",
            "s:mustUnderstand='1' s:role='http://www.w3.org/2003/05/soap-envelope/role/none'",
        ] {
            let text = header(tolerated);
            assert!(Envelope::read(&Tree::parse(&text, &XmlLimits::default()).unwrap()).is_ok());
        }
    }

    #[test]
    fn what_is_not_an_envelope_is_refused_with_its_place() {
        assert_eq!(error("<m/>").code(), "soap-version-mismatch");
        assert_eq!(error("<Envelope xmlns='urn:other'><Body/></Envelope>").code(), "soap-version-mismatch");
        assert_eq!(error(&envelope("", "")).place(), "/Envelope/Body");
        assert_eq!(error(&envelope("", "<m/><n/>")).place(), "/Envelope/Body");
        assert_eq!(error(&format!("<Envelope xmlns='{}'/>", ns::SOAP12)).place(), "/Envelope");
        assert_eq!(
            error(&format!("<Envelope xmlns='{0}'><Body><m/></Body><Body><m/></Body></Envelope>", ns::SOAP12)).place(),
            "/Envelope/Body[2]"
        );
        assert_eq!(
            error(&format!("<Envelope xmlns='{0}'><Body><m/></Body><Header/></Envelope>", ns::SOAP12)).place(),
            "/Envelope/Header"
        );
        assert_eq!(error(&envelope("<a:To>a</a:To><a:To>b</a:To>", "<m/>")).code(), "soap-repeated-header");
    }
}
