//! The transaction that brings one measure and at most one device (API Mesures 1.5.2 *write*; IHE POU PCH-01).

use axum::{
    http::{HeaderMap, StatusCode},
    response::Response,
};
use bytes::Bytes;
use desk::NewMeasure;
use serde::Deserialize;
use space::{Cause, Refusal, measure::MeasuringDevice};
use wire_fhir::{Bundle, BundleType, Entry, Limits, MeasureEntry, Observation, PhdDevice, Reference, Request};

use super::{BODY, out, read_in};
use crate::{
    FhirState,
    call::Call,
    iti65::refusal,
    respond::{self, Failure},
};

/// Whether a body brings measures, not documents: told by the types of its entries alone.
pub(crate) fn is_transaction(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Seen {
        #[serde(default)]
        entry: Vec<SeenEntry>,
    }
    #[derive(Deserialize)]
    struct SeenEntry {
        #[serde(default)]
        resource: Option<SeenResource>,
    }
    #[derive(Deserialize)]
    struct SeenResource {
        #[serde(default, rename = "resourceType")]
        kind: String,
    }
    let Ok(seen) = serde_json::from_slice::<Seen>(bytes) else { return false };
    let mut kinds = seen.entry.iter().filter_map(|e| e.resource.as_ref()).map(|r| r.kind.as_str());
    // Documents have devices too, as authors.
    let documents = ["DocumentReference", "DocumentManifest", "List", "Binary"];
    let (mut measures, mut others) = (false, false);
    kinds.by_ref().for_each(|kind| {
        measures |= matches!(kind, "Observation" | "Device");
        others |= documents.contains(&kind);
    });
    measures && !others
}

/// Puts in what a body brings.
pub(crate) async fn transaction(
    state: &FhirState,
    call: &Call,
    headers: &HeaderMap,
    bytes: &Bytes,
) -> Result<Response, Failure> {
    let bundle = wire_fhir::parse_measure_bundle(bytes, Limits::of_size(BODY)).map_err(|e| refusal(&e))?;
    let (mut wrong, mut measure, mut device) = (Vec::new(), None, None);
    for (index, (full_url, request, entry)) in bundle.entries.iter().enumerate() {
        let place = format!("Bundle.entry[{index}]");
        // A condition that is not served is never passed over: only a device's creation has one.
        let of_versions =
            request.if_match.is_some() || request.if_none_match.is_some() || request.if_modified_since.is_some();
        let on_measure = request.if_none_exist.is_some() && !matches!(entry, MeasureEntry::Device(..));
        if of_versions || on_measure {
            wrong.push(Refusal::new(Cause::PreconditionInvalid).at(format!("{place}.request")));
        }
        let posts = |kind: &str| request.method == "POST" && request.url == kind;
        match entry {
            MeasureEntry::Observation(observation, text) if posts("Observation") && measure.is_none() => {
                measure = Some((index, observation, text));
            }
            MeasureEntry::Device(phd, text) if posts("Device") && device.is_none() => {
                device = Some(Came { index, full_url: full_url.as_deref(), request, device: phd, text });
            }
            // One too many.
            MeasureEntry::Observation(..) if posts("Observation") => {
                wrong.push(Refusal::new(Cause::BundleContent).at(place));
            }
            MeasureEntry::Device(..) if posts("Device") => wrong.push(Refusal::new(Cause::BundleContent).at(place)),
            _ => wrong.push(Refusal::new(Cause::BundleMethod).at(format!("{place}.request"))),
        }
    }
    let Some((index, observation, text)) = measure else {
        wrong.push(Refusal::new(Cause::BundleContent).at("Bundle.entry"));
        return Err(wrong.into());
    };
    let place = format!("Bundle.entry[{index}].resource");
    let (kinds, tolerance) = (&state.desk.terms().measures, state.desk.ins_tolerance());
    let read = read_in::measure(observation, &place, kinds, tolerance, &call.base);
    let linked = device.as_ref().map(|came| came.linked(observation, &place));
    let (read, linked) = match (read, linked.transpose()) {
        (Ok(read), Ok(linked)) if wrong.is_empty() => (read, linked),
        (read, linked) => {
            wrong.extend(read.err().into_iter().flatten());
            wrong.extend(linked.err().into_iter().flatten());
            return Err(wrong.into());
        }
    };
    let original = |device: Option<&str>| {
        // What was named by its place in the bundle is named by its id from now on.
        let reference =
            device.map(|id| serde_json::to_string(&Reference::to(format!("Device/{id}"))).unwrap_or_default());
        let changes: Vec<_> = reference.as_deref().map(|text| ("device", Some(text))).into_iter().collect();
        wire_fhir::kept(text, &changes).ok()
    };
    let kept_device = device.as_ref().and_then(|came| wire_fhir::kept(came.text, &[]).ok());
    let new =
        NewMeasure { measure: &read.measure, original: &original, device: linked.as_ref().zip(kept_device.as_deref()) };
    let kept = state.desk.add_measure(&call.caller, &read.whose, new).await?;
    let minimal = super::preferred(headers) == Some("minimal");
    let at = out::instant(kept.stored.recorded_ms);
    let mut entries: Vec<(usize, Entry<Box<serde_json::value::RawValue>>)> = Vec::new();
    let response = |status, kind: &str, id: &str, version: u32| wire_fhir::Response {
        status,
        location: Some(format!("{kind}/{id}/_history/{version}")),
        etag: Some(format!("W/\"{version}\"")),
        last_modified: Some(at.clone()),
    };
    let resource = out::raw(&kept.stored, kept.space, kinds).filter(|_| !minimal);
    let answered = response("201", "Observation", &kept.stored.id, kept.stored.version);
    entries.push((index, Entry { response: Some(answered), resource: resource.map(Into::into), ..Entry::default() }));
    if let (Some(came), Some((id, version, is_new))) = (&device, &kept.device) {
        let answered = response(if *is_new { "201" } else { "200" }, "Device", id, *version);
        entries.push((came.index, Entry { response: Some(answered), ..Entry::default() }));
    }
    entries.sort_by_key(|(index, _)| *index);
    let bundle = Bundle {
        kind: "transaction-response",
        entry: entries.into_iter().map(|(_, entry)| entry).collect(),
        id: None,
        meta: None,
        total: None,
        link: Vec::new(),
        resource_type: BundleType::Bundle,
    };
    Ok(respond::json(StatusCode::OK, &bundle))
}

/// A device that came.
struct Came<'a> {
    index: usize,
    full_url: Option<&'a str>,
    request: &'a Request,
    device: &'a PhdDevice,
    text: &'a str,
}

impl Came<'_> {
    /// The device, that the measure beside it names by its id in the bundle.
    fn linked(&self, observation: &Observation, place: &str) -> Result<MeasuringDevice, Vec<Refusal>> {
        let mut wrong = Vec::new();
        let named = observation.device.as_ref().and_then(|d| d.reference.as_deref());
        let by_id = self.device.id.as_ref().map(|id| format!("Device/{id}"));
        if named.is_none() || (named != by_id.as_deref() && named != self.full_url) {
            wrong.push(Refusal::new(Cause::DeviceReference).at(format!("{place}.device.reference")));
        }
        let place = format!("Bundle.entry[{}]", self.index);
        match read_in::device(self.device, self.request.if_none_exist.as_deref(), &place) {
            Ok(device) if wrong.is_empty() => Ok(device),
            Ok(_) => Err(wrong),
            Err(more) => {
                wrong.extend(more);
                Err(wrong)
            }
        }
    }
}
