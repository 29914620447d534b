"""Request bodies of the Component Directory."""

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
    """Three public keys in PEM."""

    authentication: Pem
    encryption: Pem
    signing: Pem


class ApplicationBody(Body):
    """An application for a component. By default, `code` is the code of the party."""

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
    """A message path.

    Without `allowed_senders`, all components may send. Without `valid_to`, the path does not expire. Without `broker`,
    it is DIRECT.
    """

    message_type: Code
    allowed_senders: Some[Code] | None = None
    valid_from: Moment
    valid_to: Moment | None = None
    broker: Code | None = None


class PathsBody(Body):
    paths: Annotated[Some[PathBody], Field(max_length=100)]
