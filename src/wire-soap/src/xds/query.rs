//! The stored query: `AdhocQueryRequest` and `AdhocQueryResponse` (ITI TF-2 3.18.4, ebRS 3.0 §6.1).

use super::response::{RegistryError, ResponseStatus, read_errors, read_status, write_errors};
use super::{QueryValues, expect, integer, required_child};
use crate::ebxml::{NAMESPACES, Place, RegistryObjectList, Slot, write_slot};
use crate::ns;
use crate::xml::Element;
use crate::xml::escape::{attr, attr_opt, raw};
use crate::{MessageError, MessageErrorKind as Kind};

/// `ResponseOption/@returnType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnType {
    /// Whole objects.
    LeafClass,
    /// References only.
    ObjectRef,
    /// The default of the schema, which ITI-18 does not use.
    RegistryObject,
    /// Objects with their content, which ITI-18 does not use.
    LeafClassWithRepositoryItem,
}

impl ReturnType {
    const ALL: [(&'static str, Self); 4] = [
        ("LeafClass", Self::LeafClass),
        ("ObjectRef", Self::ObjectRef),
        ("RegistryObject", Self::RegistryObject),
        ("LeafClassWithRepositoryItem", Self::LeafClassWithRepositoryItem),
    ];

    /// The word of the schema.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, t)| *t == self).map_or("", |(word, _)| word)
    }
}

/// One slot of a stored query. The same name may come back: its slots are then joined by AND, the values of one slot
/// by OR (ITI TF-2 3.18.4.1.2.3.5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryParam {
    /// `@name`, with its `$`.
    pub name: String,
    /// Each `rim:Value` as it was sent.
    pub values: Vec<String>,
    /// Where the slot was read.
    pub place: Place,
}

impl QueryParam {
    /// The values by the grammar of stored queries.
    ///
    /// # Errors
    /// `InvalidQueryValue` at the value that does not follow it.
    pub fn parse(&self) -> Result<QueryValues, MessageError> {
        QueryValues::parse(&self.values, &self.place)
    }
}

/// `query:AdhocQueryRequest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdhocQueryRequest {
    /// `ResponseOption/@returnType`.
    pub return_type: ReturnType,
    /// `ResponseOption/@returnComposedObjects`.
    pub return_composed_objects: bool,
    /// `AdhocQuery/@id`: which stored query, as sent.
    pub query_id: String,
    /// `AdhocQuery/@home`, the home community id.
    pub home: Option<String>,
    /// The slots, in order.
    pub params: Vec<QueryParam>,
    /// `@startIndex`.
    pub start_index: Option<i64>,
    /// `@maxResults`.
    pub max_results: Option<i64>,
    /// Where `AdhocQuery` was read.
    pub place: Place,
}

impl AdhocQueryRequest {
    /// Reads the element.
    ///
    /// # Errors
    /// [`MessageError`] where it is not as `query.xsd` has it.
    pub fn read(element: Element<'_, '_>) -> Result<Self, MessageError> {
        let element = expect(element, ns::QUERY, "AdhocQueryRequest")?;
        let option = required_child(element, ns::QUERY, "ResponseOption")?;
        let return_type = match option.attr("returnType").map(str::trim) {
            None => ReturnType::RegistryObject,
            Some(word) => ReturnType::ALL
                .iter()
                .find(|(name, _)| *name == word)
                .map(|(_, return_type)| *return_type)
                .ok_or_else(|| Kind::InvalidValue("returnType").at(option.path()))?,
        };
        let return_composed_objects = match option.attr("returnComposedObjects").map(str::trim) {
            None | Some("false" | "0") => false,
            Some("true" | "1") => true,
            Some(_) => return Err(Kind::InvalidValue("boolean").at(option.path())),
        };
        let query = required_child(element, ns::RIM, "AdhocQuery")?;
        let query_id = query.attr("id").ok_or_else(|| Kind::MissingAttribute("id").at(query.path()))?;
        Ok(Self {
            return_type,
            return_composed_objects,
            query_id: query_id.trim().to_owned(),
            home: query.attr("home").map(str::to_owned),
            params: read_params(query)?,
            start_index: integer(element, "startIndex")?,
            max_results: integer(element, "maxResults")?,
            place: Place(query.path()),
        })
    }

