"""Certificates of components after their first: renewed by the component itself, revoked by the platform operator."""

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
"""Ten renewals; what is queued may be encrypted for any of them."""


def renew(directory_: Directory, scope: DirectoryScope, code: str, pems: dict[str, str]) -> tuple[Certificate, ...]:
    """Three more certificates of a component, for new keys; older ones stay until they expire.

    The same keys again get the same certificates.

    Raises:
        NotFound: Somebody else's component, or none.
        Forbidden: A token asks: only a component's valid certificate proves that it may.
        RuleBroken: `bad_key`.
        Conflict: `too_many`: more certificates are valid than a component needs.
    """
    _check_own(scope, code)
    keys = read_public_keys(pems)
    with directory_.transaction() as tx:
        known = for_change(tx, code)
        now = directory_.clock()
        kept = tuple(each for each in known.entry.certificates if now <= each.valid_to)
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
    """The certificates for exactly these keys, in the order of their uses; empty unless there are all three."""
    by_key = {(each.use, dump_public_key(each.public_key).decode()): each for each in certificates}
    found = [by_key.get((use, keys[use])) for use in CertificateUse]
    return tuple(each for each in found if each) if all(found) else ()


def revoke(directory_: Directory, code: str, reason: str, certificate_id: str | None = None) -> Registered:
    """Revoke a component for good, or one of its certificates; again, it changes nothing.

    What was revoked is in no entry any more but as an id, so that copies refuse what is signed by it, and nothing is
    encrypted for it. The paths of a revoked component stay: who sends to it learns that it was revoked.

    Raises:
        NotFound: No such component, or it has no such certificate.
        Conflict: The platform's own component as a whole.
    """
    with directory_.transaction() as tx:
        known = for_change(tx, code)
        revoked = _to_revoke(directory_, known, certificate_id)
        if not revoked and (certificate_id or known.status == "revoked"):
            return known
        now = directory_.clock()
        directory.revoke(tx, code, revoked, reason=reason, now=now)
        left = tuple(each for each in known.entry.certificates if each.certificate_id not in revoked)
        status = known.status if certificate_id else "revoked"
        ids = known.entry.revoked_certificates | set(revoked)
        changed = with_entry(known, certificates=left, revoked_certificates=ids)
        return rewrite(directory_, tx, replace(changed, status=status), now)


def _to_revoke(directory_: Directory, known: Registered, certificate_id: str | None) -> list[str]:
    """Ids that are not revoked yet."""
    ids = [each.certificate_id for each in known.entry.certificates]
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
