"""Permissions at the broker: pure rules from groups, components and consumers to the configuration of the server.

Source: ARCHITECTURE.md, "Subjects and queues".
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tps.mades.codes import component_code
from tps.mades.subjects import consumer_name, group_name

PLATFORM = "platform"
MAX_PAYLOAD_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Access:
    """Everything that the permissions of the broker depend on.

    Attributes:
        passwords: By user: each group, and `platform`, which creates streams and consumers and deletes orphans.
        components: By group, the codes of its components. A group publishes only with these senders.
        consumers: (group, message type) of every durable consumer.
    """

    passwords: Mapping[str, str]
    components: Mapping[str, frozenset[str]]
    consumers: frozenset[tuple[str, str]]


def render_nats_conf(access: Access, port: int, store: Path) -> str:
    """Return the configuration file of the server, as JSON, which NATS accepts. Contains passwords."""
    users = [_user(name, access) for name in sorted(access.passwords)]
    return json.dumps(
        {
            "listen": f"127.0.0.1:{port}",
            "server_name": "tps",
            "max_payload": MAX_PAYLOAD_BYTES,
            "jetstream": {"store_dir": str(store), "sync_interval": "always"},
            "authorization": {"timeout": 5, "users": users},
        },
        indent=1,
    )


def _user(name: str, access: Access) -> dict[str, Any]:
    user: dict[str, Any] = {"user": name, "password": access.passwords[name]}
    if name != PLATFORM:
        user["permissions"] = group_permissions(name, access)
    return user


def group_permissions(group: str, access: Access) -> dict[str, dict[str, list[str]]]:
    """Return the subjects that the user of a group may publish and subscribe. Everything else is denied."""
    kind = group_name(group).partition("-")[0]
    codes = sorted(component_code(code) for code in access.components.get(group, ()))
    publish = [*_sending(kind, codes), *_receiving(group, access.consumers)]
    return {"publish": {"allow": publish}, "subscribe": {"allow": [f"_INBOX_{group}.>", f"wake.{group}.*"]}}


def _sending(kind: str, codes: Iterable[str]) -> list[str]:
    if kind == "tps":
        reading_dead = ["$JS.API.STREAM.INFO.DEAD", "$JS.API.STREAM.MSG.GET.DEAD"]
        return ["mades.>", "large.>", "$JS.API.STREAM.PURGE.LARGE", *reading_dead]
    # The directory answers every group. Parties send to the platform and the directory only.
    groups = ("*",) if kind == "ecp" else ("tps", "ecp")
    subjects = []
    for code in codes:
        subjects += [f"mades.{group}.*.*.{code}" for group in groups]
        subjects += [f"large.{group}.*.{code}.>" for group in groups]
    return subjects


def _receiving(group: str, consumers: Iterable[tuple[str, str]]) -> list[str]:
    own = [f"dead.{group}.>", f"wake.{group}.*", f"$JS.API.DIRECT.GET.LARGE.large.{group}.>"]
    own += [f"attempts.{group}.>", f"$JS.API.DIRECT.GET.ATTEMPTS.attempts.{group}.>"]
    # List every consumer: a NATS wildcard matches a whole token, so `agr_*` is not a pattern.
    for name in sorted(consumer_name(*consumer) for consumer in consumers if consumer[0] == group):
        own += [
            f"$JS.API.CONSUMER.MSG.NEXT.MADES.{name}",
            f"$JS.API.CONSUMER.INFO.MADES.{name}",
            f"$JS.ACK.MADES.{name}.>",
        ]
    return own