    /// Appends the element.
    pub fn write(&self, out: &mut Vec<u8>) {
        open(out, "AdhocQueryRequest");
        attr_opt(out, "startIndex", self.start_index.map(|i| i.to_string()).as_deref());
        attr_opt(out, "maxResults", self.max_results.map(|i| i.to_string()).as_deref());
        raw(out, "><query:ResponseOption");
        attr(out, "returnType", self.return_type.as_str());
        attr(out, "returnComposedObjects", if self.return_composed_objects { "true" } else { "false" });
        raw(out, "/><rim:AdhocQuery");
        attr(out, "id", &self.query_id);
        attr_opt(out, "home", self.home.as_deref());
        raw(out, ">");
        for param in &self.params {
            write_slot(out, &param.name, None, param.values.iter().map(String::as_str));
        }
        raw(out, "</rim:AdhocQuery></query:AdhocQueryRequest>");
    }
}

/// Only slots count: the other children that ebRIM allows here mean nothing to a stored query.
pub(super) fn read_params(query: Element<'_, '_>) -> Result<Vec<QueryParam>, MessageError> {
    let parent = Place(query.path());
    let mut params = Vec::new();
    for (index, element) in query.children_named(ns::RIM, "Slot").enumerate() {
        let place = parent.child("Slot", index + 1);
        let slot = Slot::read_at(element, place.clone())?;
        params.push(QueryParam { name: slot.name, values: slot.values, place: Place(place) });
    }
    Ok(params)
}

/// `query:AdhocQueryResponse`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdhocQueryResponse {
    /// `@status`.
    pub status: ResponseStatus,
    /// Errors and warnings.
    pub errors: Vec<RegistryError>,
    /// Whole objects, or references, as the request asked.
    pub objects: RegistryObjectList,
    /// `@totalResultCount`.
    pub total: Option<i64>,
    /// `@startIndex`.
    pub start_index: Option<i64>,
}

impl AdhocQueryResponse {
    /// Reads the element.
    ///
    /// # Errors
    /// [`MessageError`] where it is not as `query.xsd` has it; an absent object list counts as an empty one.
    pub fn read(element: Element<'_, '_>) -> Result<Self, MessageError> {
        let element = expect(element, ns::QUERY, "AdhocQueryResponse")?;
        let list = super::optional_child(element, ns::RIM, "RegistryObjectList")?;
        Ok(Self {
            status: read_status(element)?,
            errors: read_errors(element)?,
            objects: list.map(RegistryObjectList::read).transpose()?.unwrap_or_default(),
            total: integer(element, "totalResultCount")?,
            start_index: integer(element, "startIndex")?,
        })
    }

    /// Appends the element.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.write_around(out, |out| self.objects.0.iter().for_each(|object| object.write(out)));
    }

    /// Appends the element with the objects that `objects` appends in place of its own: a listing that is written
    /// straight from where it stands.
    pub fn write_around(&self, out: &mut Vec<u8>, objects: impl FnOnce(&mut Vec<u8>)) {
        open(out, "AdhocQueryResponse");
        attr(out, "status", self.status.urn());
        attr_opt(out, "startIndex", self.start_index.map(|i| i.to_string()).as_deref());
        attr_opt(out, "totalResultCount", self.total.map(|i| i.to_string()).as_deref());
        raw(out, ">");
        write_errors(out, &self.errors);
        raw(out, "<rim:RegistryObjectList>");
        objects(out);
        raw(out, "</rim:RegistryObjectList></query:AdhocQueryResponse>");
    }
}

fn open(out: &mut Vec<u8>, name: &str) {
    raw(out, "<query:");
    raw(out, name);
    raw(out, " xmlns:query=\"");
    raw(out, ns::QUERY);
    raw(out, "\"");
    raw(out, NAMESPACES);
}
