"""One module per IEC 62325-451 document: bytes to values and back; the standard's names stand here and nowhere else."""

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
