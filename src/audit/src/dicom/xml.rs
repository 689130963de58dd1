//! A writer of XML that cannot fail and cannot write anything ill-formed, whatever the text.

use quick_xml::escape::escape;

/// Attributes of an element, in the order they are written.
pub(super) type Attributes<'a> = [(&'a str, &'a str)];

/// XML under construction.
#[derive(Debug)]
pub(super) struct Xml(String);

impl Xml {
    /// An empty document, declared.
    pub(super) fn document() -> Self {
        Self(r#"<?xml version="1.0" encoding="UTF-8"?>"#.to_owned())
    }

    /// The text of it.
    pub(super) fn into_text(self) -> String {
        self.0
    }

    /// An element and what `inner` writes in it. Names are ours, never a visitor's.
    pub(super) fn element(&mut self, name: &str, attributes: &Attributes<'_>, inner: impl FnOnce(&mut Self)) {
        self.open(name, attributes);
        self.0.push('>');
        inner(self);
        self.0.extend(["</", name, ">"]);
    }

    /// An element without content.
    pub(super) fn empty(&mut self, name: &str, attributes: &Attributes<'_>) {
        self.open(name, attributes);
        self.0.push_str("/>");
    }

    /// Text.
    pub(super) fn text(&mut self, text: &str) {
        let text: String = text.chars().filter(|c| allowed(*c)).collect();
        self.0.push_str(&escape(text.as_str()));
    }

    fn open(&mut self, name: &str, attributes: &Attributes<'_>) {
        self.0.extend(["<", name]);
        for (name, value) in attributes {
            // A reader would make spaces of them anyway (XML 1.0 §3.3.3).
            let value: String =
                value.chars().filter(|c| allowed(*c)).map(|c| if c.is_ascii_control() { ' ' } else { c }).collect();
            self.0.extend([" ", name, "=\"", &escape(value.as_str()), "\""]);
        }
    }
}

/// Whether XML 1.0 can hold the character at all (§2.2); the others are dropped, there is no way to write them.
const fn allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}
