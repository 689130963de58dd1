//! Every cause of refusal, in one catalogue: a stable code, the rule behind it, and one sentence in French and English
//! that says what to do. Faces map causes to their wire in one place each; nothing else writes a message to a client.

use std::fmt;

macro_rules! causes {
    ($($(#[doc = $doc:literal])* $name:ident, $code:literal, $rule:literal, $fr:literal, $en:literal;)*) => {
        /// Why something was refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Cause {
            $(#[doc = $en] $name,)*
        }

        impl Cause {
            /// All causes.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Stable code, as every face sends it.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The rule behind it.
            #[must_use]
            pub const fn rule(self) -> &'static str {
                match self { $(Self::$name => $rule,)* }
            }

            /// What to do, in French.
            #[must_use]
            pub const fn advice_fr(self) -> &'static str {
                match self { $(Self::$name => $fr,)* }
            }

            /// What to do, in English.
            #[must_use]
            pub const fn advice_en(self) -> &'static str {
                match self { $(Self::$name => $en,)* }
            }
        }
    };
}

causes! {
    MalformedXml, "malformed_xml", "W3C XML 1.0 §2.1", "Le message n'est pas un document XML bien formé : corrigez-le à l'endroit indiqué.",
        "The message is not well-formed XML: mend it at the place shown.";
    DtdForbidden, "dtd_forbidden", "OWASP XXE; ITI TF-2 Appendix V", "Une DTD ou une entité est déclarée : retirez-la, elle n'est jamais admise.",
        "A DTD or an entity is declared: remove it, none is ever accepted.";
    TooDeep, "xml_too_deep", "limits.xml_depth", "Le message est trop profondément imbriqué : réduisez sa profondeur.",
        "The message is nested too deeply: make it shallower.";
    TooLarge, "too_large", "limits.*", "Le message ou le document dépasse la taille admise : divisez-le ou demandez une limite plus haute.",
        "The message or document is larger than accepted: split it or ask for a higher limit.";
    WrongContentType, "wrong_content_type", "RFC 2045; W3C SOAP 1.2 part 2 §7.1.4; MTOM §3.2", "Le Content-Type n'est pas celui que ce service attend : employez celui de la transaction.",
        "The Content-Type is not the one this service expects: use the transaction's.";
    MalformedMultipart, "malformed_multipart", "RFC 2046 §5.1", "L'enveloppe MIME multipart est incorrecte : vérifiez frontière et en-têtes de partie.",
        "The MIME multipart wrapping is wrong: check boundary and part headers.";
    Truncated, "truncated", "RFC 2046 §5.1.1", "Le message s'arrête avant sa fin : renvoyez-le en entier.",
        "The message ends before its end: send it again whole.";
    TimedOut, "timed_out", "limits.body_timeout", "Le message n'est pas arrivé à temps : renvoyez-le.",
        "The message did not arrive in time: send it again.";
    MissingPart, "missing_part", "W3C XOP §3.2", "Une partie annoncée par xop:Include est absente : joignez-la sous le Content-ID indiqué.",
        "A part announced by xop:Include is absent: attach it under the Content-ID shown.";
    MalformedSoap, "malformed_soap", "W3C SOAP 1.2 part 1 §5", "L'enveloppe SOAP est incorrecte : vérifiez Envelope, Header et Body.",
        "The SOAP envelope is wrong: check Envelope, Header and Body.";
    VersionMismatch, "version_mismatch", "W3C SOAP 1.2 part 1 §5.4.7", "Cette version de SOAP n'est pas servie : employez SOAP 1.2.",
        "This version of SOAP is not served: use SOAP 1.2.";
    MustUnderstand, "must_understand", "W3C SOAP 1.2 part 1 §5.2.3", "Un en-tête obligatoire est inconnu de ce service : retirez-le ou ôtez mustUnderstand.",
        "A mandatory header is unknown to this service: remove it or its mustUnderstand.";
    UnknownAction, "unknown_action", "WS-Addressing 1.0 SOAP §6.4.1", "Cette action n'est pas servie à cette adresse : vérifiez Action et chemin.",
        "This action is not served at this address: check Action and path.";
    MalformedMessage, "malformed_message", "ITI TF-3 §4.2; XSD of the transaction", "Le corps n'a pas la forme de la transaction : comparez-le au schéma.",
        "The body has not the transaction's shape: compare it with the schema.";
    MalformedJson, "malformed_json", "RFC 8259; FHIR R4 json", "Le corps n'est pas une ressource FHIR R4 en JSON : corrigez-le à l'endroit indiqué.",
        "The body is not a FHIR R4 resource in JSON: mend it at the place shown.";
    FormatNotServed, "format_not_served", "FHIR R4 http §2.21.0.6", "Ce format n'est pas servi : demandez application/fhir+json.",
        "This format is not served: ask for application/fhir+json.";
    ResourceInvalid, "resource_invalid", "FHIR R4; PDSm 3.1.1", "La ressource n'obéit pas à son profil : corrigez l'élément indiqué.",
        "The resource does not obey its profile: mend the element shown.";
    RouteUnknown, "route_unknown", "contract §2", "Rien n'est servi à cette adresse : vérifiez le chemin.",
        "Nothing is served at this address: check the path.";
    MethodNotServed, "method_not_served", "RFC 9110 §15.5.6", "Cette méthode n'est pas servie à cette adresse.",
        "This method is not served at this address.";
    AssertionMissing, "assertion_missing", "CI-SIS VIHF; DMP §1.9", "Aucun VIHF n'accompagne l'appel : joignez une assertion SAML dans wsse:Security.",
        "No VIHF comes with the call: put one SAML assertion in wsse:Security.";
    AssertionDuplicated, "assertion_duplicated", "CI-SIS VIHF; DMP §1.9", "Plusieurs assertions accompagnent l'appel : n'en joignez qu'une.",
        "Several assertions come with the call: send exactly one.";
    AssertionMalformed, "assertion_malformed", "SAML 2.0 core §2.3; CI-SIS VIHF", "Le VIHF n'a pas la forme attendue : corrigez l'élément indiqué.",
        "The VIHF has not the expected shape: mend the element shown.";
    AssertionUnsigned, "assertion_unsigned", "SAML 2.0 core §5; CI-SIS VIHF", "Le VIHF n'est pas signé : signez-le (enveloppée, C14N exclusive, SHA-256).",
        "The VIHF is not signed: sign it (enveloped, exclusive C14N, SHA-256).";
    SignatureInvalid, "signature_invalid", "XML-DSig 1.1 §3.2", "La signature du VIHF ne correspond pas à son contenu : signez après toute modification.",
        "The VIHF's signature does not match its content: sign after every change.";
    SignatureReference, "signature_reference", "SAML 2.0 core §5.4.2 (signature wrapping)", "La signature ne porte pas sur l'assertion lue : une seule Reference, vers l'ID de l'assertion.",
        "The signature does not cover the assertion that is read: one Reference, to the assertion's ID.";
    SignatureAlgorithm, "signature_algorithm", "PGSSI-S; trust.allow_sha1", "L'algorithme de signature n'est pas admis : employez RSA ou ECDSA avec SHA-256 ou mieux.",
        "The signature algorithm is not accepted: use RSA or ECDSA with SHA-256 or better.";
    SignerUntrusted, "signer_untrusted", "IGC-Santé; RFC 5280 §6", "Le certificat signataire n'est pas émis par une autorité reconnue : employez un certificat de l'IGC de cet environnement.",
        "The signing certificate was not issued by a trusted authority: use a certificate of this environment's PKI.";
    SignerRevoked, "signer_revoked", "RFC 5280 §6.3", "Le certificat signataire est révoqué : demandez-en un nouveau.",
        "The signing certificate is revoked: obtain a new one.";
    SignerExpired, "signer_expired", "RFC 5280 §6.1.3", "Le certificat signataire n'est pas en cours de validité : renouvelez-le.",
        "The signing certificate is outside its validity: renew it.";
    AssertionExpired, "assertion_expired", "SAML 2.0 core §2.5.1; trust.vihf_lifetime", "Le VIHF est périmé : refaites-en un, et vérifiez l'horloge du poste.",
        "The VIHF has expired: make a new one, and check the machine's clock.";
    AssertionNotYetValid, "assertion_not_yet_valid", "SAML 2.0 core §2.5.1; trust.clock_skew", "Le VIHF n'est pas encore valable : vérifiez l'horloge du poste.",
        "The VIHF is not valid yet: check the machine's clock.";
    IssuerMismatch, "issuer_mismatch", "CI-SIS VIHF (Issuer = DN du signataire, RFC 2253)", "Issuer n'est pas le nom du certificat signataire : recopiez son DN dans l'ordre RFC 2253.",
        "Issuer is not the signing certificate's name: copy its DN in RFC 2253 order.";
    PeerMismatch, "peer_mismatch", "DMP §1.10", "Le VIHF et le certificat TLS ne sont pas du même porteur pour ce mode d'authentification.",
        "The VIHF and the TLS certificate are not of the same bearer for this authentication mode.";
    StructureMismatch, "structure_mismatch", "DMP §1.9 Identifiant_Structure", "Identifiant_Structure n'est pas la structure du certificat : déclarez celle du certificat.",
        "Identifiant_Structure is not the certificate's structure: declare the certificate's.";
    ModeMismatch, "mode_mismatch", "DMP §1.10", "Authentification_mode ne correspond pas au type de certificat employé.",
        "Authentification_mode does not match the kind of certificate used.";
    ClaimMissing, "claim_missing", "CI-SIS VIHF", "Un attribut obligatoire du VIHF est absent : ajoutez-le.",
        "A mandatory attribute of the VIHF is absent: add it.";
    ClaimInvalid, "claim_invalid", "CI-SIS VIHF", "Un attribut du VIHF a une valeur hors de son jeu de valeurs.",
        "An attribute of the VIHF has a value outside its value set.";
    BearerMissing, "bearer_missing", "RFC 6750 §3", "Aucun jeton n'accompagne l'appel : joignez Authorization: Bearer.",
        "No token comes with the call: send Authorization: Bearer.";
    BearerInvalid, "bearer_invalid", "RFC 7519 §7.2; RFC 8725", "Le jeton n'est pas valable : refaites-en un avec la clé du certificat présenté.",
        "The token is not valid: make a new one with the key of the certificate presented.";
    InsInvalid, "ins_invalid", "RNIV; DMP §2.1", "L'INS n'a pas sa forme : 15 caractères, OID d'un des quatre registres.",
        "The INS has not its shape: 15 characters, OID of one of the four registers.";
    InsKeyWrong, "ins_key_wrong", "RNIV; DMP §2.2", "La clé de l'INS est fausse : vérifiez la saisie du matricule.",
        "The key of the INS is wrong: check how the number was entered.";
    ProfessionalIdInvalid, "professional_id_invalid", "CI-SIS PS_IdNat; DMP §3.6", "L'identifiant du professionnel n'est pas un PS_IdNat.",
        "The professional's identifier is no PS_IdNat.";
    StructureIdInvalid, "structure_id_invalid", "CI-SIS Struct_IdNat; DMP §3.6", "L'identifiant de la structure n'est pas un Struct_IdNat.",
        "The structure's identifier is no Struct_IdNat.";
    UnknownHolder, "unknown_holder", "DMP §1.3; ITI TF-2 3.41.4.1.3.1", "Aucun espace n'existe pour cet INS : vérifiez-le par TD0.2 avant d'alimenter ou de lire.",
        "No space exists for this INS: check by TD0.2 before feeding or reading.";
    SpaceNotOpen, "space_not_open", "R.1111-26, R.1111-27", "L'espace n'est pas encore ouvert : son titulaire peut encore s'y opposer.",
        "The space is not open yet: its holder may still oppose.";
    SpaceClosed, "space_closed", "R.1111-34", "L'espace est clos ou son titulaire s'y est opposé : rien n'y entre ni n'en sort.",
        "The space is closed or its holder opposed it: nothing goes in or out.";
    PatientMismatch, "patient_mismatch", "DMP §1.9 resource-id; ITI TF-3 §4.2.3", "Le message porte sur un autre titulaire que le VIHF ou que le lot : un appel, un titulaire.",
        "The message bears on another holder than the VIHF or the set: one call, one holder.";
    NotAuthorised, "not_authorised", "R.1111-46; DMP §1.11", "Le titulaire n'a pas autorisé cet accès : recueillez son consentement et déclarez-le (TD0.3).",
        "The holder has not authorised this access: obtain consent and declare it (TD0.3).";
    Blocked, "blocked", "DMP §1.11 (INTERDITE)", "Le titulaire a bloqué ce professionnel : aucun accès, dans aucun mode.",
        "The holder has blocked this professional: no access, in any mode.";
    FunctionDenied, "function_denied", "PDT-INF-526/606", "Ce mode d'authentification n'ouvre pas cette fonction à cet acteur.",
        "This authentication mode does not open this function to this actor.";
    MatrixExcludes, "matrix_excludes", "arrêté du 26/10/2023, matrice d'habilitation", "La matrice d'habilitation n'ouvre pas ce type de document à cette profession.",
        "The access matrix does not open this kind of document to this profession.";
    ProfessionExcluded, "profession_excluded", "arrêté du 26/10/2023, matrice d'habilitation", "Cette profession n'a aucune colonne dans la matrice d'habilitation.",
        "This profession has no column in the access matrix.";
    Masked, "masked", "R.1111-49", "Le titulaire a masqué ce document aux professionnels.",
        "The holder has masked this document to professionals.";
    EmergencyOpposed, "emergency_opposed", "R.1111-48", "Le titulaire s'est opposé à cet accès d'urgence.",
        "The holder has opposed this emergency access.";
    ReasonRequired, "reason_required", "R.1111-48", "Le bris de glace demande un motif : ajoutez-le au VIHF.",
        "Break-glass needs a reason: add it to the VIHF.";
    NotAuthor, "not_author", "PDT-INF-526 (6)(8)(9)", "Seul l'auteur du document, ou sa structure en mode indirect, peut faire cela.",
        "Only the document's author, or its structure in indirect mode, may do that.";
    DocumentDeleted, "document_deleted", "R.1111-51", "Ce document a été supprimé.",
        "This document has been deleted.";
    SecretVisibility, "secret_visibility", "EX_2.1-1050", "En connexion secrète, seuls des documents INVISIBLE_REPRESENTANTS_LEGAUX peuvent être déposés.",
        "In a secret connection only documents INVISIBLE_REPRESENTANTS_LEGAUX may be deposited.";
    ContentInvalid, "content_invalid", "CI-SIS Structuration minimale; mappings/cda-header.tsv", "L'en-tête CDA du document enfreint une règle : corrigez le document à l'endroit indiqué.",
        "The document's CDA header breaks a rule: mend the document at the place shown.";
    SetSignatureMissing, "set_signature_missing", "DMP TD2.1; xades.required", "Le lot n'est pas signé : joignez la signature XAdES du lot et son association signs.",
        "The set is not signed: send the XAdES signature of the set and its association signs.";
    SetSignatureMalformed, "set_signature_malformed", "DMP TD2.1; XML-DSig 1.1; XAdES §7.2.2", "La signature du lot n'a pas la forme attendue : corrigez l'élément indiqué.",
        "The signature of the set has not the expected shape: mend the element shown.";
    SetSignatureInvalid, "set_signature_invalid", "XML-DSig 1.1 §3.2", "La signature du lot ne correspond pas à ce qui est envoyé : signez les documents tels que vous les envoyez.",
        "The signature of the set does not match what is sent: sign the documents as you send them.";
    SetSignatureIncomplete, "set_signature_incomplete", "DMP TD2.1 (IHEManifest)", "Le manifeste de la signature ne désigne pas le lot et chacun de ses documents, une fois chacun.",
        "The signature's manifest does not name the set and each of its documents, once each.";
    SetSignatureSigner, "set_signature_signer", "DMP TD2.1; IGC-Santé; RFC 5280 §6", "Le signataire du lot n'est pas reconnu, ou n'est pas l'émetteur : signez avec la carte ou le cachet de l'appel.",
        "The signer of the set is not trusted, or is not the sender: sign with the card or seal of the call.";
    SetSignatureUnexamined, "set_signature_unexamined", "XML-DSig 1.1 §4.4.3.4", "Un document est trop grand pour que sa forme canonique soit vérifiée : signez-le tel qu'il est envoyé, sans transformation.",
        "A document is too large for its canonical form to be verified: sign it as it is sent, without a transform.";
    EmptySubmission, "empty_submission", "ITI TF-2 3.41.4.1.2", "Le lot ne contient aucun document.",
        "The set holds no document.";
    MetadataMissing, "metadata_missing", "ITI TF-3 §4.2.3; CI-SIS Partage", "Une métadonnée obligatoire est absente : ajoutez-la.",
        "A mandatory metadata attribute is absent: add it.";
    MetadataInvalid, "metadata_invalid", "ITI TF-3 §4.2.3; CI-SIS Partage", "Une métadonnée n'a pas la forme attendue : corrigez-la.",
        "A metadata attribute has not the expected shape: mend it.";
    MetadataRepeated, "metadata_repeated", "ITI TF-3 §4.2.3.2, §4.2.3.3 (une seule valeur)", "Cet attribut n'admet qu'une valeur, un seul classement ou un seul identifiant : n'en gardez qu'un.",
        "This attribute takes one value, one classification or one identifier: keep one.";
    MetadataObject, "metadata_object", "ITI TF-3 §4.2.1; §4.2.3.2.17", "Cet objet n'a pas sa place dans un lot, ou son objectType n'est celui d'aucune fiche : retirez-le ou corrigez objectType.",
        "This object has no place in a submission, or its objectType is that of no entry: remove it or mend objectType.";
    MetadataParent, "metadata_parent", "ebRIM 3.0 §4.2.2, §2.11.3; ITI TF-3 §4.2.3.1", "Ce classement ou cet identifiant désigne un autre objet que celui qui le contient : reprenez l'id de l'objet.",
        "This classification or identifier names another object than the one it stands in: take that object's id.";
    OneSubmissionSet, "one_submission_set", "ITI TF-3 §4.2.1.1; ITI TF-2 §3.42.4.1.2", "Un envoi porte un lot de soumission et un seul : un RegistryPackage classé SubmissionSet.",
        "A submission has one submission set and one only: one RegistryPackage classified as SubmissionSet.";
    NotInSet, "not_in_set", "ITI TF-3 §4.2.2.1", "Cet objet n'est rattaché au lot par aucune association HasMember : ajoutez-la.",
        "No HasMember association puts this object into the set: add it.";
    SubmissionSetStatus, "submission_set_status", "ITI TF-3 §4.2.2.1.1", "SubmissionSetStatus vaut Original pour une fiche de l'envoi, Reference pour une fiche déjà enregistrée.",
        "SubmissionSetStatus is Original for an entry of the submission, Reference for one registered before.";
    AssociationType, "association_type", "ITI TF-3 §4.2.2", "Ce type d'association n'est pas de cette transaction : employez une URN de ITI TF-3 Table 4.2.2-1.",
        "This type of association is none of this transaction's: use a URN of ITI TF-3 Table 4.2.2-1.";
    MetadataUuid, "metadata_uuid", "ITI TF-3 §4.2.3.2.10, Table 4.2.3.1.7-2 (UUID)", "entryUUID est une URN urn:uuid: bien formée, ou un nom symbolique qui ne commence pas par urn:uuid:.",
        "entryUUID is a well-formed urn:uuid: URN, or a symbolic name that does not begin with urn:uuid:.";
    MetadataOid, "metadata_oid", "ITI TF-3 Table 4.2.3.1.7-2 (OID)", "Cet attribut est un OID : chiffres et points, 64 caractères au plus.",
        "This attribute is an OID: digits and dots, 64 characters at most.";
    MetadataCommunity, "metadata_community", "ITI TF-3 §4.2.3.2.12", "homeCommunityId est un OID en URN : urn:oid: suivi de l'OID.",
        "homeCommunityId is an OID as URN: urn:oid: and the OID.";
    MetadataTime, "metadata_time", "ITI TF-3 Table 4.2.3.1.7-2 (DTM)", "Cette date n'est pas un DTM : AAAA[MM[JJ[hh[mm[ss]]]]], en UTC, sans fuseau.",
        "This date is no DTM: YYYY[MM[DD[hh[mm[ss]]]]], in UTC, without zone.";
    MetadataPeriod, "metadata_period", "ITI TF-3 §4.2.3.2.20", "serviceStopTime précède serviceStartTime : corrigez l'un des deux.",
        "serviceStopTime comes before serviceStartTime: mend one of them.";
    MetadataCode, "metadata_code", "ITI TF-3 §4.2.3.1.2", "Un code est incomplet : nodeRepresentation et un slot codingScheme d'une valeur.",
        "A code is incomplete: nodeRepresentation and a slot codingScheme of one value.";
    MetadataPatientId, "metadata_patient_id", "ITI TF-3 Table 4.2.3.1.7-2 (CX)", "Cet identifiant n'est pas un CX : id^^^&OID&ISO.",
        "This identifier is no CX: id^^^&OID&ISO.";
    MetadataReferenceId, "metadata_reference_id", "ITI TF-3 §4.2.3.2.28, Table 4.2.3.1.7-2 (CXi)", "Cette référence n'est pas un CXi : id^^^&OID&ISO^type.",
        "This reference is no CXi: id^^^&OID&ISO^type.";
    MetadataPatientInfo, "metadata_patient_info", "ITI TF-3 §4.2.3.2.23", "sourcePatientInfo a des valeurs PID-n|…, sans PID-2, 4, 12 ni 19 ; PID-7 est une date, PID-8 un sexe de la table 0001 (ou I).",
        "sourcePatientInfo has values PID-n|…, without PID-2, 4, 12 or 19; PID-7 is a date, PID-8 a sex of table 0001 (or I).";
    MetadataPerson, "metadata_person", "ITI TF-3 Table 4.2.3.1.7-2 (XCN)", "Cette personne n'est pas un XCN : un identifiant ou un nom, l'autorité en &OID&ISO au neuvième composant.",
        "This person is no XCN: an identifier or a name, the authority as &OID&ISO in the ninth component.";
    MetadataOrganization, "metadata_organization", "ITI TF-3 Table 4.2.3.1.7-2 (XON)", "Cette organisation n'est pas un XON : un nom, l'autorité en &OID&ISO au sixième composant quand l'identifiant n'est pas un OID.",
        "This organisation is no XON: a name, the authority as &OID&ISO in the sixth component when the identifier is no OID.";
    MetadataRecipient, "metadata_recipient", "ITI TF-3 §4.2.3.3.7", "Ce destinataire n'est pas XON|XCN|XTN : une organisation, une personne ou une adresse.",
        "This recipient is not XON|XCN|XTN: an organisation, a person or an address.";
    MetadataLanguage, "metadata_language", "ITI TF-3 §4.2.3.2.13; RFC 5646", "languageCode n'est pas une étiquette de langue : fr-FR par exemple.",
        "languageCode is no language tag: fr-FR for one.";
    MetadataMediaType, "metadata_media_type", "ITI TF-3 §4.2.3.2.15; RFC 2045 §5.1", "mimeType n'est pas un type de média : text/xml par exemple.",
        "mimeType is no media type: text/xml for one.";
    MetadataHash, "metadata_hash", "ITI TF-3 §4.2.3.2.11", "hash est l'empreinte SHA-1 du document : 40 chiffres hexadécimaux.",
        "hash is the document's SHA-1: 40 hexadecimal digits.";
    MetadataSize, "metadata_size", "ITI TF-3 §4.2.3.2.24", "size est le nombre d'octets du document, en chiffres.",
        "size is the document's number of bytes, in digits.";
    MetadataTitle, "metadata_title", "CI-SIS Partage; ITI TF-3 §4.2.3.2.25", "title a 128 caractères au plus : raccourcissez-le.",
        "title has at most 128 characters: shorten it.";
    MetadataAvailability, "metadata_availability", "ITI TF-3 §4.2.3.2.9", "documentAvailability vaut urn:ihe:iti:2010:DocumentAvailability:Online ou Offline.",
        "documentAvailability is urn:ihe:iti:2010:DocumentAvailability:Online or Offline.";
    UniqueIdInvalid, "unique_id_invalid", "CI-SIS Structuration minimale §3.5.5.4", "uniqueId doit être un OID nu de 64 caractères au plus.",
        "uniqueId must be a bare OID of at most 64 characters.";
    UnknownDocumentType, "unknown_document_type", "ANS JDV_J07/J66", "Ce type de document n'existe pas dans le jeu de valeurs : employez un code en vigueur.",
        "This kind of document is not in the value set: use a code in force.";
    WithdrawnDocumentType, "withdrawn_document_type", "ANS JDV_J07/J66", "Ce type de document est retiré : il se lit encore mais ne se dépose plus.",
        "This kind of document is withdrawn: it may be read, no longer deposited.";
    CodeUnknown, "code_unknown", "ANS jeux de valeurs J02, J04, J06, J08, J10, J59", "Ce code n'est pas dans le jeu de valeurs de l'attribut.",
        "This code is not in the attribute's value set.";
    ClassMismatch, "class_mismatch", "ANS ASS_X04/ASS_X16", "classCode n'est pas la classe de ce typeCode.",
        "classCode is not the class of this typeCode.";
    VisibilityConflict, "visibility_conflict", "EX_2.1-1050 (cumul-invisible_patient-masque_ps)", "Un document ne peut être à la fois masqué aux professionnels et invisible au patient.",
        "A document cannot be both masked to professionals and hidden from the holder.";
    DuplicateUniqueIdInMessage, "duplicate_unique_id_in_message", "ITI TF-3 Table 4.2.4.1-2", "Deux objets du lot portent le même uniqueId.",
        "Two objects of the set carry the same uniqueId.";
    DuplicateUniqueId, "duplicate_unique_id", "ITI TF-3 Table 4.2.4.1-2", "Cet uniqueId est déjà pris par un autre objet : donnez-en un nouveau.",
        "This uniqueId is already taken by another object: give a new one.";
    NonIdenticalHash, "non_identical_hash", "ITI TF-3 Table 4.2.4.1-2", "Un document au même uniqueId existe avec un autre contenu.",
        "A document with the same uniqueId exists with other content.";
    NonIdenticalSize, "non_identical_size", "ITI TF-3 Table 4.2.4.1-2", "La taille annoncée n'est pas celle du document reçu.",
        "The size announced is not that of the document received.";
    MissingDocument, "missing_document", "ITI TF-3 Table 4.2.4.1-2", "Une fiche n'a pas de document joint.",
        "An entry has no document attached.";
    MissingDocumentMetadata, "missing_document_metadata", "ITI TF-3 Table 4.2.4.1-2", "Un document joint n'a pas de fiche.",
        "An attached document has no entry.";
    UnknownAssociationTarget, "unknown_association_target", "ITI TF-3 §4.2.2", "L'association vise un objet inconnu : cherchez d'abord son identifiant technique (TD3.1).",
        "The association points at an unknown object: look up its technical id first (TD3.1).";
    ReplacedNotApproved, "replaced_not_approved", "ITI TF-3 §4.2.2.2", "Le document à remplacer n'est pas la version courante.",
        "The document to replace is not the current version.";
    MetadataVersion, "metadata_version", "ITI TF-3 Table 4.2.4.1-2 (XDSMetadataVersionError)", "La version annoncée (PreviousVersion) n'est pas la version courante de la fiche : relisez-la, puis refaites la modification.",
        "The version announced (PreviousVersion) is not the entry's current one: read it again, then make the change anew.";
    MetadataIdentifier, "metadata_identifier", "ITI TF-3 Table 4.2.4.1-2 (XDSMetadataIdentifierError)", "Aucun objet modifiable ne porte cet identifiant logique (lid) : cherchez-le par TD3.1.",
        "No object that may be changed bears this logical identifier (lid): look it up by TD3.1.";
    MetadataOperation, "metadata_operation", "ITI TF-2 §3.57.4.1.3.3 (XDSMetadataUpdateOperationError)", "Cette modification n'est aucune des opérations de la transaction : vérifiez le type d'association et ses slots.",
        "This change is none of the transaction's operations: check the association type and its slots.";
    MetadataUpdate, "metadata_update", "ITI TF-2 §3.57.4.1.3.3 (XDSMetadataUpdateError)", "L'objet n'est pas dans l'état annoncé (OriginalStatus) : relisez-le, puis refaites la modification.",
        "The object is not in the state announced (OriginalStatus): read it again, then make the change anew.";
    UnmodifiableMetadata, "unmodifiable_metadata", "ITI TF-2 §3.57.4.1.3.3.1, §3.92 (UnmodifiableMetadataError)", "Cette métadonnée ne se modifie pas, ou seul l'auteur la modifie : reprenez la valeur enregistrée.",
        "This attribute cannot be changed, or only by the author: keep the registered value.";
    ReferencesExist, "references_exist", "ebRS 3.0 §5.7 (ReferencesExistException); ITI TF-2 §3.62", "D'autres objets désignent celui-ci : retirez-les dans la même demande.",
        "Other objects refer to this one: remove them in the same request.";
    UnknownCommunity, "unknown_community", "ITI TF-3 Table 4.2.4.1-2 (XDSUnknownCommunity)", "Ce homeCommunityId n'est celui d'aucune communauté connue d'ici.",
        "This homeCommunityId is that of no community known here.";
    MissingCommunity, "missing_community", "ITI TF-3 Table 4.2.4.1-2 (XDSMissingHomeCommunityId)", "homeCommunityId est obligatoire pour cette requête : reprenez celui de la première réponse.",
        "homeCommunityId is mandatory for this query: take the one of the first answer.";
    UnavailableCommunity, "unavailable_community", "ITI TF-3 Table 4.2.4.1-2 (XDSUnavailableCommunity)", "Une communauté n'a pas répondu à temps : sa part manque à la réponse, réessayez plus tard.",
        "A community has not answered in time: its part is missing from the answer, try again later.";
    AttachedRecord, "attached_record", "DMP §1.1 (TD1.1 à TD1.5); R.1111-26", "Ce dossier relève de Mon espace santé : sa création, sa fermeture et son identité ne se gèrent plus par cette transaction.",
        "This record belongs to Mon espace santé: its creation, closing and identity are no longer managed by this transaction.";
    LocalIdInvalid, "local_id_invalid", "ITI TF-2 §3.44; HL7 CX", "Ce numéro local n'a pas sa forme : un OID de domaine et un numéro de 64 caractères au plus, sans séparateur HL7.",
        "This local number has not its shape: a domain's OID and a number of at most 64 characters, without HL7 separators.";
    UnknownDomain, "unknown_domain", "ITI TF-2 §3.44, §3.45.4.2.3; PIXm §2:3.83.4.2.2", "Ce domaine d'identification n'est pas connu d'ici : déclarez-le (identity.domains) ou vérifiez son OID.",
        "This domain of identifiers is not known here: declare it (identity.domains) or check its OID.";
    UnknownTargetDomain, "unknown_target_domain", "ITI TF-2 §3.45.4.2.3; PIXm §2:3.83.4.2.2", "Aucun identifiant de ce domaine ne vous est communicable : demandez un registre INS, votre domaine ou un domaine partagé.",
        "No identifier of this domain may be told to you: ask for a register of the INS, your domain or a shared one.";
    ForeignDomain, "foreign_domain", "ITI TF-1 §5; identity.domains", "Ce domaine d'identification est celui d'une autre structure : elle seule l'alimente et l'interroge par ses numéros.",
        "This domain of identifiers is another structure's: it alone feeds it and asks by its numbers.";
    UnknownIdentifier, "unknown_identifier", "ITI TF-2 §3.45.4.2.3; PIXm §2:3.83.4.2.2", "Ce numéro n'est rattaché à personne dans ce domaine : alimentez-le d'abord (ITI-44, ITI-104).",
        "This number is linked to nobody in this domain: feed it first (ITI-44, ITI-104).";
    IdentifierTaken, "identifier_taken", "ITI TF-2 §3.44.4.1.3", "Ce numéro est déjà rattaché à une autre identité : révisez-le, ou fusionnez les deux.",
        "This number is already linked to another identity: revise it, or merge the two.";
    InsMissing, "ins_missing", "RNIV; CSP L.1111-8-1", "Le message ne porte pas d'INS : un numéro local n'est conservé que rattaché à une INS qualifiée.",
        "The message bears no INS: a local number is kept only when linked to a qualified INS.";
    IdentityMismatch, "identity_mismatch", "RNIV (traits stricts)", "Les traits stricts manquent ou ne sont pas ceux de cette INS : vérifiez l'identité avant de rattacher ou de fusionner.",
        "The strict traits are missing or are not those of this INS: check the identity before linking or merging.";
    MergeRefused, "merge_refused", "ITI TF-2 §3.44.4.1.3 (Resolve Duplicates); RNIV", "Ces deux espaces ne peuvent être fusionnés ou liés ainsi : deux espaces distincts et ouverts, le matricule définitif subsiste.",
        "These two spaces cannot be merged or linked so: two distinct open spaces, the definitive number survives.";
    UnknownDocument, "unknown_document", "ITI TF-3 Table 4.2.4.1-2", "Aucun document consultable ne porte cet identifiant.",
        "No document that may be consulted bears this identifier.";
    UnknownSubscription, "unknown_subscription", "ITI TF-2 §3.52; WS-BaseNotification 1.3 §6.1", "Aucun abonnement de votre fait n'est en cours sous cette adresse.",
        "No subscription of yours is running under this address.";
    ConsumerRefused, "consumer_refused", "ITI TF-2 §3.52; dsub.consumers", "Les notifications ne peuvent être envoyées à cette adresse : faites-la admettre par l'exploitant.",
        "Notifications cannot be sent to this address: have the operator admit it.";
    UnknownRepository, "unknown_repository", "ITI TF-3 Table 4.2.4.1-2", "Cet entrepôt n'est pas celui-ci : reprenez repositoryUniqueId de la fiche.",
        "This repository is not that one: take repositoryUniqueId from the entry.";
    UnknownStoredQuery, "unknown_stored_query", "ITI TF-2 3.18.4.1.2.3.7", "Cette requête enregistrée n'est pas servie.",
        "This stored query is not served.";
    QueryParameterMissing, "query_parameter_missing", "ITI TF-2 3.18.4.1.2.3.7", "Un paramètre obligatoire de la requête est absent : ajoutez-le.",
        "A mandatory parameter of the query is absent: add it.";
    QueryParameterInvalid, "query_parameter_invalid", "ITI TF-2 3.18.4.1.2.3.5; FHIR R4 search", "Un paramètre de la requête n'est pas de sa forme.",
        "A parameter of the query has not its shape.";
    QueryParameterUnknown, "query_parameter_unknown", "FHIR R4 search §3.1.1.7; ITI TF-2 3.18", "Ce paramètre n'est pas servi : retirez-le, il n'est pas ignoré en silence.",
        "This parameter is not served: remove it, it is not silently ignored.";
    UnknownQuery, "unknown_query", "ITI TF-2 §3.47.4.3", "Aucune réponse de votre fait n'attend sa suite sous ce queryId : refaites la recherche.",
        "No answer of yours waits to be continued under this queryId: search anew.";
    TooManyResults, "too_many_results", "limits.results", "La réponse serait trop longue : restreignez la recherche.",
        "The answer would be too long: narrow the search.";
    Busy, "busy", "RFC 9110 §15.6.4", "Le service est saturé : réessayez dans un instant, l'appel n'a rien changé.",
        "The service is saturated: try again in a moment, the call changed nothing.";
    StorageFull, "storage_full", "RFC 9110 §15.6.4", "Le stockage est plein : rien n'a été enregistré, la lecture reste possible ; réessayez plus tard.",
        "Storage is full: nothing was stored, reading goes on; try again later.";
    BrickReserved, "brick_reserved", "AIPD VIII.3.d (R130); mappings/brick-rights.tsv", "Ces données sont réservées au titulaire : un professionnel lit la synthèse versée aux documents, ou les consulte avec lui.",
        "These data are the holder's own: a professional reads the synthesis among the documents, or looks at them with the holder.";
    UnknownDatum, "unknown_datum", "FHIR R4 http §3.1.0.1.5", "Aucune donnée de cet espace n'a cet identifiant : vérifiez-le, ou recherchez la donnée.",
        "No datum of this space has this identifier: check it, or search for the datum.";
    DatumRemoved, "datum_removed", "FHIR R4 http §3.1.0.1.5 (410)", "Cette donnée a été supprimée : il n'en reste que la trace.",
        "This datum was removed: only the trace of it is left.";
    DatumChanged, "datum_changed", "FHIR R4 http §3.1.0.1.8 (If-Match)", "La donnée a changé depuis la version annoncée : relisez-la puis refaites la modification.",
        "The datum changed since the version announced: read it again, then make the change anew.";
    PreconditionInvalid, "precondition_invalid", "RFC 9110 §13.1; FHIR R4 http §3.1.0.1.8", "Une condition de l'en-tête ne se lit pas : écrivez W/\"version\", * ou une liste de versions.",
        "A condition of the header cannot be read: write W/\"version\", * or a list of versions.";
    IdMismatch, "id_mismatch", "FHIR R4 http §3.1.0.1.7", "L'identifiant ou le type de la ressource n'est pas celui de l'adresse : mettez-les en accord.",
        "The id or type of the resource is not that of the address: make them agree.";
    BundleContent, "bundle_content", "API Mesures 1.5.2", "Le lot doit contenir une création (POST) d'Observation et au plus une de Device.",
        "Bundle must contains one observation creation (POST), and at most one of a Device.";
    BundleMissing, "bundle_missing", "API Mesures 1.5.2", "Aucun lot (Bundle) n'est fourni : envoyez un Bundle de type transaction.",
        "No bundle provided: send a Bundle of type transaction.";
    BundleMethod, "bundle_method", "API Mesures 1.5.2", "Une entrée du lot porte une ressource ou une méthode qui n'y est pas admise.",
        "Resource of an entry is not acceptable with its method.";
    ProfileMissing, "profile_missing", "API Mesures 1.5.2", "meta.profile est obligatoire : nommez le profil de la ressource.",
        "The resource must provide meta.profile value.";
    ProfileUnknown, "profile_unknown", "API Mesures 1.5.2; CapabilityStatement.supportedProfile", "Aucun profil annoncé n'est servi pour ce code : prenez-en un dans metadata.",
        "No profile claimed is served for this code: take one from metadata.";
    SubjectMissing, "subject_missing", "API Mesures 1.5.2", "Le sujet est obligatoire : subject.identifier, ou une référence au titulaire.",
        "Observation.subject.identifier is mandatory, or a reference to the holder.";
    MeasureUnknown, "measure_unknown", "R.1111-27 3° a; mappings/measures.tsv", "Ce code n'est pas celui d'une mesure de l'espace : prenez-en un dans la table des mesures.",
        "This is no code of a measure of the space: take one from the table of measures.";
    MeasureCalculated, "measure_calculated", "API Mesures 1.5.2; AIPD VIII.3.b (R146)", "L'IMC est toujours calculé à partir du poids et de la taille : envoyez ceux-ci.",
        "Bmi observation cannot be created: it is calculated from weight and height, send those.";
    MeasureValueMissing, "measure_value_missing", "API Mesures 1.5.2", "La valeur de la mesure, ou d'une de ses composantes, manque ou se répète.",
        "Observation value quantity not provided, or given twice.";
    MeasureUnit, "measure_unit", "ans.fhir.fr.mesures 3.1.1 (UCUM)", "L'unité n'est pas celle de cette mesure : employez le code UCUM indiqué.",
        "The unit is not this measure's: use the UCUM code shown.";
    MeasureRange, "measure_range", "mappings/measures.tsv", "La valeur sort des limites de cette mesure, ou a trop de décimales.",
        "The value is outside this measure's limits, or has too many decimals.";
    MeasurePressure, "measure_pressure", "R152", "La pression systolique doit dépasser la diastolique : vérifiez l'ordre des deux.",
        "Systolic pressure must exceed diastolic: check the order of the two.";
    MeasureDate, "measure_date", "R152", "La date de la mesure est absente, à venir ou antérieure à la naissance.",
        "The date of the measure is absent, to come, or before birth.";
    MeasureComment, "measure_comment", "R153; longest comment of the holder's application", "Le commentaire est trop long : abrégez-le.",
        "The comment is too long: shorten it.";
    MomentMissing, "moment_missing", "API Mesures 1.5.2", "Le moment de la mesure est obligatoire pour ce type de glycémie.",
        "Observation.extension.moment is mandatory.";
    MomentForbidden, "moment_forbidden", "API Mesures 1.5.2", "Le moment de la mesure n'est pas admis pour ce type de glycémie.",
        "Observation.extension.moment cannot be added.";
    DaysMissing, "days_missing", "API Mesures 1.5.2", "Le nombre de jours est obligatoire pour ce type de glycémie.",
        "Observation.extension.numberOfDays is mandatory.";
    DaysForbidden, "days_forbidden", "API Mesures 1.5.2", "Le nombre de jours n'est pas admis pour ce type de glycémie.",
        "Observation.extension.numberOfDays cannot be added.";
    DeviceReference, "device_reference", "API Mesures 1.5.2", "Un Device accompagne la mesure : Observation.device.reference est obligatoire et doit le désigner.",
        "Observation.device.reference is mandatory, and observation and device are linked by id (Observation.device.reference <-> Device.id).";
    DeviceKey, "device_key", "API Mesures 1.5.2", "La création du Device doit être conditionnelle : ifNoneExist = identifier=urn:oid:OID|NUMÉRO, celui du Device.",
        "Device request must have a valid IfNoneExist attribute : identifier=urn:oid:<OID>|<DEVICE ID>, the Device's own.";
    SearchMode, "search_mode", "API Mesures 1.5.2", "La recherche doit donner soit deux bornes de date, soit _sort=-date et _count=1.",
        "No search mode detected: give both bounds of date, or _sort=-date with _count=1.";
    PageTooLarge, "page_too_large", "API Mesures 1.5.2; limits.page_max", "La page demandée est trop grande : demandez-en moins à la fois.",
        "Maximum page size allowed is exceeded: ask for fewer at a time.";
    EvidenceUnavailable, "evidence_unavailable", "evidence.stamp_grace_s", "L'horodatage de la trace n'est plus assuré : aucun acte n'est servi avant le retour de l'autorité d'horodatage.",
        "The trace is no longer time-stamped: no act is served before the time-stamping authority is back.";
    DocumentDamaged, "document_damaged", "SHA-256 of the deposit", "Les octets conservés de ce document sont endommagés : l'exploitant en est averti ; les autres documents restent lisibles.",
        "The bytes kept of this document are damaged: the operator is told; other documents can be read.";
    Internal, "internal", "—", "Une erreur interne a empêché la réponse : rien n'a été enregistré, réessayez puis signalez-la.",
        "An internal error prevented the answer: nothing was stored, try again, then report it.";
}

