//! Reading registry objects from a tree, along `rim.xsd`.
//!
//! The order of children is not enforced, their names are. Places number every element that may repeat, from 1.
//! Recursion follows the tree, whose depth is bounded.

use super::{
    Association, Classification, Common, ExternalIdentifier, ExtrinsicObject, InternationalString, LocalizedString,
    ObjectRef, Place, RegistryObject, RegistryObjectList, RegistryPackage, Slot, VersionInfo,
};
use crate::ns;
use crate::xml::Element;
use crate::{MessageError, MessageErrorKind as Kind};

type Result<T> = std::result::Result<T, MessageError>;

impl RegistryObjectList {
    /// Reads a `rim:RegistryObjectList`.
    ///
    /// # Errors
    /// [`MessageError`] at the first element that is not as `rim.xsd` has it or is of a kind XDS does not use.
    pub fn read(element: Element<'_, '_>) -> Result<Self> {
        Self::read_at(element, &element.path())
    }

    fn read_at(list: Element<'_, '_>, place: &str) -> Result<Self> {
        let mut numbers = Numbers::default();
        let mut objects = Vec::new();
        for child in list.children() {
            objects.push(RegistryObject::read_at(child, numbers.place(place, child))?);
        }
        Ok(Self(objects))
    }
}

impl RegistryObject {
    /// Reads any registry object that XDS uses.
    ///
    /// # Errors
    /// [`MessageError`] as for [`RegistryObjectList::read`].
    pub fn read(element: Element<'_, '_>) -> Result<Self> {
        Self::read_at(element, element.path())
    }

    fn read_at(element: Element<'_, '_>, place: String) -> Result<Self> {
        match rim_name(element) {
            "ExtrinsicObject" => ExtrinsicObject::read_at(element, place).map(Self::ExtrinsicObject),
            "RegistryPackage" => RegistryPackage::read_at(element, place).map(Self::RegistryPackage),
            "Association" => Association::read_at(element, place).map(Self::Association),
            "Classification" => Classification::read_at(element, place).map(Self::Classification),
            "ExternalIdentifier" => ExternalIdentifier::read_at(element, place).map(Self::ExternalIdentifier),
            "ObjectRef" => ObjectRef::read_at(element, place).map(Self::ObjectRef),
            _ => Err(Kind::UnexpectedElement.at(place)),
        }
    }
}

macro_rules! public_read {
    ($($object:ident),*) => {$(
        impl $object {
            /// Reads the element of this name.
            ///
            /// # Errors
            /// [`MessageError`] when it is another element, or not as `rim.xsd` has it.
            pub fn read(element: Element<'_, '_>) -> Result<Self> {
                let place = element.path();
                if rim_name(element) != stringify!($object) {
                    return Err(Kind::UnexpectedElement.at(place));
                }
                Self::read_at(element, place)
            }
        }
    )*};
}
public_read!(ExtrinsicObject, RegistryPackage, Association, Classification, ExternalIdentifier, ObjectRef, Slot);

impl ExtrinsicObject {
    fn read_at(element: Element<'_, '_>, place: String) -> Result<Self> {
        let mut content_version_info = None;
        let common = read_common(element, place, |child, place| {
            if rim_name(child) != "ContentVersionInfo" {
                return Ok(false);
            }
            set(&mut content_version_info, read_version(child), "ContentVersionInfo", place)?;
            Ok(true)
        })?;
        require_id(&common.id, &common.place.0)?;
        let is_opaque = boolean(element, "isOpaque", &common.place.0)?;
        Ok(Self { mime_type: owned(element, "mimeType"), is_opaque, content_version_info, common })
    }
}

impl RegistryPackage {
    fn read_at(element: Element<'_, '_>, place: String) -> Result<Self> {
        let mut members = None;
        let common = read_common(element, place, |child, place| {
            if rim_name(child) != "RegistryObjectList" {
                return Ok(false);
            }
            let list = RegistryObjectList::read_at(child, &format!("{place}/RegistryObjectList"))?;
            set(&mut members, list, "RegistryObjectList", place)?;
            Ok(true)
        })?;
        require_id(&common.id, &common.place.0)?;
        Ok(Self { common, members })
    }
}

