"""Renewing own components' certificates well before they end, with keys made anew.

The new keys are stored, wrapped, before certificates are asked for, and asked for again until they are here: whatever
is interrupted, no certificate is issued for a key that is lost. Older keys stay: they open what is still queued.
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
"""Certificates (PEM) for a component's new public keys (PEM by use); the same ones for the same keys."""


def renew_due(endpoint: Endpoint) -> int:
    """Renew every own component whose certificates end soon; returns how many were renewed.

    Raises:
        StoreAway: The group's own database.
    """
    if endpoint.upkeep.directory is None:
        return 0
    with endpoint.database.transaction() as tx:
        due = key_renewal.ending_before(tx, endpoint.clock() + endpoint.upkeep.renew_before)
    return sum(_renew_or_log(endpoint, component) for component in due)


def _renew_or_log(endpoint: Endpoint, component: str) -> bool:
    taken = _take(endpoint, component)
    if taken is None:
        return False
    try:
        _finish(endpoint, taken, by_directory(endpoint))
    except TpsError as error:
        wait = delay(taken.failures, _LONGEST_DELAY)
        _log.error("certificates not renewed", component=component, why=error.detail, next_in_s=wait.seconds)
        with endpoint.database.transaction() as tx:
            key_renewal.put_off_renewal(tx, component, endpoint.clock() + wait)
        return False
    return True


def renew_now(endpoint: Endpoint, component: str, certify: Certify) -> tuple[Certificate, ...]:
    """Renew a component of this group, however long its certificates hold.

    Raises:
        NotFound: No component of this group.
        Unavailable: Somebody is renewing it just now.
        TpsError: What `certify` raises; the same keys wait for the next attempt.
    """
    with endpoint.database.transaction() as tx:
        if endpoint.own(tx, component) is None:
            raise NotFound("this group has no such component")
    taken = _take(endpoint, component)
    if taken is None:
        raise Unavailable("a renewal is in progress or failed a moment ago; try again in a minute")
    return _finish(endpoint, taken, certify)


def _take(endpoint: Endpoint, component: str) -> NewKeys | None:
    now = endpoint.clock()
    authentication, encryption, signing = (_wrapped(endpoint, component, use, generate_key()) for use in CertificateUse)
    new = NewKeys(component, authentication, encryption, signing)
    with endpoint.database.transaction() as tx:
        return key_renewal.take_renewal(tx, new, now=now, until=now + _TURN)


def _finish(endpoint: Endpoint, taken: NewKeys, certify: Certify) -> tuple[Certificate, ...]:
    keys = {use: _unwrapped(endpoint, taken, use) for use in CertificateUse}
    public = {use.value: dump_public_key(key.public_key()).decode() for use, key in keys.items()}
    issued = {each.use: each for each in map(load_certificate, certify(taken.component, public))}
    _check(endpoint, taken.component, issued, public)
    _keep(endpoint, taken, issued)
    _log.info("certificates renewed", component=taken.component, until=min(_ends(issued)).isoformat())
    return tuple(issued[use] for use in CertificateUse)


def _check(
    endpoint: Endpoint, component: str, issued: Mapping[CertificateUse, Certificate], public: Mapping[str, str]
) -> None:
    """Refuse what is not exactly what was asked for."""
    authority, now = endpoint.upkeep.authority(), endpoint.clock()
    for use in CertificateUse:
        certificate = issued.get(use)
        if certificate is None or dump_public_key(certificate.public_key).decode() != public[use]:
            raise refusal("certificate_unknown")
        verify_certificate(certificate, authority, now, component=component, use=use)


def _keep(endpoint: Endpoint, taken: NewKeys, issued: Mapping[CertificateUse, Certificate]) -> None:
    now, component = endpoint.clock(), taken.component
    keys = [
        WrappedKey(each.certificate_id, component, use, getattr(taken, use.value), each.valid_from, each.valid_to)
        for use, each in issued.items()
    ]
    with endpoint.database.transaction() as tx:
        key_renewal.keep_renewed(tx, component, keys, unneeded_before=now - IN_FLIGHT)
        directory_copy.look_again(tx, component, now)


def by_directory(endpoint: Endpoint) -> Certify:
    """Certificates from the Component Directory, to the component that still has a valid one."""
    directory = endpoint.upkeep.directory
    assert directory is not None

    def certify(component: str, keys: Mapping[str, str]) -> Sequence[str]:
        with endpoint.database.transaction() as tx:
            key = endpoint.authentication_key(tx, component)
        return directory.certify(component, keys, lambda body: make_assertion(key, endpoint.clock(), body))

    return certify


def _wrapped(endpoint: Endpoint, component: str, use: CertificateUse, key: PrivateKey) -> bytes:
    return wrap(dump_private_key(key), endpoint.key, bound_to(component, use))


def _unwrapped(endpoint: Endpoint, taken: NewKeys, use: CertificateUse) -> PrivateKey:
    wrapped: bytes = getattr(taken, use.value)
    return load_private_key(unwrap(wrapped, endpoint.key, bound_to(taken.component, use)))


def _ends(issued: Mapping[CertificateUse, Certificate]) -> list[datetime]:
    return [each.valid_to for each in issued.values()]
