//! Reads the claims of a verified assertion (reference §1.9).
//!
//! Looks at direct children only, at each of them once: what is missing, doubled or unknown is refused with its place.

use ambient::Timestamp;
use space::{AuthMode, Cause, Ins, ProfessionalId, Refusal, Software, StructureId};
use uppsala::{Document, NodeId};

use super::{HL7, PLACES, SAML, VihfPolicy, attribute as name};
use crate::{
    claims::{
        Claims, CodedRole, LONGEST_REASON, PURPOSE_SYSTEM, PURPOSE_SYSTEM_NEW, SECTOR_SYSTEM, holder_of, is_role,
        purpose_of,
    },
    xmldsig::plain_text,
};

const STATEMENT: &str = "/Assertion/AttributeStatement";
const CONTEXT: &str = "/Assertion/AuthnStatement/AuthnContext";

/// Place of an attribute.
fn place(attribute: &str) -> String {
    format!("{STATEMENT}/Attribute[@Name='{attribute}']")
}

fn malformed(at: impl Into<String>) -> Refusal {
    Refusal::new(Cause::AssertionMalformed).at(at)
}

/// The claims of the assertion at `root`.
pub(super) fn claims(doc: &Document<'_>, root: NodeId, policy: &VihfPolicy) -> Result<Claims, Refusal> {
    let tree = Tree { doc };
    if tree.attribute(root, "Version") != Some("2.0") {
        return Err(malformed("/Assertion/@Version"));
    }
    let parts = tree.parts(root)?;
    let statement = Statement::read(&tree, parts.statement)?;
    statement.one_of(name::VERSION, &["3.0", "4.0"])?;
    statement.one_of(name::RESOURCE_URN, &["urn:dmp"])?;
    // Known by nobody here, and still one at most (reference §1.9).
    statement.text(name::SOFTWARE_ID)?;
    let mode = statement.mode()?;
    if mode == AuthMode::IndirecteRenforcee && policy.air_declares && !parts.declares {
        return Err(Refusal::new(Cause::ClaimMissing).at(format!("{CONTEXT}/AuthnContextDecl")));
    }
    let (not_before, not_after) = tree.conditions(parts.conditions)?;
    Ok(Claims {
        issuer: tree.issuer(parts.issuer)?,
        subject: tree.subject(parts.subject)?,
        name: statement.text(name::SUBJECT_NAME)?.filter(|n| !n.is_empty()),
        mode,
        structure: {
            let text = statement.required(name::STRUCTURE)?;
            StructureId::parse(&text).map_err(|r| r.at(place(name::STRUCTURE)))?
        },
        sector: statement.sector(policy)?,
        roles: statement.roles()?,
        patient: statement.patient(policy)?,
        purpose: statement.purpose(policy)?,
        software: Software {
            name: statement.required(name::SOFTWARE_NAME)?,
            version: statement.required(name::SOFTWARE_VERSION)?,
        },
        homologation: statement.required(name::HOMOLOGATION)?,
        secret: statement.secret()?,
        issued: tree.instant(root, "IssueInstant", PLACES.issued)?.ok_or_else(|| malformed(PLACES.issued))?,
        not_before,
        not_after,
    })
}

struct Parts {
    issuer: NodeId,
    subject: NodeId,
    conditions: Option<NodeId>,
    statement: NodeId,
    /// Whether the context of authentication is declared besides its class.
    declares: bool,
}

struct Tree<'d, 'x> {
    doc: &'d Document<'x>,
}

