"""The access table: every interface for outsiders, parties and operators of groups, and who may use it.

`test_table_is_whole.py` fails for an interface without a row, and for a row without an interface. The refusal tests are
made from the rows. Each row names the statements of docs/privacy.md that govern it.

Scopes: `own` is the caller's own data; `grid` is data in the caller's own grid; `open` is for everybody; `platform` is
for the platform operator; `delivery` is for event delivery, by its token; `nobody` is for no caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.privacy.table_stores import BUCKETS, DATABASE_KEYS, DATABASES, STREAMS, SUBJECTS
from tps.mades.certificates import dump_public_key, generate_key

# Fields of a refusal: RFC 9457, and nothing else.
PROBLEM_FIELDS = "type title status detail errors pointer code errors_total"
REFUSED = ("TKN-01", "ROL-01", "REF-01")
OWN = ("OPR-404", *REFUSED)
GRID = ("DSO-GRD", "DSO-OPR", *REFUSED)


@dataclass(frozen=True)
class RouteRow:
    """One verb on one path.

    Attributes:
        owner: Role that it serves: `agr` (and `brp`), `dso`, `tps`, or `open`. Routes of the directory serve every
            role,
            and are tried as an operator's or the platform operator's.
        ask: Query of a valid request of the owner, with placeholders in braces (scene.py fills them).
        body: Its JSON.
        success: Status of the owner's answer.
        shows: Text in the owner's answer.
        rival: Status for another party of the same role with the same request.
        others: Statuses of callers for whom the owner does not determine the status.
        about: Owner of the component in the path, if the path has one.
        fields: Every name that an answer may contain, at any depth.
    """

    method: str
    path: str
    owner: str
    scope: str
    keys: tuple[str, ...]
    fields: str
    ask: str = ""
    body: Mapping[str, Any] | None = None
    success: int = 200
    shows: str = "accepted"
    rival: int = 200
    others: Mapping[str, int] = field(default_factory=dict)
    about: str = "{component}"

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def group(self) -> str:
        return self.path.split("/")[1]

    @property
    def role(self) -> str:
        """Return the role of accepted tokens; for an open route, the role of its group."""
        group = "agr" if self.group == "ecp" else self.group
        return group if self.owner == "open" else self.owner


_SENT = "id revision status message_id rejected asset_id code detail"
_ASSET = "assets id connection_point_id kind max_production_kw max_consumption_kw"
_OWN_ASSET = f"{_ASSET} next name state is_weight_capped"
_POINT = "connection_points next id name max_production_kw max_consumption_kw sections state"
_LIMIT = (
    "limits next id revision kind status issuer code name asset_ids received_at direction start end available power_kw"
    " action expected_end reason text share rule weight_kw per_asset asset_id bounds"
)
_MESSAGE = (
    "message_id direction type state status document id revision in_reply_to errors code detail subject"
    " rejected asset_id trace at component details"
)
_SCHEDULE = (
    "schedules id revision status message_id sent_at rejected asset_id code detail start resolution power_kw next"
)
_SCHEDULES = "/agr/v1/operational-schedules"
_PLAN = {"asset_id": "{asset}", "start": "2099-04-10T06:00:00Z", "resolution": "PT15M", "power_kw": [500]}
_ASSETS, _POINTS = "/agr/v1/flexibility-assets", "/dso/v1/connection-points"
_SLOT = {"start": "2099-04-10T06:00:00Z", "end": "2099-04-10T14:00:00Z", "power_kw": 500}
_OWN_LIMITS = "/dso/v1/capacity-limits"
_FORESEEN = {"asset_ids": ["{asset}"], "direction": "production", "available": [_SLOT]}
_STOP = {"asset_ids": ["{asset}"], "action": "stop", "expected_end": "2099-04-10T14:00:00Z"}
_OWN_LIMIT = (
    "limits next id revision kind status direction asset_ids start end available power_kw action expected_end reason"
    " code text sent_at message_id rejected asset_id detail delivery asset_count all_reached_at notices at"
)
_DRAWN = "from to as_of next"
_SEEN_LIMIT = (
    "limits dso id revision kind status direction start end available power_kw action reason code text asset_count"
    " revisions accepted_at delivery recipients issued delivered read failed parts operator name weight_kw parts_kw"
    " state issued_at delivered_at read_at"
)
_THAT_DAY = "from=2099-04-10T00:00:00Z&to=2099-04-11T00:00:00Z"
_CONFLICT = (
    "conflicts limit_id revision limit_kind limit_status direction kind start end peak_excess_kw excess_kwh intervals"
    " planned_kw part_kw excess_kw unknown asset_count up_to_kw assets count largest asset_id energy_kwh"
)
_PLANT = {"connection_point_id": "{claimed_point}", "kind": "generation", "max_production_kw": 600}


def _agr(method: str, path: str, fields: str, **more: Any) -> RouteRow:
    keys = (*OWN, *more.pop("also", ()))
    return RouteRow(method=method, path=path, owner="agr", scope="own", keys=keys, fields=fields, **more)


def _dso(method: str, path: str, fields: str, **more: Any) -> RouteRow:
    scope = more.pop("scope", "own")
    keys = (*(OWN if scope == "own" else GRID), *more.pop("also", ()))
    return RouteRow(method=method, path=path, owner="dso", scope=scope, keys=keys, fields=fields, **more)


def _tps(path: str, fields: str, **more: Any) -> RouteRow:
    return RouteRow(method="GET", path=path, owner="tps", scope="platform", keys=REFUSED, fields=fields, **more)


def _ping(group: str) -> RouteRow:
    return RouteRow("GET", f"/{group}/v1/ping", "open", "open", ("PRB-01", "PRB-02"), "", shows="pong")


def _contract(group: str) -> tuple[RouteRow, RouteRow]:
    """Return the rows of the contract, which names no party."""
    path = f"/{group}/v1/api"
    keys = ("PRB-01", "PRB-02")
    return (
        RouteRow("GET", path, "open", "open", keys, "", shows="Trade Permission System"),
        RouteRow("GET", f"{path}/<file>", "open", "open", keys, "", shows="#%RAML 1.0"),
    )


def _put(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"body": {name: [entry]}, "also": ("CLM-01", "TIM-02")}


def _own_limits(kind: str, body: Mapping[str, Any]) -> tuple[RouteRow, ...]:
    """Return the rows that change and remove a DSO's own limits. Removal is a dry run, because it works only once."""
    path, ids = f"{_OWN_LIMITS}/{kind}", "{emergency}" if kind == "unforeseen" else "{limit}"
    also, tried = ("DSO-A64", "TIM-01", "DSO-ALL"), "dry_run=true"
    return (
        _dso("PUT", f"{path}/<limit_id>", f"{_SENT} warnings", body=body, rival=404, also=also),
        _dso("DELETE", f"{path}/<limit_id>", f"{_SENT} dry_run", ask=tried, rival=404, also=also),
        _dso("DELETE", path, f"{_SENT} dry_run limits", ask=tried, body={"ids": [ids]}, rival=404, also=also),
    )


