"""Renewal of own components' certificates well before they end, with new keys.

The wrapped new keys are stored before the first request for certificates. The request is repeated until the
certificates arrive. So no certificate is ever issued for a lost key. Old keys stay, because they open queued messages.

Source: docs/mades.md, "Certificates".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from tps.endpoint import directory_copy, key_renewal
from tps.endpoint.components import WrappedKey
from tps.endpoint.directory_client import LONGEST_CALL_S
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.key_renewal import NewKeys
from tps.endpoint.synchronising import delay
from tps.errors import NotFound, TpsError, Unavailable
from tps.mades.assertion import make_assertion
from tps.mades.certificate import Certificate, CertificateUse, load_certificate, verify_certificate
from tps.mades.keys import (
    PrivateKey,
    bound_to,
    dump_private_key,
    dump_public_key,
    generate_key,
    load_private_key,
    unwrap,
    wrap,
)
from tps.mades.states import refusal
from tps.mades.types import IN_FLIGHT

_TURN = timedelta(seconds=LONGEST_CALL_S + 30)
_LONGEST_DELAY = timedelta(hours=1)
_log = structlog.get_logger()

Certify = Callable[[str, Mapping[str, str]], Sequence[str]]
"""Returns certificates (PEM) for a component's public keys (PEM by use). The same keys get the same certificates."""


def renew_due(endpoint: Endpoint) -> int:
    """Renew every own component whose certificates end soon. Return the number of renewed components.

    Raises:
        StoreAway: The group's own database is unavailable.
    """
    if endpoint.upkeep.directory is None:
        return 0
    with endpoint.database.transaction() as tx:
        due = key_renewal.ending_before(tx, endpoint.clock() + endpoint.upkeep.renew_before)
    return sum(_renew_or_log(endpoint, component) for component in due)


def _renew_or_log(endpoint: Endpoint, component: str) -> bool:
    keys = _take(endpoint, component)
    if keys is None:
        return False
    try:
        _finish(endpoint, keys, by_directory(endpoint))
    except TpsError as error:
        retry_in = delay(keys.failures, _LONGEST_DELAY)
        _log.error("certificates not renewed", component=component, why=error.detail, next_in_s=retry_in.seconds)
        with endpoint.database.transaction() as tx:
            key_renewal.postpone_renewal(tx, component, endpoint.clock() + retry_in)
        return False
    return True


def renew_now(endpoint: Endpoint, component: str, certify: Certify) -> tuple[Certificate, ...]:
    """Renew a component of this group at any age of its certificates.

    Raises:
        NotFound: The group has no such component.
        Unavailable: Another renewal is in progress, or one failed a moment ago.
        TpsError: `certify` failed. The same keys wait for the next attempt.
    """
    with endpoint.database.transaction() as tx:
        if endpoint.own(tx, component) is None:
            raise NotFound("this group has no such component")
    keys = _take(endpoint, component)
    if keys is None:
        raise Unavailable("a renewal is in progress or failed a moment ago; try again in a minute")
    return _finish(endpoint, keys, certify)


def _take(endpoint: Endpoint, component: str) -> NewKeys | None:
    now = endpoint.clock()
    authentication, encryption, signing = (_wrapped(endpoint, component, use, generate_key()) for use in CertificateUse)
    new = NewKeys(component, authentication, encryption, signing)
    with endpoint.database.transaction() as tx:
        return key_renewal.take_renewal(tx, new, now=now, until=now + _TURN)


def _finish(endpoint: Endpoint, new_keys: NewKeys, certify: Certify) -> tuple[Certificate, ...]:
    keys = {use: _unwrapped(endpoint, new_keys, use) for use in CertificateUse}
    public = {use.value: dump_public_key(key.public_key()).decode() for use, key in keys.items()}
    issued = {
        certificate.use: certificate for certificate in map(load_certificate, certify(new_keys.component, public))
    }
    _check(endpoint, new_keys.component, issued, public)
    _keep(endpoint, new_keys, issued)
    _log.info("certificates renewed", component=new_keys.component, until=min(_ends(issued)).isoformat())
    return tuple(issued[use] for use in CertificateUse)


def _check(
    endpoint: Endpoint, component: str, issued: Mapping[CertificateUse, Certificate], public: Mapping[str, str]
) -> None:
    """Refuse certificates that do not match the request exactly."""
    authority, now = endpoint.upkeep.authority(), endpoint.clock()
    for use in CertificateUse:
        certificate = issued.get(use)
        if certificate is None or dump_public_key(certificate.public_key).decode() != public[use]:
            raise refusal("certificate_unknown")
        verify_certificate(certificate, authority, now, component=component, use=use)


def _keep(endpoint: Endpoint, new_keys: NewKeys, issued: Mapping[CertificateUse, Certificate]) -> None:
    now, component = endpoint.clock(), new_keys.component
    keys = [
        WrappedKey(
            certificate.certificate_id,
            component,
            use,
            getattr(new_keys, use.value),
            certificate.valid_from,
            certificate.valid_to,
        )
        for use, certificate in issued.items()
    ]
    with endpoint.database.transaction() as tx:
        key_renewal.keep_renewed(tx, component, keys, unneeded_before=now - IN_FLIGHT)
        directory_copy.schedule_pull(tx, component, now)


def by_directory(endpoint: Endpoint) -> Certify:
    """Return a function that gets certificates from the Component Directory.

    The component must still have a valid certificate.
    """
    directory = endpoint.upkeep.directory
    assert directory is not None

    def certify(component: str, keys: Mapping[str, str]) -> Sequence[str]:
        with endpoint.database.transaction() as tx:
            key = endpoint.authentication_key(tx, component)
        return directory.certify(component, keys, lambda body: make_assertion(key, endpoint.clock(), body))

    return certify


def _wrapped(endpoint: Endpoint, component: str, use: CertificateUse, key: PrivateKey) -> bytes:
    return wrap(dump_private_key(key), endpoint.key, bound_to(component, use))


def _unwrapped(endpoint: Endpoint, new_keys: NewKeys, use: CertificateUse) -> PrivateKey:
    wrapped: bytes = getattr(new_keys, use.value)
    return load_private_key(unwrap(wrapped, endpoint.key, bound_to(new_keys.component, use)))


def _ends(issued: Mapping[CertificateUse, Certificate]) -> list[datetime]:
    return [certificate.valid_to for certificate in issued.values()]
