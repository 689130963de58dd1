//! The description of each service (WSDL 1.1, SOAP 1.2 binding), as tools ask for it with `?wsdl`: operations, actions,
//! addresses. The shapes of messages are those of IHE, HL7 and the DMP, whose schemas are theirs to hand out: elements
//! are named here, not described.

use std::fmt::Write as _;

use wire_soap::ns::{self, action as a};

use crate::Service;

/// A name in a namespace.
type Name = (&'static str, &'static str);

/// An operation: its name, request and answer, each with its action.
struct Operation {
    name: &'static str,
    request: Name,
    action: &'static str,
    answer: Name,
    answered: &'static str,
}

const fn operation(
    name: &'static str,
    request: Name,
    action: &'static str,
    answer: Name,
    answered: &'static str,
) -> Operation {
    Operation { name, request, action, answer, answered }
}

const REGISTRY_RESPONSE: Name = (ns::RS, "RegistryResponse");
const SUBMIT: Name = (ns::LCM, "SubmitObjectsRequest");

const REGISTRY: &[Operation] = &[
    operation(
        "DocumentRegistry_RegistryStoredQuery",
        (ns::QUERY, "AdhocQueryRequest"),
        a::REGISTRY_STORED_QUERY,
        (ns::QUERY, "AdhocQueryResponse"),
        a::REGISTRY_STORED_QUERY_RESPONSE,
    ),
    operation("DocumentRegistry_RegisterDocumentSet-b", SUBMIT, a::REGISTER, REGISTRY_RESPONSE, a::REGISTER_RESPONSE),
    operation(
        "DocumentRegistry_UpdateDocumentSet",
        SUBMIT,
        a::UPDATE_DOCUMENT_SET,
        REGISTRY_RESPONSE,
        a::UPDATE_DOCUMENT_SET_RESPONSE,
    ),
    operation(
        "DocumentRegistry_RegisterOnDemandDocumentEntry",
        SUBMIT,
        a::REGISTER_ON_DEMAND,
        REGISTRY_RESPONSE,
        a::REGISTER_ON_DEMAND_RESPONSE,
    ),
    operation(
        "DocumentRegistry_DeleteDocumentSet",
        (ns::LCM, "RemoveObjectsRequest"),
        a::REMOVE_METADATA,
        REGISTRY_RESPONSE,
        a::REMOVE_METADATA_RESPONSE,
    ),
    operation(
        "UpdateResponder_RestrictedUpdateDocumentSet",
        SUBMIT,
        a::RESTRICTED_UPDATE,
        REGISTRY_RESPONSE,
        a::RESTRICTED_UPDATE_RESPONSE,
    ),
];

const REPOSITORY: &[Operation] = &[
    operation(
        "DocumentRepository_ProvideAndRegisterDocumentSet-b",
        (ns::XDSB, "ProvideAndRegisterDocumentSetRequest"),
        a::PROVIDE_AND_REGISTER,
        REGISTRY_RESPONSE,
        a::PROVIDE_AND_REGISTER_RESPONSE,
    ),
    operation(
        "DocumentRepository_RetrieveDocumentSet",
        (ns::XDSB, "RetrieveDocumentSetRequest"),
        a::RETRIEVE_DOCUMENT_SET,
        (ns::XDSB, "RetrieveDocumentSetResponse"),
        a::RETRIEVE_DOCUMENT_SET_RESPONSE,
    ),
    operation(
        "DocumentRepository_RemoveDocuments",
        (ns::RMD, "RemoveDocumentsRequest"),
        a::REMOVE_DOCUMENTS,
        REGISTRY_RESPONSE,
        a::REMOVE_DOCUMENTS_RESPONSE,
    ),
];

const PATIENTS: &[Operation] = &[
    operation(
        "PatientRegistry_GetDemographicsQuery",
        (ns::HL7V3, "PRPA_IN201307UV02"),
        a::GET_DEMOGRAPHICS,
        (ns::HL7V3, "PRPA_IN201308UV02"),
        a::GET_DEMOGRAPHICS_RESPONSE,
    ),
    operation(
        "PDQSupplier_PRPA_IN201305UV02",
        (ns::HL7V3, "PRPA_IN201305UV02"),
        a::FIND_CANDIDATES,
        (ns::HL7V3, "PRPA_IN201306UV02"),
        a::FIND_CANDIDATES_RESPONSE,
    ),
    operation(
        "PatientRegistry_AddRequest",
        (ns::HL7V3, "PRPA_IN201311UV02"),
        a::ADD_REQUEST,
        (ns::DMP_GDP, "PRPA_IN201311UV02_Response"),
        a::ADD_REQUEST_RESPONSE,
    ),
    operation(
        "PatientRegistry_ReviseRequest",
        (ns::HL7V3, "PRPA_IN201314UV02"),
        a::REVISE_REQUEST,
        (ns::DMP_GDP, "PRPA_IN201314UV02_Response"),
        a::REVISE_REQUEST_RESPONSE,
    ),
    operation(
        "patientList",
        (ns::DMP_PATIENTS, "patientList"),
        a::PATIENT_LIST,
        (ns::DMP_PATIENTS, "patientListResponse"),
        a::PATIENT_LIST_RESPONSE,
    ),
];

