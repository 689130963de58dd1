//! Entry points for a fuzzer and for the tests that stand in for one: any bytes, no panic.
//!
//! What is read is also written and read again, so that a writer that breaks its own reader is found too.

use crate::dmp::{
    ListAuthorizationByPatient, ListAuthorizationByPatientResponse, PatientList, PatientListResponse, SetAuthorization,
    SetAuthorizationResponse,
};
use crate::ebxml::RegistryObjectList;
use crate::envelope::Envelope;
use crate::hl7v3::{
    AcceptAcknowledgement, Candidates, Demographics, FindCandidates, GetDemographics, GetIdentifiers, Identifiers,
    QueryContinuation, RegistryAnswer, RegistryRecord, RegistryRequest,
};
use crate::multipart::{Multipart, MultipartLimits};
use crate::xds::{
    AdhocQueryRequest, AdhocQueryResponse, ProvideAndRegisterDocumentSetRequest, RegistryResponse,
    RetrieveDocumentSetRequest, RetrieveDocumentSetResponse, SubmitObjectsRequest, match_documents,
};
use crate::xml::{Element, Tree, XmlLimits, decode};
use bytes::Bytes;
use futures::FutureExt;

/// Bounds for what was read within bounds and then written: escapes and declarations may have made it longer.
const GENEROUS: XmlLimits = XmlLimits { max_bytes: usize::MAX, max_nodes: usize::MAX, max_depth: 200 };

/// Reads bytes as an envelope and as every message.
pub fn fuzz_envelope(bytes: &[u8]) {
    let Ok(text) = decode(bytes, None) else { return };
    let Ok(tree) = Tree::parse(&text, &XmlLimits::default()) else { return };
    let Ok(envelope) = Envelope::read(&tree) else { return fuzz_message(tree.root()) };
    for assertion in envelope.security_assertions() {
        assert!(text.contains(assertion.source()));
    }
    fuzz_message(envelope.body());
}

fn fuzz_message(body: Element<'_, '_>) {
    assert!(!body.path().is_empty());
    if let Ok(request) = ProvideAndRegisterDocumentSetRequest::read(body) {
        let _ = match_documents(&request.objects, &request.documents);
        again(&request.objects);
    }
    if let Ok(request) = SubmitObjectsRequest::read(body) {
        again(&request.objects);
    }
    if let Ok(request) = AdhocQueryRequest::read(body) {
        for param in &request.params {
            let _ = param.parse();
        }
    }
    if let Ok(response) = AdhocQueryResponse::read(body) {
        again(&response.objects);
    }
    let _ = RetrieveDocumentSetRequest::read(body);
    let _ = RetrieveDocumentSetResponse::read(body);
    let _ = RegistryResponse::read(body);
    fuzz_patients(body);
}

/// What is read of a message on patients is written and read as the same.
fn fuzz_patients(body: Element<'_, '_>) {
    macro_rules! again {
        ($($type:ident),*) => {$(
            if let Ok(message) = $type::read(body) {
                let mut out = Vec::new();
                message.write(&mut out);
                let text = String::from_utf8_lossy(&out);
                let tree = Tree::parse(&text, &GENEROUS);
                let read = tree.as_ref().map(|tree| $type::read(tree.root()));
                assert!(matches!(read, Ok(Ok(read)) if read == message), "what was written is read back");
            }
        )*};
    }
    again!(GetDemographics, Demographics, FindCandidates, Candidates, GetIdentifiers, Identifiers);
    again!(QueryContinuation, AcceptAcknowledgement, RegistryRecord, RegistryRequest, RegistryAnswer);
    again!(SetAuthorization, SetAuthorizationResponse, ListAuthorizationByPatient);
    again!(ListAuthorizationByPatientResponse, PatientList, PatientListResponse);
}

/// What was read is written and read as the same.
fn again(objects: &RegistryObjectList) {
    let mut out = Vec::new();
    SubmitObjectsRequest { objects: objects.clone() }.write(&mut out);
    let text = String::from_utf8_lossy(&out);
    let tree = Tree::parse(&text, &GENEROUS);
    let read = tree.as_ref().map(|tree| SubmitObjectsRequest::read(tree.root()));
    assert!(matches!(read, Ok(Ok(read)) if read.objects == *objects), "what was written is read back");
}

/// Splits bytes as a multipart body with the boundary `b`, in chunks whose size the first byte gives.
pub fn fuzz_multipart(bytes: &[u8]) {
    let Some((&size, body)) = bytes.split_first() else { return };
    let whole = split(body, body.len().max(1));
    let chunked = split(body, usize::from(size).max(1));
    assert!(whole == chunked, "chunks do not matter");
}

/// Every part's content, and how it ended.
fn split(body: &[u8], size: usize) -> (Vec<Vec<u8>>, Option<&'static str>) {
    let chunks: Vec<_> =
        body.chunks(size).map(|c| Ok::<_, std::convert::Infallible>(Bytes::copy_from_slice(c))).collect();
    let limits = MultipartLimits { max_header_bytes: 256, max_parts: 8, max_preamble_bytes: 128 };
    let mut parts = Vec::new();
    let run = async {
        let mut multipart = Multipart::new(futures::stream::iter(chunks), "b", limits)?;
        while let Some(headers) = multipart.next_part().await? {
            let decoded = headers.get("content-transfer-encoding").is_some();
            parts.push(Vec::new());
            while let Some(chunk) = multipart.next_chunk().await? {
                // How far a broken base64 part is decoded depends on the chunks; its bytes are not compared.
                if let Some(part) = parts.last_mut().filter(|_| !decoded) {
                    part.extend_from_slice(&chunk);
                }
            }
        }
        Ok::<_, crate::multipart::MultipartError>(())
    };
    let ended = run.now_or_never().map_or(Some("waits"), |r| r.err().map(|e| e.code()));
    // What a part gave before it was found cut short depends on the chunks too.
    if ended.is_some() {
        parts.pop();
    }
    (parts, ended)
}
