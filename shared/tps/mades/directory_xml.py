"""The directory's list of components as XML: writer and reader. No I/O.

Namespace `http://mades.entsoe.eu/componentDirectory`; children are unqualified. Our choices: a certificate is base64 of
its DER, with its use in capitals as type. A path is `DIRECT` or `INDIRECT:broker`. The time to live is in milliseconds.

Source: docs/mades.md, "Directory XML".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from lxml import etree

from tps.errors import Finding, Malformed, MessageRefused, RuleBroken
from tps.mades import codes
from tps.mades.applicant import Contact
from tps.mades.certificate import Certificate, load_certificate
from tps.mades.paths import MessagePath

NAMESPACE = "http://mades.entsoe.eu/componentDirectory"
KINDS = {"broker": "BROKER", "endpoint": "ENDPOINT", "componentDirectory": "COMPONENT_DIRECTORY"}
IMPLEMENTATION = {"name": "TPS", "version": "0.1", "compatibleVersions": "0.1", "madesVersion": "1"}
MAXIMUM_BYTES = 20_000_000
_MAXIMUM_MARKUP = 500_000
_INDIRECT = "INDIRECT:"
_FORBIDDEN = (b"<!DOCTYPE", b"<!ENTITY", b"\x00")
_FOREIGN_ENCODING = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["'](?!utf-8["'])""", re.IGNORECASE)
_Element = etree._Element


@dataclass(frozen=True, slots=True)
class ListedComponent:
    """A component in the list.

    Attributes:
        kind: `broker`, `endpoint` or `componentDirectory`.
        networks: Names of the component's networks. Our choice: the group whose inbox the component reads.
    """

    kind: str
    code: str
    contact: Contact
    networks: tuple[str, ...]
    certificates: tuple[Certificate, ...]
    paths: tuple[MessagePath, ...]
    created_at: datetime
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Listing:
    """The list and the data that copies of it need.

    Attributes:
        directory: Component code of the directory that wrote the list.
        content_id: Increases with every change.
        ttl_s: Time in seconds for which a copy may be used.
    """

    directory: str
    content_id: int
    ttl_s: float
    components: tuple[ListedComponent, ...]


def write_listing(listing: Listing) -> str:
    """Return the list as an XML document."""
    root = etree.Element(f"{{{NAMESPACE}}}components", nsmap={"cd": NAMESPACE})
    components = etree.SubElement(root, "componentList")
    for component in listing.components:
        _write_component(components, component, listing.directory)
    metadata = etree.SubElement(etree.SubElement(root, "metadata"), "componentDirectoryMetadata")
    _add(metadata, "componentDirectory", listing.directory)
    _add(metadata, "ttl", str(round(listing.ttl_s * 1000)))
    _add(metadata, "contentID", str(listing.content_id))
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(root, encoding="unicode")


def _write_component(parent: _Element, component: ListedComponent, directory: str) -> None:
    element, contact = etree.SubElement(parent, component.kind), component.contact
    _add(element, "organization", contact.organisation)
    for name, text in (("person", contact.person), ("email", contact.email), ("phone", contact.phone)):
        _add(element, name, text or "")
    _add(element, "code", component.code)
    _add(element, "type", KINDS[component.kind])
    networks = etree.SubElement(element, "networks")
    for network in component.networks:
        _add(networks, "network", network)
    etree.SubElement(element, "urls")
    certificates = etree.SubElement(element, "certificates")
    for certificate in component.certificates:
        _write_certificate(certificates, certificate)
    _add(element, "creationTimestamp", codes.utc_text(component.created_at))
    _add(element, "modificationTimestamp", codes.utc_text(component.modified_at))
    _add(element, "componentDirectory", directory)
    etree.SubElement(element, "madesImplementation", IMPLEMENTATION)
    paths = etree.SubElement(element, "paths")
    for path in component.paths:
        _write_path(paths, path)


def _write_certificate(parent: _Element, certificate: Certificate) -> None:
    element = etree.SubElement(parent, "certificate")
    _add(element, "certificateID", certificate.certificate_id)
    _add(element, "type", certificate.use.upper())
    _add(element, "certificate", "".join(certificate.pem.split("\n")[1:-2]))
    _add(element, "validFrom", codes.utc_text(certificate.valid_from))
    _add(element, "validTo", codes.utc_text(certificate.valid_to))


def _write_path(parent: _Element, path: MessagePath) -> None:
    element = etree.SubElement(parent, "path")
    senders = etree.SubElement(element, "senderComponent")
    for sender in sorted(path.allowed_senders or ()):
        _add(senders, "component", sender)
    _add(element, "messageType", path.message_type)
    _add(element, "path", "DIRECT" if path.broker is None else _INDIRECT + path.broker)
    _add(element, "validFrom", codes.utc_text(path.valid_from))
    if path.valid_to is not None:
        _add(element, "validTo", codes.utc_text(path.valid_to))


