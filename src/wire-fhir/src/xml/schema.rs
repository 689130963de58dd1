//! The elements of FHIR R4 4.0.1: what may stand in each type, in which order, how often and of what type.

use std::{collections::HashMap, sync::LazyLock};

static TABLE: LazyLock<Schema> = LazyLock::new(|| Schema::of(include_str!("elements.tsv")));

/// The table, read at its first use.
pub(super) fn table() -> &'static Schema {
    &TABLE
}

/// What an element holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A whole number of 32 bits, not below `least`.
    Integer {
        /// The least that the type allows.
        least: i32,
    },
    /// A decimal, of which the text counts.
    Decimal,
    /// Any other primitive: a string in JSON.
    Text,
    /// The `div` of a narrative.
    Xhtml,
    /// A string that is an attribute in XML: `id` of an element, `url` of an extension (FHIR R4 xml §2.6.1).
    Attribute,
    /// Elements of its own.
    Complex(usize),
    /// A resource, inside an element that bears the name of its type.
    Resource,
}

impl Kind {
    /// Whether it has a value and may have extensions beside it (FHIR R4 json §2.6.2, primitive elements).
    pub(super) fn is_primitive(self) -> bool {
        matches!(self, Self::Boolean | Self::Integer { .. } | Self::Decimal | Self::Text)
    }

    fn of(code: &str) -> Option<Self> {
        Some(match code {
            "boolean" => Self::Boolean,
            "integer" => Self::Integer { least: i32::MIN },
            "unsignedInt" => Self::Integer { least: 0 },
            "positiveInt" => Self::Integer { least: 1 },
            "decimal" => Self::Decimal,
            "xhtml" => Self::Xhtml,
            "Resource" => Self::Resource,
            _ if code.starts_with(|c: char| c.is_ascii_lowercase()) => Self::Text,
            _ => return None,
        })
    }
}

/// One name that may stand in a type; a choice has one for each of its types.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: String,
    /// Rank of the name in its type.
    pub(super) rank: usize,
    /// Rank of the element in its type: the same for all names of a choice.
    pub(super) field: usize,
    /// Whether it may repeat.
    pub(super) many: bool,
    pub(super) kind: Kind,
}

/// The elements of a type.
#[derive(Debug, Default)]
pub(super) struct Type {
    slots: Vec<Slot>,
    by_name: HashMap<String, usize>,
    fields: usize,
}

impl Type {
    /// What `name` is in this type.
    pub(super) fn slot(&self, name: &str) -> Option<&Slot> {
        self.slots.get(*self.by_name.get(name)?)
    }

    /// Whether `name` is an attribute in XML.
    pub(super) fn has_attribute(&self, name: &str) -> bool {
        self.slot(name).is_some_and(|slot| slot.kind == Kind::Attribute)
    }

    fn push(&mut self, name: String, many: bool, kind: Kind) {
        let rank = self.slots.len();
        self.by_name.insert(name.clone(), rank);
        self.slots.push(Slot { name, rank, field: self.fields, many, kind });
    }
}

/// All types.
#[derive(Debug)]
pub(super) struct Schema {
    types: Vec<Type>,
    resources: HashMap<&'static str, usize>,
    /// What a primitive element has beside its value.
    element: Type,
}

impl Schema {
    /// A type of resource: its name, and its elements.
    pub(super) fn resource(&self, name: &str) -> Option<(&'static str, &Type)> {
        let (name, id) = self.resources.get_key_value(name)?;
        Some((name, self.types.get(*id)?))
    }

    /// The elements of what [`Kind::Complex`] names.
    pub(super) fn inner(&self, id: usize) -> &Type {
        self.types.get(id).unwrap_or(&self.element)
    }

    /// What a primitive element has beside its value: `id` and `extension`.
    pub(super) fn element(&self) -> &Type {
        &self.element
    }

    fn of(text: &'static str) -> Self {
        let mut ids = HashMap::new();
        for (parent, ..) in rows(text) {
            let next = ids.len();
            ids.entry(parent).or_insert(next);
        }
        let mut types: Vec<Type> = Vec::new();
        types.resize_with(ids.len(), Type::default);
        let mut resources = HashMap::new();
        for (parent, name, codes, many) in rows(text) {
            let Some((&id, into)) = ids.get(parent).and_then(|id| Some((id, types.get_mut(*id)?))) else { continue };
            if name == "id" && codes == "id" && !parent.contains('.') {
                resources.insert(parent, id);
            }
            let attribute = (name == "id" && codes == "string") || (parent == "Extension" && name == "url");
            for code in codes.split(',') {
                let full = match name.strip_suffix("[x]") {
                    Some(stem) => format!("{stem}{}", capital(code)),
                    None => name.to_owned(),
                };
                let inner = match code {
                    "BackboneElement" | "Element" => ids.get(format!("{parent}.{name}").as_str()),
                    _ => ids.get(code.trim_start_matches('#')),
                };
                let kind = if attribute { Some(Kind::Attribute) } else { Kind::of(code) };
                // A code that nothing explains would make its element unknown: a test sees that there is none.
                if let Some(kind) = kind.or(inner.copied().map(Kind::Complex)) {
                    into.push(full, many, kind);
                }
            }
            into.fields += 1;
        }
        let mut element = Type::default();
        element.push("id".to_owned(), false, Kind::Attribute);
        element.fields += 1;
        if let Some(id) = ids.get("Extension") {
            element.push("extension".to_owned(), true, Kind::Complex(*id));
        }
        Self { types, resources, element }
    }
}

/// Path of the type, name in it, codes of its types, whether it may repeat.
fn rows(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str, &'static str, bool)> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut cells = line.split('\t');
        let (parent, name) = cells.next()?.rsplit_once('.')?;
        Some((parent, name, cells.next()?, cells.next()? == "*"))
    })
}

fn capital(code: &str) -> String {
    let mut letters = code.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_understood_and_has_the_name_it_gives() {
        let text = include_str!("elements.tsv");
        let read: usize = rows(text).map(|(_, _, codes, _)| codes.split(',').count()).sum();
        let kept: usize = table().types.iter().map(|t| t.slots.len()).sum();
        let named: usize = table().types.iter().map(|t| t.by_name.len()).sum();
        assert_eq!((read, read), (kept, named));
        assert_eq!(rows(text).count(), text.lines().filter(|line| !line.starts_with('#')).count());
        assert_eq!(table().resources.len(), 59);
    }

    #[test]
    fn a_choice_is_one_element_of_many_names() {
        let observation = table().resource("Observation").expect("known").1;
        let quantity = observation.slot("valueQuantity").expect("known");
        let time = observation.slot("valueDateTime").expect("known");
        assert_eq!((quantity.field, quantity.many), (time.field, false));
        assert!(quantity.rank < time.rank);
        assert_eq!(time.kind, Kind::Text);
        assert!(observation.slot("value").is_none());
        assert!(observation.slot("value[x]").is_none());
        assert!(observation.slot("valueAttachment").is_none(), "of R5");
    }

    #[test]
    fn content_by_reference_is_the_content_of_that_path() {
        let parameters = table().resource("Parameters").expect("known").1;
        let Some(Kind::Complex(id)) = parameters.slot("parameter").map(|slot| slot.kind) else { panic!("complex") };
        assert_eq!(table().inner(id).slot("part").map(|slot| slot.kind), Some(Kind::Complex(id)));
        assert_eq!(table().inner(id).slot("resource").map(|slot| slot.kind), Some(Kind::Resource));
    }
}
