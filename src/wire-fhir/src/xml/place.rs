//! Where in a resource one is.

use super::ROOT;
use crate::{
    error::{ParseError, Problem},
    json::shown,
};

/// A FHIRPath, made into text only for an error.
pub(super) struct Place {
    /// Type of the outermost resource.
    pub(super) root: &'static str,
    /// Elements from there, with their index where they may repeat.
    path: Vec<(&'static str, Option<usize>)>,
}

impl Place {
    pub(super) fn new() -> Self {
        Self { root: ROOT, path: Vec::new() }
    }

    /// Whether this is the outermost resource itself.
    pub(super) fn is_root(&self) -> bool {
        self.path.is_empty()
    }

    pub(super) fn enter(&mut self, name: &'static str, index: Option<usize>) {
        self.path.push((name, index));
    }

    pub(super) fn leave(&mut self) {
        self.path.pop();
    }

    fn path(&self) -> String {
        let mut path = self.root.to_owned();
        for (name, index) in &self.path {
            path.push('.');
            path.push_str(name);
            if let Some(index) = index {
                path.push_str(&format!("[{index}]"));
            }
        }
        path
    }

    /// What is wrong here.
    pub(super) fn fail(&self, problem: Problem) -> ParseError {
        ParseError::new(self.path(), problem)
    }

    /// What is wrong with something of that name here.
    pub(super) fn fail_at(&self, name: &str, problem: Problem) -> ParseError {
        ParseError::new(format!("{}.{}", self.path(), shown(name)), problem)
    }
}
