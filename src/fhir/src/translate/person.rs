//! One person, system or structure: XCN, XON, CX, XTN of XDS ⇄ `Practitioner`, `Device`, `Patient`, `Organization`,
//! `Identifier`, `ContactPoint` (reference §3.4, §3.6). Each form is written plainly and read back on the spot; when it
//! would not come back as it came, its HL7 text goes along in an extension.

use space::{
    hl7::{Cx, Xcn, Xon},
    ins::InsOid,
    people::{PS_ID_NAT_OID, STRUCT_ID_NAT_OID},
};
use wire_fhir::{
    ContactPoint, Device, DeviceName, Extension, HumanName, Identifier, Organization, Patient, Practitioner, Resource,
};

use super::urls::{FR_CORE_V2_0203, HL7_TEXT, V2_0203, text};

/// Types of identifier that are of HL7's own table; the others are of the French one.
const HL7_TYPES: [&str; 3] = ["PI", "NH", "RI"];

/// An identifier of an authority.
fn identifier(id: &str, oid: Option<&str>, kind: Option<&str>) -> Identifier {
    let mut identifier = Identifier { value: Some(id.to_owned()), ..Identifier::default() };
    identifier.system = oid.map(|oid| format!("urn:oid:{oid}"));
    match kind {
        Some(kind) if HL7_TYPES.contains(&kind) => identifier.typed(V2_0203, kind),
        Some(kind) => identifier.typed(FR_CORE_V2_0203, kind),
        None => identifier,
    }
}

fn type_code(identifier: &Identifier) -> Option<&str> {
    identifier.kind.as_ref()?.coding.first()?.code.as_deref()
}

fn oid_of(identifier: &Identifier) -> Option<&str> {
    identifier.system.as_deref()?.strip_prefix("urn:oid:")
}

/// Adds the HL7 text when the resource would not give it back.
fn keep(extension: &mut Vec<Extension>, came_back: bool, hl7: &str) {
    if !came_back {
        extension.push(Extension::string(HL7_TEXT, hl7));
    }
}

/// The resource of a person or system.
pub(crate) fn of_xcn(xcn: &Xcn) -> Resource {
    let id = xcn.id().unwrap_or_default();
    let (family, given) = (xcn.family().map(str::to_owned), xcn.given().map(str::to_owned));
    let identifiers = if id.is_empty() { Vec::new() } else { vec![identifier(id, xcn.authority(), xcn.id_type())] };
    let name = || {
        let given = given.iter().cloned().collect();
        vec![HumanName { family: family.clone(), given, ..HumanName::default() }]
    };
    if xcn.id_type() == Some("NH") {
        let mut patient = Patient { identifier: identifiers, name: name(), ..Patient::default() };
        if let Some(oid) = xcn.authority().and_then(InsOid::parse) {
            patient.identifier = vec![ins_identifier(id, oid)];
        }
        let back = patient_xcn(&patient).as_ref() == Some(xcn);
        keep(&mut patient.extension, back, &xcn.0);
        return Resource::Patient(Box::new(patient));
    }
    if xcn.authority() == Some(STRUCT_ID_NAT_OID) {
        let mut organization = Organization { identifier: identifiers, name: family, ..Organization::default() };
        let back = organization_xcn(&organization).as_ref() == Some(xcn);
        keep(&mut organization.extension, back, &xcn.0);
        return Resource::Organization(organization);
    }
    if xcn.name_type() == Some("U") {
        let device_name =
            family.map(|name| DeviceName { name, kind: "user-friendly-name".into() }).into_iter().collect();
        let mut device = Device { identifier: identifiers, device_name, model_number: given, ..Device::default() };
        let back = device_xcn(&device).as_ref() == Some(xcn);
        keep(&mut device.extension, back, &xcn.0);
        return Resource::Device(Box::new(device));
    }
    let mut practitioner = Practitioner { identifier: identifiers, name: name(), ..Practitioner::default() };
    let back = practitioner_xcn(&practitioner).as_ref() == Some(xcn);
    keep(&mut practitioner.extension, back, &xcn.0);
    Resource::Practitioner(practitioner)
}