impl Association {
    fn read_at(element: Element<'_, '_>, place: String) -> Result<Self> {
        let common = read_common(element, place, |_, _| Ok(false))?;
        Ok(Self {
            association_type: required(element, "associationType", &common.place.0)?,
            source: required(element, "sourceObject", &common.place.0)?,
            target: required(element, "targetObject", &common.place.0)?,
            common,
        })
    }
}

impl Classification {
    fn read_at(element: Element<'_, '_>, place: String) -> Result<Self> {
        Ok(Self {
            scheme: owned(element, "classificationScheme"),
            node: owned(element, "classificationNode"),
            classified_object: owned(element, "classifiedObject").unwrap_or_default(),
            node_representation: owned(element, "nodeRepresentation"),
            common: read_common(element, place, |_, _| Ok(false))?,
        })
    }
}

impl ExternalIdentifier {
    fn read_at(element: Element<'_, '_>, place: String) -> Result<Self> {
        Ok(Self {
            scheme: required(element, "identificationScheme", &place)?,
            registry_object: owned(element, "registryObject").unwrap_or_default(),
            value: required(element, "value", &place)?,
            common: read_common(element, place, |_, _| Ok(false))?,
        })
    }
}

impl ObjectRef {
    fn read_at(element: Element<'_, '_>, place: String) -> Result<Self> {
        let slots = read_slots(element, &place)?;
        let create_replica = boolean(element, "createReplica", &place)?;
        Ok(Self {
            id: required(element, "id", &place)?,
            home: owned(element, "home"),
            create_replica,
            slots,
            place: Place(place),
        })
    }
}

impl Slot {
    pub(crate) fn read_at(element: Element<'_, '_>, place: String) -> Result<Self> {
        let mut values = None;
        for child in element.children() {
            if rim_name(child) != "ValueList" {
                return Err(Kind::UnexpectedElement.at(child.path()));
            }
            set(&mut values, read_values(child)?, "ValueList", &place)?;
        }
        let values = values.ok_or_else(|| Kind::MissingElement("ValueList").at(place.as_str()))?;
        Ok(Self { name: required(element, "name", &place)?, slot_type: owned(element, "slotType"), values })
    }
}

fn read_values(list: Element<'_, '_>) -> Result<Vec<String>> {
    let value = |child: Element<'_, '_>| match rim_name(child) {
        "Value" => Ok(child.text().into_owned()),
        _ => Err(Kind::UnexpectedElement.at(child.path())),
    };
    list.children().map(value).collect()
}

/// The slots of an element that has nothing but slots.
fn read_slots(element: Element<'_, '_>, place: &str) -> Result<Vec<Slot>> {
    let mut numbers = Numbers::default();
    let slot = |child: Element<'_, '_>| {
        let place = numbers.place(place, child);
        if rim_name(child) == "Slot" { Slot::read_at(child, place) } else { Err(Kind::UnexpectedElement.at(place)) }
    };
    element.children().map(slot).collect()
}

/// Reads what every object has; `own` is offered every other child and tells whether it took it.
fn read_common(
    element: Element<'_, '_>,
    place: String,
    mut own: impl FnMut(Element<'_, '_>, &str) -> Result<bool>,
) -> Result<Common> {
    let mut common = Common {
        id: owned(element, "id").unwrap_or_default(),
        home: owned(element, "home"),
        lid: owned(element, "lid"),
        object_type: owned(element, "objectType"),
        status: owned(element, "status"),
        place: Place(place),
        ..Common::default()
    };
    let mut numbers = Numbers::default();
    for child in element.children() {
        let place = || numbers_place(&common.place.0, child);
        match rim_name(child) {
            "Slot" => common.slots.push(Slot::read_at(child, numbers.place(&common.place.0, child))?),
            "Name" => set(&mut common.name, read_international(child)?, "Name", &common.place.0)?,
            "Description" => set(&mut common.description, read_international(child)?, "Description", &common.place.0)?,
            "VersionInfo" => set(&mut common.version_info, read_version(child), "VersionInfo", &common.place.0)?,
            "Classification" => {
                let place = numbers.place(&common.place.0, child);
                common.classifications.push(Classification::read_at(child, place)?);
            }
            "ExternalIdentifier" => {
                let place = numbers.place(&common.place.0, child);
                common.external_identifiers.push(ExternalIdentifier::read_at(child, place)?);
            }
            _ if own(child, &common.place.0)? => {}
            _ => return Err(Kind::UnexpectedElement.at(place())),
        }
    }
    Ok(common)
}

