"""Certificates after the first ones: components renew them, and the platform operator revokes them.

Source: docs/mades.md, "Certificates".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tps.directory import entries as directory
from tps.directory.admission import certify
from tps.directory.directory import NO_COMPONENT, Directory, for_change, rewrite, with_entry
from tps.directory.entries import Registered
from tps.domain.scope import DirectoryScope
from tps.errors import Conflict, Finding, Forbidden, NotFound
from tps.mades.applicant import PublicKeys, read_public_keys
from tps.mades.certificate import Certificate, CertificateUse
from tps.mades.keys import dump_public_key

MAXIMUM_VALID_CERTIFICATES = 30
"""Ten renewals. Queued messages may be encrypted for any of them."""


def renew(directory_: Directory, scope: DirectoryScope, code: str, pems: dict[str, str]) -> tuple[Certificate, ...]:
    """Issue three more certificates of a component for new keys. Older ones stay until they expire.

    A repeat with the same keys returns the same certificates.

    Args:
        pems: Public key (PEM) by use.

    Raises:
        NotFound: The component is unknown, or is not the caller's.
        Forbidden: The caller used a token. Only a valid certificate of the component allows a renewal.
        RuleBroken: `bad_key`.
        Conflict: `too_many`: the component has too many valid certificates.
    """
    _check_own(scope, code)
    keys = read_public_keys(pems)
    with directory_.transaction() as tx:
        known = for_change(tx, code)
        now = directory_.clock()
        kept = tuple(certificate for certificate in known.entry.certificates if now <= certificate.valid_to)
        issued = issued_for(kept, keys)
        if issued:
            return issued
        if len(kept) >= MAXIMUM_VALID_CERTIFICATES:
            detail = "the component already has too many valid certificates; wait until some expire, or revoke some"
            raise Conflict(detail, [Finding("too_many", "/keys", detail)])
        issued = certify(directory_, code, known.entry.organisation, keys)
        rewrite(directory_, tx, with_entry(known, certificates=kept + issued), now)
    return issued


def _check_own(scope: DirectoryScope, code: str) -> None:
    if scope.component is None:
        raise Forbidden("the request must be signed with the key of a valid certificate of the component")
    if scope.component != code:
        raise NotFound(NO_COMPONENT)


def issued_for(certificates: Sequence[Certificate], keys: PublicKeys) -> tuple[Certificate, ...]:
    """Return the certificates of exactly these keys, in the order of their uses.

    Return an empty tuple unless all three exist.
    """
    by_key = {(known.use, dump_public_key(known.public_key).decode()): known for known in certificates}
    matches = [by_key.get((use, keys[use])) for use in CertificateUse]
    return tuple(certificate for certificate in matches if certificate) if all(matches) else ()


def revoke(directory_: Directory, code: str, reason: str, certificate_id: str | None = None) -> Registered:
    """Revoke a component for good, or one of its certificates. A repeat changes nothing.

    An entry lists revoked certificates only by id. So copies refuse their signatures, and nothing is encrypted for
    them. The paths of a revoked component stay, so that senders learn of the revocation.

    Args:
        certificate_id: The certificate to revoke. None revokes the component.

    Raises:
        NotFound: The component does not exist, or does not have this certificate.
        Conflict: The platform's own component cannot be revoked as a whole.
    """
    with directory_.transaction() as tx:
        known = for_change(tx, code)
        revoked = _to_revoke(directory_, known, certificate_id)
        if not revoked and (certificate_id or known.status == "revoked"):
            return known
        now = directory_.clock()
        directory.revoke(tx, code, revoked, reason=reason, now=now)
        certificates = known.entry.certificates
        remaining = tuple(kept for kept in certificates if kept.certificate_id not in revoked)
        status = known.status if certificate_id else "revoked"
        ids = known.entry.revoked_certificates | set(revoked)
        changed = with_entry(known, certificates=remaining, revoked_certificates=ids)
        return rewrite(directory_, tx, replace(changed, status=status), now)


def _to_revoke(directory_: Directory, known: Registered, certificate_id: str | None) -> list[str]:
    """Return the ids of the certificates that are not revoked yet."""
    ids = [certificate.certificate_id for certificate in known.entry.certificates]
    if certificate_id is None:
        if known.component.code == directory_.platform:
            detail = "the platform's component cannot be revoked; revoke one of its certificates"
            raise Conflict(detail, [Finding("taken", "/certificate_id", detail)])
        return ids
    if known.entry.is_revoked(certificate_id):
        return []
    if certificate_id not in ids:
        raise NotFound("the component has no certificate with this id")
    return [certificate_id]
