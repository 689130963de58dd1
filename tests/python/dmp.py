#!/usr/bin/env python3
"""Calls every service of the DMP with a client that nobody here wrote.

`zeep` reads the WSDLs of the DMP's own contract and makes the calls over mutual TLS; `lxml` holds each answer against the
schemas of that contract. Arguments: the contract's folder, the gateway's address, its data folder and the program.
Prints one JSON object: every call by name, with what was answered and the first thing its schema minds.

What zeep cannot say by itself is put into its envelopes on their way out: text of mixed content (names, semanticsText),
registry objects (a substitution group), and MTOM (a transport of our own).
"""

import argparse
import base64
import datetime
import json
import logging
import os
import subprocess
import uuid

import requests
import zeep
from lxml import etree
from zeep.exceptions import Fault
from zeep.plugins import Plugin
from zeep.transports import Transport

SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://www.w3.org/2005/08/addressing"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
RIM = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
LCM = "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"
XDSB = "urn:ihe:iti:xds-b:2007"
XOP = "http://www.w3.org/2004/08/xop/include"
HL7 = "urn:hl7-org:v3"
XS = "http://www.w3.org/2001/XMLSchema"

APPROVED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"
ARCHIVED = "urn:asip:ci-sis:2010:StatusType:Archived"
DELETED = "urn:asip:ci-sis:2010:StatusType:Deleted"
HAS_MEMBER = "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember"
UPDATE_STATUS = "urn:ihe:iti:2010:AssociationType:UpdateAvailabilityStatus"
FIND_DOCUMENTS = "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d"
GET_DOCUMENTS = "urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4"
REPOSITORY_ID = "1.2.250.1.213.4.1.1.1.2"
INS_OID = "1.2.250.1.213.1.4.10"
DMP_OID = "1.2.250.1.213.4.1.1.1"
SERVICES = "/si-dmp-server/v2/services/"


def oid():
    """A fresh OID."""
    return f"1.2.250.1.999.9.{uuid.uuid4().int % 10**12}.{uuid.uuid4().int % 10**9}"


def cx(ins):
    return f"{ins}^^^&{INS_OID}&ISO^NH"


# What goes out and comes in.


class Vihf:
    """Puts a VIHF, as it was signed, in wsse:Security; without one, nothing."""

    def __init__(self, text):
        self.text = text

    def apply(self, envelope, headers):
        if self.text is None:
            return envelope, headers
        header = envelope.find(f"{{{SOAP}}}Header")
        if header is None:
            header = etree.Element(f"{{{SOAP}}}Header")
            envelope.insert(0, header)
        security = etree.SubElement(header, f"{{{WSSE}}}Security", nsmap={"wsse": WSSE})
        security.append(etree.fromstring(self.text.encode()))
        return envelope, headers

    def verify(self, envelope):
        """Answers are not signed."""


class Watch(Plugin):
    """Adds to a request what zeep cannot say, and keeps the answer."""

    def __init__(self):
        self.edit, self.answer = None, None

    def egress(self, envelope, http_headers, operation, binding_options):
        if self.edit:
            self.edit(envelope.find(f"{{{SOAP}}}Body")[0])
        return envelope, http_headers

    def ingress(self, envelope, http_headers, operation):
        self.answer = envelope
        return envelope, http_headers


class Wire(Transport):
    """The transport of zeep; with documents, as MTOM (W3C MTOM §3, XOP §3)."""

    def __init__(self, session):
        super().__init__(session=session, timeout=30, operation_timeout=30)
        self.documents = []

    def post_xml(self, address, envelope, headers):
        if not self.documents:
            return super().post_xml(address, envelope, headers)
        boundary = f"uuid-{uuid.uuid4()}"
        kind = headers["Content-Type"]
        parts = [("<root@client>", 'application/xop+xml; charset=UTF-8; type="application/soap+xml"', etree.tostring(envelope))]
        parts += [(f"<{n}@client>", "text/xml", body) for n, body in enumerate(self.documents)]
        message = b""
        for name, media_type, body in parts:
            head = f"--{boundary}\r\nContent-Type: {media_type}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: {name}\r\n\r\n"
            message += head.encode() + body + b"\r\n"
        message += f"--{boundary}--\r\n".encode()
        action = kind.split("action=")[-1]
        kind = (
            f'multipart/related; type="application/xop+xml"; start="<root@client>"; '
            f'start-info="application/soap+xml"; action={action}; boundary="{boundary}"'
        )
        return self.post(address, message, {**headers, "Content-Type": kind})