/// An INS as FR Core writes it.
pub(crate) fn ins_identifier(matricule: &str, oid: InsOid) -> Identifier {
    let usage = if oid == InsOid::Nia { "temp" } else { "official" };
    Identifier::new(format!("urn:oid:{}", oid.as_str()), matricule).typed(FR_CORE_V2_0203, oid.fhir_type()).used(usage)
}

/// The person of a `Practitioner`.
pub(crate) fn practitioner_xcn(practitioner: &Practitioner) -> Option<Xcn> {
    if let Some(hl7) = text(&practitioner.extension, HL7_TEXT) {
        return Some(Xcn(hl7.to_owned()));
    }
    let (family, given) = names(&practitioner.name);
    let (id, oid, kind) = national_id(&practitioner.identifier)?;
    Some(Xcn::new(&id, &family, &given, &oid, "D", &kind))
}

/// `PS_IdNat` among identifiers: as it is, or made of an RPPS or ADELI number; else the first with an OID.
fn national_id(identifiers: &[Identifier]) -> Option<(String, String, String)> {
    let national = || (PS_ID_NAT_OID.to_owned(), "IDNPS".to_owned());
    let prefixed = |system: &str, prefix: char| {
        let found = identifiers.iter().find(|i| i.system.as_deref() == Some(system))?;
        found.value.as_ref().map(|value| format!("{prefix}{value}"))
    };
    if let Some(i) = identifiers.iter().find(|i| oid_of(i) == Some(PS_ID_NAT_OID)) {
        let kind = type_code(i).unwrap_or("IDNPS").to_owned();
        // In the directory's own form the same system carries a bare RPPS number, told by its type.
        let value = i.value.clone()?;
        return Some(match kind.as_str() {
            "RPPS" => (format!("8{value}"), national().0, national().1),
            "ADELI" => (format!("0{value}"), national().0, national().1),
            _ => (value, national().0, kind),
        });
    }
    let made = prefixed("https://rpps.esante.gouv.fr", '8').or_else(|| prefixed("https://adeli.esante.gouv.fr", '0'));
    if let Some(id) = made {
        return Some((id, national().0, national().1));
    }
    let other = identifiers.iter().find(|i| oid_of(i).is_some())?;
    let kind = type_code(other).unwrap_or_default().to_owned();
    Some((other.value.clone()?, oid_of(other)?.to_owned(), kind))
}

/// The person of a `Patient` that is an author.
pub(crate) fn patient_xcn(patient: &Patient) -> Option<Xcn> {
    if let Some(hl7) = text(&patient.extension, HL7_TEXT) {
        return Some(Xcn(hl7.to_owned()));
    }
    let found = patient.identifier.iter().find(|i| oid_of(i).and_then(InsOid::parse).is_some())?;
    let (family, given) = names(&patient.name);
    Some(Xcn::new(found.value.as_deref()?, &family, &given, oid_of(found)?, "D", "NH"))
}

/// The system of a `Device`.
pub(crate) fn device_xcn(device: &Device) -> Option<Xcn> {
    if let Some(hl7) = text(&device.extension, HL7_TEXT) {
        return Some(Xcn(hl7.to_owned()));
    }
    let found = device.identifier.iter().find(|i| oid_of(i).is_some())?;
    let name = device.device_name.first().map_or("", |n| n.name.as_str());
    let model = device.model_number.as_deref().unwrap_or_default();
    let kind = type_code(found).unwrap_or("RI");
    Some(Xcn::new(found.value.as_deref()?, name, model, oid_of(found)?, "U", kind))
}

/// A structure as the person who answers for a document.
pub(crate) fn organization_xcn(organization: &Organization) -> Option<Xcn> {
    if let Some(hl7) = text(&organization.extension, HL7_TEXT) {
        return Some(Xcn(hl7.to_owned()));
    }
    let (id, oid, kind) = structure_id(&organization.identifier)?;
    Some(Xcn::new(&id, organization.name.as_deref().unwrap_or_default(), "", &oid, "U", &kind))
}

