"""Bodies of the Component Directory's routes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tps.api.bodies import Body, Many, Some
from tps.api.types import Moment

Words = Annotated[str, Field(min_length=1, max_length=512)]
Code = Annotated[str, Field(min_length=1, max_length=60)]
CertificateId = Annotated[str, Field(min_length=64, max_length=64)]
Pem = Annotated[str, Field(min_length=1, max_length=2000)]


class KeysBody(Body):
    """PEMs of three public keys."""

    authentication: Pem
    encryption: Pem
    signing: Pem


class ApplicationBody(Body):
    """Who wants to be a component; `code` is the party's own unless told."""

    organisation: str
    person: str
    email: str
    phone: str | None = None
    code: Code | None = None
    keys: KeysBody


class ApprovalBody(Body):
    party: Code | None = None
    grid_prefixes: Many[Code] | None = None


class RejectionBody(Body):
    reason: Words
    party: Code | None = None


class RenewalBody(Body):
    keys: KeysBody


class RevocationBody(Body):
    reason: Words
    certificate_id: CertificateId | None = None


class PathBody(Body):
    """PATH; without senders it allows all, without an end it has none, without a broker it is DIRECT."""

    message_type: Code
    allowed_senders: Some[Code] | None = None
    valid_from: Moment
    valid_to: Moment | None = None
    broker: Code | None = None


class PathsBody(Body):
    paths: Annotated[Some[PathBody], Field(max_length=100)]
