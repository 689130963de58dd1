//! No input makes a reader panic: thousands of generated and mutated messages through the fuzzer's entry points.

use crate::hl7v3::messages;
use proptest::prelude::*;
use wire_soap::fuzzing::{fuzz_envelope, fuzz_multipart};
use wire_soap::xml::{Tree, XmlLimits};

const SEED: &str = r#"<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing"><s:Header><a:Action s:mustUnderstand="1">urn:x</a:Action><w:Security xmlns:w="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"><Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion"/></w:Security></s:Header><s:Body><x:ProvideAndRegisterDocumentSetRequest xmlns:x="urn:ihe:iti:xds-b:2007" xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"><l:SubmitObjectsRequest xmlns:l="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"><RegistryObjectList><ExtrinsicObject id="d" mimeType="text/xml" isOpaque="false"><Slot name="n"><ValueList><Value>v&amp;&#233;<![CDATA[<]]></Value></ValueList></Slot><Name><LocalizedString xml:lang="fr" charset="UTF8" value="t"/></Name><VersionInfo versionName="1"/><Classification id="c" classificationScheme="s" classifiedObject="d" nodeRepresentation="1"/><ExternalIdentifier id="e" identificationScheme="i" registryObject="d" value="v"/></ExtrinsicObject><Association associationType="t" id="a" sourceObject="p" targetObject="d"/><ObjectRef id="o"/></RegistryObjectList></l:SubmitObjectsRequest><x:Document id="D"><i:Include xmlns:i="http://www.w3.org/2004/08/xop/include" href="cid:a%40b"/></x:Document></x:ProvideAndRegisterDocumentSetRequest></s:Body></s:Envelope>"#;

/// A change of a message: cut, insert, repeat or overwrite.
fn mutate(seed: &[u8], changes: &[(usize, u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for (at, kind, with) in changes {
        let at = at % (bytes.len() + 1);
        let end = (at + with.len() * 3).min(bytes.len());
        match kind % 4 {
            0 => drop(bytes.drain(at..end)),
            1 => drop(bytes.splice(at..at, with.iter().copied())),
            2 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            _ => drop(bytes.splice(at..end, with.iter().copied())),
        }
    }
    bytes
}

fn changes() -> impl Strategy<Value = Vec<(usize, u8, Vec<u8>)>> {
    let snippet = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..6),
        prop::sample::select(vec![
            "<",
            ">",
            "</",
            "/>",
            "<!--",
            "]]>",
            "<![CDATA[",
            "&",
            "&#0;",
            "\"",
            "'",
            "xmlns=\"\"",
            "\0",
            "é",
            "<!DOCTYPE a>",
            "<?",
            "\r\n--b",
            "\r\n\r\n",
            "--b--"
        ])
        .prop_map(|s| s.as_bytes().to_vec()),
    ];
    prop::collection::vec((any::<usize>(), any::<u8>(), snippet), 1..6)
}

/// A change of the elements of a message that leaves it well-formed: cut, repeat, replace by another, empty, or made nil.
fn rearrange(seed: &[u8], changes: &[(usize, u8, usize)]) -> Vec<u8> {
    let mut text = String::from_utf8(seed.to_vec()).unwrap();
    for (at, kind, other) in changes {
        let tree = Tree::parse(&text, &XmlLimits::default()).unwrap();
        let elements: Vec<_> = tree.root().descendants().skip(1).collect();
        let (Some(element), Some(other)) =
            (elements.get(at % elements.len().max(1)), elements.get(other % elements.len().max(1)))
        else {
            continue;
        };
        let name = element.local_name();
        let with = match kind % 6 {
            0 => String::new(),
            1 => element.source().repeat(2),
            2 => other.source().to_owned(),
            3 => format!("<{name}/>"),
            4 => format!("<{name} xsi:nil=\"true\"/>"),
            _ => element.source().replacen("code=\"", "nullFlavor=\"UNK\" other=\"", 1),
        };
        let mut changed = text.clone();
        changed.replace_range(element.source_range(), &with);
        // What a change broke, as a prefix that is not declared where it stands, is left as it was.
        if Tree::parse(&changed, &XmlLimits::default()).is_ok() {
            text = changed;
        }
    }
    text.into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_messages_on_patients_are_read_or_refused(seed in prop::sample::select(messages::all()), changes in changes()) {
        fuzz_envelope(&mutate(&seed, &changes));
    }

    #[test]
    fn rearranged_messages_on_patients_are_read_or_refused(
        seed in prop::sample::select(messages::all()),
        changes in prop::collection::vec((any::<usize>(), any::<u8>(), any::<usize>()), 1..5),
    ) {
        fuzz_envelope(&rearrange(&seed, &changes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_envelopes_are_read_or_refused(changes in changes()) {
        fuzz_envelope(&mutate(SEED.as_bytes(), &changes));
    }

    #[test]
    fn random_text_is_read_or_refused(text in "[<>/a-c&;:='\" !\\[\\]?-]{0,60}") {
        fuzz_envelope(text.as_bytes());
    }

    #[test]
    fn mutated_bodies_split_the_same_in_any_chunks(size in 1u8..40, changes in changes()) {
        let seed = b"preamble\r\n--b\r\nContent-ID: <1>\r\nContent-Type: text/xml\r\n\r\none\r\n-\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\nYm9u\r\n\r\n--b--\r\n";
        let mut body = vec![size];
        body.extend(mutate(seed, &changes));
        fuzz_multipart(&body);
    }

    #[test]
    fn random_bodies_split_the_same_in_any_chunks(size in 1u8..10, pieces in prop::collection::vec(prop::sample::select(vec!["--b", "--", "-", "\r", "\n", "\r\n", "\r\n\r\n", "b", " ", "a: b", "--b\r\n", "--b--", "x"]), 0..30)) {
        let mut body = vec![size];
        body.extend(pieces.concat().into_bytes());
        fuzz_multipart(&body);
    }
}

#[test]
fn the_seed_is_a_message_before_it_is_mutated() {
    use wire_soap::envelope::Envelope;
    use wire_soap::xds::{ProvideAndRegisterDocumentSetRequest, match_documents};
    let tree = Tree::parse(SEED, &XmlLimits::default()).unwrap();
    let envelope = Envelope::read(&tree).unwrap();
    assert_eq!(envelope.security_assertions().len(), 1);
    let request = ProvideAndRegisterDocumentSetRequest::read(envelope.body()).unwrap();
    assert_eq!(match_documents(&request.objects, &request.documents).unwrap().len(), 1);
}