fn read_international(element: Element<'_, '_>) -> Result<InternationalString> {
    let localized = |child: Element<'_, '_>| {
        if rim_name(child) != "LocalizedString" {
            return Err(Kind::UnexpectedElement.at(child.path()));
        }
        let value = child.attr("value").ok_or_else(|| Kind::MissingAttribute("value").at(child.path()))?;
        let lang = child.attr_ns(ns::XML, "lang").map(str::to_owned);
        Ok(LocalizedString { value: value.to_owned(), lang, charset: owned(child, "charset") })
    };
    element.children().map(localized).collect::<Result<_>>().map(InternationalString)
}

fn read_version(element: Element<'_, '_>) -> VersionInfo {
    VersionInfo { version_name: owned(element, "versionName"), comment: owned(element, "comment") }
}

/// How many elements of each name have been seen under one parent.
#[derive(Default)]
struct Numbers(Vec<(&'static str, usize)>);

impl Numbers {
    /// The place of the next child of its name.
    fn place(&mut self, parent: &str, child: Element<'_, '_>) -> String {
        let name = numbered(rim_name(child));
        let number = match self.0.iter_mut().find(|(n, _)| *n == name) {
            Some((_, number)) => {
                *number += 1;
                *number
            }
            None => {
                self.0.push((name, 1));
                1
            }
        };
        format!("{parent}/{name}[{number}]")
    }
}

/// The names that are numbered; a name from outside is not repeated, and counted with its like.
fn numbered(name: &str) -> &'static str {
    const NAMES: [&str; 7] = [
        "Slot",
        "Classification",
        "ExternalIdentifier",
        "ExtrinsicObject",
        "RegistryPackage",
        "Association",
        "ObjectRef",
    ];
    NAMES.into_iter().find(|n| *n == name).unwrap_or("*")
}

fn numbers_place(parent: &str, child: Element<'_, '_>) -> String {
    let path = child.path();
    path.rsplit_once('/').map_or_else(|| parent.to_owned(), |(_, step)| format!("{parent}/{step}"))
}

/// The local name of an element of ebRIM, or an empty string.
fn rim_name<'t>(element: Element<'t, '_>) -> &'t str {
    if element.namespace() == Some(ns::RIM) { element.local_name() } else { "" }
}

fn set<T>(field: &mut Option<T>, value: T, name: &'static str, place: &str) -> Result<()> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(Kind::RepeatedElement(name).at(place)),
    }
}

fn owned(element: Element<'_, '_>, name: &str) -> Option<String> {
    element.attr(name).map(str::to_owned)
}

fn required(element: Element<'_, '_>, name: &'static str, place: &str) -> Result<String> {
    owned(element, name).ok_or_else(|| Kind::MissingAttribute(name).at(place))
}

fn require_id(id: &str, place: &str) -> Result<()> {
    if id.is_empty() { Err(Kind::MissingAttribute("id").at(place)) } else { Ok(()) }
}

/// An `xs:boolean` attribute.
fn boolean(element: Element<'_, '_>, name: &'static str, place: &str) -> Result<Option<bool>> {
    match element.attr(name).map(str::trim) {
        None => Ok(None),
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(_) => Err(Kind::InvalidValue("boolean").at(place)),
    }
}
