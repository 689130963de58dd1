//! The little of XPath 1.0 that the rules are written in.
//!
//! A path is names with predicates, `a/b[@x=v|w][2]/c[d/@e]`, or `//a` for every element of that name (`//*` for every
//! one), or `.` for the element itself. A predicate is a position, an attribute (`@a` has one, `@a=v|w` is one of,
//! `@a!=v|w` is none of), or a path that leads somewhere; `!` before it turns it round. Paths are short and written by
//! us: evaluation is a walk down, without recursion but that of predicates, whose nesting the parser bounds.

use crate::tree::Element;

/// Nesting of predicates.
const MAX_NESTING: u32 = 4;

/// A path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    anywhere: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    name: String,
    predicates: Vec<Predicate>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Predicate {
    Position(usize),
    Test { not: bool, test: Test },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Attribute { name: String, none_of: bool, values: Vec<String> },
    Leads(Path),
}

impl Path {
    /// Reads a path; `None` when it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let path = parse_path(&mut rest, 0)?;
        rest.is_empty().then_some(path)
    }

    /// The elements it leads to, in document order, and nothing beyond `most` of them.
    pub(crate) fn select<'t>(&self, from: Element<'t>, most: usize) -> Vec<Element<'t>> {
        if self.anywhere {
            let Some(step) = self.steps.first() else { return Vec::new() };
            let all = from.tree().all().filter(|e| step.name == "*" || e.name() == step.name);
            return step.keep(all.collect(), most);
        }
        let mut found = vec![from];
        for step in &self.steps {
            let next = found.into_iter().flat_map(|e| {
                let here = if step.name == "." { vec![e] } else { e.named(&step.name).collect() };
                step.keep(here, most)
            });
            found = next.take(most).collect();
        }
        found
    }
}

impl Step {
    fn keep<'t>(&self, mut elements: Vec<Element<'t>>, most: usize) -> Vec<Element<'t>> {
        for predicate in &self.predicates {
            match predicate {
                Predicate::Position(n) => elements = elements.get(n - 1).copied().into_iter().collect(),
                Predicate::Test { not, test } => elements.retain(|e| test.holds(*e) != *not),
            }
        }
        elements.truncate(most);
        elements
    }
}

impl Test {
    fn holds(&self, element: Element<'_>) -> bool {
        match self {
            Self::Leads(path) => !path.select(element, 1).is_empty(),
            Self::Attribute { name, none_of, values } => match element.attr(name) {
                None => *none_of,
                Some(_) if values.is_empty() => true,
                Some(value) => values.iter().any(|v| v == value) != *none_of,
            },
        }
    }
}

fn parse_path(rest: &mut &str, nesting: u32) -> Option<Path> {
    let anywhere = eat(rest, "//");
    let mut steps = Vec::new();
    loop {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '*')).unwrap_or(rest.len());
        let (name, tail) = rest.split_at(end);
        if name.is_empty() {
            return None;
        }
        *rest = tail;
        let mut predicates = Vec::new();
        while eat(rest, "[") {
            predicates.push(parse_predicate(rest, nesting + 1)?);
            if !eat(rest, "]") {
                return None;
            }
        }
        steps.push(Step { name: name.to_owned(), predicates });
        if !eat(rest, "/") {
            break;
        }
    }
    (!anywhere || steps.len() == 1).then_some(Path { anywhere, steps })
}

fn parse_predicate(rest: &mut &str, nesting: u32) -> Option<Predicate> {
    if nesting > MAX_NESTING {
        return None;
    }
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    if digits > 0 {
        let (number, tail) = rest.split_at(digits);
        *rest = tail;
        return number.parse().ok().filter(|n| *n > 0).map(Predicate::Position);
    }
    let not = eat(rest, "!");
    if !eat(rest, "@") {
        return Some(Predicate::Test { not, test: Test::Leads(parse_path(rest, nesting)?) });
    }
    let end = rest.find(']')?;
    let (inside, tail) = rest.split_at(end);
    *rest = tail;
    let (name, none_of, values) = match (inside.split_once("!="), inside.split_once('=')) {
        (Some((name, values)), _) => (name, true, values),
        (None, Some((name, values))) => (name, false, values),
        (None, None) => (inside, false, ""),
    };
    let values = values.split('|').filter(|v| !v.is_empty()).map(str::to_owned).collect();
    let test = Test::Attribute { name: name.to_owned(), none_of, values };
    (!name.is_empty()).then_some(Predicate::Test { not, test })
}

fn eat(rest: &mut &str, token: &str) -> bool {
    let Some(tail) = rest.strip_prefix(token) else { return false };
    *rest = tail;
    true
}
