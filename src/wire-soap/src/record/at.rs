//! Where reading is, kept on the stack and spelt out only when something is refused or a place is stored.

use crate::{MessageError, MessageErrorKind as Kind};

/// A step of a place, and the steps above it.
#[derive(Clone, Copy)]
pub(crate) struct At<'p> {
    up: Option<&'p At<'p>>,
    name: &'p str,
    /// Position among siblings of this name from 1; 0 where there is one at most.
    number: usize,
}

impl<'p> At<'p> {
    /// Where reading starts: the place of the message element.
    pub(crate) const fn root(path: &'p str) -> Self {
        Self { up: None, name: path, number: 0 }
    }

    /// A child of this place; a number of 0 is not written.
    pub(crate) const fn child(&'p self, name: &'p str, number: usize) -> Self {
        Self { up: Some(self), name, number }
    }

    /// The place as an XPath-like string.
    pub(crate) fn path(&self) -> String {
        let mut steps = Vec::new();
        let mut next = Some(self);
        while let Some(at) = next {
            steps.push(at);
            next = at.up;
        }
        let mut path = String::new();
        for at in steps.iter().rev() {
            if at.up.is_some() {
                path.push('/');
            }
            path.push_str(at.name);
            if at.number > 0 {
                path.push_str(&format!("[{}]", at.number));
            }
        }
        path
    }

    /// An error at this place.
    pub(crate) fn error(&self, kind: Kind) -> MessageError {
        kind.at(self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_spelt_from_the_root() {
        let root = At::root("/Envelope/Body/a");
        let list = root.child("b", 0);
        assert_eq!(list.child("c", 2).path(), "/Envelope/Body/a/b/c[2]");
        assert_eq!(root.error(Kind::UnexpectedElement).place, "/Envelope/Body/a");
    }
}
