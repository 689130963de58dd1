//! The real program over real sockets. One module for each face or promise; each test starts a gateway of its own.

mod access;
mod bad_input;
mod bucket;
mod corpus;
mod crash;
mod evidence;
mod faults;
mod fhir;
mod fhir_bodies;
mod fhir_bundle;
mod fhir_refusals;
mod iti18;
mod iti41;
mod iti41_replace;
mod iti43;
mod ocsp;
mod operations;
mod processes;
mod spine;
mod support;
mod trace;
mod trust;
mod vectors;
mod wrapping;
