"""Who asks the Component Directory: a party by its token, or a component by its authentication key (NF3).

An applicant is nobody's party yet, so a token of the issuer is enough to apply and to look at oneself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tps.directory import entries as directory
from tps.domain.scope import DirectoryScope
from tps.errors import Forbidden, Unauthenticated
from tps.mades.assertion import Assertion, check_assertion, read_assertion
from tps.mades.certificate import CertificateUse

if TYPE_CHECKING:
    from tps.host.services import Services

_REFUSAL = "the token is not valid"


def viewer_behind(services: Services, authorization: str | None, read_body: Callable[[], bytes]) -> DirectoryScope:
    """The viewer behind an Authorization header.

    Args:
        read_body: The body as it came; read only for a component, whose assertion speaks of it.

    Raises:
        Unauthenticated: No valid token and no valid assertion; the same text for every fault.
        Forbidden: The token's party is registered in another role, or is not the platform operator.
    """
    token = _bearer(authorization)
    said = read_assertion(token)
    if said is not None:
        return _component_behind(services, said, read_body)
    identity = services.tokens.identify(authorization)
    is_platform = identity.party == services.settings.platform_party
    if is_platform != (identity.role == "tps"):
        raise Forbidden("the party of the token is not onboarded in this role; ask the platform operator")
    with services.endpoint("ecp").database.transaction() as tx:
        known = directory.component_of(tx, identity.party)
    if known is not None and known.component.role != identity.role:
        raise Forbidden("the party of the token is not onboarded in this role; ask the platform operator")
    return DirectoryScope(identity.party, identity.role)


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _component_behind(services: Services, said: Assertion, read_body: Callable[[], bytes]) -> DirectoryScope:
    """A component, by a certificate of its own for authentication that is valid and not revoked."""
    endpoint = services.endpoint("ecp")
    with endpoint.database.transaction() as tx:
        known = directory.registered(tx, said.component)
    if known is None or known.status != "active":
        raise Unauthenticated(_REFUSAL)
    certificate = known.entry.certificate_by_id(CertificateUse.AUTHENTICATION, said.certificate_id)
    if certificate is None or not certificate.is_valid_at(endpoint.clock()):
        raise Unauthenticated(_REFUSAL)
    check_assertion(said, certificate, endpoint.clock(), read_body())
    return DirectoryScope(known.component.party, known.component.role, known.component.code)
