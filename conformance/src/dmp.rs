//! The DMP's own services by SOAP 1.2: the fourteen stored queries (ITI TF-2 §3.18), ITI-57, ITI-62, TD0.2, TD0.3, TD0.4 and
//! TD1.6. The clauses that change something change documents they provided themselves.

use crate::{
    Clause,
    bundle::document,
    client::{Answer, Server},
    soap::{
        APPROVED, adhoc, envelope, expect, failure, find, get, has, provide, query, send_to, slot, status, success,
        vihf,
    },
};

const ARCHIVED: &str = "urn:asip:ci-sis:2010:StatusType:Archived";
const DELETED: &str = "urn:asip:ci-sis:2010:StatusType:Deleted";
const HAS_MEMBER: &str = "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember";

pub const CLAUSES: &[Clause] = &[
    Clause {
        name: "ITI18_3.18.4.1.2.3.7.2_FindSubmissionSets",
        asks: "a set provided is found by patient and status",
        check: |s| {
            let set = s.fresh_oid();
            success(&provide(s, &s.fresh_oid(), &set, &document("found by its set"))?)?;
            let answer =
                ask(s, FIND_SETS, &[("$XDSSubmissionSetPatientId", cx(s)), ("$XDSSubmissionSetStatus", approved())])?;
            has(&answer, &set)
        },
    },
    Clause {
        name: "ITI18_3.18.4.1.2.3.7.3_FindFolders",
        asks: "FindFolders by patient and status succeeds",
        check: |s| ask(s, FIND_FOLDERS, &[("$XDSFolderPatientId", cx(s)), ("$XDSFolderStatus", approved())]).map(drop),
    },
    Clause {
        name: "ITI18_3.18.4.1.2.3.7.4_GetAll",
        asks: "GetAll gives a document provided and its set",
        check: |s| {
            let (id, set) = (s.fresh_oid(), s.fresh_oid());
            success(&provide(s, &id, &set, &document("all"))?)?;
            let all = [
                ("$patientId", cx(s)),
                ("$XDSDocumentEntryStatus", approved()),
                ("$XDSSubmissionSetStatus", approved()),
                ("$XDSFolderStatus", approved()),
            ];
            let answer = ask(s, GET_ALL, &all)?;
            has(&answer, &id)?;
            has(&answer, &set)
        },
    },
    Clause {
        name: "ITI18_3.18.4.1.2.3.7.5_GetDocuments",
        asks: "GetDocuments by entryUUID gives that document and no other",
        check: |s| {
            let (id, uuid, _) = provided(s)?;
            let answer = ask(s, GET_DOCUMENTS, &[("$XDSDocumentEntryEntryUUID", listed(&uuid))])?;
            has(&answer, &id)?;
            expect(&answer, answer.text().matches("ExtrinsicObject ").count() == 1, "one entry")
        },
    },
    Clause {
        name: "ITI18_3.18.4.1.2.3.7.6_GetFolders",
        asks: "GetFolders of an unknown identifier succeeds and gives nothing",
        check: |s| empty(&ask(s, GET_FOLDERS, &[("$XDSFolderUniqueId", listed(&s.fresh_oid()))])?),
    },
    Clause {
        name: "ITI18_3.18.4.1.2.3.7.7_GetAssociations",
        asks: "GetAssociations of a document gives the link from its set",
        check: |s| has(&ask(s, GET_ASSOCIATIONS, &[("$uuid", listed(&provided(s)?.1))])?, HAS_MEMBER),
    },
    Clause {
        name: "ITI18_3.18.4.1.2.3.7.8_GetDocumentsAndAssociations",
        asks: "GetDocumentsAndAssociations gives the document and the link from its set",
        check: |s| {
            let (id, uuid, _) = provided(s)?;
            let answer = ask(s, GET_DOCUMENTS_AND_ASSOCIATIONS, &[("$XDSDocumentEntryEntryUUID", listed(&uuid))])?;
            has(&answer, &id)?;
            has(&answer, HAS_MEMBER)
        },
    },
    Clause {
        name: "ITI18_3.18.4.1.2.3.7.9_GetSubmissionSets",
        asks: "GetSubmissionSets of a document gives its set",
        check: |s| {
            let (_, uuid, set) = provided(s)?;
            has(&ask(s, GET_SETS, &[("$uuid", listed(&uuid))])?, &set)
        },
    },
    Clause {
        name: "ITI18_3.18.4.1.2.3.7.10_GetSubmissionSetAndContents",
        asks: "GetSubmissionSetAndContents gives the set and its document",
        check: |s| {
            let (id, _, set) = provided(s)?;
            let answer = ask(s, GET_SET_AND_CONTENTS, &[("$XDSSubmissionSetUniqueId", format!("'{set}'"))])?;
            has(&answer, &set)?;
            has(&answer, &id)
        },
    },
    Clause {
        name: "ITI18_3.18.4.1.2.3.7.11_GetFolderAndContents",
        asks: "GetFolderAndContents of an unknown folder succeeds and gives nothing",
        check: |s| {
            let folder = format!("'{}'", s.fresh_oid());
            empty(&ask(s, GET_FOLDER_AND_CONTENTS, &[("$XDSFolderUniqueId", folder)])?)
        },
    },
    Clause {
        name: "ITI18_3.18.4.1.2.3.7.12_GetFoldersForDocument",
        asks: "GetFoldersForDocument of a document in no folder gives nothing",
        check: |s| {
            let uuid = format!("'{}'", provided(s)?.1);
            empty(&ask(s, GET_FOLDERS_FOR_DOCUMENT, &[("$XDSDocumentEntryEntryUUID", uuid)])?)
        },
    },
    Clause {
        name: "ITI18_3.18.4.1.2.3.7.13_GetRelatedDocuments",
        asks: "GetRelatedDocuments asks for the types of links",
        check: |s| {
            let uuid = slot("$XDSDocumentEntryEntryUUID", &format!("'{}'", provided(s)?.1));
            failure(&query(s, &adhoc(GET_RELATED, &uuid))?, "XDSStoredQueryMissingParam")?;
            let kinds = slot("$AssociationTypes", "('urn:ihe:iti:2007:AssociationType:APND')");
            empty(&query(s, &adhoc(GET_RELATED, &(uuid + &kinds)))?)
        },
    },
    Clause {
        name: "ITI18_3.18.4.1.2.3.7.14_FindDocumentsByReferenceId",
        asks: "a reference nobody bears finds nothing",
        check: |s| {
            let slots = [
                ("$XDSDocumentEntryPatientId", cx(s)),
                ("$XDSDocumentEntryStatus", approved()),
                ("$XDSDocumentEntryReferenceIdList", listed("conformance-none")),
            ];
            empty(&ask(s, FIND_BY_REFERENCE, &slots)?)
        },
    },
    Clause {
        name: "ITI57_3.57.4.1.3.3.1.1_mask",
        asks: "a new version of an entry with MASQUE_PS succeeds, and is version 2 under the same logical id (TD3.3a)",
        check: |s| {
            let (id, uuid, _) = provided(s)?;
            success(&update(s, &masked(s, &id, 1)?)?)?;
            let answer = query(s, &get(&id))?;
            has(&answer, "MASQUE_PS")?;
            has(&answer, "versionName=\"2\"")?;
            has(&answer, &format!("lid=\"{uuid}\""))
        },
    },
    Clause {
        name: "ITI57_3.57.4.1.3.3.1_version_error",
        asks: "a PreviousVersion that is not the current one is refused by XDSMetadataVersionError",
        check: |s| {
            let (id, ..) = provided(s)?;
            failure(&update(s, &masked(s, &id, 7)?)?, "XDSMetadataVersionError")
        },
    },
    Clause {
        name: "ITI57_3.57.4.1.3.3.2_archive",
        asks: "an archived document is listed as Archived and no more as Approved, and comes back (TD3.3d)",
        check: |s| {
            let (id, uuid, _) = provided(s)?;
            success(&update(s, &order(&uuid, APPROVED, ARCHIVED))?)?;
            has(&query(s, &get(&id))?, ARCHIVED)?;
            let answer = query(s, &find(s, &status()))?;
            expect(&answer, !answer.text().contains(&id), "the document not among the approved")?;
            success(&update(s, &order(&uuid, ARCHIVED, APPROVED))?)?;
            has(&query(s, &find(s, &status()))?, &id)
        },
    },
    Clause {
        name: "ITI57_3.57.4.1.3.3.2_original_status",
        asks: "an OriginalStatus that does not stand is refused by XDSMetadataUpdateError",
        check: |s| failure(&update(s, &order(&provided(s)?.1, ARCHIVED, APPROVED))?, "XDSMetadataUpdateError"),
    },
    Clause {
        name: "ITI57_TD3.3c_delete",
        asks: "a document its author deletes is shown no more",
        check: |s| {
            let (id, uuid, _) = provided(s)?;
            success(&update(s, &order(&uuid, APPROVED, DELETED))?)?;
            let answer = query(s, &get(&id))?;
            expect(&answer, !answer.text().contains(&id), "no entry")
        },
    },
    Clause {
        name: "ITI62_3.62_references_exist",
        asks: "an entry whose link stays is not removed: ReferencesExistException",
        check: |s| failure(&remove(s, &[provided(s)?.1])?, "ReferencesExistException"),
    },
    Clause {
        name: "ITI62_3.62_remove",
        asks: "a document, its set and their link are removed together",
        check: |s| {
            let (id, uuid, _) = provided(s)?;
            let sets = ask(s, GET_SETS, &[("$uuid", listed(&uuid))])?.text();
            let mut all = ids(&sets, "RegistryPackage");
            all.extend(ids(&sets, "Association"));
            all.push(uuid);
            success(&remove(s, &all)?)?;
            let answer = query(s, &get(&id))?;
            expect(&answer, !answer.text().contains(&id), "no entry")
        },
    },
    Clause {
        name: "TD0.2_existence",
        asks: "an existing record is told by AA, OK, its INS and the caller's authorisation",
        check: |s| {
            let answer = demographics(s, &s.ins)?;
            for part in ["PRPA_IN201308UV02", "\"AA\"", "\"OK\"", "AUTORISATION", "STATUT_MT", &s.ins] {
                has(&answer, part)?;
            }
            Ok(())
        },
    },
    Clause {
        name: "TD0.2_another_holder",
        asks: "a message about somebody else than the holder of the VIHF tells nothing of them",
        check: |s| {
            let answer = demographics(s, "207058575627097")?;
            expect(&answer, !answer.text().contains("patientPerson"), "no identity")
        },
    },
    Clause {
        name: "TD0.3_setAuthorization",
        asks: "a professional declares its own authorisation: DMPOk",
        check: |s| {
            let body =
                r#"<setAuthorization xmlns="urn:si-dmp-habilitations"><action>AJOUT</action></setAuthorization>"#;
            has(&dmp(s, &s.habilitations, &format!("{AUTHORISATIONS}setAuthorization"), body)?, ">DMPOk<")
        },
    },
    Clause {
        name: "TD1.6_listAuthorizationByPatient",
        asks: "the professionals authorised are listed with their mode: DMPOk",
        check: |s| {
            let body = r#"<listAuthorizationByPatient xmlns="urn:si-dmp-habilitations"><mode>ACTIVE</mode></listAuthorizationByPatient>"#;
            let action = format!("{AUTHORISATIONS}listAuthorizationByPatient");
            let answer = dmp(s, &s.habilitations, &action, body)?;
            has(&answer, ">DMPOk<")?;
            has(&answer, "<mode>ACTIVE</mode>")?;
            expect(&answer, !answer.text().contains("INTERDITE"), "no block")
        },
    },
    Clause {
        name: "TD0.4_patientList",
        asks: "the records the caller is authorised on hold the holder's: DMPOk",
        check: |s| {
            let body = r#"<patientList xmlns="urn:si-dmp-patients"><startDate>20200101000000</startDate><dateType>LASTAUTORIZATION</dateType></patientList>"#;
            let answer = dmp(s, &s.patients, "urn:si-dmp-patients:PatientSpecificEndPoint:patientList", body)?;
            has(&answer, ">DMPOk<")?;
            has(&answer, &s.ins)
        },
    },
    Clause {
        name: "ITI-45_3.45.4.2.3_unknown_domain",
        asks: "an identifier of an unknown domain is answered by AE with its place, and no patient",
        check: |s| {
            let answer = identifiers(s, "1.2.250.1.999.404", "1")?;
            for part in ["PRPA_IN201310UV02", "\"AE\"", "acknowledgementDetail", "<location>"] {
                has(&answer, part)?;
            }
            expect(&answer, !answer.text().contains("patientPerson"), "no patient")
        },
    },
    Clause {
        name: "ITI-45_3.45.4.2.2_no_name",
        asks: "an answer on identifiers names nobody and repeats the query",
        check: |s| {
            let answer = identifiers(s, &s.oid, &s.ins)?;
            for part in ["PRPA_IN201310UV02", "\"AA\"", "queryByParameter"] {
                has(&answer, part)?;
            }
            expect(&answer, !answer.text().contains("<family"), "no name")
        },
    },
];

