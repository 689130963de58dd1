//! People and organisations that have a part in a message: COCT_MT090003, 090100, 090300, 150000, 150002, 150003.

use super::addresses::{PostalAddress, Telecom};
use super::concept::{CodedText, ConceptDescriptor};
use super::datatypes::InstanceIdentifier;
use super::names::EntityName;
use crate::ns;
use crate::record::record;

record! {
    lenient ns::HL7V3;
    /// A person known by name: `assignedPerson`, `contactPerson`.
    pub struct NamedPerson [classCode = "PSN", determinerCode = "INSTANCE"] {
        /// `name`.
        names: many EntityName = "name",
    }
}

record! {
    lenient ns::HL7V3;
    /// An organisation known by name: `assignedOrganization`.
    pub struct NamedOrganization [classCode = "ORG", determinerCode = "INSTANCE"] {
        /// `name`.
        names: many EntityName = "name",
    }
}

record! {
    lenient ns::HL7V3;
    /// A program known by name: `assignedDevice`.
    pub struct NamedDevice [classCode = "DEV", determinerCode = "INSTANCE"] {
        /// `manufacturerModelName`.
        manufacturer_model_name: opt CodedText = "manufacturerModelName",
        /// `softwareName`.
        software_name: opt CodedText = "softwareName",
    }
}

record! {
    lenient ns::HL7V3;
    /// `contactParty`: whom to ask at an organisation.
    pub struct ContactParty [classCode = "CON"] {
        /// `id`.
        ids: many InstanceIdentifier = "id",
        /// `code`.
        code: opt ConceptDescriptor = "code",
        /// `addr`.
        addresses: many PostalAddress = "addr",
        /// `telecom`.
        telecoms: many Telecom = "telecom",
        /// `contactPerson`.
        contact_person: opt NamedPerson = "contactPerson",
    }
}

record! {
    lenient ns::HL7V3;
    /// `providerOrganization` or `representedOrganization`. The schema wants a `contactParty`: without one, a nil one
    /// is written.
    pub struct Organization [classCode = "ORG", determinerCode = "INSTANCE"] {
        /// `id`.
        ids: some InstanceIdentifier = "id",
        /// `code`.
        code: opt ConceptDescriptor = "code",
        /// `name`.
        names: many EntityName = "name",
        /// `contactParty`.
        contact_parties: nilled ContactParty = "contactParty",
    }
}

record! {
    lenient ns::HL7V3;
    /// `scopingOrganization`: who gives identifiers out.
    pub struct ScopingOrganization [classCode = "ORG", determinerCode = "INSTANCE"] {
        /// `id`.
        ids: some InstanceIdentifier = "id",
        /// `code`.
        code: opt ConceptDescriptor = "code",
        /// `name`.
        names: many EntityName = "name",
        /// `addr`.
        addresses: many PostalAddress = "addr",
    }
}

record! {
    lenient ns::HL7V3;
    /// `assignedEntity`, `assignedPerson` or `assignedDevice`: someone or something in a function. At most one of the
    /// three players is there.
    pub struct AssignedEntity [classCode = "ASSIGNED"] {
        /// `id`.
        ids: many InstanceIdentifier = "id",
        /// `code`: the function.
        code: opt ConceptDescriptor = "code",
        /// `addr`.
        addresses: many PostalAddress = "addr",
        /// `telecom`.
        telecoms: many Telecom = "telecom",
        /// `assignedPerson`.
        assigned_person: opt NamedPerson = "assignedPerson",
        /// `assignedDevice`.
        assigned_device: opt NamedDevice = "assignedDevice",
        /// `assignedOrganization`.
        assigned_organization: opt NamedOrganization = "assignedOrganization",
        /// `representedOrganization`.
        represented_organization: opt Organization = "representedOrganization",
    }
}