_COMPONENTS = "/ecp/v1/components"
_COMPONENT = f"{_COMPONENTS}/<code>"
_CONTACT = "person email phone"
_ENTRY = (
    f"code organisation {_CONTACT} kind group party certificates paths receiver allowed_senders message_type valid_from"
    " valid_to broker status created_at modified_at revoked_certificates"
)
_APPLICATION = (
    f"code party role organisation {_CONTACT} keys authentication encryption signing status reason"
    " created_at modified_at"
)
_PATHS = "paths message_type allowed_senders valid_from valid_to broker warnings code detail"
_DIRECTORY = ("DIR-01", "DIR-02", "DIR-03")


def public_keys() -> dict[str, str]:
    """Return public keys whose private keys are thrown away."""
    uses = ("authentication", "encryption", "signing")
    return {use: dump_public_key(generate_key().public_key()).decode() for use in uses}


_KEYS = public_keys()
APPLYING = {"organisation": "Another", "person": "A", "email": "a@b.example", "keys": _KEYS}


def _directory(method: str, path: str, fields: str, **more: Any) -> RouteRow:
    """Return a route that serves every party about itself, and the platform operator about all."""
    rival = more.pop("rival", 200)
    others = {"other role": rival, "a code of nobody": rival, "platform": 200, **more.pop("others", {})}
    keys = (*_DIRECTORY, "TKN-01", "REF-01", *more.pop("also", ()))
    return RouteRow(
        method=method, path=path, owner="agr", scope="own", keys=keys, fields=fields, rival=rival, others=others, **more
    )


