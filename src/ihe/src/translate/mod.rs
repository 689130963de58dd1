//! Between ebXML registry objects (wire) and the documents of the model, both ways (ITI TF-3 §4.2.3).

mod from_ebxml;
mod packages;
mod scheme;
mod to_ebxml;

pub(crate) use from_ebxml::{registered_entry, submission};
pub(crate) use packages::{association, folder, submission_set};
pub(crate) use scheme::{ON_DEMAND_DOCUMENT, STABLE_DOCUMENT};
pub(crate) use to_ebxml::{extrinsic_object, write_extrinsic_object};

#[cfg(test)]
mod tests;
