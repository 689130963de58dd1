use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use space::{AuthMode, Profession, Role, Software};

use super::*;
use crate::{
    SigningKey,
    key::{hex_of, sha1, sha256},
    testing::{self, HOSPITAL, OFFICE, PHYSICIAN, World},
};

const SET: &str = "1.2.250.1.999.1";
const CDA: &[u8] =
    b"<?xml version=\"1.0\"?>\n<ClinicalDocument  b='2' a='1'><!-- kept --><title>Essai</title></ClinicalDocument>";
const PDF: &[u8] = b"%PDF-1.4 no XML at all";

struct Document {
    id: &'static str,
    sha1: String,
    sha256: String,
    bytes: &'static [u8],
}

fn document(id: &'static str, bytes: &'static [u8]) -> Document {
    Document { id, sha1: hex_of(&sha1(bytes)), sha256: hex_of(&sha256(bytes)), bytes }
}

fn documents() -> Vec<Document> {
    vec![document("1.2.250.1.999.2", CDA), document("1.2.250.1.999.3", PDF)]
}

fn borrowed(documents: &[Document]) -> Vec<SignedDocument<'_>> {
    let one = |d: &'_ Document| SignedDocument {
        unique_id: d.id,
        sha1: Box::leak(d.sha1.clone().into_boxed_str()),
        sha256: Box::leak(d.sha256.clone().into_boxed_str()),
        bytes: Some(d.bytes),
    };
    documents.iter().map(one).collect()
}

fn actor(mode: AuthMode) -> Actor {
    Actor {
        role: Role::Professional,
        id: Some(testing::professional(PHYSICIAN)),
        profession: Profession::default(),
        name: String::new(),
        structure: Some(testing::structure(if mode == AuthMode::Directe { OFFICE } else { HOSPITAL })),
        structure_proven: true,
        auth: mode,
        purpose: space::Purpose::Normal,
        secret: false,
        software: Software::default(),
    }
}

fn signed_by(world: &World, name: &str, documents: &[Document]) -> String {
    let key: Arc<SigningKey> = world.key(name);
    sign_set(SET, &borrowed(documents), &key, &world.peer(name), testing::now()).expect("signs")
}

fn judge_as(world: &World, signature: &str, documents: &[Document], actor: &Actor) -> Result<(), Refusal> {
    let verifier = SetVerifier::new(SignaturePolicy { allow_sha1: false }, world.anchors(), testing::clock());
    let set = SignedSet { unique_id: SET, documents: borrowed(documents), signature: signature.as_bytes() };
    verifier.verify(&set, actor)
}

fn judge(world: &World, signature: &str, documents: &[Document]) -> Result<(), Refusal> {
    judge_as(world, signature, documents, &actor(AuthMode::Directe))
}

#[track_caller]
fn refused(judged: Result<(), Refusal>, cause: Cause) {
    assert_eq!(judged.map_err(|r| r.cause), Err(cause));
}

#[test]
fn what_a_card_signs_is_verified_with_its_documents() {
    let world = World::new();
    for name in ["medecin", "medecin-ec"] {
        let signature = signed_by(&world, name, &documents());
        assert_eq!(judge(&world, &signature, &documents()), Ok(()));
    }
}

#[test]
fn the_canonical_form_is_what_is_signed() {
    let world = World::new();
    let signature = signed_by(&world, "medecin-ec", &documents());
    let other: &[u8] = b"<ClinicalDocument a=\"1\" b=\"2\"><!-- kept --><title>Essai</title></ClinicalDocument>";
    let written_otherwise = vec![document("1.2.250.1.999.2", other), document("1.2.250.1.999.3", PDF)];
    assert_eq!(judge(&world, &signature, &written_otherwise), Ok(()));
}