def _decision(who: str, decision: str, fields: str, *, body: Mapping[str, Any], shows: str) -> RouteRow:
    """Return a route of the platform operator only."""
    about, path = f"{{{who}}}", f"{_COMPONENT}/{decision}"
    return RouteRow("POST", path, "tps", "platform", REFUSED, fields, body=body, shows=shows, about=about)


_DIRECTORY_ROUTES = (
    _directory(
        "POST",
        _COMPONENTS,
        f"{PROBLEM_FIELDS} {_APPLICATION}",
        body=APPLYING,
        success=409,
        shows="taken",
        rival=409,
        others={"platform": 403, "a code of nobody": 201},
    ),
    _directory(
        "GET",
        _COMPONENTS,
        f"metadata directory content_id ttl_s components applications next {_ENTRY} {_APPLICATION}",
        shows="{component}",
        also=("TAG-01", "OPR-OTH"),
    ),
    _directory("GET", f"{_COMPONENTS}.xml", "", shows="{component}", also=("TAG-01", "OPR-OTH")),
    _directory("GET", _COMPONENT, _ENTRY, shows="{component}", rival=404, also=("TAG-01", "OPR-404")),
    _directory("GET", f"{_COMPONENT}/paths", _PATHS, shows="allowed_senders", rival=404, also=("TAG-01", "OPR-404")),
    # The request widens access, so it is refused and changes nothing. Another test narrows access.
    _directory(
        "PUT",
        f"{_COMPONENT}/paths",
        PROBLEM_FIELDS,
        body={"paths": [{"message_type": "*", "valid_from": "2020-01-01T00:00:00Z"}]},
        success=422,
        shows="A59",
        rival=404,
        others={"platform": 422},
        also=("OPR-404", "PTH-01"),
    ),
    _directory(
        "DELETE",
        f"{_COMPONENT}/paths",
        PROBLEM_FIELDS,
        success=422,
        shows="unreachable",
        rival=404,
        others={"platform": 422},
        also=("OPR-404",),
    ),
    # No token can renew a certificate.
    _directory(
        "POST",
        f"{_COMPONENT}/certificates",
        PROBLEM_FIELDS,
        body={"keys": _KEYS},
        success=403,
        shows="valid certificate",
        rival=403,
        others={"platform": 403},
    ),
    _decision("applicant", "approval", f"{_ENTRY} warnings detail", body={}, shows="broker_user"),
    _decision("rejectable", "rejection", _APPLICATION, body={"reason": "unknown"}, shows="rejected"),
    _decision(
        "applicant",
        "revocation",
        _ENTRY,
        body={"reason": "lost", "certificate_id": "{certificate_id}"},
        shows="active",
    ),
)

_IDS = {"ids": ["{removable}"]}
_POINT_IDS = {"ids": ["{removable_point}"]}

