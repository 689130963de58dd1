//! In = out: any registry object that can be made is read back as it was written, whatever its text.

use proptest::prelude::*;
use wire_soap::ebxml::{
    Association, Classification, Common, ExternalIdentifier, ExtrinsicObject, InternationalString, LocalizedString,
    ObjectRef, RegistryObject, RegistryObjectList, RegistryPackage, Slot, VersionInfo,
};
use wire_soap::xds::SubmitObjectsRequest;
use wire_soap::xml::{Tree, XmlLimits};

/// Any text that XML can hold.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~\t\n\r]{0,12}", "[é€<>&'\"\u{85}\u{2028}\u{FEFF}\u{1F600}]{0,6}"]
}

fn slot() -> impl Strategy<Value = Slot> {
    (text(), prop::option::of(text()), prop::collection::vec(text(), 0..4)).prop_map(|(name, slot_type, values)| Slot {
        name,
        slot_type,
        values,
    })
}

fn international() -> impl Strategy<Value = InternationalString> {
    let localized = (text(), prop::option::of(text()), prop::option::of(text()))
        .prop_map(|(value, lang, charset)| LocalizedString { value, lang, charset });
    prop::collection::vec(localized, 0..3).prop_map(InternationalString)
}

fn bare() -> impl Strategy<Value = Common> {
    let attributes = (
        "[a-zA-Z0-9:-]{1,12}",
        prop::option::of(text()),
        prop::option::of(text()),
        prop::option::of(text()),
        prop::option::of(text()),
    );
    let version = prop::option::of((prop::option::of(text()), prop::option::of(text())));
    let children = (
        prop::collection::vec(slot(), 0..3),
        prop::option::of(international()),
        prop::option::of(international()),
        version,
    );
    (attributes, children).prop_map(|((id, home, lid, object_type, status), (slots, name, description, version))| {
        Common {
            id,
            home,
            lid,
            object_type,
            status,
            slots,
            name,
            description,
            version_info: version.map(|(version_name, comment)| VersionInfo { version_name, comment }),
            ..Common::default()
        }
    })
}

fn common() -> impl Strategy<Value = Common> {
    let classification = (bare(), prop::option::of(text()), prop::option::of(text()), text(), prop::option::of(text()))
        .prop_map(|(common, scheme, node, classified_object, node_representation)| Classification {
            common,
            scheme,
            node,
            classified_object,
            node_representation,
        });
    let identifier = (bare(), text(), text(), text()).prop_map(|(common, scheme, registry_object, value)| {
        ExternalIdentifier { common, scheme, registry_object, value }
    });
    (bare(), prop::collection::vec(classification, 0..3), prop::collection::vec(identifier, 0..3)).prop_map(
        |(common, classifications, external_identifiers)| Common { classifications, external_identifiers, ..common },
    )
}

fn object() -> impl Strategy<Value = RegistryObject> {
    prop_oneof![
        (common(), prop::option::of(text()), prop::option::of(any::<bool>())).prop_map(
            |(common, mime_type, is_opaque)| {
                RegistryObject::ExtrinsicObject(ExtrinsicObject {
                    common,
                    mime_type,
                    is_opaque,
                    content_version_info: None,
                })
            }
        ),
        common().prop_map(|common| RegistryObject::RegistryPackage(RegistryPackage { common, members: None })),
        (common(), text(), text(), text()).prop_map(|(common, association_type, source, target)| {
            RegistryObject::Association(Association { common, association_type, source, target })
        }),
        (text(), prop::option::of(text()), prop::collection::vec(slot(), 0..2)).prop_map(|(id, home, slots)| {
            RegistryObject::ObjectRef(ObjectRef { id, home, slots, ..ObjectRef::default() })
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(objects in prop::collection::vec(object(), 0..4)) {
        let request = SubmitObjectsRequest { objects: RegistryObjectList(objects) };
        let mut out = Vec::new();
        request.write(&mut out);
        let text = String::from_utf8(out).unwrap();
        let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
        prop_assert_eq!(SubmitObjectsRequest::read(tree.root()).unwrap(), request);
    }
}