#[test]
fn a_seal_signs_for_its_structure_and_no_other() {
    let world = World::new();
    let signature = signed_by(&world, "hopital-seal", &documents());
    assert_eq!(judge_as(&world, &signature, &documents(), &actor(AuthMode::Indirecte)), Ok(()));
    refused(judge_as(&world, &signature, &documents(), &actor(AuthMode::Directe)), Cause::SetSignatureSigner);
    let clinic = signed_by(&world, "clinique-seal", &documents());
    refused(judge_as(&world, &clinic, &documents(), &actor(AuthMode::Indirecte)), Cause::SetSignatureSigner);
}

#[test]
fn another_card_an_expired_one_and_a_strangers_are_refused() {
    let world = World::new();
    for name in ["autre-medecin", "medecin-perime", "medecin-futur"] {
        let signature = signed_by(&world, name, &documents());
        refused(judge(&world, &signature, &documents()), Cause::SetSignatureSigner);
    }
    world.pki.revoke("medecin-ec", crate::pki::Reason::KeyCompromise).expect("revokes");
    let signature = signed_by(&world, "medecin-ec", &documents());
    refused(judge(&world, &signature, &documents()), Cause::SetSignatureSigner);
}

#[test]
fn a_document_that_was_changed_left_out_or_added_is_told() {
    let world = World::new();
    let signature = signed_by(&world, "medecin-ec", &documents());
    let changed = vec![document("1.2.250.1.999.2", b"<ClinicalDocument/>"), document("1.2.250.1.999.3", PDF)];
    refused(judge(&world, &signature, &changed), Cause::SetSignatureInvalid);
    let raw = vec![document("1.2.250.1.999.2", CDA), document("1.2.250.1.999.3", b"%PDF-1.5")];
    refused(judge(&world, &signature, &raw), Cause::SetSignatureInvalid);
    refused(judge(&world, &signature, &documents()[..1]), Cause::SetSignatureIncomplete);
    let mut more = documents();
    more.push(document("1.2.250.1.999.4", PDF));
    refused(judge(&world, &signature, &more), Cause::SetSignatureIncomplete);
    let doubled = signature.replace("urn:oid:1.2.250.1.999.3", "urn:oid:1.2.250.1.999.2");
    refused(judge(&world, &doubled, &documents()), Cause::SetSignatureInvalid);
}

#[test]
fn what_is_changed_in_a_signature_breaks_it() {
    let world = World::new();
    let good = signed_by(&world, "medecin-ec", &documents());
    let other = STANDARD.encode(world.der("autre-medecin"));
    let own = STANDARD.encode(world.der("medecin-ec"));
    let renewed = STANDARD.encode(world.der("medecin"));
    let invalid = [
        good.replace("AA==", "AQ=="),
        good.replace("<SigningTime>2", "<SigningTime>3"),
        good.replace("SignaturePolicyImplied", "SignaturePolicyUnknown"),
        good.replace(&own, &other),
        good.replace(&own, &renewed),
    ];
    for (index, signature) in invalid.iter().enumerate() {
        assert_ne!(*signature, good, "{index}");
        refused(judge(&world, signature, &documents()), Cause::SetSignatureInvalid);
    }
}

#[test]
fn a_signature_of_another_shape_is_refused() {
    let world = World::new();
    let good = signed_by(&world, "medecin-ec", &documents());
    let manifest = {
        let start = good.find("<Manifest").expect("a manifest");
        let end = good.find("</Manifest>").expect("its end") + "</Manifest>".len();
        good[start..end].to_owned()
    };
    let malformed = [
        String::new(),
        "<Signature/>".to_owned(),
        format!("<wrapper>{good}</wrapper>"),
        // DTD, and an entity.
        format!("<!DOCTYPE Signature [<!ENTITY x \"y\">]>{good}"),
        // A second bearer of the identifier that is signed.
        good.replace("</Signature>", &format!("<Object>{manifest}</Object></Signature>")),
        // The reference goes elsewhere: outside, to the whole, to nothing.
        good.replace("URI=\"#IHEManifest\"", "URI=\"http://127.0.0.1/manifest\""),
        good.replace("URI=\"#IHEManifest\"", "URI=\"\""),
        good.replace("URI=\"#IHEManifest\"", "URI=\"#IHESignature\""),
        // Algorithms that are not admitted: MAC with the public key, a hash that is broken.
        good.replace("xmldsig-more#ecdsa-sha256", "xmldsig-more#hmac-sha256"),
        good.replacen("http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1", 1),
        // A transform that could select anything.
        good.replacen(
            "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments",
            "http://www.w3.org/TR/1999/REC-xslt-19991116",
            1,
        ),
        // No signed properties: who signs is said by nobody.
        good.replace("#SignedProperties\" URI=\"#SignedProperties\"", "#Other\" URI=\"#purposeOfSignature\""),
        // A signature in the signature.
        good.replace("</Signature>", &format!("<Object>{good}</Object></Signature>")),
    ];
    for (index, signature) in malformed.iter().enumerate() {
        assert_ne!(*signature, good, "{index}");
        let judged = judge(&world, signature, &documents()).map_err(|r| r.cause);
        assert_eq!(judged, Err(Cause::SetSignatureMalformed), "{index}");
    }
}