impl<'d> Tree<'d, '_> {
    fn elements(&self, node: NodeId) -> Vec<NodeId> {
        self.doc.children_iter(node).filter(|n| self.doc.element(*n).is_some()).collect()
    }

    fn attribute(&self, node: NodeId, wanted: &str) -> Option<&'d str> {
        let element = self.doc.element(node)?;
        let found = element.attributes.iter().find(|a| a.name.namespace_uri.is_none() && a.name.local_name == wanted);
        found.map(|a| a.value.as_ref())
    }

    /// Name of an element of SAML; nothing for another.
    fn saml(&self, node: NodeId) -> &'d str {
        match self.doc.element(node) {
            Some(e) if e.name.namespace_uri.as_deref() == Some(SAML) => &e.name.local_name,
            _ => "",
        }
    }

    fn instant(&self, node: NodeId, wanted: &str, at: &str) -> Result<Option<Timestamp>, Refusal> {
        let parse = |text: &str| trimmed(text).parse::<Timestamp>().map_err(|_| malformed(at));
        self.attribute(node, wanted).map(parse).transpose()
    }

    /// The assertion's children: each at most once, none that is not known (Advice could hold another assertion).
    fn parts(&self, root: NodeId) -> Result<Parts, Refusal> {
        let (mut issuer, mut subject, mut conditions, mut authn, mut statement) = (None, None, None, None, None);
        for child in self.elements(root) {
            let local = self.saml(child);
            let slot = match local {
                "Issuer" => &mut issuer,
                "Subject" => &mut subject,
                "Conditions" => &mut conditions,
                "AuthnStatement" => &mut authn,
                "AttributeStatement" => &mut statement,
                "" if self.doc.element(child).is_some_and(|e| e.name.local_name == "Signature") => continue,
                _ => return Err(malformed("/Assertion/*")),
            };
            if slot.replace(child).is_some() {
                return Err(malformed(format!("/Assertion/{local}[2]")));
            }
        }
        let missing = |local: &str| malformed(format!("/Assertion/{local}"));
        let declares = self.authn(authn.ok_or_else(|| missing("AuthnStatement"))?)?;
        Ok(Parts {
            declares,
            issuer: issuer.ok_or_else(|| missing("Issuer"))?,
            subject: subject.ok_or_else(|| missing("Subject"))?,
            conditions,
            statement: statement.ok_or_else(|| missing("AttributeStatement"))?,
        })
    }

    /// When and how the user logged in (SAML 2.0 core §2.7.2): one context, of one class of SAML's, with one declaration
    /// at most; nothing else but where he sat. Tells whether there is a declaration.
    fn authn(&self, node: NodeId) -> Result<bool, Refusal> {
        let at = "/Assertion/AuthnStatement/@AuthnInstant";
        self.instant(node, "AuthnInstant", at)?.ok_or_else(|| malformed(at))?;
        let (mut context, mut locality) = (None, None);
        for child in self.elements(node) {
            let slot = match self.saml(child) {
                "AuthnContext" => &mut context,
                "SubjectLocality" => &mut locality,
                _ => return Err(malformed("/Assertion/AuthnStatement/*")),
            };
            if slot.replace(child).is_some() {
                return Err(malformed("/Assertion/AuthnStatement/*[2]"));
            }
        }
        let (mut class, mut declaration) = (None, None);
        for child in self.elements(context.ok_or_else(|| malformed(CONTEXT))?) {
            let slot = match self.saml(child) {
                "AuthnContextClassRef" => &mut class,
                "AuthnContextDecl" | "AuthnContextDeclRef" => &mut declaration,
                "AuthenticatingAuthority" => continue,
                _ => return Err(malformed(format!("{CONTEXT}/*"))),
            };
            if slot.replace(child).is_some() {
                return Err(malformed(format!("{CONTEXT}/*[2]")));
            }
        }
        let at = format!("{CONTEXT}/AuthnContextClassRef");
        let class = class.and_then(|class| plain_text(self.doc, class)).ok_or_else(|| malformed(at.clone()))?;
        let known = trimmed(&class).strip_prefix("urn:oasis:names:tc:SAML:2.0:ac:classes:");
        if known.is_some_and(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric())) {
            Ok(declaration.is_some())
        } else {
            Err(Refusal::new(Cause::ClaimInvalid).at(at))
        }
    }

    fn issuer(&self, node: NodeId) -> Result<String, Refusal> {
        let formats = [
            "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName",
            // As one page of the ANS writes it (reference §1.9).
            "urn:oasis:names:tc:SAML:1.1:nameidformat:X509SubjectName",
        ];
        if !self.attribute(node, "Format").is_some_and(|f| formats.contains(&f)) {
            return Err(malformed("/Assertion/Issuer/@Format"));
        }
        plain_text(self.doc, node).ok_or_else(|| malformed(PLACES.issuer))
    }

    fn subject(&self, node: NodeId) -> Result<ProfessionalId, Refusal> {
        let names: Vec<NodeId> = self.elements(node).into_iter().filter(|n| self.saml(*n) == "NameID").collect();
        let [one] = names.as_slice() else { return Err(malformed(PLACES.subject)) };
        let text = plain_text(self.doc, *one).ok_or_else(|| malformed(PLACES.subject))?;
        ProfessionalId::parse(trimmed(&text)).map_err(|r| r.at(PLACES.subject))
    }

    /// A condition that is not understood makes an assertion invalid (SAML 2.0 core §2.5.1.1).
    fn conditions(&self, node: Option<NodeId>) -> Result<(Option<Timestamp>, Option<Timestamp>), Refusal> {
        let Some(node) = node else { return Ok((None, None)) };
        if !self.elements(node).is_empty() {
            return Err(malformed("/Assertion/Conditions/*"));
        }
        let before = self.instant(node, "NotBefore", PLACES.not_before)?;
        Ok((before, self.instant(node, "NotOnOrAfter", PLACES.not_after)?))
    }
}