def _add(parent: _Element, name: str, text: str) -> None:
    etree.SubElement(parent, name).text = text


def read_listing(document: bytes) -> Listing:
    """Return the list in an XML document. The caller must authenticate the sender and verify the certificates.

    Raises:
        Malformed: `not_xml`: the document is not acceptable XML. `malformed`: it is not a list of components.
    """
    root = _parse(document)
    if root.tag != f"{{{NAMESPACE}}}components":
        _refuse("malformed", "the root element must be components of the directory's namespace")
    try:
        metadata = _child(_child(root, "metadata"), "componentDirectoryMetadata")
        return Listing(
            directory=codes.component_code(_text(metadata, "componentDirectory")),
            content_id=_number(_text(metadata, "contentID")),
            ttl_s=_number(_text(metadata, "ttl")) / 1000,
            components=tuple(_read_component(component) for component in _child(root, "componentList")),
        )
    except (MessageRefused, RuleBroken):
        _refuse("malformed", "the list contains an invalid code, type, time or certificate")


def _parse(document: bytes) -> _Element:
    document = document.removeprefix(b"\xef\xbb\xbf")
    is_strange = any(mark in document for mark in _FORBIDDEN) or _FOREIGN_ENCODING.match(document)
    if len(document) > MAXIMUM_BYTES or is_strange:
        _refuse("not_xml", "the list must be XML in UTF-8, at most 20 MB, without a document type declaration")
    if document.count(b"<") > _MAXIMUM_MARKUP or document.count(b"=") > _MAXIMUM_MARKUP:
        _refuse("not_xml", "the list has too many tags or attributes")
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, load_dtd=False, dtd_validation=False, no_network=True,
        huge_tree=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        return etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError):
        _refuse("not_xml", "the list is not well-formed XML")


def _read_component(element: _Element) -> ListedComponent:
    if element.tag not in KINDS:
        _refuse("malformed", "the list contains a component of an unknown kind")
    code = codes.component_code(_text(element, "code"))
    return ListedComponent(
        kind=str(element.tag),
        code=code,
        contact=Contact(
            _text(element, "organization"), *(_text(element, name) or None for name in ("person", "email", "phone"))
        ),
        networks=tuple(network.text or "" for network in _child(element, "networks")),
        certificates=tuple(_read_certificate(certificate) for certificate in _child(element, "certificates")),
        paths=tuple(_read_path(path, code) for path in _child(element, "paths")),
        created_at=codes.utc_time(_text(element, "creationTimestamp")),
        modified_at=codes.utc_time(_text(element, "modificationTimestamp")),
    )


def _read_certificate(element: _Element) -> Certificate:
    """Return the certificate. Its id and use must match the elements beside it."""
    try:
        der = base64.b64decode(_text(element, "certificate"), validate=True)
    except (binascii.Error, ValueError):
        _refuse("malformed", "a certificate must be base64")
    lines = "\n".join(_wrapped(base64.b64encode(der).decode()))
    certificate = load_certificate(f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
    beside = (_text(element, "certificateID"), _text(element, "type"))
    if beside != (certificate.certificate_id, certificate.use.upper()):
        _refuse("malformed", "a certificate differs from its certificateID or type")
    return certificate


def _wrapped(text: str) -> Iterator[str]:
    return (text[start : start + 64] for start in range(0, len(text), 64))


def _read_path(element: _Element, receiver: str) -> MessagePath:
    senders = frozenset(codes.component_code(sender.text) for sender in _child(element, "senderComponent"))
    route, end = _text(element, "path"), element.find("validTo")
    if route != "DIRECT" and not route.startswith(_INDIRECT):
        _refuse("malformed", "path must be DIRECT or INDIRECT:broker")
    message_type = _text(element, "messageType")
    if message_type != "*":
        codes.message_type(message_type.removesuffix("*"))
    return MessagePath(
        receiver=receiver,
        allowed_senders=senders or None,
        message_type=message_type,
        valid_from=codes.utc_time(_text(element, "validFrom")),
        valid_to=None if end is None else codes.utc_time(end.text),
        broker=None if route == "DIRECT" else codes.component_code(route.removeprefix(_INDIRECT)),
    )


def _child(element: _Element, name: str) -> _Element:
    children = element.findall(name)
    if len(children) != 1:
        _refuse("malformed", f"{name} must appear exactly once")
    return children[0]


def _text(element: _Element, name: str) -> str:
    return _child(element, name).text or ""


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        _refuse("malformed", "contentID and ttl must be whole numbers")
    return int(text)


def _refuse(code: str, detail: str) -> NoReturn:
    raise Malformed(detail, [Finding(code, "", detail)])
