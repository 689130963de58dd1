//! What is served, where: the one table from which routes, the `CapabilityStatement` and the OpenAPI description are made.

use axum::routing::{MethodRouter, delete, get, post, put};

use crate::{
    Door, FhirState, audit_event, iti65, iti66, iti67, iti68, iti83, iti104, iti119, metadata, observation, openapi,
    patient, read,
    search::{
        Parameter,
        parameters::{AUDIT_EVENT, DOCUMENT_REFERENCE, LIST, OBSERVATION, PATIENT},
    },
    translate::urls::{FR_CORE_PATIENT_INS, PDSM_DOCUMENT_REFERENCE, PDSM_SUBMISSION_SET, TDE_AUDIT_EVENT},
};

/// What a route does, as FHIR calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    /// An interaction on a type or an instance, by its code (`read`, `search-type`…).
    Interaction(&'static str),
    /// An operation, by its name and the address of its definition.
    Operation(&'static str, &'static str),
    /// The transaction on the whole system.
    Transaction,
    /// Something about the server itself.
    Server,
}

/// A route.
pub(crate) struct Route {
    pub(crate) path: &'static str,
    /// HTTP method, in lower case.
    pub(crate) method: &'static str,
    /// The type it is about; empty for the whole system.
    pub(crate) kind: &'static str,
    pub(crate) does: Does,
    /// Whether it is served to professional software, and to holders and their apps.
    doors: (bool, bool),
    pub(crate) handler: fn() -> MethodRouter<FhirState>,
}

const PRO: (bool, bool) = (true, false);
const BOTH: (bool, bool) = (true, true);

macro_rules! routes {
    ($($method:ident $path:literal $kind:literal $does:expr, $doors:ident, $handler:path;)*) => {
        /// All routes.
        pub(crate) static ROUTES: &[Route] = &[$(Route {
            path: $path,
            method: stringify!($method),
            kind: $kind,
            does: $does,
            doors: $doors,
            handler: || $method($handler),
        },)*];
    };
}

use Does::{Interaction, Operation, Server, Transaction};

routes! {
    post "/" "" Transaction, BOTH, iti65::provide_document_bundle;
    get "/metadata" "" Server, BOTH, metadata::capabilities;
    get "/openapi.json" "" Server, BOTH, openapi::description;
    get "/AuditEvent" "AuditEvent" Interaction("search-type"), PRO, audit_event::search;
    post "/AuditEvent/_search" "AuditEvent" Interaction("search-type"), PRO, audit_event::search;
    get "/Binary/{id}" "Binary" Interaction("read"), PRO, iti68::retrieve;
    get "/Device/{id}" "Device" Interaction("read"), BOTH, observation::read_device;
    get "/Device/{id}/_history/{version}" "Device" Interaction("vread"), BOTH, observation::vread_device;
    get "/DocumentReference" "DocumentReference" Interaction("search-type"), PRO, iti67::find;
    post "/DocumentReference/_search" "DocumentReference" Interaction("search-type"), PRO, iti67::find;
    get "/DocumentReference/{id}" "DocumentReference" Interaction("read"), PRO, read::document_reference;
    get "/List" "List" Interaction("search-type"), PRO, iti66::find;
    post "/List/_search" "List" Interaction("search-type"), PRO, iti66::find;
    get "/List/{id}" "List" Interaction("read"), PRO, read::list;
    get "/Observation" "Observation" Interaction("search-type"), BOTH, observation::find;
    post "/Observation" "Observation" Interaction("create"), BOTH, observation::create;
    post "/Observation/$validate" "Observation" VALIDATE, BOTH, observation::validate;
    post "/Observation/_search" "Observation" Interaction("search-type"), BOTH, observation::find;
    get "/Observation/{id}" "Observation" Interaction("read"), BOTH, observation::read;
    put "/Observation/{id}" "Observation" Interaction("update"), BOTH, observation::update;
    delete "/Observation/{id}" "Observation" Interaction("delete"), BOTH, observation::delete;
    get "/Observation/{id}/_history" "Observation" Interaction("history-instance"), BOTH, observation::history;
    get "/Observation/{id}/_history/{version}" "Observation" Interaction("vread"), BOTH, observation::vread;
    get "/Patient" "Patient" Interaction("search-type"), PRO, patient::search;
    put "/Patient" "Patient" Interaction("update"), PRO, iti104::feed;
    delete "/Patient" "Patient" Interaction("delete"), PRO, iti104::remove;
    get "/Patient/$ihe-pix" "Patient" IHE_PIX, PRO, iti83::operation_ihe_pix;
    post "/Patient/$ihe-pix" "Patient" IHE_PIX, PRO, iti83::operation_ihe_pix;
    post "/Patient/$match" "Patient" MATCH, PRO, iti119::operation_match;
    post "/Patient/_search" "Patient" Interaction("search-type"), PRO, patient::search;
    get "/Patient/{id}" "Patient" Interaction("read"), PRO, patient::read;
}

const IHE_PIX: Does = Operation("ihe-pix", "https://profiles.ihe.net/ITI/PIXm/OperationDefinition/IHE.PIXm.pix");
const VALIDATE: Does = Operation("validate", "http://hl7.org/fhir/OperationDefinition/Resource-validate");
const MATCH: Does = Operation("match", "http://hl7.org/fhir/OperationDefinition/Patient-match");

/// The routes of a listener.
pub(crate) fn at(door: Door) -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(move |route| match door {
        Door::Professional => route.doors.0,
        Door::Public => route.doors.1,
    })
}

/// A type of resources.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// The profile all of them have.
    pub(crate) profile: &'static str,
    pub(crate) parameters: &'static [Parameter],
    /// Whether versions are kept, and told by `_history`.
    pub(crate) versioned: bool,
    /// What is to be known of it, for integrators.
    pub(crate) documentation: &'static str,
}

/// All types, by name.
pub(crate) static KINDS: &[Kind] = &[
    Kind { name: "AuditEvent", profile: TDE_AUDIT_EVENT, parameters: AUDIT_EVENT, versioned: false, documentation: "" },
    Kind { name: "Binary", profile: "", parameters: &[], versioned: false, documentation: "" },
    Kind {
        name: "Device",
        profile: "",
        parameters: &[],
        versioned: true,
        documentation: "Appareils de mesure (PHD) : créés avec la mesure qu'ils ont prise (transaction), à la condition ifNoneExist.",
    },
    Kind {
        name: "DocumentReference",
        profile: PDSM_DOCUMENT_REFERENCE,
        parameters: DOCUMENT_REFERENCE,
        versioned: false,
        documentation: "",
    },
    Kind { name: "List", profile: PDSM_SUBMISSION_SET, parameters: LIST, versioned: false, documentation: "" },
    Kind {
        name: "Observation",
        profile: "",
        parameters: OBSERVATION,
        versioned: true,
        documentation: "Mesures de santé (API Mesures 1.5.2). L'IMC (39156-5) est calculé : il se lit et ne s'écrit pas. Avec \
                        subject.identifier, les règles de recherche de l'API Mesures s'appliquent.",
    },
    Kind {
        name: "Patient",
        profile: FR_CORE_PATIENT_INS,
        parameters: PATIENT,
        versioned: false,
        documentation: "ITI-104 : PUT et DELETE Patient?identifier=… seulement, pour les domaines de la structure appelante ; \
                        link replaced-by fusionne, seealso lie, DELETE avec link:identifier délie. Recherche sans numéro : en \
                        régulation seulement.",
    },
];