/// The attributes, each name once.
struct Statement<'t, 'd, 'x> {
    tree: &'t Tree<'d, 'x>,
    attributes: Vec<(&'d str, Vec<NodeId>)>,
}

impl<'t, 'd, 'x> Statement<'t, 'd, 'x> {
    fn read(tree: &'t Tree<'d, 'x>, node: NodeId) -> Result<Self, Refusal> {
        let mut attributes: Vec<(&'d str, Vec<NodeId>)> = Vec::new();
        for child in tree.elements(node) {
            let named = if tree.saml(child) == "Attribute" { tree.attribute(child, "Name") } else { None };
            let named = named.ok_or_else(|| malformed(format!("{STATEMENT}/*")))?;
            // One claim, whichever of its two spellings.
            let named = if named == name::MODE_CAPITAL { name::MODE } else { named };
            if attributes.iter().any(|(n, _)| *n == named) {
                return Err(malformed(format!("{}[2]", known_place(named))));
            }
            let values = tree.elements(child);
            if values.is_empty() || values.iter().any(|v| tree.saml(*v) != "AttributeValue") {
                return Err(malformed(known_place(named)));
            }
            attributes.push((named, values));
        }
        Ok(Self { tree, attributes })
    }

    fn values(&self, wanted: &str) -> &[NodeId] {
        self.attributes.iter().find(|(n, _)| *n == wanted).map_or(&[], |(_, values)| values)
    }

    /// Text of an attribute of one value, without the white space of XML around it.
    fn text(&self, wanted: &str) -> Result<Option<String>, Refusal> {
        Ok(self.exact(wanted)?.map(|text| trimmed(&text).to_owned()))
    }

    /// The same, as it stands.
    fn exact(&self, wanted: &str) -> Result<Option<String>, Refusal> {
        match self.values(wanted) {
            [] => Ok(None),
            [one] => Ok(Some(plain_text(self.tree.doc, *one).ok_or_else(|| malformed(place(wanted)))?)),
            _ => Err(malformed(format!("{}/AttributeValue[2]", place(wanted)))),
        }
    }

    fn required(&self, wanted: &str) -> Result<String, Refusal> {
        let text = self.text(wanted)?.filter(|t| !t.is_empty());
        text.ok_or_else(|| Refusal::new(Cause::ClaimMissing).at(place(wanted)))
    }

    fn invalid(wanted: &str) -> Refusal {
        Refusal::new(Cause::ClaimInvalid).at(place(wanted))
    }

    fn one_of(&self, wanted: &str, admitted: &[&str]) -> Result<(), Refusal> {
        let text = self.required(wanted)?;
        if admitted.contains(&text.as_str()) { Ok(()) } else { Err(Self::invalid(wanted)) }
    }

    fn mode(&self) -> Result<AuthMode, Refusal> {
        AuthMode::from_vihf(&self.required(name::MODE)?).ok_or_else(|| Self::invalid(name::MODE))
    }

    fn sector(&self, policy: &VihfPolicy) -> Result<String, Refusal> {
        let text = self.required(name::SECTOR)?;
        match text.split_once('^') {
            Some((code, SECTOR_SYSTEM)) if policy.admits_sector(code) => Ok(code.to_owned()),
            _ => Err(Self::invalid(name::SECTOR)),
        }
    }

    /// Code and code system of an HL7 coded element, the only content of an attribute's value.
    fn coded(&self, value: NodeId, element: &str, at: &str) -> Result<CodedRole, Refusal> {
        let tree = self.tree;
        let inside = tree.elements(value);
        let one = match inside.as_slice() {
            [one] if tree.doc.element(*one).is_some_and(|e| e.matches_name_ns(HL7, element)) => *one,
            _ => return Err(malformed(at)),
        };
        let part = |n: &str| tree.attribute(one, n).map(trimmed).filter(|v| !v.is_empty()).map(str::to_owned);
        let missing = |n: &str| Refusal::new(Cause::ClaimMissing).at(format!("{at}/{element}/@{n}"));
        Ok(CodedRole {
            code: part("code").ok_or_else(|| missing("code"))?,
            system: part("codeSystem").ok_or_else(|| missing("codeSystem"))?,
        })
    }

    fn roles(&self) -> Result<Vec<CodedRole>, Refusal> {
        let values = self.values(name::ROLE);
        if values.is_empty() {
            return Err(Refusal::new(Cause::ClaimMissing).at(place(name::ROLE)));
        }
        let read = |(i, value): (usize, &NodeId)| {
            let at = format!("{}/AttributeValue[{}]", place(name::ROLE), i + 1);
            let role = self.coded(*value, "Role", &at)?;
            if is_role(&role) { Ok(role) } else { Err(Refusal::new(Cause::ClaimInvalid).at(at)) }
        };
        values.iter().enumerate().map(read).collect()
    }

    fn patient(&self, policy: &VihfPolicy) -> Result<Option<Ins>, Refusal> {
        let Some(cx) = self.exact(name::RESOURCE)? else { return Ok(None) };
        holder_of(&cx, policy.ins_tolerance).map(Some).map_err(|r| r.at(place(name::RESOURCE)))
    }

    fn purpose(&self, policy: &VihfPolicy) -> Result<space::Purpose, Refusal> {
        let value = match self.values(name::PURPOSE) {
            [] => return Err(Refusal::new(Cause::ClaimMissing).at(place(name::PURPOSE))),
            [one] => *one,
            _ => return Err(malformed(format!("{}/AttributeValue[2]", place(name::PURPOSE)))),
        };
        let purpose = self.coded(value, "PurposeOfUse", &place(name::PURPOSE))?;
        let mut reason = None;
        for wanted in &policy.reason_attributes {
            if reason.is_none() {
                reason = self.text(wanted)?.filter(|r| !r.is_empty());
            }
            if reason.as_ref().is_some_and(|r| r.chars().count() > LONGEST_REASON) {
                return Err(Self::invalid(wanted));
            }
        }
        let known = matches!(purpose.system.as_str(), PURPOSE_SYSTEM | PURPOSE_SYSTEM_NEW);
        purpose_of(&purpose.code, reason).filter(|_| known).ok_or_else(|| Self::invalid(name::PURPOSE))
    }

    /// *Connexion secrète*: the code as text or as the code of an element (its exact shape is UNVERIFIED in the
    /// reference). Another code is refused rather than taken for an ordinary connection.
    fn secret(&self) -> Result<bool, Refusal> {
        const HIDDEN: [&str; 2] = ["INVISIBLE_REPRESENTANTS_LEGAUX", "INVISIBLE_REP_LEGAUX"];
        let tree = self.tree;
        let mut secret = false;
        for value in self.values(name::CONFIDENTIALITY) {
            let code = match tree.elements(*value).as_slice() {
                [] => plain_text(tree.doc, *value).map(|t| trimmed(&t).to_owned()),
                [one] => tree.attribute(*one, "code").map(str::to_owned),
                _ => None,
            };
            let code = code.ok_or_else(|| malformed(place(name::CONFIDENTIALITY)))?;
            match code.split('^').next().unwrap_or_default() {
                hidden if HIDDEN.contains(&hidden) => secret = true,
                "N" => {}
                _ => return Err(Self::invalid(name::CONFIDENTIALITY)),
            }
        }
        Ok(secret)
    }
}

/// Without the white space of XML at both ends; that of other alphabets is part of a value.
fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}

/// The place of an attribute named by the message itself: shown only when the name is one of the standard's, as a
/// refusal never repeats what a message says.
fn known_place(named: &str) -> String {
    let known = [
        name::VERSION,
        name::MODE,
        name::STRUCTURE,
        name::SECTOR,
        name::SUBJECT_NAME,
        name::ROLE,
        name::RESOURCE,
        name::RESOURCE_URN,
        name::PURPOSE,
        name::CONFIDENTIALITY,
        name::SOFTWARE_ID,
        name::SOFTWARE_NAME,
        name::SOFTWARE_VERSION,
        name::HOMOLOGATION,
        name::REASON,
    ];
    if known.contains(&named) { place(named) } else { format!("{STATEMENT}/Attribute") }
}