/// A cause, and where in the message it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub cause: Cause,
    /// Where: an XPath, a FHIRPath, a part's Content-ID. Never a value.
    pub place: Option<String>,
    /// What exactly, when it says nothing of a person: the name of an attribute, a code, a limit.
    pub subject: Option<String>,
}

impl Refusal {
    /// A refusal without place.
    #[must_use]
    pub const fn new(cause: Cause) -> Self {
        Self { cause, place: None, subject: None }
    }

    /// The same, at a place.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// The same, about a thing that says nothing of a person.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// The same, at a place unless it already has one.
    #[must_use]
    pub fn or_at(mut self, place: impl FnOnce() -> String) -> Self {
        if self.place.is_none() {
            self.place = Some(place());
        }
        self
    }
}

impl From<Cause> for Refusal {
    fn from(cause: Cause) -> Self {
        Self::new(cause)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.cause.code())?;
        if let Some(subject) = &self.subject {
            write!(f, " [{subject}]")?;
        }
        if let Some(place) = &self.place {
            write!(f, " at {place}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Cause;

    #[test]
    fn every_cause_has_its_own_code_a_rule_and_advice_in_both_languages() {
        let codes: HashSet<_> = Cause::ALL.iter().map(|c| c.code()).collect();
        assert_eq!(codes.len(), Cause::ALL.len(), "two causes share a code");
        for cause in Cause::ALL {
            assert!(cause.code().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'));
            assert!(!cause.rule().is_empty() && cause.advice_fr().len() > 10 && cause.advice_en().len() > 10);
        }
    }

    /// `docs/errors.md` is written from the catalogue: `UPDATE_DOCS=1 cargo test -p space` writes it anew.
    #[test]
    fn the_page_of_errors_is_the_catalogue() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
        let mut page = String::from(
            "# Causes of refusal\n\n\
             Every refusal, on every face, carries one of these codes, the place in the message (XPath, FHIRPath or \
             part), the rule behind it,\nand a sentence in French and English. By SOAP: `codeContext` and `location` \
             of a `RegistryError`, or subcode and detail of a\nfault; by FHIR: `issue.details`, `expression` and \
             `diagnostics` of an `OperationOutcome`. Codes never change meaning.\n\n\
             | code | rule | français | English |\n|---|---|---|---|\n",
        );
        for cause in Cause::ALL {
            let row = [cause.code(), cause.rule(), cause.advice_fr(), cause.advice_en()];
            page.push_str(&format!("| `{}` | {} | {} | {} |\n", row[0], row[1], row[2], row[3]));
        }
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &page).expect("the page is written");
        }
        assert_eq!(std::fs::read_to_string(path).expect("docs/errors.md"), page);
    }
}