# What is asked.


def head(interaction):
    """The head of an HL7 v3 message."""

    def device(oid):
        return {"device": {"id": [{"root": oid}], "classCode": "DEV", "determinerCode": "INSTANCE"}}

    return {
        "id": {"root": str(uuid.uuid4())},
        "creationTime": {"value": datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d%H%M%S")},
        "interactionId": {"root": "2.16.840.1.113883.1.6", "extension": interaction},
        "processingCode": {"code": "D"},
        "processingModeCode": {"code": "T"},
        "acceptAckCode": {"code": "AL"},
        "receiver": [{**device(DMP_OID), "typeCode": "RCV"}],
        "sender": {**device("1.2.250.1.999.6"), "typeCode": "SND"},
        "ITSVersion": "XML_1.0",
    }


def demographics(ins, reason):
    """TD0.2 and TD1.3a."""
    identifier = {"value": [{"root": INS_OID, "extension": ins}], "semanticsText": {}}
    return {
        **head("PRPA_IN201307UV02"),
        "controlActProcess": {
            "classCode": "CACT",
            "moodCode": "EVN",
            "reasonCode": [{"code": reason, "codeSystem": "1.2.250.1.213.1.1.4.11"}],
            "queryByParameter": {
                "queryId": {"root": str(uuid.uuid4())},
                "statusCode": {"code": "new"},
                "parameterList": {"patientIdentifier": [identifier]},
            },
        },
    }


def candidates(birth):
    """TD0.5: a name (its text is put in later) and a day of birth."""
    return {
        **head("PRPA_IN201305UV02"),
        "controlActProcess": {
            "classCode": "CACT",
            "moodCode": "EVN",
            "code": {"code": "PRPA_TE201305UV02", "codeSystem": "2.16.840.1.113883.1.6"},
            "queryByParameter": {
                "queryId": {"root": str(uuid.uuid4())},
                "statusCode": {"code": "new"},
                "responseModalityCode": {"code": "R"},
                "responsePriorityCode": {"code": "I"},
                "parameterList": {
                    "livingSubjectBirthTime": [{"value": [{"value": birth}], "semanticsText": {}}],
                    "livingSubjectName": [{"value": [{"_value_1": [{"family": {}}]}], "semanticsText": {}}],
                },
            },
        },
    }


def management(interaction, ins):
    """TD1.1 and TD1.3b."""
    patient = {
        "classCode": "PAT",
        "id": [{"root": INS_OID, "extension": ins}],
        "statusCode": {"code": "active"},
        "patientPerson": {"classCode": "PSN", "determinerCode": "INSTANCE", "name": [{"_value_1": [{"family": {}}]}]},
        "providerOrganization": {
            "classCode": "ORG",
            "determinerCode": "INSTANCE",
            "id": [{"root": "1.2.250.1.71.4.2.2", "extension": "499900000101001"}],
            "contactParty": [{"classCode": "CON"}],
        },
    }
    return {
        **head(interaction),
        "controlActProcess": {
            "classCode": "CACT",
            "moodCode": "RQO",
            "subject": [
                {
                    "typeCode": "SUBJ",
                    "registrationRequest": {
                        "classCode": "REG",
                        "moodCode": "RQO",
                        "statusCode": {"code": "active"},
                        "subject1": {"typeCode": "SBJ", "patient": patient},
                    },
                }
            ],
        },
    }


def words(family):
    """Puts into a message the text that mixed content keeps zeep from writing."""

    def edit(body):
        for found in body.iter(f"{{{HL7}}}semanticsText"):
            name = etree.QName(found.getparent()).localname
            found.text = "Patient.id" if name == "patientIdentifier" else name.replace("livingSubject", "LivingSubject.")
        for found in body.iter(f"{{{HL7}}}family"):
            found.text = family

    return edit


def slots(pairs):
    return [{"name": name, "ValueList": {"_value_1": [{"Value": value}]}} for name, value in pairs]


def stored_query(query, pairs):
    return {
        "ResponseOption": {"returnComposedObjects": True, "returnType": "LeafClass"},
        "AdhocQuery": {"id": query, "Slot": slots(pairs)},
    }


def find_documents(ins):
    return stored_query(
        FIND_DOCUMENTS,
        [("$XDSDocumentEntryPatientId", f"'{cx(ins)}'"), ("$XDSDocumentEntryStatus", f"('{APPROVED}')")],
    )


def get_documents(unique_id):
    return stored_query(GET_DOCUMENTS, [("$XDSDocumentEntryUniqueId", f"('{unique_id}')")])


class Objects:
    """Registry objects of a submission about one holder (ITI TF-3 §4.2)."""

    def __init__(self, ins):
        self.ins, self.count, self.objects = ins, 0, []
        lot = self.object("RegistryPackage", id="Lot")
        self.slot(lot, "submissionTime", "20260101120000")
        self.name(lot, "Lot de test")
        self.author(lot, "a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d")
        self.code(lot, "aa543740-bdda-424e-8c96-df4873be8500", "04", "1.2.250.1.213.2.2")
        node = "urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd"
        self.child(lot, "Classification", id=self.fresh(), classificationNode=node, classifiedObject="Lot")
        self.identifier(lot, "6b5aea1a-874d-4603-a4bc-96a0a7b38446", cx(ins), "XDSSubmissionSet.patientId")
        self.identifier(lot, "554ac39e-e3fe-47fe-b233-965d2a147832", "1.2.250.1.999.8", "XDSSubmissionSet.sourceId")
        self.identifier(lot, "96fdda7c-d067-4183-912e-bf5ee74998a8", oid(), "XDSSubmissionSet.uniqueId")

    def fresh(self):
        self.count += 1
        return f"id{self.count}"

    def object(self, name, **attributes):
        made = etree.Element(f"{{{RIM}}}{name}", nsmap={None: RIM}, **attributes)
        self.objects.append(made)
        return made

    def child(self, parent, tag, /, **attributes):
        return etree.SubElement(parent, f"{{{RIM}}}{tag}", **attributes)

    def slot(self, parent, name, *values):
        listed = self.child(self.child(parent, "Slot", name=name), "ValueList")
        for value in values:
            self.child(listed, "Value").text = value

    def name(self, parent, text):
        self.child(self.child(parent, "Name"), "LocalizedString", value=text)

    def code(self, parent, scheme, code, system):
        made = self.child(
            parent,
            "Classification",
            id=self.fresh(),
            classificationScheme=f"urn:uuid:{scheme}",
            classifiedObject=parent.get("id"),
            nodeRepresentation=code,
        )
        self.slot(made, "codingScheme", system)
        self.name(made, f"Libellé {code}")
        return made

    def author(self, parent, scheme):
        made = self.child(
            parent,
            "Classification",
            id=self.fresh(),
            classificationScheme=f"urn:uuid:{scheme}",
            classifiedObject=parent.get("id"),
            nodeRepresentation="",
        )
        self.slot(made, "authorPerson", "899900000101^VASSEUR^ELISE^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS")
        self.slot(made, "authorSpecialty", "G15_10/SM26^Médecin généraliste^1.2.250.1.213.1.1.4.5")
        self.slot(made, "authorInstitution", "CABINET VASSEUR^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^499900000101001")

    def identifier(self, parent, scheme, value, name):
        made = self.child(
            parent,
            "ExternalIdentifier",
            id=self.fresh(),
            identificationScheme=f"urn:uuid:{scheme}",
            registryObject=parent.get("id"),
            value=value,
        )
        self.name(made, name)

    def document(self, unique_id):
        """A biology report."""
        made = self.object(
            "ExtrinsicObject",
            id="Document01",
            mimeType="text/xml",
            objectType="urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1",
        )
        for name, value in [
            ("creationTime", "20260101115900"),
            ("languageCode", "fr-FR"),
            ("legalAuthenticator", "899900000101^VASSEUR^ELISE^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS"),
            ("serviceStartTime", "20260101110000"),
            ("serviceStopTime", "20260101113000"),
            ("sourcePatientId", "0456789999^^^&1.2.250.1.999.8.2&ISO^PI"),
        ]:
            self.slot(made, name, value)
        self.slot(made, "sourcePatientInfo", "PID-5|AUBRY^CLAIRE^^^^^L", "PID-7|19801105", "PID-8|F")
        self.name(made, "Compte rendu de test")
        self.author(made, "93606bcf-9494-43ec-9b4e-a7748d1a838d")
        for scheme, code, system in [
            ("41a5887f-8865-4c09-adf7-e362475b143a", "10", "1.2.250.1.213.1.1.4.1"),
            ("f0306f51-975f-434e-a61c-c59651d33983", "11502-2", "2.16.840.1.113883.6.1"),
            ("f4f85eac-e6cb-4883-b524-f2705394840f", "N", "2.16.840.1.113883.5.25"),
            ("a09d5840-386c-46f2-b5ad-9c3699a4309d", "urn:ihe:iti:xds-sd:text:2008", "1.3.6.1.4.1.19376.1.2.3"),
            ("f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1", "SA01", "1.2.250.1.71.4.2.4"),
            ("cccf5598-8b07-4b77-a05e-ae952c785ead", "ETABLISSEMENT", "1.2.250.1.213.1.1.4.9"),
        ]:
            self.code(made, scheme, code, system)
        self.identifier(made, "58a6f841-87b3-4a3e-92fd-a8ffeff98427", cx(self.ins), "XDSDocumentEntry.patientId")
        self.identifier(made, "2e82c1f6-a085-4c72-9da3-8640a32e42ab", unique_id, "XDSDocumentEntry.uniqueId")
        self.link(HAS_MEMBER, "Document01", ("SubmissionSetStatus", "Original"))
        return self

    def new_version(self, entry, version, mask):
        """TD3.3a, TD3.3b: the entry as the registry gave it, with another visibility."""
        former = entry.get("id")
        text = etree.tostring(entry).decode().replace(f'id="{former}"', 'id="Document01"')
        text = text.replace(f'lid="Document01"', f'lid="{entry.get("lid")}"')
        text = text.replace(f'classifiedObject="{former}"', 'classifiedObject="Document01"')
        made = etree.fromstring(text.replace(f'registryObject="{former}"', 'registryObject="Document01"'))
        scheme = "f4f85eac-e6cb-4883-b524-f2705394840f"
        for found in made.findall(f"{{{RIM}}}Classification"):
            if found.get("nodeRepresentation") == "MASQUE_PS":
                made.remove(found)
        if mask:
            added = self.code(made, scheme, "MASQUE_PS", "1.2.250.1.213.1.1.4.13")
            made.remove(added)
            made.find(f"{{{RIM}}}ExternalIdentifier").addprevious(added)
        self.objects.append(made)
        self.link(HAS_MEMBER, "Document01", ("SubmissionSetStatus", "Original"), ("PreviousVersion", str(version)))
        return self

    def status(self, target, before, after):
        """TD3.3c, TD3.3d."""
        self.link(UPDATE_STATUS, target, ("OriginalStatus", before), ("NewStatus", after))
        return self

    def link(self, kind, target, *pairs):
        made = self.object(
            "Association", id=self.fresh(), associationType=kind, sourceObject="Lot", targetObject=target
        )
        for name, value in pairs:
            self.slot(made, name, value)

    def put(self, body, documents=()):
        """Puts them into a request, and the inclusions of what travels beside it."""
        found = next(body.iter(f"{{{RIM}}}RegistryObjectList"))
        for left in list(found):
            found.remove(left)
        found.extend(self.objects)
        for n, document in enumerate(body.iter(f"{{{XDSB}}}Document")):
            if documents:
                document.text = None
                etree.SubElement(document, f"{{{XOP}}}Include", nsmap={"xop": XOP}, href=f"cid:{n}@client")


# Who asks, and what it finds.


class Schemas:
    """The schemas an answer is held against."""

    FILES = {
        "PRPA_IN201308UV02": "HL7V3/NE2009/multicacheschemas/PRPA_IN201308UV02.xsd",
        "PRPA_IN201313UV02": "HL7V3/NE2009/multicacheschemas/PRPA_IN201313UV02.xsd",
        "PRPA_IN201316UV02": "HL7V3/NE2009/multicacheschemas/PRPA_IN201316UV02.xsd",
        **{
            name: f"HL7V3/NE2008/multicacheschemas/{name}.xsd"
            for name in [
                "MCCI_IN000002UV01", "PRPA_IN201301UV02", "PRPA_IN201302UV02", "PRPA_IN201304UV02", "PRPA_IN201306UV02",
                "PRPA_IN201309UV02", "PRPA_IN201310UV02",
            ]
        },
        "RegistryResponse": "ebRS/rs.xsd",
        "AdhocQueryResponse": "ebRS/query.xsd",
        "RetrieveDocumentSetResponse": "IHE/XDS.b_DocumentRepository.xsd",
    }
    INLINE = {
        "setAuthorizationResponse": "Habilitations.wsdl",
        "listAuthorizationByPatientResponse": "Habilitations.wsdl",
        "patientListResponse": "PatientsSpecific.wsdl",
    }

    def __init__(self, contract):
        self.contract, self.read = contract, {}

    def of(self, name):
        if name not in self.read:
            if name in self.INLINE:
                wsdl = etree.parse(os.path.join(self.contract, "wsdl", self.INLINE[name]))
                tree = etree.ElementTree(wsdl.find(f".//{{{XS}}}schema"))
            else:
                tree = etree.parse(os.path.join(self.contract, "schema", self.FILES[name]))
            self.read[name] = etree.XMLSchema(tree)
        return self.read[name]

    def check(self, element):
        """`valid`, or the first thing the schema minds. The wrapper of a registry answer is looked into: its schema
        imports one namespace from several files, which lxml does not follow."""
        name = etree.QName(element).localname
        if name.endswith("_Response"):
            if len(element) != 1:
                return f"{name}: {len(element)} elements for one"
            return self.check(element[0])
        if name == "Fault":
            return "a fault"
        if name not in self.FILES and name not in self.INLINE:
            return f"no schema for {name}"
        schema = self.of(name)
        alone = etree.ElementTree(etree.fromstring(etree.tostring(element)))
        if schema.validate(alone):
            return "valid"
        first = schema.error_log[0]
        return f"line {first.line}: {first.message}"


class Gateway:
    """A running gateway, and the calls made to it."""

    def __init__(self, arguments):
        self.url, self.data, self.program = arguments.url, arguments.data, arguments.program
        self.contract = arguments.contract
        self.pki = os.path.join(self.data, "pki")
        self.schemas, self.calls, self.clients = Schemas(self.contract), [], {}

    def session(self, card):
        session = requests.Session()
        session.trust_env = False
        session.verify = os.path.join(self.pki, "ca.pem")
        session.cert = (os.path.join(self.pki, f"{card}.pem"), os.path.join(self.pki, f"{card}.key"))
        return session

    def vihf(self, card, ins, *more):
        command = [self.program, "vihf", "--as", card, "--data", self.data, *more]
        if ins:
            command += ["--ins", ins]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def call(self, name, card, vihf, wsdl, service, operation, request, edit=None, documents=()):
        """One call; the answer, or `None` when there was none."""
        client, watch, wire = self.client(card, wsdl)
        client.wsse, watch.edit, watch.answer, wire.documents = Vihf(vihf), edit, None, list(documents)
        binding = next(iter(next(iter(client.wsdl.services.values())).ports.values())).binding
        told = {"call": name, "wsdl": wsdl, "service": service, "operation": operation}
        try:
            port = client.create_service(binding.name, self.url + SERVICES + service)
            getattr(port, operation)(**request)
            told["parsed"] = True
        except Fault as fault:
            told["fault"] = [etree.QName(code).localname for code in fault.subcodes or []] or str(fault)
        except Exception as problem:  # what this client cannot read is what the report is about
            told["problem"] = f"{type(problem).__name__}: {problem}"
        told.update(self.seen(watch.answer))
        self.calls.append(told)
        return watch.answer

    def client(self, card, wsdl):
        if wsdl not in self.clients:
            watch, wire = Watch(), Wire(self.session(card))
            path = os.path.join(self.contract, "wsdl", wsdl)
            # Substitution groups (what a stored query answers) are beyond zeep's strict reading.
            settings = zeep.Settings(strict=wsdl != "XDS.b_DocumentRegistry.wsdl")
            self.clients[wsdl] = (zeep.Client(path, transport=wire, plugins=[watch], settings=settings), watch, wire)
        client, watch, wire = self.clients[wsdl]
        wire.session.cert = self.session(card).cert
        return client, watch, wire

    def seen(self, answer):
        if answer is None:
            return {"schema": "no answer"}
        body = answer.find(f"{{{SOAP}}}Body")[0]
        action = answer.findtext(f"{{{SOAP}}}Header/{{{WSA}}}Action")
        told = {"answer": etree.QName(body).localname, "action": action, "schema": self.schemas.check(body)}
        told["status"] = status(body)
        return told


def status(body):
    """In what words an answer says how it went."""
    if body.get("status"):
        return body.get("status").rsplit(":", 1)[-1]
    for found in body.iter():
        name = etree.QName(found).localname
        if name == "RegistryResponse":
            return found.get("status").rsplit(":", 1)[-1]
        if name == "queryResponseCode":
            return found.get("code")
        if name == "status":
            return found.text
    kinds = [found.get("typeCode") for found in body.iter(f"{{{HL7}}}acknowledgement")]
    return kinds[0] if kinds else None


def output_actions(path):
    """Response actions of a WSDL, by operation."""
    names = etree.parse(path)
    wsdl = "http://schemas.xmlsoap.org/wsdl/"
    found = {}
    for operation in names.iterfind(f".//{{{wsdl}}}portType/{{{wsdl}}}operation"):
        output = operation.find(f"{{{wsdl}}}output")
        for key, value in output.attrib.items():
            if etree.QName(key).localname == "Action":
                found[operation.get("name")] = value
    return found


def one_by_one(gateway, demo):
    """Every transaction once, in the order software would use them."""
    holder = demo["holders"][0]
    ins, birth = holder["ins"], holder["birthDate"].replace("-", "")
    physician = gateway.vihf("medecin", ins)
    regulation = gateway.vihf("samu", None, "--mode", "centre_15")
    hl7, pdq = "GestionDossierPatientPartage.wsdl", "PDQSupplier.wsdl"
    registry, repository = "XDS.b_DocumentRegistry.wsdl", "XDS.b_DocumentRepository.wsdl"
    get, query, update = "PatientGetDemographics_PRPA_IN201307UV02", "DocumentRegistry_RegistryStoredQuery", "DocumentRegistry_UpdateDocumentSet"
    provide, retrieve = "DocumentRepository_ProvideAndRegisterDocumentSet-b", "DocumentRepository_RetrieveDocumentSet"

    def asks(name, *rest, **more):
        return gateway.call(name, "medecin", physician, *rest, **more)

    gateway.call("without VIHF", "medecin", None, registry, "registry", query, find_documents(ins))
    asks("TD0.2 existence", hl7, "patients", get, demographics(ins, "TEST_EXST"), edit=words(None))
    stranger = gateway.vihf("medecin", demo["holders"][4]["ins"])
    gateway.call("TD0.2 no record", "medecin", stranger, hl7, "patients", get, demographics(demo["holders"][4]["ins"], "TEST_EXST"), edit=words(None))
    asks("TD0.3 remove", "Habilitations.wsdl", "habilitations", "setAuthorization", {"action": "SUPPRESSION"})
    asks("TD0.3 declare", "Habilitations.wsdl", "habilitations", "setAuthorization", {"action": "AJOUT"})
    nurse = gateway.vihf("infirmier", ins)
    gateway.call("TD0.3 refused", "infirmier", nurse, "Habilitations.wsdl", "habilitations", "setAuthorization", {"action": "AJOUT", "role": "MEDECIN_TRAITANT"})
    listed = {"startDate": "20200101000000", "dateType": "LASTAUTORIZATION"}
    asks("TD0.4", "PatientsSpecific.wsdl", "patients", "patientList", listed)
    gateway.call("TD0.5 found", "samu", regulation, pdq, "patients", "findCandidatesQuery", candidates(birth), edit=words(holder["family"]))
    gateway.call("TD0.5 none", "samu", regulation, pdq, "patients", "findCandidatesQuery", candidates(birth), edit=words("PERSONNE"))
    asks("TD0.5 refused", pdq, "patients", "findCandidatesQuery", candidates(birth), edit=words(holder["family"]))
    asks("TD1.1 refused", hl7, "patients", "PatientAdd_PRPA_IN201311UV02", management("PRPA_IN201311UV02", ins), edit=words("X"))
    asks("TD1.3a", hl7, "patients", get, demographics(ins, "CNSLT_DATA"), edit=words(None))
    asks("TD1.3b refused", hl7, "patients", "PatientRevise_PRPA_IN201314UV02", management("PRPA_IN201314UV02", ins), edit=words("X"))
    asks("TD1.6", "Habilitations.wsdl", "habilitations", "listAuthorizationByPatient", {"mode": "TOUTE"})

    deposits = {}
    for name, mtom in [("TD2.1 MTOM", True), ("TD2.1 inline", False)]:
        unique_id = oid()
        body = f'<ClinicalDocument xmlns="urn:hl7-org:v3"><id root="{unique_id}"/></ClinicalDocument>'.encode()
        deposits[name] = (unique_id, body)
        objects = Objects(ins).document(unique_id)
        documents = [body] if mtom else []
        request = {
            "SubmitObjectsRequest": {"RegistryObjectList": {}},
            "Document": [{"_value_1": body, "id": "Document01"}],
        }

        def edit(sent, objects=objects, documents=documents):
            objects.put(sent, documents)

        asks(name, repository, "repository", provide, request, edit=edit, documents=documents)

    asks("TD3.1a", registry, "registry", query, find_documents(ins))
    unique_id, body = deposits["TD2.1 MTOM"]
    found = asks("TD3.1b", registry, "registry", query, get_documents(unique_id))
    entry = found.find(f".//{{{RIM}}}ExtrinsicObject")
    pair = {"RepositoryUniqueId": REPOSITORY_ID, "DocumentUniqueId": unique_id}
    got = asks("TD3.2", repository, "repository", retrieve, {"DocumentRequest": [pair]})
    gateway.calls[-1]["same_bytes"] = base64.b64decode(got.findtext(f".//{{{XDSB}}}Document") or "") == body
    pair = {"RepositoryUniqueId": REPOSITORY_ID, "DocumentUniqueId": "1.2.250.1.999.404"}
    asks("TD3.2 unknown", repository, "repository", retrieve, {"DocumentRequest": [pair]})

    def updates(name, objects):
        asks(name, registry, "registry", update, {"RegistryObjectList": {}}, edit=objects.put)
        return asks(f"{name}, read again", registry, "registry", query, get_documents(unique_id))

    found = updates("TD3.3a mask", Objects(ins).new_version(entry, 1, True))
    entry = found.find(f".//{{{RIM}}}ExtrinsicObject")
    found = updates("TD3.3b show", Objects(ins).new_version(entry, 2, False))
    entry = found.find(f".//{{{RIM}}}ExtrinsicObject")
    updates("TD3.3d archive", Objects(ins).status(entry.get("id"), APPROVED, ARCHIVED))
    updates("TD3.3c delete", Objects(ins).status(entry.get("id"), ARCHIVED, DELETED))
    asks("TD3.3c again", registry, "registry", update, {"RegistryObjectList": {}}, edit=Objects(ins).status(entry.get("id"), ARCHIVED, DELETED).put)


def descriptions(gateway):
    """Our own descriptions, as a tool loads them: operations of each service."""
    found = {}
    paths = [SERVICES + name for name in ["registry", "repository", "patients", "habilitations"]]
    for path in [*paths, "/ihe/services/pix", "/ihe/services/pdq"]:
        service = path.rsplit("/", 1)[-1]
        wire = Wire(gateway.session("medecin"))
        try:
            client = zeep.Client(f"{gateway.url}{path}?wsdl", transport=wire)
            port = next(iter(next(iter(client.wsdl.services.values())).ports.values()))
            found[service] = sorted(port.binding._operations)
        except Exception as problem:  # told in the report
            found[service] = f"{type(problem).__name__}: {problem}"
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--contract", required=True, help="folder with wsdl/ and schema/")
    parser.add_argument("--url", required=True, help="https://host:port")
    parser.add_argument("--data", required=True, help="data folder of a demonstration")
    parser.add_argument("--program", required=True, help="the passerelle program")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    gateway = Gateway(arguments)
    with open(os.path.join(arguments.data, "demo.json"), encoding="utf-8") as file:
        demo = json.load(file)
    report = {"calls": gateway.calls}
    try:
        one_by_one(gateway, demo)
    except Exception as problem:  # what was seen until then is told all the same
        report["stopped"] = f"{type(problem).__name__}: {problem}"
    for call in gateway.calls:
        path = os.path.join(arguments.contract, "wsdl", call["wsdl"])
        declared = output_actions(path).get(call["operation"])
        if declared and "fault" not in call:
            call["action_as_declared"] = call.get("action") == declared
            call["declared_action"] = declared
    report["descriptions"] = descriptions(gateway)
    print(json.dumps(report, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
