"""The endpoint of one group: its stores and settings, and its cached keys and directory entries."""

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

# Parsed keys of an entry are expensive to build, so `tps.mades` caches them per certificate.
_REMEMBER_S = 1
_Key = TypeVar("_Key", SigningKey, DecryptionKey)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The stores, settings and keys with which one group sends and receives.

    Attributes:
        group: `agr`, `dso`, `tps`, or `agr-CODE`, `dso-CODE`.
        platform: The platform's component code.
        key: The group's secret, 32 bytes. Other secrets are derived from it.
        clock: Returns the current time, aware and in UTC.
        owed: Timer for owed acknowledgements.
        times_to_live: Time to live of outgoing messages by type. The key `*` holds the default.
        broker: The broker's component code, for traces.
        upkeep: Settings for the copy of the directory and for the renewal of certificates.
        batch_window_s: Length of the batching window, in seconds. 0 sends news for a DSO at once.
        unreached_after_s: Delay after which a DSO is told of assets that its emergency has not reached, in seconds.
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
        """The kind of the group: `agr`, `dso` or `tps`."""
        return self.group.partition("-")[0]

    def secret(self, purpose: str) -> bytes:
        """Return 32 secret bytes for one purpose (`ids`, `cursors`, `ties`). No secret reveals another."""
        return hmac.digest(self.key, f"tps {purpose}".encode(), hashlib.sha256)

    def signing_key(self, tx: Transaction, component: str) -> SigningKey:
        """Return the key that a component of this group signs with.

        It is the newest key whose certificate every copy of the directory must know. A copy may be as old as the
        directory's time to live, and its owner refuses signatures by unknown certificates. So a renewed key takes over
        when its certificate has that age, or when no older certificate is valid.

        Raises:
            MessageRefused: `certificate_expired`: no certificate is valid, so the component must renew it.
                `certificate_revoked`: all valid certificates are revoked.
        """
        keys = self._keys_that_hold(tx, component, CertificateUse.SIGNING)
        known_since = self.clock() - self.upkeep.ttl
        known = [key for key in keys if key.valid_from <= known_since]
        return self.keyring.signing(known[0] if known else keys[-1], self.key)

    def authentication_key(self, tx: Transaction, component: str) -> SigningKey:
        """Return the key with which a component of this group authenticates to the directory.

        Raises:
            MessageRefused: As in `signing_key`.
        """
        keys = self._keys_that_hold(tx, component, CertificateUse.AUTHENTICATION)
        return self.keyring.signing(keys[0], self.key)

    def _keys_that_hold(self, tx: Transaction, component: str, use: CertificateUse) -> list[WrappedKey]:
        keys, copied = components.valid_keys(tx, component, use, self.clock()), self._copied(tx, component)
        valid = [key for key in keys if copied is None or not copied.entry.is_revoked(key.certificate_id)]
        if not valid:
            raise refusal("certificate_revoked" if keys else "certificate_expired")
        return valid

    def decryption_key(self, tx: Transaction, certificate_id: str) -> DecryptionKey | None:
        """Return the key of one of this group's encryption certificates, or None."""
        wrapped = components.key_by_certificate(tx, certificate_id)
        return self.keyring.decryption(wrapped, self.key) if wrapped and wrapped.use == "encryption" else None

    def entry(self, tx: Transaction, code: str) -> ComponentEntry | None:
        """Return the copy of a component's directory entry at any age, or None. Use it only for names."""
        copied = self._copied(tx, code)
        return copied.entry if copied else None

    def believed_entry(self, tx: Transaction, code: str) -> ComponentEntry | None:
        """Return the current copy of a component's directory entry for traffic with the component, or None.

        Raises:
            MessageRefused: `directory_stale`: the copy is older than its time to live.
        """
        copied = self._copied(tx, code)
        if copied is None:
            return None
        if copied.is_stale(self.clock(), self.upkeep.ttl.total_seconds()):
            raise refusal("directory_stale")
        return copied.entry

    def _copied(self, tx: Transaction, code: str) -> CopiedEntry | None:
        copied = self.keyring.entries.get(code)
        if copied is None:
            copied = components.entry_of(tx, code)
            if copied is not None:
                self.keyring.entries[code] = copied
        return copied

    def own(self, tx: Transaction, code: str) -> OwnComponent | None:
        """Return the component of this group with this code, or None."""
        return components.component_by_code(tx, code)


class Keyring:
    """A process's cache of unwrapped keys and parsed directory entries, which are expensive to build."""

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
