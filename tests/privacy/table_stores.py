"""The part of the access table behind the routes: subjects, streams, buckets, databases and tables."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SubjectRow:
    """One family of subjects of one group at the broker, with the allowed publishers and listeners.

    Placeholders: `group` and `code` of the owner, `sender`, `consumer`, `rest`. A caller's relation to the row's group
    is `owner`, `platform`, `directory` or `other`.

    Attributes:
        sender: Sender in the subject: the caller's `own` code, or `another` code.
        of: Kinds of groups that have it.
    """

    family: str
    keys: tuple[str, ...]
    publishers: frozenset[str] = frozenset()
    listeners: frozenset[str] = frozenset()
    sender: str = "own"
    of: str = "agr dso tps ecp"
    scope: str = "own"


def _may(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ANYBODY = _may("owner platform directory other")
_DIVIDERS = _may("platform directory")
_INBOX, _LARGE = "mades.{group}.{type}.{code}.{sender}", "large.{group}.{code}.{sender}.{name}.{chunk}"
_NEITHER = ("BRK-01", "BRK-02")

SUBJECTS = (
    SubjectRow(_INBOX, ("PTH-01", "PTH-02", "BRK-01"), publishers=_DIVIDERS, of="agr dso"),
    SubjectRow(_INBOX, ("PTH-01", "PTH-02", "BRK-01"), publishers=_ANYBODY, of="tps ecp"),
    SubjectRow(_INBOX, ("PTH-02", "BRK-01"), publishers=_may("platform"), sender="another"),
    SubjectRow(_LARGE, ("PTH-02", "BRK-01"), publishers=_DIVIDERS, of="agr dso"),
    SubjectRow(_LARGE, ("PTH-02", "BRK-01"), publishers=_ANYBODY, of="tps ecp"),
    SubjectRow(_LARGE, ("PTH-02", "BRK-01"), publishers=_may("platform"), sender="another"),
    SubjectRow("dead.{group}.{type}.{code}.{sender}", ("DLT-01", *_NEITHER), publishers=_may("owner")),
    SubjectRow("attempts.{group}.{type}.1", ("BRK-02",), publishers=_may("owner")),
    SubjectRow("$JS.API.DIRECT.GET.ATTEMPTS.attempts.{group}.{type}.1", ("BRK-02",), publishers=_may("owner")),
    SubjectRow("wake.{group}.{code}", _NEITHER, publishers=_may("owner"), listeners=_may("owner")),
    SubjectRow("_INBOX_{group}.{rest}", _NEITHER, listeners=_may("owner")),
    SubjectRow("$JS.API.CONSUMER.MSG.NEXT.MADES.{consumer}", _NEITHER, publishers=_may("owner")),
    SubjectRow("$JS.API.CONSUMER.INFO.MADES.{consumer}", _NEITHER, publishers=_may("owner")),
    SubjectRow("$JS.ACK.MADES.{consumer}.1.1.1.1.0", _NEITHER, publishers=_may("owner")),
    SubjectRow("$JS.API.DIRECT.GET.LARGE.large.{group}.{rest}", _NEITHER, publishers=_may("owner")),
    SubjectRow("$JS.API.STREAM.PURGE.LARGE", ("BRK-02",), publishers=_may("platform"), scope="platform"),
    SubjectRow("$JS.API.STREAM.INFO.DEAD", ("DLT-01",), publishers=_may("platform"), scope="platform"),
    SubjectRow("$JS.API.STREAM.MSG.GET.DEAD", ("DLT-01",), publishers=_may("platform"), scope="platform"),
    *(
        SubjectRow(f"$JS.API.{each}", ("BRK-02",), scope="nobody")
        for each in [
            "INFO",
            "STREAM.NAMES",
            "STREAM.LIST",
            "STREAM.CREATE.SPY",
            "STREAM.INFO.MADES",
            "STREAM.INFO.LARGE",
            "STREAM.MSG.GET.MADES",
            "STREAM.MSG.GET.LARGE",
            "STREAM.MSG.DELETE.{stream}",
            "STREAM.UPDATE.{stream}",
            "STREAM.DELETE.{stream}",
            "STREAM.SNAPSHOT.{stream}",
            "STREAM.PURGE.MADES",
            "STREAM.PURGE.DEAD",
            "CONSUMER.NAMES.{stream}",
            "CONSUMER.LIST.{stream}",
            "CONSUMER.CREATE.{stream}.spy",
            "CONSUMER.DURABLE.CREATE.{stream}.spy",
            "CONSUMER.DELETE.MADES.{consumer}",
            "CONSUMER.PAUSE.MADES.{consumer}",
            "DIRECT.GET.{stream}",
        ]
    ),
    SubjectRow("$JS.EVENT.{rest}", ("BRK-01",), scope="nobody"),
    SubjectRow("$SYS.{rest}", ("BRK-01",), scope="nobody"),
    SubjectRow("$KV.{rest}", ("BRK-01",), scope="nobody"),
    SubjectRow("tps.tick", ("BRK-01", "EVT-01"), scope="nobody"),
)

# Streams and their subjects. The rows of SUBJECTS say who may read, write or query them.
STREAMS = {
    "MADES": ("mades.>", ("WIR-01", "BRK-02")),
    "LARGE": ("large.>", ("WIR-01", "BRK-02")),
    "ATTEMPTS": ("attempts.>", ("BRK-02",)),
    "DEAD": ("dead.>", ("DLT-01", "BRK-02")),
}

# Buckets, and the identity that owns each bucket. Everybody may read the pages of the GUI.
BUCKETS = {
    **{f"{group}-documents": (group, ("OBJ-01", "OBJ-02")) for group in ("agr", "dso", "tps", "ecp")},
    "gui": ("gui", ("OBJ-01", "OBJ-03")),
    "probe": ("platform", ("OBJ-01", "OBJ-02")),
}

# Databases, each owned by the role of its name, and their tables. `postgres` belongs to the administrator.
_MIGRATIONS = "_yoyo_log _yoyo_migration _yoyo_version yoyo_lock"
_ENDPOINT = (
    f"{_MIGRATIONS} component component_key directory_entry directory_pull idempotency_key key_renewal message"
    " message_trace owed_acknowledgement sequence_counter"
)
_BACKEND = f"{_ENDPOINT} feed feed_reader own_resource wished_resource"
DATABASES = {
    "agr": f"{_BACKEND} own_schedule plan_block plan_piece received_limit".split(),
    "dso": (
        f"{_BACKEND} grid_asset grid_copy own_limit plan_age plan_block plan_news plan_piece received_asset_list"
        " schedule_question"
    ).split(),
    "tps": (
        f"{_ENDPOINT} active_asset asset_claim asset_history decided_document limit_asset limit_part limit_revision"
        " asset_holder handed_over limit_watch party plan_block plan_change plan_piece plan_window point_claim"
        " announced_piece conflict_verdict judged_news operator_input plan_total point_history schedule_document"
        " told_asset told_window touched_asset"
    ).split(),
    "ecp": f"{_MIGRATIONS} component_application registered_component revoked_certificate".split(),
    "postgres": [],
}
DATABASE_KEYS = ("DBS-01", "DBS-02")
