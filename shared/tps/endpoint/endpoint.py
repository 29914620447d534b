"""One group's endpoint: what it may use, and the keys and directory entries it looks up again and again."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from cachetools import TTLCache

from tps.endpoint import components
from tps.endpoint.batching import OwedBatch
from tps.endpoint.components import CopiedEntry, OwnComponent, WrappedKey
from tps.endpoint.upkeep import Upkeep
from tps.mades.certificate import CertificateUse
from tps.mades.directory import ComponentEntry
from tps.mades.keys import DecryptionKey, SigningKey, bound_to, load_private_key, unwrap
from tps.mades.states import refusal
from tps.mades.types import TIMES_TO_LIVE

if TYPE_CHECKING:
    from tps.stores.database import Database, Transaction
    from tps.stores.mailbox import Mailbox
    from tps.stores.objects import DocumentStore

# Parsed keys are expensive to build, so `tps.mades` caches them per certificate.
_REMEMBER_S = 1
_Key = TypeVar("_Key", SigningKey, DecryptionKey)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Everything one group sends and receives with.

    Attributes:
        group: `agr`, `dso`, `tps`, or `agr-CODE`, `dso-CODE`.
        platform: The platform's component code.
        key: The group's 32 secret bytes; other secrets are derived from it.
        clock: Returns aware UTC.
        owed: To be told of acknowledgements that are owed.
        times_to_live: How long messages of ours live that are not delivered, by type, with one for `*`.
        broker: The broker's component code, for traces.
        upkeep: How its copy of the directory and its keys are kept up.
        batch_window_s: Length of the clock-aligned windows in which news for a DSO is merged; 0 sends at once.
        unreached_after_s: How long after an emergency was accepted its DSO is told of assets that were not reached.
    """

    group: str
    platform: str
    key: bytes = field(repr=False)
    database: Database
    documents: DocumentStore
    mailbox: Mailbox
    clock: Callable[[], datetime]
    keyring: Keyring = field(default_factory=lambda: Keyring())
    owed: OwedBatch = field(default_factory=OwedBatch)
    upkeep: Upkeep = field(default_factory=Upkeep)
    batch_window_s: float = 15.0
    unreached_after_s: float = 60.0
    broker: str = "BROKER"
    times_to_live: Mapping[str, timedelta] = field(default_factory=lambda: TIMES_TO_LIVE)

    @property
    def kind(self) -> str:
        """`agr`, `dso` or `tps`."""
        return self.group.partition("-")[0]

    def secret(self, purpose: str) -> bytes:
        """32 bytes for one purpose (`ids`, `cursors`, `ties`): knowing one of them tells nothing of the others."""
        return hmac.digest(self.key, f"tps {purpose}".encode(), hashlib.sha256)

    def signing_key(self, tx: Transaction, component: str) -> SigningKey:
        """What a component of this group signs with: the newest key whose certificate every copy must know.

        A copy may be as old as the directory's time to live, and what is signed by a certificate it does not know is
        refused. So a renewed key takes over when its certificate is that old, or no older one holds any more.

        Raises:
            MessageRefused: `certificate_expired` or `certificate_revoked`: it has none; it must be renewed, or is
                revoked.
        """
        keys = self._keys_that_hold(tx, component, CertificateUse.SIGNING)
        known_since = self.clock() - self.upkeep.ttl
        known = [each for each in keys if each.valid_from <= known_since]
        return self.keyring.signing(known[0] if known else keys[-1], self.key)

    def authentication_key(self, tx: Transaction, component: str) -> SigningKey:
        """What a component of this group proves itself to the directory with; raises as `signing_key`."""
        keys = self._keys_that_hold(tx, component, CertificateUse.AUTHENTICATION)
        return self.keyring.signing(keys[0], self.key)

    def _keys_that_hold(self, tx: Transaction, component: str, use: CertificateUse) -> list[WrappedKey]:
        keys, copied = components.valid_keys(tx, component, use, self.clock()), self._copied(tx, component)
        holding = [each for each in keys if copied is None or not copied.entry.is_revoked(each.certificate_id)]
        if not holding:
            raise refusal("certificate_revoked" if keys else "certificate_expired")
        return holding

    def decryption_key(self, tx: Transaction, certificate_id: str) -> DecryptionKey | None:
        """The key behind one of this group's encryption certificates, or None."""
        wrapped = components.key_by_certificate(tx, certificate_id)
        return self.keyring.decryption(wrapped, self.key) if wrapped and wrapped.use == "encryption" else None

    def entry(self, tx: Transaction, code: str) -> ComponentEntry | None:
        """The copy of a component's directory entry, however old; None if there is none. Good for a name."""
        copied = self._copied(tx, code)
        return copied.entry if copied else None

    def believed_entry(self, tx: Transaction, code: str) -> ComponentEntry | None:
        """The copy of a component's directory entry, for traffic with it; None if there is none.

        Raises:
            MessageRefused: `directory_stale`: the directory has not said for its time to live that it is still so.
        """
        copied = self._copied(tx, code)
        if copied is None:
            return None
        if copied.is_stale(self.clock(), self.upkeep.ttl.total_seconds()):
            raise refusal("directory_stale")
        return copied.entry

    def _copied(self, tx: Transaction, code: str) -> CopiedEntry | None:
        known = self.keyring.entries.get(code)
        if known is None:
            known = components.entry_of(tx, code)
            if known is not None:
                self.keyring.entries[code] = known
        return known

    def own(self, tx: Transaction, code: str) -> OwnComponent | None:
        """One of the components this group acts for, or None."""
        return components.component_by_code(tx, code)


class Keyring:
    """Unwrapped keys and parsed directory entries of one process; they are dear to build."""

    def __init__(self) -> None:
        self.entries: TTLCache[str, CopiedEntry] = TTLCache(1024, _REMEMBER_S)
        self._signing: dict[str, SigningKey] = {}
        self._decryption: dict[str, DecryptionKey] = {}

    def signing(self, wrapped: WrappedKey, group_key: bytes) -> SigningKey:
        return self._remember(self._signing, SigningKey, wrapped, group_key)

    def decryption(self, wrapped: WrappedKey, group_key: bytes) -> DecryptionKey:
        return self._remember(self._decryption, DecryptionKey, wrapped, group_key)

    @staticmethod
    def _remember(known: dict[str, _Key], kind: type[_Key], wrapped: WrappedKey, group_key: bytes) -> _Key:
        if wrapped.certificate_id not in known:
            pem = unwrap(wrapped.wrapped, group_key, bound_to(wrapped.component, wrapped.use))
            known[wrapped.certificate_id] = kind(wrapped.component, wrapped.certificate_id, load_private_key(pem))
        return known[wrapped.certificate_id]