/// Clauses about a number that has no record, with a VIHF for it.
pub const OF_NOBODY: &[Clause] = &[Clause {
    name: "TD0.2_no_record",
    asks: "a number without record is an answer without identity, and not an error",
    check: |s| {
        let (ins, vihf) = s.nobody.as_ref().ok_or("no VIHF for a number without record")?;
        let answer = demographics_as(s, vihf, ins)?;
        has(&answer, "PRPA_IN201308UV02")?;
        has(&answer, "\"AA\"")?;
        has(&answer, "\"NF\"")?;
        expect(&answer, !answer.text().contains("patientPerson"), "no identity")
    },
}];

const FIND_SETS: &str = "f26abbcb-ac74-4422-8a30-edb644bbc1a9";
const FIND_FOLDERS: &str = "958f3006-baad-4929-a4de-ff1114824431";
const FIND_BY_REFERENCE: &str = "12941a89-e02e-4be5-967c-ce4bfc8fe492";
const GET_ALL: &str = "10b545ea-725c-446d-9b95-8aeb444eddf3";
const GET_DOCUMENTS: &str = "5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4";
const GET_FOLDERS: &str = "5737b14c-8a1a-4539-b659-e03a34a5e1e4";
const GET_ASSOCIATIONS: &str = "a7ae438b-4bc2-4642-93e9-be891f7bb155";
const GET_DOCUMENTS_AND_ASSOCIATIONS: &str = "bab9529a-4a10-40b3-a01f-f68a615d247a";
const GET_SETS: &str = "51224314-5390-4169-9b91-b1980040715a";
const GET_SET_AND_CONTENTS: &str = "e8e3cb2c-e39c-46b9-99e4-c12f57260b83";
const GET_FOLDER_AND_CONTENTS: &str = "b909a503-523d-4517-8acf-8e5834dfc4c7";
const GET_FOLDERS_FOR_DOCUMENT: &str = "10cae35a-c7f9-4cf5-b61e-fc3278ffb578";
const GET_RELATED: &str = "d90e5407-b356-4d91-a89f-873917b4b0e6";
const AUTHORISATIONS: &str = "urn:si-dmp-habilitations:HabilitationsEndPoint:";

