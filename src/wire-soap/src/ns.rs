//! Namespace names and action URIs of the messages, each with the document that assigns it.
//!
//! Never decides anything: constants only.

/// SOAP 1.2 envelope (W3C SOAP 1.2 part 1, §5).
pub const SOAP12: &str = "http://www.w3.org/2003/05/soap-envelope";
/// SOAP 1.1 envelope (W3C Note, §4): read, never written.
pub const SOAP11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// WS-Addressing 1.0 (W3C, 2005/08).
pub const WSA: &str = "http://www.w3.org/2005/08/addressing";
/// WS-Addressing submission of 2004/08: read, never written.
pub const WSA_2004: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
/// The anonymous address of WS-Addressing 1.0: "answer on this connection".
pub const WSA_ANONYMOUS: &str = "http://www.w3.org/2005/08/addressing/anonymous";
/// The action of a SOAP fault that no binding gives a better one (WS-Addressing 1.0 SOAP binding, §6).
pub const WSA_SOAP_FAULT: &str = "http://www.w3.org/2005/08/addressing/soap/fault";
/// WS-Security extensions (OASIS WSS 1.0).
pub const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
/// SAML 2.0 assertions (OASIS).
pub const SAML2: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// XOP inclusion (W3C XOP, §2.1).
pub const XOP: &str = "http://www.w3.org/2004/08/xop/include";
/// The `xml:` prefix (W3C Namespaces in XML, §3).
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// ebXML registry information model 3.0.
pub const RIM: &str = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0";
/// ebXML registry services 3.0.
pub const RS: &str = "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0";
/// ebXML life-cycle management 3.0.
pub const LCM: &str = "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0";
/// ebXML query management 3.0.
pub const QUERY: &str = "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0";
/// IHE XDS.b repository messages (ITI TF-2 appendix V).
pub const XDSB: &str = "urn:ihe:iti:xds-b:2007";
/// IHE removal of documents (ITI TF-2 §3.86).
pub const RMD: &str = "urn:ihe:iti:rmd:2017";
/// Notifications of web services (OASIS WS-BaseNotification 1.3).
pub const WSNT: &str = "http://docs.oasis-open.org/wsn/b-2";
/// Base faults of web services' resources (OASIS WS-BaseFaults 1.2).
pub const WSRF_BF: &str = "http://docs.oasis-open.org/wsrf/bf-2";
/// Faults of web services' resources (OASIS WS-Resource 1.2 §5).
pub const WSRF_R: &str = "http://docs.oasis-open.org/wsrf/r-2";
/// Topics of IHE DSUB (ITI TF-2 §3.52).
pub const DSUB: &str = "urn:ihe:iti:dsub:2009";
/// XML Schema instance attributes: `xsi:type`, `xsi:nil` (W3C XML Schema part 1, §2.6).
pub const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// HL7 v3 messages (XML ITS 1.0).
pub const HL7V3: &str = "urn:hl7-org:v3";
/// The wrapper of the DMP's answers to a registry request (GestionDossierPatientPartage.wsdl).
pub const DMP_GDP: &str = "asip:ci-sis:gdp:2010";
/// The DMP's own messages on authorisations (Habilitations.wsdl).
pub const DMP_HABILITATIONS: &str = "urn:si-dmp-habilitations";
/// The DMP's own messages on patients (PatientsSpecific.wsdl).
pub const DMP_PATIENTS: &str = "urn:si-dmp-patients";
/// Our own fault detail.
pub const FAULT_DETAIL: &str = "urn:passerelle:soap:fault-detail:1";