/// The `Organization` of a structure.
pub(crate) fn of_xon(xon: &Xon) -> Organization {
    let identifiers = xon.id().map(|id| identifier(id, xon.authority(), xon.id_type())).into_iter().collect();
    let mut organization =
        Organization { identifier: identifiers, name: xon.name().map(str::to_owned), ..Organization::default() };
    let back = organization_xon(&organization).as_ref() == Some(xon);
    keep(&mut organization.extension, back, &xon.0);
    organization
}

/// The structure of an `Organization`.
pub(crate) fn organization_xon(organization: &Organization) -> Option<Xon> {
    if let Some(hl7) = text(&organization.extension, HL7_TEXT) {
        return Some(Xon(hl7.to_owned()));
    }
    let name = organization.name.as_deref().unwrap_or_default();
    match structure_id(&organization.identifier) {
        Some((id, oid, kind)) => Some(Xon::new(name, &oid, &kind, &id)),
        None if !name.is_empty() && space::hl7::is_component(name) => Some(Xon(name.to_owned())),
        None => None,
    }
}

/// `Struct_IdNat` among identifiers: as it is, or made of a FINESS, SIREN or SIRET number; else the first with an OID.
fn structure_id(identifiers: &[Identifier]) -> Option<(String, String, String)> {
    let national = |id: String| (id, STRUCT_ID_NAT_OID.to_owned(), "IDNST".to_owned());
    if let Some(i) = identifiers.iter().find(|i| oid_of(i) == Some(STRUCT_ID_NAT_OID)) {
        let kind = type_code(i).unwrap_or("IDNST").to_owned();
        return Some((i.value.clone()?, STRUCT_ID_NAT_OID.to_owned(), kind));
    }
    for (system, kind, prefix) in [
        ("https://finess.esante.gouv.fr", None, '1'),
        ("https://sirene.fr", Some("SIREN"), '2'),
        ("https://sirene.fr", Some("SIRET"), '3'),
    ] {
        let found = identifiers
            .iter()
            .find(|i| i.system.as_deref() == Some(system) && kind.is_none_or(|k| type_code(i) == Some(k)));
        if let Some(value) = found.and_then(|i| i.value.as_ref()) {
            return Some(national(format!("{prefix}{value}")));
        }
    }
    let other = identifiers.iter().find(|i| oid_of(i).is_some())?;
    Some((other.value.clone()?, oid_of(other)?.to_owned(), type_code(other).unwrap_or_default().to_owned()))
}

fn names(names: &[HumanName]) -> (String, String) {
    let name = names.iter().find(|n| n.usage.as_deref() == Some("official")).or_else(|| names.first());
    let Some(name) = name else { return Default::default() };
    let family = name.family.clone().or_else(|| name.text.clone()).unwrap_or_default();
    (family, name.given.first().cloned().unwrap_or_default())
}

/// The identifier of a CX or CXi.
pub(crate) fn of_cx(cx: &Cx) -> Identifier {
    if let Some(oid) = cx.authority().and_then(InsOid::parse)
        && cx.id_type() == Some("NH")
    {
        let mut ins = ins_identifier(cx.id().unwrap_or_default(), oid);
        let back = identifier_cx(&ins, "NH").as_ref() == Some(cx);
        keep(&mut ins.extension, back, &cx.0);
        return ins;
    }
    let mut identifier = identifier(cx.id().unwrap_or_default(), cx.authority(), None);
    if let Some(kind) = cx.id_type() {
        let system = if kind.starts_with("urn:") { super::urls::RFC_3986 } else { V2_0203 };
        identifier = identifier.typed(system, kind);
    }
    let back = identifier_cx(&identifier, "").as_ref() == Some(cx);
    keep(&mut identifier.extension, back, &cx.0);
    identifier
}

/// The CX of an identifier; `kind` when it has no type of its own.
pub(crate) fn identifier_cx(identifier: &Identifier, kind: &str) -> Option<Cx> {
    if let Some(hl7) = text(&identifier.extension, HL7_TEXT) {
        return Some(Cx(hl7.to_owned()));
    }
    let value = identifier.value.as_deref().filter(|v| space::hl7::is_component(v))?;
    if let Some(oid) = oid_of(identifier).and_then(InsOid::parse) {
        return Some(Cx::new(value, oid.as_str(), "NH"));
    }
    let kind = type_code(identifier).unwrap_or(kind);
    match oid_of(identifier) {
        Some(oid) => Some(Cx::new(value, oid, kind)),
        None => Some(Cx(format!("{value}^^^^{kind}"))),
    }
}