ROUTES = (
    _ping("agr"),
    *_contract("agr"),
    _agr("PUT", _ASSETS, _SENT, **_put("assets", {"id": "{claimed}", **_PLANT})),
    _agr("PATCH", _ASSETS, _SENT, body={"assets": [{"id": "{asset}", "max_production_kw": 600}]}, rival=404),
    _agr(
        "GET", _ASSETS, _OWN_ASSET, ask="id={asset}", shows="{asset}", also=("TAG-01", "INF-CLM", "INF-CAP", "CAP-01")
    ),
    _agr("DELETE", _ASSETS, _SENT, ask="id={removable}", rival=404, also=("CLM-02",)),
    _agr("POST", f"{_ASSETS}/query", _OWN_ASSET, body={"ids": ["{asset}"]}, shows="{asset}"),
    _agr("POST", f"{_ASSETS}/removal", _SENT, body=_IDS, rival=404, also=("CLM-02",)),
    _agr("GET", "/agr/v1/capacity-limits", _LIMIT, shows="{asset}", also=("TAG-01", "OPR-OTH", "INF-LVL")),
    _agr(
        "GET",
        "/agr/v1/capacity-limits/active",
        _LIMIT,
        ask="per_asset=true",
        shows="{asset}",
        also=(
            "TAG-01",
            "OPR-OTH",
        ),
    ),
    _agr(
        "GET",
        "/agr/v1/capacity-limits/wait",
        f"{_LIMIT} cursor",
        ask="timeout=0&after={cursor}",
        shows="cursor",
        rival=400,
        also=("OPR-OTH", "CUR-01"),
    ),
    _agr(
        "POST",
        _SCHEDULES,
        f"{_SENT} warnings",
        body={"schedules": [_PLAN]},
        success=201,
        rival=422,
    ),
    _agr(
        "GET",
        _SCHEDULES,
        _SCHEDULE,
        ask="asset_id={asset}",
        shows="{asset}",
        also=(
            "TAG-01",
            "OPR-OTH",
        ),
    ),
    _agr("DELETE", _SCHEDULES, f"{_SENT} schedules", body={"ids": ["{removable_schedule}"]}, rival=404),
    _agr("GET", f"{_SCHEDULES}/<schedule_id>", _SCHEDULE, shows="{asset}", rival=404),
    _agr("PUT", f"{_SCHEDULES}/<schedule_id>", f"{_SENT} warnings", body={"schedules": [_PLAN]}, rival=404),
    _agr("DELETE", f"{_SCHEDULES}/<schedule_id>", _SENT, rival=404),
    _agr(
        "GET",
        "/agr/v1/conflicts",
        f"from to next {_CONFLICT} issuer code name",
        ask=_THAT_DAY,
        shows="planned_under_stop",
        also=("OPR-OTH",),
    ),
    _agr("GET", "/agr/v1/messages/<message_id>", _MESSAGE, shows="{agr_message}", rival=404, also=("OPR-SEQ",)),
    _ping("dso"),
    *_contract("dso"),
    _dso("PUT", _POINTS, _SENT, **_put("connection_points", {"id": "{claimed_point}"})),
    _dso("PATCH", _POINTS, _SENT, body={"connection_points": [{"id": "{point}", "name": "{name}"}]}, rival=404),
    _dso("GET", _POINTS, _POINT, ask="id={point}", shows="{point}", also=("TAG-01",)),
    _dso("DELETE", _POINTS, _SENT, ask="id={removable_point}", rival=404, also=("TIM-02",)),
    _dso("POST", f"{_POINTS}/query", _POINT, body={"ids": ["{point}"]}, shows="{point}"),
    _dso("POST", f"{_POINTS}/removal", _SENT, body=_POINT_IDS, rival=404, also=("TIM-02",)),
    _dso(
        "GET",
        "/dso/v1/flexibility-assets",
        f"{_ASSET} as_of next",
        scope="grid",
        shows="{asset}",
        also=("DSO-ALL", "INF-LST", "TAG-01"),
    ),
    _dso(
        "GET",
        "/dso/v1/flexibility-assets/changes",
        f"{_ASSET} removed_ids cursor",
        scope="grid",
        ask="timeout=0&after={changes_cursor}",
        shows="{asset}",
        rival=400,
        also=("DSO-ALL", "DSO-CHG", "CUR-01", "INF-WIN"),
    ),
    *_own_limits("foreseen", _FORESEEN),
    *_own_limits("unforeseen", _STOP),
    _dso("GET", _OWN_LIMITS, _OWN_LIMIT, scope="own", shows="{limit}", also=("TAG-01", "DSO-ALL", "DSO-ONE")),
    _dso("GET", f"{_OWN_LIMITS}/<limit_id>", _OWN_LIMIT, shows="{asset}", rival=404, also=("DSO-ALL", "DSO-ONE")),
    _dso(
        "POST",
        "/dso/v1/capacity-limits/foreseen",
        f"{_SENT} warnings",
        scope="grid",
        body=_FORESEEN,
        success=201,
        rival=422,
        also=("DSO-A64", "TIM-01", "DSO-ALL"),
    ),
    _dso(
        "POST",
        "/dso/v1/capacity-limits/unforeseen",
        f"{_SENT} warnings",
        scope="grid",
        body=_STOP,
        success=201,
        rival=422,
        also=("DSO-A64", "TIM-01", "DSO-ALL"),
    ),
    _dso(
        "GET",
        "/dso/v1/operational-schedules",
        f"{_SCHEDULE} as_of",
        scope="grid",
        ask="asset_id={asset}",
        shows="{asset}",
        also=("DSO-ALL", "INF-LST", "TAG-01"),
    ),
    _dso(
        "POST",
        "/dso/v1/operational-schedules/query",
        f"{_SCHEDULE} as_of",
        scope="grid",
        body={"asset_ids": ["{asset}"]},
        shows="{asset}",
        also=("DSO-ALL",),
    ),
    _dso(
        "GET",
        "/dso/v1/operational-schedules/wait",
        f"{_SCHEDULE} cancelled end cursor",
        scope="grid",
        ask="timeout=0",
        shows="cursor",
        also=("DSO-ALL", "CUR-01"),
    ),
    _dso(
        "GET",
        "/dso/v1/conflicts",
        f"from to next {_CONFLICT} available_kw per_asset is_planned max_production_kw max_consumption_kw",
        scope="grid",
        ask=f"{_THAT_DAY}&per_asset=true",
        shows="planned_under_stop",
        also=("DSO-ALL",),
    ),
    _dso("GET", "/dso/v1/messages/<message_id>", _MESSAGE, shows="{dso_message}", rival=404, also=("DSO-ALL",)),
    _ping("tps"),
    *_contract("tps"),
    _ping("ecp"),
    *_contract("ecp"),
    *_DIRECTORY_ROUTES,
    RouteRow(
        method="GET",
        path="/tps/v1/parties",
        owner="tps",
        scope="platform",
        keys=REFUSED,
        fields="parties code role name component asset_count waiting_asset_count connection_point_count"
        " installed_production_kw installed_consumption_kw next",
        shows="component",
    ),
    _tps(
        "/tps/v1/schedules",
        f"{_DRAWN} schedules operator name asset_count planned_asset_count installed_production_kw"
        " installed_consumption_kw unplanned_production_kw unplanned_consumption_kw current announced minutes"
        " planned_assets production_kw consumption_kw assets asset_id dso kind max_production_kw max_consumption_kw"
        " power_kw",
        shows="planned_assets",
    ),
    _tps("/tps/v1/limits", f"{_DRAWN} {_SEEN_LIMIT}", shows="recipients"),
    _tps(
        "/tps/v1/limits/<limit_id>/evidence",
        "dso id revision accepted_at all_reached_at recipients operator name status message_id state issued_at"
        " delivered_at read_at hops at component details",
        shows="hops",
    ),
    _tps("/tps/v1/conflicts", f"{_DRAWN} {_CONFLICT} dso operator name", ask=_THAT_DAY, shows="planned_under_stop"),
    _tps(
        "/tps/v1/conflicts/<limit_id>/assets",
        f"{_DRAWN} curve minutes planned_kw part_kw unknown_kw assets asset_id energy_kwh is_planned max_production_kw"
        " max_consumption_kw",
        ask=f"{_THAT_DAY}&agr={{operator}}",
        shows="energy_kwh",
    ),
    _tps(
        "/tps/v1/readiness",
        "as_of next parties code role name component last_message_at last_sent_at synchronised_at certificates_until"
        " is_certificate_near_expiry undelivered_count needs counts points_without_assets assets_without_points"
        " assets_without_schedules undelivered_messages dead_letters",
        shows="synchronised_at",
    ),
    _tps("/tps/v1/changes", "cursor changed", shows="cursor"),
)