const HABILITATIONS: &[Operation] = &[
    operation(
        "setAuthorization",
        (ns::DMP_HABILITATIONS, "setAuthorization"),
        a::SET_AUTHORIZATION,
        (ns::DMP_HABILITATIONS, "setAuthorizationResponse"),
        a::SET_AUTHORIZATION_RESPONSE,
    ),
    operation(
        "listAuthorizationByPatient",
        (ns::DMP_HABILITATIONS, "listAuthorizationByPatient"),
        a::LIST_AUTHORIZATION_BY_PATIENT,
        (ns::DMP_HABILITATIONS, "listAuthorizationByPatientResponse"),
        a::LIST_AUTHORIZATION_BY_PATIENT_RESPONSE,
    ),
];

const fn feed(name: &'static str, request: &'static str, action: &'static str) -> Operation {
    operation(name, (ns::HL7V3, request), action, (ns::HL7V3, "MCCI_IN000002UV01"), a::ACCEPT_ACKNOWLEDGEMENT)
}

const PIX: &[Operation] = &[
    feed("PIXManager_PRPA_IN201301UV02", "PRPA_IN201301UV02", a::RECORD_ADDED),
    feed("PIXManager_PRPA_IN201302UV02", "PRPA_IN201302UV02", a::RECORD_REVISED),
    feed("PIXManager_PRPA_IN201304UV02", "PRPA_IN201304UV02", a::DUPLICATES_RESOLVED),
    operation(
        "PIXManager_PRPA_IN201309UV02",
        (ns::HL7V3, "PRPA_IN201309UV02"),
        a::GET_IDENTIFIERS,
        (ns::HL7V3, "PRPA_IN201310UV02"),
        a::GET_IDENTIFIERS_RESPONSE,
    ),
];

const PDQ: &[Operation] = &[
    operation(
        "PDQSupplier_PRPA_IN201305UV02",
        (ns::HL7V3, "PRPA_IN201305UV02"),
        a::FIND_CANDIDATES,
        (ns::HL7V3, "PRPA_IN201306UV02"),
        a::FIND_CANDIDATES_RESPONSE,
    ),
    operation(
        "PDQSupplier_QUQI_IN000003UV01_Continue",
        (ns::HL7V3, "QUQI_IN000003UV01"),
        a::QUERY_CONTINUE,
        (ns::HL7V3, "PRPA_IN201306UV02"),
        a::FIND_CANDIDATES_RESPONSE,
    ),
    operation(
        "PDQSupplier_QUQI_IN000003UV01_Cancel",
        (ns::HL7V3, "QUQI_IN000003UV01_Cancel"),
        a::QUERY_CANCEL,
        (ns::HL7V3, "MCCI_IN000002UV01"),
        a::ACCEPT_ACKNOWLEDGEMENT,
    ),
];

/// Where a service is.
const fn folder(service: Service) -> &'static str {
    match service {
        Service::Pix | Service::Pdq | Service::Gateway | Service::Recipient | Service::Subscriptions => "/ihe/services",
        _ => "/si-dmp-server/v2/services",
    }
}

const RECIPIENT: &[Operation] = &[operation(
    "DocumentRecipient_ProvideAndRegisterDocumentSet-b",
    (ns::XDSB, "ProvideAndRegisterDocumentSetRequest"),
    a::PROVIDE_AND_REGISTER,
    (ns::RS, "RegistryResponse"),
    a::PROVIDE_AND_REGISTER_RESPONSE,
)];

const SUBSCRIPTIONS: &[Operation] = &[
    operation(
        "NotificationBroker_Subscribe",
        (ns::WSNT, "Subscribe"),
        a::SUBSCRIBE,
        (ns::WSNT, "SubscribeResponse"),
        a::SUBSCRIBE_RESPONSE,
    ),
    operation(
        "SubscriptionManager_Unsubscribe",
        (ns::WSNT, "Unsubscribe"),
        a::UNSUBSCRIBE,
        (ns::WSNT, "UnsubscribeResponse"),
        a::UNSUBSCRIBE_RESPONSE,
    ),
];

const GATEWAY: &[Operation] = &[
    operation(
        "RespondingGateway_CrossGatewayQuery",
        (ns::QUERY, "AdhocQueryRequest"),
        a::CROSS_GATEWAY_QUERY,
        (ns::QUERY, "AdhocQueryResponse"),
        a::CROSS_GATEWAY_QUERY_RESPONSE,
    ),
    operation(
        "RespondingGateway_CrossGatewayRetrieve",
        (ns::XDSB, "RetrieveDocumentSetRequest"),
        a::CROSS_GATEWAY_RETRIEVE,
        (ns::XDSB, "RetrieveDocumentSetResponse"),
        a::CROSS_GATEWAY_RETRIEVE_RESPONSE,
    ),
];

