//! Metadata that a sender leaves out, taken from the document itself where it is CDA (CI-SIS Structuration minimale: the
//! origin of each attribute is the header). What the sender says stands; what neither says is missing.

use cda::{Derived, Header};
use space::{Code, DocumentEntry, Submission};

use crate::{Desk, EntryBody};

impl Desk {
    /// Fills in what documents say and their metadata do not.
    pub(crate) fn fill_in(&self, submission: &mut Submission, bodies: &[EntryBody]) {
        let Some((rules, _)) = &self.cda else { return };
        for (document, body) in submission.documents.iter_mut().zip(bodies) {
            if is_complete(&document.entry) {
                continue;
            }
            let head = body.staged().map(|body| body.head()).unwrap_or_default();
            // A document that is no CDA says nothing.
            if let Ok(header) = Header::read(&head[..head.len().min(cda::HEAD_BYTES)]) {
                fill(&mut document.entry, cda::derive(&header, rules));
            }
        }
    }
}

/// Whether nothing that the rules of metadata ask for is left out.
fn is_complete(entry: &DocumentEntry) -> bool {
    let DocumentEntry { class_code, type_code, format_code, healthcare_facility_type_code: facility, .. } = entry;
    let coded = [class_code, type_code, format_code, facility, &entry.practice_setting_code];
    coded.iter().all(|code| !code.code.is_empty())
        && !entry.confidentiality_codes.is_empty()
        && !entry.authors.is_empty()
        && !entry.title.is_empty()
        && !entry.language_code.is_empty()
        && !entry.mime_type.is_empty()
        && entry.legal_authenticator.is_some()
        && entry.service_start_time.is_some()
}

fn fill(entry: &mut DocumentEntry, said: Derived) {
    let code = |kept: &mut Code, said: Option<Code>| {
        if let (true, Some(said)) = (kept.code.is_empty(), said) {
            *kept = said;
        }
    };
    code(&mut entry.class_code, said.class_code);
    code(&mut entry.type_code, said.type_code);
    code(&mut entry.format_code, said.format_code);
    code(&mut entry.healthcare_facility_type_code, said.healthcare_facility_type_code);
    code(&mut entry.practice_setting_code, said.practice_setting_code);
    filled(&mut entry.confidentiality_codes, said.confidentiality_codes);
    filled(&mut entry.authors, said.authors);
    filled(&mut entry.title, said.title);
    filled(&mut entry.event_codes, said.event_codes);
    filled(&mut entry.reference_ids, said.reference_ids);
    if entry.source_patient_info.is_empty() {
        entry.source_patient_info = said.source_patient_info;
        entry.source_patient_id = entry.source_patient_id.take().or(said.source_patient_id);
    }
    if entry.language_code.is_empty() {
        entry.language_code = said.language_code.unwrap_or_default();
    }
    if entry.mime_type.is_empty() {
        entry.mime_type = said.mime_type.to_owned();
    }
    entry.legal_authenticator = entry.legal_authenticator.take().or(said.legal_authenticator);
    // A period is one statement: half of it from elsewhere would be another.
    if entry.service_start_time.is_none() && entry.service_stop_time.is_none() {
        entry.service_start_time = said.service_start_time;
        entry.service_stop_time = said.service_stop_time;
    }
}

fn filled<T>(kept: &mut Vec<T>, said: Vec<T>) {
    if kept.is_empty() {
        *kept = said;
    }
}