@dataclass(frozen=True)
class ServiceRow:
    """One address of the MADES web service.

    A POST needs the user name and password of its component. A GET returns the description, which names no party.
    """

    path: str
    scope: str = "own"
    keys: tuple[str, ...] = ("BAS-01", "BAS-02", "OPR-404", "PRB-02")


SERVICES = tuple(
    ServiceRow(f"{component}{path}{ending}")
    for component in ("", "/ecp/<component>")
    for path in (
        "/ECP_MODULE/services/MadesEndpoint",
        "/ECP_MODULE/services/ECPEndpointService",
        "/ws/madesInWSInterface",
    )
    for ending in ("", ".wsdl")
)

# Headers of any answer.
ANSWER_HEADERS = frozenset(
    {"content-type", "content-length", "date", "www-authenticate", "location", "etag", "cache-control"}
    | {"content-security-policy", "x-content-type-options"}
)

# Everything that invokes a function: (function, group, message type), and ticks. Each topic is also a consumer.
_WAKES = {
    "receive_document": (
        "agr/TPS-SCHEDULE-ACK dso/TPS-SCHEDULE tps/TPS-SCHEDULE-ACK"
        " agr/TPS-ASSET-ACK agr/TPS-LIMIT-FORESEEN agr/TPS-LIMIT-UNFORESEEN agr/MADES-ACK dso/TPS-POINT-ACK"
        " dso/TPS-ASSET-LIST dso/TPS-STATUSREQUEST-ACK dso/TPS-LIMIT-FORESEEN-ACK dso/TPS-LIMIT-UNFORESEEN-ACK"
        " dso/MADES-ACK tps/TPS-ASSET-LIST-ACK tps/TPS-LIMIT-FORESEEN-ACK tps/TPS-LIMIT-UNFORESEEN-ACK tps/MADES-ACK"
    ),
    "process_registration": "tps/TPS-ASSET tps/TPS-POINT",
    "answer_request": "tps/TPS-STATUSREQUEST",
    "relay_schedule": "tps/TPS-SCHEDULE",
    "relay_limit": "tps/TPS-LIMIT-FORESEEN tps/TPS-LIMIT-UNFORESEEN",
    "endpoint": "agr/MADES-TEST dso/MADES-TEST tps/MADES-TEST",
}
TICKED = ("endpoint", "overview", "process_registration", "receive_document", "relay_limit", "relay_schedule")
FUNCTIONS = [
    "register_asset",
    "register_connection_point",
    "list_assets",
    "send_limit",
    "send_schedule",
    "retrieve_schedules",
    "relay_schedule",
    "retrieve_limits",
    "receive_document",
    "process_registration",
    "answer_request",
    "relay_limit",
    "endpoint",
    "overview",
    "component_directory",
]