fn cx(s: &Server) -> String {
    format!("'{}^^^&amp;{}&amp;ISO^NH'", s.ins, s.oid)
}

fn listed(value: &str) -> String {
    format!("('{value}')")
}

fn approved() -> String {
    listed(APPROVED)
}

/// A stored query, which must succeed.
fn ask(s: &Server, id: &str, slots: &[(&str, String)]) -> Result<Answer, String> {
    let slots: String = slots.iter().map(|(name, value)| slot(name, value)).collect();
    let answer = query(s, &adhoc(id, &slots))?;
    success(&answer)?;
    Ok(answer)
}

fn empty(answer: &Answer) -> Result<(), String> {
    success(answer)?;
    let text = answer.text();
    let none = ["RegistryPackage ", "ExtrinsicObject ", "Association "].iter().all(|name| !text.contains(*name));
    expect(answer, none, "nothing")
}

/// `id`s of the elements of this name.
fn ids(xml: &str, name: &str) -> Vec<String> {
    let tags = xml.split('<').filter(|tag| tag.split([' ', ':']).take(2).any(|part| part == name));
    tags.filter_map(|tag| tag.split(" id=\"").nth(1)?.split('"').next().map(str::to_owned)).collect()
}

/// A document provided anew: uniqueId, entryUUID, uniqueId of its set.
fn provided(s: &Server) -> Result<(String, String, String), String> {
    let (id, set) = (s.fresh_oid(), s.fresh_oid());
    success(&provide(s, &id, &set, &document("changed later"))?)?;
    let answer = query(s, &get(&id))?;
    let uuid = ids(&answer.text(), "ExtrinsicObject").pop();
    uuid.map(|uuid| (id, uuid, set)).ok_or_else(|| format!("the document is not found: {}", answer.head()))
}

