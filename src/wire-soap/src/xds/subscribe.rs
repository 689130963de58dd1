//! Document Metadata Subscription: `wsnt:Subscribe`, `wsnt:Unsubscribe` and `wsnt:Notify` (ITI TF-2 §3.52, §3.53;
//! WS-BaseNotification 1.3 §3, §4, §6).

use super::query::{QueryParam, read_params};
use super::{expect, optional_child, required_child};
use crate::ebxml::{NAMESPACES, Place};
use crate::ns;
use crate::xml::Element;
use crate::xml::escape::{attr, raw, text};
use crate::{MessageError, MessageErrorKind as Kind};

/// Dialect of a topic that is a name (WS-Topics 1.3 §8.1).
const SIMPLE: &str = "http://docs.oasis-open.org/wsn/t-1/TopicExpression/Simple";

/// `wsnt:Subscribe`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscribeRequest {
    /// `ConsumerReference/Address`.
    pub consumer: String,
    /// `Filter/TopicExpression`, without its prefix.
    pub topic: String,
    /// `Filter/AdhocQuery/@id`.
    pub query_id: String,
    /// The slots of the query.
    pub params: Vec<QueryParam>,
    /// `InitialTerminationTime`, as written.
    pub ends: Option<String>,
    /// Where `Subscribe` was read.
    pub place: Place,
}

impl SubscribeRequest {
    /// Reads the element.
    ///
    /// # Errors
    /// [`MessageError`] where it is not as its schema and ITI-52 have it.
    pub fn read(element: Element<'_, '_>) -> Result<Self, MessageError> {
        let element = expect(element, ns::WSNT, "Subscribe")?;
        let reference = required_child(element, ns::WSNT, "ConsumerReference")?;
        let address = required_child(reference, ns::WSA, "Address")?;
        let filter = required_child(element, ns::WSNT, "Filter")?;
        let topic = required_child(filter, ns::WSNT, "TopicExpression")?;
        if topic.attr("Dialect").is_some_and(|dialect| dialect.trim() != SIMPLE) {
            return Err(Kind::InvalidValue("Dialect").at(topic.path()));
        }
        let query = required_child(filter, ns::RIM, "AdhocQuery")?;
        let query_id = query.attr("id").ok_or_else(|| Kind::MissingAttribute("id").at(query.path()))?;
        let named = topic.text().trim().to_owned();
        let ends = optional_child(element, ns::WSNT, "InitialTerminationTime")?;
        Ok(Self {
            consumer: address.text().trim().to_owned(),
            topic: named.rsplit(':').next().unwrap_or_default().to_owned(),
            query_id: query_id.trim().to_owned(),
            params: read_params(query)?,
            ends: ends.map(|e| e.text().trim().to_owned()).filter(|text| !text.is_empty()),
            place: Place(element.path()),
        })
    }
}

/// `wsnt:SubscribeResponse`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscribeResponse {
    /// Where the subscription is managed.
    pub address: String,
    /// The present, as `xs:dateTime`.
    pub now: String,
    /// When it ends, as `xs:dateTime`.
    pub ends: String,
}

impl SubscribeResponse {
    /// Appends the element.
    pub fn write(&self, out: &mut Vec<u8>) {
        open(out, "SubscribeResponse");
        raw(out, "><wsnt:SubscriptionReference><wsa:Address>");
        text(out, &self.address);
        raw(out, "</wsa:Address></wsnt:SubscriptionReference><wsnt:CurrentTime>");
        text(out, &self.now);
        raw(out, "</wsnt:CurrentTime><wsnt:TerminationTime>");
        text(out, &self.ends);
        raw(out, "</wsnt:TerminationTime></wsnt:SubscribeResponse>");
    }
}

/// Whether an element is `wsnt:Unsubscribe`.
///
/// # Errors
/// [`MessageError`] when it is another.
pub fn read_unsubscribe(element: Element<'_, '_>) -> Result<(), MessageError> {
    expect(element, ns::WSNT, "Unsubscribe").map(drop)
}

/// Appends `wsnt:UnsubscribeResponse`.
pub fn write_unsubscribed(out: &mut Vec<u8>) {
    open(out, "UnsubscribeResponse");
    raw(out, "/>");
}

/// Appends `wsnt:Notify` with one message: `objects` appends the registry objects.
pub fn write_notify(out: &mut Vec<u8>, subscription: &str, topic: &str, objects: impl FnOnce(&mut Vec<u8>)) {
    open(out, "Notify");
    raw(out, "><wsnt:NotificationMessage><wsnt:SubscriptionReference><wsa:Address>");
    text(out, subscription);
    raw(out, "</wsa:Address></wsnt:SubscriptionReference><wsnt:Topic");
    attr(out, "Dialect", SIMPLE);
    raw(out, ">ihe:");
    text(out, topic);
    raw(out, "</wsnt:Topic><wsnt:Message><lcm:SubmitObjectsRequest xmlns:lcm=\"");
    raw(out, ns::LCM);
    raw(out, "\"");
    raw(out, NAMESPACES);
    raw(out, "><rim:RegistryObjectList>");
    objects(out);
    raw(
        out,
        "</rim:RegistryObjectList></lcm:SubmitObjectsRequest></wsnt:Message></wsnt:NotificationMessage></wsnt:Notify>",
    );
}

fn open(out: &mut Vec<u8>, name: &str) {
    raw(out, "<wsnt:");
    raw(out, name);
    attr(out, "xmlns:wsnt", ns::WSNT);
    attr(out, "xmlns:wsa", ns::WSA);
    attr(out, "xmlns:ihe", ns::DSUB);
}
