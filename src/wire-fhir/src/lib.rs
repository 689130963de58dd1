//! wire-fhir