#[test]
fn what_cannot_be_made_canonical_is_not_judged() {
    let world = World::new();
    let signature = signed_by(&world, "medecin-ec", &documents());
    let verifier = SetVerifier::new(SignaturePolicy::default(), world.anchors(), testing::clock());
    let documents = documents();
    let mut kept = borrowed(&documents);
    kept[0].bytes = None;
    let set = SignedSet { unique_id: SET, documents: kept, signature: signature.as_bytes() };
    refused(verifier.verify(&set, &actor(AuthMode::Directe)), Cause::SetSignatureUnexamined);
}

/// `xmlsec1` finds the arithmetic of ours good, and of the changed ones not.
#[test]
fn xmlsec1_agrees_on_what_is_signed() {
    let world = World::new();
    let signature = signed_by(&world, "medecin", &[]);
    let folder = tempfile::tempdir().expect("a folder");
    let ask = |text: &str| {
        let file = folder.path().join("signature.xml");
        std::fs::write(&file, text).expect("writes");
        let at = testing::now().strftime("%Y-%m-%d %H:%M:%S").to_string();
        let output = std::process::Command::new("xmlsec1")
            .args(["--verify", "--crypto", "openssl", "--verification-gmt-time", &at, "--id-attr:Id"])
            .args(["http://www.w3.org/2000/09/xmldsig#:Manifest", "--id-attr:Id"])
            .arg("http://uri.etsi.org/01903/v1.1.1#:SignedProperties")
            // The manifest names documents by identifiers that only we can resolve.
            .args(["--ignore-manifests", "--trusted-pem"])
            .args([world.dir.join("ca.pem"), file])
            .output();
        output.ok().map(|o| o.status.success())
    };
    let Some(good) = ask(&signature) else { return testing::without_xmlsec1() };
    assert!(good, "xmlsec1 finds our signature wrong");
    assert_eq!(ask(&signature.replace("AA==", "AQ==")), Some(false));
}

/// The national sample: rsa-sha1, XAdES 1.1.1; its authorities are not ours, its arithmetic is looked at.
#[test]
fn the_national_sample_is_signed_as_we_read_it() {
    let Some(folder) = testing::messages() else { return };
    let text = std::fs::read_to_string(folder.join("TD2.1-SignatureXades.xml")).expect("reads");
    let tree = Tree::parse(&text, &SIGNATURE).expect("XML");
    let refused = SetSignature::read(tree.document(), tree.root().id(), SignaturePolicy { allow_sha1: false });
    assert_eq!(refused.map(drop).map_err(|r| r.cause), Err(Cause::SetSignatureMalformed));
    let policy = SignaturePolicy { allow_sha1: true };
    let signature = SetSignature::read(tree.document(), tree.root().id(), policy).expect("its shape");
    let signer = Peer::from_der(signature.certificate()).expect("a card");
    // The document beside it is not the one that was signed: no canonical form of it has the digest of the manifest.
    assert_eq!(signature.verify(&signer), Ok(()));
    assert_eq!(signature.named.len(), 2);
}
