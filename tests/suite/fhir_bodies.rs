//! Documents by FHIR, byte for byte: those nobody here wrote, and one larger than what the gateway may hold in memory.

use bytes::{Bytes, BytesMut};
use futures::stream;
use testkit::{Gateway, TestDocument, client, corpus, soap};

use crate::{
    fhir_bundle::FhirCaller,
    support::{Caller, succeeded},
};

#[tokio::test]
async fn every_cda_document_put_in_by_either_face_comes_back_by_both() {
    let Some(files) = corpus::files("corpus/cda") else { return };
    let gateway = Gateway::start();
    let mut fhir = FhirCaller::of(&gateway, "medecin", 0);
    let mut soap = Caller::of(&gateway, "medecin", 0);
    for file in &files {
        let body = std::fs::read(file).expect("readable");
        let by_fhir = TestDocument::of(body.clone(), "11502-2", "10");
        let by_soap = TestDocument::of(body, "11502-2", "10");
        let _ = fhir.put(&by_fhir).await;
        soap.put(&by_soap).await;
        for document in [by_fhir, by_soap] {
            let got = fhir.binary(&document.unique_id).await;
            assert!(got.status == 200 && got.body == document.body, "{} by FHIR: {}", file.display(), got.status);
            assert!(soap.bytes(&document.unique_id).await == document.body, "{} by SOAP", file.display());
        }
    }
}

const BLOCK: usize = 64 * 1024;

/// The `n`th block of a document that compresses to nothing and is never held whole.
fn block(n: usize) -> Bytes {
    let mut state = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = BytesMut::with_capacity(BLOCK);
    while bytes.len() < BLOCK {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.freeze()
}

/// Most memory a process has held, in kB.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test]
async fn a_document_larger_than_memory_may_grow_goes_in_by_soap_and_out_by_fhir() {
    let mib: usize = std::env::var("PASSERELLE_BIG_MIB").ok().and_then(|v| v.parse().ok()).unwrap_or(256);
    let blocks = mib * (1 << 20) / BLOCK;
    let gateway = Gateway::start();
    let mut hospital = Caller::of(&gateway, "hopital", 0);
    let mut physician = FhirCaller::of(&gateway, "medecin", 0);
    // What a gateway at work holds anyway is held before.
    let small = TestDocument::of(vec![b'x'; 4 << 20], "11502-2", "10");
    hospital.put(&small).await;
    assert_eq!(physician.binary(&small.unique_id).await.body, small.body);
    let before = peak(gateway.pid());

    let document = TestDocument::of(Vec::new(), "11502-2", "10");
    let deposit = soap::Deposit::one(&hospital.ins, document.clone());
    let action = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b";
    let mut head = soap::package_head(&soap::envelope(action, &hospital.vihf, &deposit.body()));
    head.extend_from_slice(soap::part_head(0, &document.mime_type).as_bytes());
    let last = blocks + 1;
    let chunks = stream::iter((0..=last).map(move |n| {
        Ok(match n {
            0 => Bytes::from(std::mem::take(&mut head)),
            n if n == last => Bytes::from(soap::package_end()),
            n => block(n - 1),
        })
    }));
    let content_type = soap::content_type();
    let headers = [("content-type", content_type.as_str())];
    let request = client::request("POST", soap::REPOSITORY, &headers, client::streamed(chunks));
    succeeded(&hospital.client.send(request).await.expect("an answer"));

    let path = format!("/fhir/Binary/{}", document.unique_id);
    let headers = [("authorization", physician.bearer.as_str())];
    let answer = physician.client.begin(client::request("GET", &path, &headers, client::full(""))).await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.headers()["content-length"], (blocks * BLOCK).to_string().as_str());
    let mut body = answer.into_body();
    let (mut compared, mut waiting) = (0, BytesMut::new());
    while let Some(data) = client::next(&mut body).await {
        waiting.extend_from_slice(&data);
        while waiting.len() >= BLOCK {
            assert!(waiting.split_to(BLOCK) == block(compared), "block {compared}");
            compared += 1;
        }
    }
    assert_eq!((compared, waiting.len()), (blocks, 0));
    // The kernel counts its pages by the handful: a peak may be told some kB lower than it was before.
    let grown = peak(gateway.pid()).saturating_sub(before);
    assert!(grown < 64 << 10, "{mib} MiB made the gateway grow by {grown} kB");
}