/// The same set as [`provide`] sends, around other objects, by ITI-57.
fn update(s: &Server, objects: &str) -> Result<Answer, String> {
    let set = crate::soap::submission_set(s, &s.fresh_oid());
    let body = format!(
        r#"<l:SubmitObjectsRequest xmlns:l="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0" xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"><RegistryObjectList>{set}{objects}</RegistryObjectList></l:SubmitObjectsRequest>"#
    );
    send_to(s, &s.registry, "urn:ihe:iti:2010:UpdateDocumentSet", &body)
}

fn order(target: &str, from: &str, to: &str) -> String {
    format!(
        r#"<Association id="a9" associationType="urn:ihe:iti:2010:AssociationType:UpdateAvailabilityStatus" sourceObject="set" targetObject="{target}">{}{}</Association>"#,
        slot("OriginalStatus", from),
        slot("NewStatus", to)
    )
}

/// A new version of an entry as the registry gives it, with MASQUE_PS.
fn masked(s: &Server, id: &str, previous: u32) -> Result<String, String> {
    let text = query(s, &get(id))?.text();
    let cut = |open: &str, close: &str| {
        let start = text.find(open)?;
        Some(text[start..start + text[start..].find(close)? + close.len()].to_owned())
    };
    let entry = cut("<rim:ExtrinsicObject ", "</rim:ExtrinsicObject>")
        .or_else(|| cut("<ExtrinsicObject ", "</ExtrinsicObject>"))
        .ok_or("no entry that this suite can send again")?;
    let uuid = ids(&entry, "ExtrinsicObject").pop().ok_or("an entry without id")?;
    let mask = format!(
        r#"<Classification id="m1" classificationScheme="urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f" classifiedObject="doc" nodeRepresentation="MASQUE_PS">{}</Classification><ExternalIdentifier"#,
        slot("codingScheme", "1.2.250.1.213.1.1.4.13")
    );
    let entry = entry.replace("<rim:", "<").replace("</rim:", "</");
    let entry = entry
        .replace(&format!(" id=\"{uuid}\""), " id=\"doc\"")
        .replace(&format!("classifiedObject=\"{uuid}\""), "classifiedObject=\"doc\"")
        .replace(&format!("registryObject=\"{uuid}\""), "registryObject=\"doc\"")
        .replacen("<ExternalIdentifier", &mask, 1);
    Ok(format!(
        r#"{entry}<Association id="a9" associationType="{HAS_MEMBER}" sourceObject="set" targetObject="doc">{}{}</Association>"#,
        slot("SubmissionSetStatus", "Original"),
        slot("PreviousVersion", &previous.to_string())
    ))
}

