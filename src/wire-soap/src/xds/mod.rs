//! The XDS.b messages: IHE ITI TF-2 3.18, 3.41, 3.42, 3.43, 3.57 over ebRS 3.0, each with its reader and writer.
//!
//! Every `read` takes the one element of an envelope's body; every `write` appends that element, with the
//! declarations of its prefixes.
//!
//! Never decides whether metadata is complete, a query known, or a document allowed.

mod documents;
mod provide;
mod query;
mod query_value;
mod remove;
mod response;
mod retrieve;
mod subscribe;

#[cfg(test)]
mod tests;

pub use documents::{DocumentContent, Matched, match_documents};
pub use provide::{DocumentPart, ProvideAndRegisterDocumentSetRequest, SubmitObjectsRequest};
pub use query::{AdhocQueryRequest, AdhocQueryResponse, QueryParam, ReturnType};
pub use query_value::{QueryValue, QueryValues};
pub use remove::{RemoveDocumentsRequest, RemoveObjectsRequest};
pub use response::{RegistryError, RegistryResponse, ResponseStatus, Severity};
pub use retrieve::{DocumentRequest, DocumentResponse, RetrieveDocumentSetRequest, RetrieveDocumentSetResponse};
pub use subscribe::{SubscribeRequest, SubscribeResponse, read_unsubscribe, write_notify, write_unsubscribed};

use crate::xml::Element;
use crate::{MessageError, MessageErrorKind as Kind};

/// The element if it has this name.
fn expect<'t, 'a>(element: Element<'t, 'a>, namespace: &str, name: &str) -> Result<Element<'t, 'a>, MessageError> {
    if element.is(namespace, name) { Ok(element) } else { Err(Kind::UnexpectedElement.at(element.path())) }
}

/// The one child of this name.
fn required_child<'t, 'a>(
    element: Element<'t, 'a>,
    namespace: &str,
    name: &'static str,
) -> Result<Element<'t, 'a>, MessageError> {
    optional_child(element, namespace, name)?.ok_or_else(|| Kind::MissingElement(name).at(element.path()))
}

/// The child of this name, if there is one; two are refused.
fn optional_child<'t, 'a>(
    element: Element<'t, 'a>,
    namespace: &str,
    name: &'static str,
) -> Result<Option<Element<'t, 'a>>, MessageError> {
    let mut children = element.children_named(namespace, name);
    match (children.next(), children.next()) {
        (first, None) => Ok(first),
        (_, Some(second)) => Err(Kind::RepeatedElement(name).at(second.path())),
    }
}

/// The trimmed text of the one child of this name.
fn required_text(element: Element<'_, '_>, namespace: &str, name: &'static str) -> Result<String, MessageError> {
    required_child(element, namespace, name).map(|e| e.text().trim().to_owned())
}

/// The trimmed text of the child of this name, if there is one.
fn optional_text(
    element: Element<'_, '_>,
    namespace: &str,
    name: &'static str,
) -> Result<Option<String>, MessageError> {
    Ok(optional_child(element, namespace, name)?.map(|e| e.text().trim().to_owned()))
}

/// An `xs:integer` attribute.
fn integer(element: Element<'_, '_>, name: &'static str) -> Result<Option<i64>, MessageError> {
    let parse = |text: &str| text.trim().parse().map_err(|_| Kind::InvalidValue("integer").at(element.path()));
    element.attr(name).map(parse).transpose()
}
