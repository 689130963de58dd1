//! A document with the metadata its sender would give it.

use quick_xml::{Reader, events::Event};

/// A document to be sent.
#[derive(Debug, Clone)]
pub struct TestDocument {
    /// `id` of its ExtrinsicObject.
    pub id: String,
    /// uniqueId.
    pub unique_id: String,
    /// Bytes.
    pub body: Vec<u8>,
    /// MIME type.
    pub mime_type: String,
    /// typeCode and its system.
    pub type_code: (String, String),
    /// classCode.
    pub class_code: String,
    /// formatCode and its system.
    pub format_code: (String, String),
    /// Title.
    pub title: String,
    /// Visibility codes beside `N`.
    pub visibility: Vec<String>,
    /// `entryUUID` of the document it replaces.
    pub replaces: Option<String>,
    /// Extra slots, `<Slot>…</Slot>`.
    pub extra: String,
}

impl TestDocument {
    /// A small report of a kind (LOINC code and class).
    #[must_use]
    pub fn report(type_code: &str, class_code: &str) -> Self {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><id root=\"{}\"/></ClinicalDocument>\n",
            crate::oid()
        );
        Self::of(body.into_bytes(), type_code, class_code)
    }

    /// Bytes as a document of a kind.
    #[must_use]
    pub fn of(body: Vec<u8>, type_code: &str, class_code: &str) -> Self {
        let complementary =
            !type_code.contains('-') || type_code.starts_with("PRESC") || type_code.starts_with("ATTEST");
        let system = if complementary { "1.2.250.1.213.1.1.4.12" } else { "2.16.840.1.113883.6.1" };
        Self {
            id: "Document01".into(),
            unique_id: crate::oid(),
            body,
            mime_type: "text/xml".into(),
            type_code: (type_code.into(), system.into()),
            class_code: class_code.into(),
            format_code: ("urn:ihe:iti:xds-sd:text:2008".into(), "1.3.6.1.4.1.19376.1.2.3".into()),
            title: "Compte rendu de test".into(),
            visibility: Vec::new(),
            replaces: None,
            extra: String::new(),
        }
    }

    /// A biology report.
    #[must_use]
    pub fn biology() -> Self {
        Self::report("11502-2", "10")
    }

    /// The signature of a set, as the DMP's samples describe it.
    #[must_use]
    pub fn signature(bytes: Vec<u8>) -> Self {
        Self {
            id: "Signature01".into(),
            type_code: ("E1762".into(), "ASTM".into()),
            format_code: ("http://www.w3.org/2000/09/xmldsig#".into(), "URN".into()),
            ..Self::of(bytes, "E1762", "urn:oid:1.3.6.1.4.1.19376.1.2.1.1.1")
        }
    }

    /// The same with visibility codes.
    #[must_use]
    pub fn visible(mut self, codes: &[&str]) -> Self {
        self.visibility = codes.iter().map(|c| (*c).to_owned()).collect();
        self
    }
}

/// `code/@code` of a CDA document's header, read without understanding the rest.
#[must_use]
pub fn cda_code(bytes: &[u8]) -> Option<String> {
    let mut reader = Reader::from_reader(bytes);
    let mut depth = 0;
    let mut buffer = Vec::new();
    loop {
        let (element, empty) = match reader.read_event_into(&mut buffer).ok()? {
            Event::Start(e) => (e.into_owned(), false),
            Event::Empty(e) => (e.into_owned(), true),
            Event::End(_) => {
                depth -= 1;
                buffer.clear();
                continue;
            }
            Event::Eof => return None,
            _ => {
                buffer.clear();
                continue;
            }
        };
        if depth == 1 && element.local_name().as_ref() == b"code" {
            let attribute = element.try_get_attribute("code").ok()??;
            return String::from_utf8(attribute.value.into_owned()).ok();
        }
        depth += i32::from(!empty);
        buffer.clear();
    }
}