/// WS-Addressing actions of the XDS.b transactions.
pub mod action {
    /// ITI-18 request.
    pub const REGISTRY_STORED_QUERY: &str = "urn:ihe:iti:2007:RegistryStoredQuery";
    /// ITI-18 response.
    pub const REGISTRY_STORED_QUERY_RESPONSE: &str = "urn:ihe:iti:2007:RegistryStoredQueryResponse";
    /// ITI-41 request.
    pub const PROVIDE_AND_REGISTER: &str = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b";
    /// ITI-41 response.
    pub const PROVIDE_AND_REGISTER_RESPONSE: &str = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-bResponse";
    /// ITI-43 request.
    pub const RETRIEVE_DOCUMENT_SET: &str = "urn:ihe:iti:2007:RetrieveDocumentSet";
    /// ITI-43 response.
    pub const RETRIEVE_DOCUMENT_SET_RESPONSE: &str = "urn:ihe:iti:2007:RetrieveDocumentSetResponse";
    /// ITI-38 Cross Gateway Query.
    pub const CROSS_GATEWAY_QUERY: &str = "urn:ihe:iti:2007:CrossGatewayQuery";
    /// Its answer.
    pub const CROSS_GATEWAY_QUERY_RESPONSE: &str = "urn:ihe:iti:2007:CrossGatewayQueryResponse";
    /// ITI-39 Cross Gateway Retrieve.
    pub const CROSS_GATEWAY_RETRIEVE: &str = "urn:ihe:iti:2007:CrossGatewayRetrieve";
    /// Its answer.
    pub const CROSS_GATEWAY_RETRIEVE_RESPONSE: &str = "urn:ihe:iti:2007:CrossGatewayRetrieveResponse";
    /// ITI-57 request.
    pub const UPDATE_DOCUMENT_SET: &str = "urn:ihe:iti:2010:UpdateDocumentSet";
    /// ITI-57 response, as the DMP's XDS.b_DocumentRegistry.wsdl has it: IHE writes no hyphen, and a client made from
    /// the DMP's WSDL may refuse an answer of another action.
    pub const UPDATE_DOCUMENT_SET_RESPONSE: &str = "urn:ihe:iti:2010:UpdateDocumentSet-Response";
    /// ITI-42 request.
    pub const REGISTER: &str = "urn:ihe:iti:2007:RegisterDocumentSet-b";
    /// ITI-42 response.
    pub const REGISTER_RESPONSE: &str = "urn:ihe:iti:2007:RegisterDocumentSet-bResponse";
    /// ITI-61 request.
    pub const REGISTER_ON_DEMAND: &str = "urn:ihe:iti:2010:RegisterOnDemandDocumentEntry";
    /// ITI-61 response.
    pub const REGISTER_ON_DEMAND_RESPONSE: &str = "urn:ihe:iti:2010:RegisterOnDemandDocumentEntryResponse";
    /// ITI-62 request.
    pub const REMOVE_METADATA: &str = "urn:ihe:iti:2010:DeleteDocumentSet";
    /// ITI-62 response.
    pub const REMOVE_METADATA_RESPONSE: &str = "urn:ihe:iti:2010:DeleteDocumentSetResponse";
    /// ITI-86 request.
    pub const REMOVE_DOCUMENTS: &str = "urn:ihe:iti:2017:RemoveDocuments";
    /// ITI-86 response.
    pub const REMOVE_DOCUMENTS_RESPONSE: &str = "urn:ihe:iti:2017:RemoveDocumentsResponse";
    /// ITI-92 request.
    pub const RESTRICTED_UPDATE: &str = "urn:ihe:iti:2018:RestrictedUpdateDocumentSet";
    /// ITI-92 response.
    pub const RESTRICTED_UPDATE_RESPONSE: &str = "urn:ihe:iti:2018:RestrictedUpdateDocumentSetResponse";
    /// ITI-52 subscription.
    pub const SUBSCRIBE: &str = "http://docs.oasis-open.org/wsn/bw-2/NotificationProducer/SubscribeRequest";
    /// Its answer.
    pub const SUBSCRIBE_RESPONSE: &str = "http://docs.oasis-open.org/wsn/bw-2/NotificationProducer/SubscribeResponse";
    /// ITI-52 end of a subscription.
    pub const UNSUBSCRIBE: &str = "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/UnsubscribeRequest";
    /// Its answer.
    pub const UNSUBSCRIBE_RESPONSE: &str =
        "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/UnsubscribeResponse";
    /// ITI-53 notification.
    pub const NOTIFY: &str = "http://docs.oasis-open.org/wsn/bw-2/NotificationConsumer/Notify";
    /// DMP TD0.2 and TD1.3a request.
    pub const GET_DEMOGRAPHICS: &str = "urn:hl7-org:v3:PRPA_IN201307UV02";
    /// DMP TD0.2 and TD1.3a response.
    pub const GET_DEMOGRAPHICS_RESPONSE: &str = "urn:hl7-org:v3:PRPA_IN201308UV02";
    /// ITI-47 and DMP TD0.5 request.
    pub const FIND_CANDIDATES: &str = "urn:hl7-org:v3:PRPA_IN201305UV02";
    /// ITI-47 and DMP TD0.5 response.
    pub const FIND_CANDIDATES_RESPONSE: &str = "urn:hl7-org:v3:PRPA_IN201306UV02";
    /// ITI-47 continuation (ITI TF-2 3.47.4.3).
    pub const QUERY_CONTINUE: &str = "urn:hl7-org:v3:QUQI_IN000003UV01_Continue";
    /// ITI-47 cancellation (ITI TF-2 3.47.4.3).
    pub const QUERY_CANCEL: &str = "urn:hl7-org:v3:QUQI_IN000003UV01_Cancel";
    /// ITI-45 request.
    pub const GET_IDENTIFIERS: &str = "urn:hl7-org:v3:PRPA_IN201309UV02";
    /// ITI-45 response.
    pub const GET_IDENTIFIERS_RESPONSE: &str = "urn:hl7-org:v3:PRPA_IN201310UV02";
    /// ITI-44 request: a patient is added.
    pub const RECORD_ADDED: &str = "urn:hl7-org:v3:PRPA_IN201301UV02";
    /// ITI-44 request: a patient is revised. Also the ITI-46 notification.
    pub const RECORD_REVISED: &str = "urn:hl7-org:v3:PRPA_IN201302UV02";
    /// ITI-44 request: two patients are one.
    pub const DUPLICATES_RESOLVED: &str = "urn:hl7-org:v3:PRPA_IN201304UV02";
    /// The acknowledgement of ITI-44, of ITI-46 and of a cancelled query.
    pub const ACCEPT_ACKNOWLEDGEMENT: &str = "urn:hl7-org:v3:MCCI_IN000002UV01";
    /// DMP TD1.1 request.
    pub const ADD_REQUEST: &str = "urn:hl7-org:v3:PRPA_IN201311UV02";
    /// DMP TD1.1 response.
    pub const ADD_REQUEST_RESPONSE: &str = "urn:hl7-org:v3:PRPA_IN201311ResponseUV02";
    /// DMP TD1.3b and TD1.4 request.
    pub const REVISE_REQUEST: &str = "urn:hl7-org:v3:PRPA_IN201314UV02";
    /// DMP TD1.3b and TD1.4 response.
    pub const REVISE_REQUEST_RESPONSE: &str = "urn:hl7-org:v3:PRPA_IN201314ResponseUV02";
    /// DMP TD0.3 request. The WSDL's `soapAction` says `urn:hl7-org:v3:setAuthorization` instead.
    pub const SET_AUTHORIZATION: &str = "urn:si-dmp-habilitations:HabilitationsEndPoint:setAuthorization";
    /// DMP TD0.3 response.
    pub const SET_AUTHORIZATION_RESPONSE: &str =
        "urn:si-dmp-habilitations:HabilitationsEndPoint:setAuthorizationResponse";
    /// DMP TD1.6 request. The WSDL's `soapAction` says `urn:hl7-org:v3:listAuthorizationByPatient` instead.
    pub const LIST_AUTHORIZATION_BY_PATIENT: &str =
        "urn:si-dmp-habilitations:HabilitationsEndPoint:listAuthorizationByPatient";
    /// DMP TD1.6 response.
    pub const LIST_AUTHORIZATION_BY_PATIENT_RESPONSE: &str =
        "urn:si-dmp-habilitations:HabilitationsEndPoint:listAuthorizationByPatientResponse";
    /// DMP TD0.4 request.
    pub const PATIENT_LIST: &str = "urn:si-dmp-patients:PatientSpecificEndPoint:patientList";
    /// DMP TD0.4 response.
    pub const PATIENT_LIST_RESPONSE: &str = "urn:si-dmp-patients:PatientSpecificEndPoint:patientListResponse";
}
