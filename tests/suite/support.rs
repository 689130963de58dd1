//! What the modules of the suite share: a caller with its connection and credential, and what is asked of answers.

use bytes::Bytes;
use space::Purpose;
use testkit::{
    Client, Credentials, Gateway, Reply, TestDocument,
    soap::{self, Deposit},
};

/// Somebody's software: one kept connection, and a credential for one holder.
pub(crate) struct Caller {
    pub(crate) client: Client,
    pub(crate) vihf: String,
    pub(crate) ins: String,
}

impl Caller {
    /// `name` (a card of the demonstration, or `hopital`) about the `holder`th holder.
    pub(crate) fn of(gateway: &Gateway, name: &str, holder: usize) -> Self {
        Self::with(gateway, name, holder, |_| ())
    }

    /// The same for another purpose.
    pub(crate) fn in_mode(gateway: &Gateway, name: &str, holder: usize, purpose: Purpose) -> Self {
        Self::with(gateway, name, holder, |c| c.request.purpose = purpose)
    }

    /// The same with a credential changed before it is signed.
    pub(crate) fn with(gateway: &Gateway, name: &str, holder: usize, change: impl FnOnce(&mut Credentials)) -> Self {
        let pki = gateway.data().join("pki");
        let ins = gateway.ins(holder).to_owned();
        let (tls, signer) = match name {
            "hopital" => ("hopital-auth", "hopital-seal"),
            card => (card, card),
        };
        let mut credentials = Credentials::of(&pki, signer, &ins);
        change(&mut credentials);
        Self { client: Client::new(&gateway.pro, &pki, tls), vihf: credentials.vihf(), ins }
    }

    /// Deposits one document about its holder.
    pub(crate) async fn deposit(&mut self, document: &TestDocument) -> Reply {
        self.send(&Deposit::one(&self.ins, document.clone())).await
    }

    /// Deposits one document, which must succeed.
    pub(crate) async fn put(&mut self, document: &TestDocument) {
        succeeded(&self.deposit(document).await);
    }

    /// Deposits a set.
    pub(crate) async fn send(&mut self, deposit: &Deposit) -> Reply {
        deposit.send(&mut self.client, &self.vihf).await
    }

    /// Deposits a set whose metadata are changed on the way.
    pub(crate) async fn send_edited(&mut self, deposit: &Deposit, edit: impl FnOnce(String) -> String) -> Reply {
        let body = edit(deposit.body());
        let envelope = soap::envelope("urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b", &self.vihf, &body);
        let parts: Vec<_> = deposit.documents.iter().map(|d| (d.mime_type.as_str(), d.body.as_slice())).collect();
        self.post_package(soap::package(&envelope, &parts)).await
    }

    /// Posts a MIME package to the repository.
    pub(crate) async fn post_package(&mut self, body: impl Into<Bytes>) -> Reply {
        self.client.post(soap::REPOSITORY, &[("content-type", &soap::content_type())], body).await
    }

    /// Posts an envelope.
    pub(crate) async fn post_envelope(&mut self, path: &str, envelope: impl Into<Bytes>) -> Reply {
        self.client.post(path, &[("content-type", SOAP)], envelope).await
    }

    /// FindDocuments of approved documents; `more` is further slots.
    pub(crate) async fn find(&mut self, more: &str) -> Reply {
        let query = soap::find_documents(&self.ins, soap::APPROVED, more);
        self.query(&query).await
    }

    /// A stored query.
    pub(crate) async fn query(&mut self, body: &str) -> Reply {
        soap::query(&mut self.client, &self.vihf, body).await
    }

    /// uniqueIds of approved documents, as FindDocuments shows them.
    pub(crate) async fn listed(&mut self, more: &str) -> Vec<String> {
        unique_ids(&self.find(more).await)
    }

    /// `entryUUID` of a document, by GetDocuments.
    pub(crate) async fn entry_uuid(&mut self, unique_id: &str) -> String {
        let reply = self.query(&soap::get_documents(unique_id)).await;
        succeeded(&reply);
        object_ids(&reply).pop().unwrap_or_else(|| panic!("not found: {}", reply.text()))
    }

    /// Retrieves one document.
    pub(crate) async fn retrieve(&mut self, unique_id: &str) -> Reply {
        soap::retrieve(&mut self.client, &self.vihf, unique_id).await
    }

    /// Retrieves several documents of the gateway's repository.
    pub(crate) async fn retrieve_all(&mut self, requests: &[(&str, &str)]) -> Reply {
        let one = |(repository, document): &(&str, &str)| {
            format!(
                "<DocumentRequest><RepositoryUniqueId>{repository}</RepositoryUniqueId><DocumentUniqueId>{document}</DocumentUniqueId></DocumentRequest>"
            )
        };
        let requests: String = requests.iter().map(one).collect();
        let body = format!(
            r#"<RetrieveDocumentSetRequest xmlns="urn:ihe:iti:xds-b:2007">{requests}</RetrieveDocumentSetRequest>"#
        );
        let envelope = soap::envelope("urn:ihe:iti:2007:RetrieveDocumentSet", &self.vihf, &body);
        self.post_envelope(soap::REPOSITORY, envelope).await
    }