fn remove(s: &Server, ids: &[String]) -> Result<Answer, String> {
    let refs: String = ids.iter().map(|id| format!(r#"<r:ObjectRef id="{id}"/>"#)).collect();
    let body = format!(
        r#"<l:RemoveObjectsRequest xmlns:l="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0" xmlns:r="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"><r:ObjectRefList>{refs}</r:ObjectRefList></l:RemoveObjectsRequest>"#
    );
    send_to(s, &s.registry, "urn:ihe:iti:2010:DeleteDocumentSet", &body)
}

fn dmp(s: &Server, path: &str, action: &str, body: &str) -> Result<Answer, String> {
    dmp_as(s, vihf(s), path, action, body)
}

fn dmp_as(s: &Server, vihf: &str, path: &str, action: &str, body: &str) -> Result<Answer, String> {
    let answer = s.post(
        path,
        &[("content-type", "application/soap+xml; charset=UTF-8")],
        envelope(action, vihf, body).as_bytes(),
    )?;
    expect(&answer, answer.status == 200, "HTTP 200")?;
    Ok(answer)
}

/// An HL7 v3 message of this interaction around what its act holds.
pub fn hl7(s: &Server, interaction: &str, act: &str) -> String {
    let device =
        |oid: &str| format!(r#"<device classCode="DEV" determinerCode="INSTANCE"><id root="{oid}"/></device>"#);
    format!(
        r#"<{interaction} xmlns="urn:hl7-org:v3" ITSVersion="XML_1.0"><id root="{}"/><creationTime value="20260101120000"/><interactionId root="2.16.840.1.113883.1.6" extension="{interaction}"/><processingCode code="D"/><processingModeCode code="T"/><acceptAckCode code="AL"/><receiver typeCode="RCV">{}</receiver><sender typeCode="SND">{}</sender><controlActProcess classCode="CACT" moodCode="EVN">{act}</controlActProcess></{interaction}>"#,
        s.fresh_oid(),
        device("1.2.250.1.213.4.1.1.1"),
        device("1.2.250.1.999.6"),
    )
}

/// The trigger of an act.
pub fn trigger(code: &str) -> String {
    format!(r#"<code code="{code}" codeSystem="2.16.840.1.113883.1.6"/>"#)
}

/// ITI-45 on one identifier.
fn identifiers(s: &Server, domain: &str, number: &str) -> Result<Answer, String> {
    let query = format!(
        r#"<queryByParameter><queryId root="{}"/><statusCode code="new"/><responsePriorityCode code="I"/><parameterList><patientIdentifier><value root="{domain}" extension="{number}"/><semanticsText>Patient.id</semanticsText></patientIdentifier></parameterList></queryByParameter>"#,
        s.fresh_oid(),
    );
    let body = hl7(s, "PRPA_IN201309UV02", &format!("{}{query}", trigger("PRPA_TE201309UV02")));
    dmp_as(s, vihf(s), &s.pix, "urn:hl7-org:v3:PRPA_IN201309UV02", &body)
}

fn demographics(s: &Server, ins: &str) -> Result<Answer, String> {
    demographics_as(s, vihf(s), ins)
}

fn demographics_as(s: &Server, vihf: &str, ins: &str) -> Result<Answer, String> {
    let act = format!(
        r#"<reasonCode code="TEST_EXST" codeSystem="1.2.250.1.213.1.1.4.11"/><queryByParameter><queryId root="{}"/><statusCode code="new"/><parameterList><patientIdentifier><value root="{}" extension="{ins}"/><semanticsText>Patient.id</semanticsText></patientIdentifier></parameterList></queryByParameter>"#,
        s.fresh_oid(),
        s.oid
    );
    let body = hl7(s, "PRPA_IN201307UV02", &act);
    dmp_as(s, vihf, &s.patients, "urn:hl7-org:v3:PRPA_IN201307UV02", &body)
}
