"""Authentication at the component directory: a party by its token, or a component by its authentication key (NF3).

An applicant is not yet a party here, so a token of the issuer is enough to apply and to read one's own application.
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
    """Return the viewer behind an Authorization header.

    Args:
        read_body: Returns the raw body. Called only for a component, whose assertion covers the body.

    Raises:
        Unauthenticated: No valid token and no valid assertion. The text is the same for every fault.
        Forbidden: The token's party is registered in another role, or is not the platform operator.
    """
    token = _bearer(authorization)
    assertion = read_assertion(token)
    if assertion is not None:
        return _component_behind(services, assertion, read_body)
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


def _component_behind(services: Services, assertion: Assertion, read_body: Callable[[], bytes]) -> DirectoryScope:
    """Return the scope of a component that signed with a valid authentication certificate, not revoked."""
    endpoint = services.endpoint("ecp")
    with endpoint.database.transaction() as tx:
        known = directory.registered(tx, assertion.component)
    if known is None or known.status != "active":
        raise Unauthenticated(_REFUSAL)
    certificate = known.entry.certificate_by_id(CertificateUse.AUTHENTICATION, assertion.certificate_id)
    if certificate is None or not certificate.is_valid_at(endpoint.clock()):
        raise Unauthenticated(_REFUSAL)
    check_assertion(assertion, certificate, endpoint.clock(), read_body())
    return DirectoryScope(known.component.party, known.component.role, known.component.code)