@dataclass(frozen=True)
class EventRow:
    """One event that a function accepts from event delivery only; the type None is a tick."""

    function: str
    group: str | None
    type: str | None
    scope: str = "delivery"
    keys: tuple[str, ...] = ("EVT-01",)

    @property
    def name(self) -> str:
        return f"{self.function} {self.group}/{self.type}" if self.group else f"{self.function} tick"


def _way(topic: str) -> tuple[str, str]:
    group, _, message_type = topic.partition("/")
    return group, message_type


EVENTS = (
    *(EventRow(name, *_way(topic)) for name, topics in _WAKES.items() for topic in topics.split()),
    *(EventRow(name, None, None) for name in TICKED),
)

# Paths of each function without data, and paths that the web framework adds to its routes.
PROBES = dict.fromkeys(("/health/liveness", "/health/readiness", "/_/health", "/_/ready"), ("PRB-01", "PRB-02"))
SHUT = dict.fromkeys(("/", "/<path:path>", "/static/<path:filename>"), ("PRB-02",))
# Paths that the gateway of one machine serves itself.
PAGES = {"/gui/": ("GUI-01", "PRB-02"), "/gui/session": ("GUI-02", "PRB-02")}


def rows() -> int:
    """Return the number of rows of the table."""
    tables = sum(map(len, DATABASES.values()))
    doors = len(ROUTES) + len(SERVICES) + len(EVENTS) + len(PROBES) + len(SHUT) + len(PAGES)
    return doors + len(SUBJECTS) + len(STREAMS) + len(BUCKETS) + len(DATABASES) + tables


def named_keys() -> set[str]:
    """Return every statement of docs/privacy.md that a row names."""
    each = [row.keys for row in ROUTES] + [row.keys for row in EVENTS] + [row.keys for row in SUBJECTS]
    each += [row.keys for row in SERVICES]
    each += [*PROBES.values(), *SHUT.values(), *PAGES.values(), DATABASE_KEYS]
    each += [keys for _, keys in (*STREAMS.values(), *BUCKETS.values())]
    return {key for keys in each for key in keys}