const fn operations(service: Service) -> (&'static str, &'static [Operation]) {
    match service {
        Service::Registry => ("registry", REGISTRY),
        Service::Repository => ("repository", REPOSITORY),
        Service::Patients => ("patients", PATIENTS),
        Service::Habilitations => ("habilitations", HABILITATIONS),
        Service::Pix => ("pix", PIX),
        Service::Pdq => ("pdq", PDQ),
        Service::Gateway => ("xca", GATEWAY),
        Service::Recipient => ("xdr", RECIPIENT),
        Service::Subscriptions => ("dsub", SUBSCRIPTIONS),
    }
}

/// Our own namespace for a description.
const TARGET: &str = "urn:passerelle:wsdl:1";

/// The description of a service at `host` (what the request asked).
pub(crate) fn describe(service: Service, host: &str) -> String {
    let ((name, operations), folder) = (operations(service), folder(service));
    let mut namespaces: Vec<&str> = operations.iter().flat_map(|o| [o.request.0, o.answer.0]).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let prefix = |namespace: &str| format!("n{}", namespaces.iter().position(|n| *n == namespace).unwrap_or(0));
    let mut out = String::with_capacity(8192);
    out.push_str(r#"<?xml version="1.0" encoding="UTF-8"?>"#);
    let _ = write!(
        out,
        r#"<wsdl:definitions name="{name}" targetNamespace="{TARGET}" xmlns:t="{TARGET}" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/" xmlns:wsam="http://www.w3.org/2007/05/addressing/metadata" xmlns:xs="http://www.w3.org/2001/XMLSchema""#
    );
    for namespace in &namespaces {
        let _ = write!(out, r#" xmlns:{}="{namespace}""#, prefix(namespace));
    }
    out.push_str("><wsdl:types>");
    for namespace in &namespaces {
        let _ = write!(out, r#"<xs:schema targetNamespace="{namespace}" elementFormDefault="qualified">"#);
        let mut elements: Vec<&str> =
            operations.iter().flat_map(|o| [o.request, o.answer]).filter(|n| n.0 == *namespace).map(|n| n.1).collect();
        elements.sort_unstable();
        elements.dedup();
        for element in elements {
            let _ = write!(out, r#"<xs:element name="{element}" type="xs:anyType"/>"#);
        }
        out.push_str("</xs:schema>");
    }
    out.push_str("</wsdl:types>");
    for Operation { name, request, answer, .. } in operations {
        for (suffix, element) in [("Request", request), ("Response", answer)] {
            let _ = write!(
                out,
                r#"<wsdl:message name="{name}_{suffix}"><wsdl:part name="body" element="{}:{}"/></wsdl:message>"#,
                prefix(element.0),
                element.1
            );
        }
    }
    let _ = write!(out, r#"<wsdl:portType name="{name}_PortType">"#);
    for Operation { name, action, answered, .. } in operations {
        let _ = write!(
            out,
            r#"<wsdl:operation name="{name}"><wsdl:input message="t:{name}_Request" wsam:Action="{action}"/><wsdl:output message="t:{name}_Response" wsam:Action="{answered}"/></wsdl:operation>"#
        );
    }
    let _ = write!(
        out,
        r#"</wsdl:portType><wsdl:binding name="{name}_Binding" type="t:{name}_PortType"><soap12:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>"#
    );
    for Operation { name, action, .. } in operations {
        let _ = write!(
            out,
            r#"<wsdl:operation name="{name}"><soap12:operation soapAction="{action}"/><wsdl:input><soap12:body use="literal"/></wsdl:input><wsdl:output><soap12:body use="literal"/></wsdl:output></wsdl:operation>"#
        );
    }
    let _ = write!(
        out,
        r#"</wsdl:binding><wsdl:service name="{name}"><wsdl:port name="{name}_Port" binding="t:{name}_Binding"><soap12:address location="https://{host}{folder}/{name}"/></wsdl:port></wsdl:service></wsdl:definitions>"#
    );
    out
}

/// Operations of a service: its path, then the action, the request's element and the answer's action of each.
#[cfg(test)]
pub(crate) fn actions(service: Service) -> (&'static str, Vec<[&'static str; 3]>) {
    let (name, operations) = operations(service);
    (name, operations.iter().map(|o| [o.request.1, o.action, o.answered]).collect())
}

/// A host as it may stand in an address: letters, digits and what joins them.
pub(crate) fn host(text: &str) -> Option<&str> {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']');
    (!text.is_empty() && text.len() <= 255 && text.bytes().all(good)).then_some(text)
}