    /// The bytes of a document, which must be given.
    pub(crate) async fn bytes(&mut self, unique_id: &str) -> Bytes {
        let reply = self.retrieve(unique_id).await;
        let (envelope, mut parts) = soap::unpack(&reply);
        assert!(envelope.contains(SUCCESS), "{envelope}");
        assert_eq!(parts.len(), 1, "{envelope}");
        parts.remove(0)
    }
}

pub(crate) const SUCCESS: &str = "ResponseStatusType:Success";
pub(crate) const FAILURE: &str = "ResponseStatusType:Failure";
pub(crate) const PARTIAL: &str = "ResponseStatusType:PartialSuccess";
/// Content-Type of SOAP 1.2.
pub(crate) const SOAP: &str = "application/soap+xml; charset=UTF-8";

/// The envelope of an answer, alone or first of a MIME package.
pub(crate) fn envelope_of(reply: &Reply) -> String {
    if reply.header("content-type").starts_with("multipart/") { soap::unpack(reply).0 } else { reply.text() }
}

#[track_caller]
pub(crate) fn succeeded(reply: &Reply) {
    let envelope = envelope_of(reply);
    assert!(reply.status == 200 && envelope.contains(SUCCESS), "{}: {envelope}", reply.status);
}

/// A registry failure whose first error has this registry code and this stable code.
#[track_caller]
pub(crate) fn refused(reply: &Reply, code: &str, cause: &str) {
    let envelope = envelope_of(reply);
    assert!(reply.status == 200 && envelope.contains(FAILURE), "{}: {envelope}", reply.status);
    let errors = soap::errors(&envelope);
    let first = errors.first().map(|(code, cause)| (code.as_str(), cause.as_str()));
    assert_eq!(first, Some((code, cause)), "{envelope}");
}

/// A SOAP fault with this HTTP status and stable code, in both languages, naming the rule.
#[track_caller]
pub(crate) fn faulted(reply: &Reply, status: u16, cause: &str) {
    let envelope = envelope_of(reply);
    assert_eq!((reply.status.as_u16(), soap::fault_code(&envelope).as_deref()), (status, Some(cause)), "{envelope}");
    assert!(envelope.contains(r#"xml:lang="fr""#) && envelope.contains(r#"xml:lang="en""#), "{envelope}");
}

/// uniqueIds of the entries in an answer.
pub(crate) fn unique_ids(reply: &Reply) -> Vec<String> {
    let text = reply.text();
    assert!(text.contains(SUCCESS), "{text}");
    let identifiers = text.split("<").filter(|tag| tag.contains("ExternalIdentifier "));
    identifiers
        .filter(|tag| tag.contains("urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab"))
        .filter_map(|tag| soap::attributes(tag, "value").pop())
        .collect()
}

/// `id`s of the entries (or references) in an answer.
pub(crate) fn object_ids(reply: &Reply) -> Vec<String> {
    let text = reply.text();
    let objects = text.split('<').filter(|tag| {
        let name = tag.split(' ').next().unwrap_or_default();
        let name = name.rsplit(':').next().unwrap_or_default();
        matches!(name, "ExtrinsicObject" | "ObjectRef")
    });
    objects.filter_map(|tag| soap::attributes(&format!(" {tag}"), "id").into_iter().next()).collect()
}

/// How many entries, bodies and problems `passerelle verify` counts.
pub(crate) fn stored(gateway: &Gateway) -> u64 {
    let report: serde_json::Value = serde_json::from_str(&gateway.command(&["verify"])).expect("a report");
    assert_eq!(report["problems"], serde_json::json!([]), "{report}");
    assert_eq!(report["entries"], report["bodies"], "{report}");
    report["entries"].as_u64().expect("a number")
}

/// The newest event of a trace that is an `act`.
pub(crate) fn newest(gateway: &Gateway, ins: &str, act: &str) -> serde_json::Value {
    let trace = gateway.trace(ins);
    trace.iter().find(|e| e["act"] == act).unwrap_or_else(|| panic!("no {act} in {trace:?}")).clone()
}

/// Asks until the answer is as wanted, for what a gateway follows within a second or two.
pub(crate) async fn eventually<F: Future<Output = bool>>(mut wanted: impl FnMut() -> F) -> bool {
    let began = std::time::Instant::now();
    while began.elapsed() < std::time::Duration::from_secs(10) {
        if wanted().await {
            return true;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    false
}