/// The address of an XTN.
pub(crate) fn of_xtn(xtn: &str) -> ContactPoint {
    let mut parts = xtn.split('^');
    let (first, kind, mail) = (parts.next(), parts.nth(1), parts.next());
    let (system, value) = match (kind, mail) {
        (Some("Internet"), Some(mail)) => ("email", mail),
        _ => ("phone", first.unwrap_or_default()),
    };
    let mut point = ContactPoint {
        system: Some(system.to_owned()),
        value: (!value.is_empty()).then(|| value.to_owned()),
        extension: Vec::new(),
    };
    let back = point_xtn(&point).as_deref() == Some(xtn);
    keep(&mut point.extension, back, xtn);
    point
}

/// The XTN of an address.
pub(crate) fn point_xtn(point: &ContactPoint) -> Option<String> {
    if let Some(hl7) = text(&point.extension, HL7_TEXT) {
        return Some(hl7.to_owned());
    }
    let value = point.value.as_deref().filter(|v| space::hl7::is_component(v))?;
    Some(match point.system.as_deref() {
        Some("email") => format!("^^Internet^{value}"),
        _ => format!("{value}^^PH"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(xcn: &str) -> Option<Xcn> {
        match of_xcn(&Xcn(xcn.to_owned())) {
            Resource::Practitioner(r) => practitioner_xcn(&r),
            Resource::Patient(r) => patient_xcn(&r),
            Resource::Device(r) => device_xcn(&r),
            Resource::Organization(r) => organization_xcn(&r),
            _ => None,
        }
    }

    #[test]
    fn every_form_of_person_comes_back() {
        for xcn in [
            "899900063480^MAX^LIBRE^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS",
            "279035121518989^DUPONT^ELISE^^^^^^&1.2.250.1.213.1.4.10&ISO^D^^^NH",
            "3750100125/9762^Automate^Xware^^^^^^&1.2.250.1.71.4.2.1&ISO^U^^^RI",
            "10B0127189^HOPITAL^^^^^^^&1.2.250.1.71.4.2.2&ISO^U^^^IDNST",
            "899900063480^MAX^LIBRE^Second^Jr^Dr^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS",
            "^Anonyme",
            "",
        ] {
            assert_eq!(back(xcn), Some(Xcn(xcn.to_owned())), "{xcn}");
        }
        for xon in ["CABINET^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^499900063480001", "Cabinet seul", "A^^^^^^^^^1", ""] {
            let xon = Xon(xon.to_owned());
            assert_eq!(organization_xon(&of_xon(&xon)), Some(xon));
        }
        for cx in [
            "45^^^&1.2.3&ISO^PI",
            "279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH",
            "279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH^^20100907",
            "2009^^^&1.2.3&ISO^urn:ihe:iti:xds:2013:order",
            "2009^^^^urn:ihe:iti:xds:2013:accession",
        ] {
            let cx = Cx(cx.to_owned());
            assert_eq!(identifier_cx(&of_cx(&cx), ""), Some(cx));
        }
        for xtn in ["^^Internet^x@y.fr", "0102^^PH", "^PRN^PH^^^1^2", ""] {
            assert_eq!(point_xtn(&of_xtn(xtn)).as_deref(), Some(xtn));
        }
    }

    #[test]
    fn numbers_of_the_directory_become_national_ones() {
        let rpps = Practitioner {
            identifier: vec![Identifier::new("https://rpps.esante.gouv.fr", "10101201234")],
            ..Practitioner::default()
        };
        assert_eq!(practitioner_xcn(&rpps).expect("reads").id(), Some("810101201234"));
        let finess = Organization {
            identifier: vec![Identifier::new("https://finess.esante.gouv.fr", "0B0127189")],
            ..Organization::default()
        };
        let xon = organization_xon(&finess).expect("reads");
        assert_eq!((xon.id(), xon.id_type()), (Some("10B0127189"), Some("IDNST")));
    }
}
