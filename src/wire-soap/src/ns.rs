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
    /// ITI-57 request.
    pub const UPDATE_DOCUMENT_SET: &str = "urn:ihe:iti:2010:UpdateDocumentSet";
    /// ITI-57 response.
    pub const UPDATE_DOCUMENT_SET_RESPONSE: &str = "urn:ihe:iti:2010:UpdateDocumentSetResponse";
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
}
