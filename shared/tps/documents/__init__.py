"""Codecs for IEC 62325-451 documents, one module per document. Names of the standard appear only in this package.

Source: docs/documents.md.
"""

from tps.documents.acknowledgement import Acknowledgement, ReceivedDocument
from tps.documents.codec import Document, decode, encode, received
from tps.documents.errors import DocumentRefused, InvalidDocument
from tps.documents.generation_load import ScheduleDocument
from tps.documents.header import Header, Role
from tps.documents.profiles import load_official_schemas

__all__ = [
    "Acknowledgement",
    "Document",
    "DocumentRefused",
    "Header",
    "InvalidDocument",
    "ReceivedDocument",
    "Role",
    "ScheduleDocument",
    "decode",
    "encode",
    "load_official_schemas",
    "received",
]
