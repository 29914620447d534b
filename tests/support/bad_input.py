"""The table of bad input: sender, request, and expected answer (docs/rest.md, "Errors")."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.identities import BAD_TOKENS, signed
from tests.support.scene import Scene, stranger
from tests.support.world import Reply, fresh_gsrn, make_asset, make_foreseen, make_stop

Body = Callable[[Scene], Any]
FORESEEN, UNFORESEEN = "POST /dso/v1/capacity-limits/foreseen", "POST /dso/v1/capacity-limits/unforeseen"
PUT_ASSETS, PATCH_ASSETS = "PUT /agr/v1/flexibility-assets", "PATCH /agr/v1/flexibility-assets"
GET_ASSETS, DELETE_ASSETS = "GET /agr/v1/flexibility-assets", "DELETE /agr/v1/flexibility-assets"
PUT_POINTS = "PUT /dso/v1/connection-points"
LIMITS, WAIT = "GET /agr/v1/capacity-limits", "GET /agr/v1/capacity-limits/wait"


@dataclass(frozen=True)
class Bad:
    """One refused call.

    Attributes:
        what: What is wrong.
        who: A member of the scene, `nobody`, or a bad token of Alpha's.
        request: Verb and path; `{name}` is filled in from the scene.
        body: Made from the scene; bytes are sent as they are.
        errors: `code pointer` each, in order.
    """

    what: str
    who: str
    request: str
    body: Body | None
    status: int
    errors: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)


def bad(what: str, who: str, request: str, body: Any, status: int, *errors: str, **headers: str) -> Bad:
    made = body if body is None or callable(body) else lambda _scene: body
    return Bad(what, who, request, made, status, errors, headers)


def a_limit(**changes: Any) -> Body:
    """Return a valid foreseen limit on Alpha's CHP with these changes; None omits a field."""
    return lambda scene: _but(make_foreseen([scene.chp]), changes)


def an_interval(**changes: Any) -> Body:
    """Return a valid foreseen limit with changes of its one interval."""
    return lambda scene: make_foreseen([scene.chp]) | {"available": [SLOT | changes]}


def on(*asset_ids: Callable[[Scene], str]) -> Body:
    """Return a foreseen limit on these assets."""
    return lambda scene: make_foreseen([each(scene) for each in asset_ids])


def a_stop(**changes: Any) -> Body:
    return lambda scene: _but(make_stop([scene.chp]), changes)


def an_asset(**changes: Any) -> Body:
    """Return a registration of one new asset of Alpha with these changes."""
    return lambda scene: {"assets": [_but(make_asset(scene.point), changes)]}


def a_patch(**changes: Any) -> Body:
    return lambda scene: {"assets": [{"id": scene.chp} | changes]}


def _but(good: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


SLOT = {"start": "2099-04-10T06:00:00Z", "end": "2099-04-10T14:00:00Z", "power_kw": 500}
LATER = {"start": "2099-04-10T13:59:00Z", "end": "2099-04-10T15:00:00Z", "power_kw": 500}
PAST = {"start": "2020-04-10T06:00:00Z", "end": "2020-04-10T14:00:00Z", "power_kw": 500}


def chp(scene: Scene) -> str:
    return scene.chp


def wrong_digit(scene: Scene) -> str:
    return scene.chp[:-1] + str((int(scene.chp[-1]) + 1) % 10)


def unknown(_scene: Scene) -> str:
    return "571313190000009991"


def souths(scene: Scene) -> str:
    return scene.souths


def raw(text: str) -> bytes:
    return text.encode()


# fmt: off
RULES = [
    bad("a wrong check digit", "north", FORESEEN, on(chp, wrong_digit), 422, "check_digit /asset_ids/1"),
    bad("an id that is none", "north", FORESEEN, on(lambda _: "station 4"), 422, "check_digit /asset_ids/0"),
    bad("an unknown asset", "north", FORESEEN, on(chp, unknown), 422, "A64 /asset_ids/1"),
    bad("an asset of another grid", "north", FORESEEN, on(souths, chp), 422, "A64 /asset_ids/0"),
    bad("unknown and another's", "north", FORESEEN, on(unknown, chp, souths), 422, "A64 /asset_ids/0",
        "A64 /asset_ids/2"),
    bad("the same id twice", "north", FORESEEN, on(chp, chp), 422, "A55 /asset_ids/1"),
    bad("the same id in two spellings", "north", FORESEEN, on(chp, lambda s: f"A10:{s.chp}"), 422, "A55 /asset_ids/1"),
    bad("an end before its start", "north", FORESEEN, an_interval(end="2099-04-10T05:00:00Z"), 422,
        "A04 /available/0/end"),
    bad("an empty interval", "north", FORESEEN, an_interval(end=SLOT["start"]), 422, "A04 /available/0/end"),
    bad("an end in the past", "north", FORESEEN, a_limit(available=[PAST]), 422, "A57 /available"),
    bad("overlapping intervals", "north", FORESEEN, a_limit(available=[SLOT, LATER]), 422, "A04 /available/1"),
    bad("seconds in a time", "north", FORESEEN, an_interval(start="2099-04-10T06:00:01Z"), 422,
        "A04 /available/0/start"),
    bad("negative power", "north", FORESEEN, an_interval(power_kw=-1), 422, "A46 /available/0/power_kw"),
    bad("half a watt", "north", FORESEEN, an_interval(power_kw=0.0005), 422, "A42 /available/0/power_kw"),
    bad("more than any grid has", "north", FORESEEN, an_interval(power_kw=10**9 + 1), 422, "A42 /available/0/power_kw"),
    bad("a reason no limit has", "north", FORESEEN, a_limit(reason={"code": "A01"}), 422, "A59 /reason/code"),
    bad("a reason too long", "north", FORESEEN, a_limit(reason={"code": "B19", "text": "x" * 513}), 422,
        "A59 /reason/text"),
    bad("several faults at once", "north", FORESEEN,
        a_limit(available=[SLOT | {"power_kw": -1}, LATER | {"end": LATER["start"]}]), 422, "A46 /available/0/power_kw",
        "A04 /available/1/end"),
    bad("an emergency that is over", "north", UNFORESEEN, a_stop(expected_end="2020-04-10T14:00:00Z"), 422,
        "A57 /expected_end"),
    bad("an emergency for nothing known", "north", UNFORESEEN,
        lambda s: make_stop([unknown(s), s.souths, wrong_digit(s)]), 422, "A64 /asset_ids/0", "A64 /asset_ids/1",
        "A64 /asset_ids/2"),
    bad("an emergency with the same id twice", "north", UNFORESEEN, lambda s: make_stop([s.chp, s.chp]), 422,
        "A55 /asset_ids/1"),
    bad("a start that could go both ways", "north", UNFORESEEN, lambda s: make_stop([s.battery], action="start"), 422,
        "A59 "),
    bad("an asset with a wrong check digit", "alpha", PUT_ASSETS, lambda s: an_asset(id=wrong_digit(s))(s), 422,
        "check_digit /assets/0/id"),
    bad("a point with a wrong check digit", "alpha", PUT_ASSETS,
        lambda s: an_asset(connection_point_id=wrong_digit(s))(s), 422, "check_digit /assets/0/connection_point_id"),
    bad("an asset that can do nothing", "alpha", PUT_ASSETS, an_asset(max_production_kw=None), 422, "A69 /assets/0"),
    bad("an asset of negative power", "alpha", PUT_ASSETS, an_asset(max_production_kw=-600), 422,
        "A46 /assets/0/max_production_kw"),
    bad("an asset of half a watt", "alpha", PUT_ASSETS, an_asset(max_consumption_kw=0.0005), 422,
        "A42 /assets/0/max_consumption_kw"),
    bad("an asset twice", "alpha", PUT_ASSETS, lambda s: {"assets": [make_asset(s.point, id=s.chp)] * 2}, 422,
        "A55 /assets/1/id"),
    bad("a name that cannot be printed", "alpha", PUT_ASSETS, an_asset(name="a\u0000b"), 422, "A59 /assets/0/name"),
    bad("one bad asset among good ones", "alpha", PUT_ASSETS,
        lambda s: {"assets": [make_asset(s.point), make_asset(s.point, max_production_kw=-1)]}, 422,
        "A46 /assets/1/max_production_kw"),
    bad("a change that leaves nothing", "alpha", PATCH_ASSETS, a_patch(max_production_kw=None), 422, "A69 /assets/0"),
    bad("a change that takes the point away", "alpha", PATCH_ASSETS, a_patch(connection_point_id=None), 400,
        "missing /assets/0/connection_point_id"),
    bad("the same id removed twice", "alpha", DELETE_ASSETS, lambda s: {"ids": [s.chp, s.chp]}, 422, "A55 /ids/1"),
    bad("a point outside its grid", "west", PUT_POINTS, lambda _: {"connection_points": [{"id": fresh_gsrn()}]}, 422,
        "A64 /connection_points/0"),
    bad("a point of negative power", "north", PUT_POINTS,
        lambda _: {"connection_points": [{"id": fresh_gsrn(), "max_production_kw": -1}]}, 422,
        "A46 /connection_points/0/max_production_kw"),
    bad("a key too long", "alpha", PUT_ASSETS, an_asset(), 400, "bad_type ", Idempotency_Key="x" * 256),
]

FORMS = [
    bad("not JSON", "north", FORESEEN, raw("{asset_ids: []}"), 400, "not_json "),
    bad("no body", "north", FORESEEN, raw(""), 400, "not_json "),
    bad("half a body", "alpha", PUT_ASSETS, raw('{"assets": ['), 400, "not_json "),
    bad("NaN", "alpha", PUT_ASSETS, raw('{"assets": NaN}'), 400, "not_json "),
    bad("infinity", "alpha", PUT_ASSETS, raw('{"assets": -Infinity}'), 400, "not_json "),
    bad("deep JSON", "alpha", PUT_ASSETS, raw("[" * 200_000), 400, "not_json "),
    bad("deep objects", "alpha", PUT_ASSETS, raw('{"a":' * 200_000), 400, "not_json "),
    bad("a name twice", "alpha", PUT_ASSETS, raw('{"assets": [], "assets": []}'), 400, "not_json "),
    bad("no UTF-8", "alpha", PUT_ASSETS, b'{"assets": "\xff"}', 400, "not_json "),
    bad("a number of 5000 digits", "alpha", PUT_ASSETS, raw(f'{{"assets": {"9" * 5000}}}'), 400, "not_json "),
    bad("a list instead of an object", "alpha", PUT_ASSETS, raw("[]"), 400, "bad_type "),
    bad("a text instead of a list", "alpha", PUT_ASSETS, {"assets": "all"}, 400, "bad_type /assets"),
    bad("an unknown field", "north", FORESEEN, a_limit(colour="red"), 400, "unknown_field /colour"),
    bad("an unknown field in an asset", "alpha", PUT_ASSETS, an_asset(operator="x"), 400,
        "unknown_field /assets/0/operator"),
    bad("an unknown field of half a character", "alpha", PUT_ASSETS, raw('{"assets": [], "\\ud800": 1}'), 400,
        "bad_type "),
    bad("a missing field", "north", FORESEEN, a_limit(direction=None), 400, "missing /direction"),
    bad("no asset", "north", FORESEEN, a_limit(asset_ids=[]), 400, "missing /asset_ids"),
    bad("no interval", "north", FORESEEN, a_limit(available=[]), 400, "missing /available"),
    bad("no assets to register", "alpha", PUT_ASSETS, {"assets": []}, 400, "missing /assets"),
    bad("an empty id", "north", FORESEEN, a_limit(asset_ids=[""]), 400, "bad_type /asset_ids/0"),
    bad("an id with a binary zero", "north", UNFORESEEN, a_stop(asset_ids=["\u0000"]), 400, "bad_type /asset_ids/0"),
    bad("an id with blanks around it", "north", UNFORESEEN, a_stop(asset_ids=[" 1"]), 400, "bad_type /asset_ids/0"),
    bad("an id too long", "north", UNFORESEEN, a_stop(asset_ids=["x" * 65]), 400, "bad_type /asset_ids/0"),
    bad("an id that is a number", "north", FORESEEN, a_limit(asset_ids=[571313190000000011]), 400,
        "bad_type /asset_ids/0"),
    bad("both directions", "north", FORESEEN, a_limit(direction="both"), 400, "bad_type /direction"),
    bad("an unknown action", "north", UNFORESEEN, a_stop(action="explode"), 400, "bad_type /action"),
    bad("an unknown kind", "alpha", PUT_ASSETS, an_asset(kind="reactor"), 400, "bad_type /assets/0/kind"),
    bad("a time without zone", "north", FORESEEN, an_interval(start="2099-04-10T06:00:00"), 400,
        "bad_type /available/0/start"),
    bad("a day that is none", "north", FORESEEN, an_interval(start="2099-02-30T06:00:00Z"), 400,
        "bad_type /available/0/start"),
    bad("a time that is a number", "north", FORESEEN, an_interval(start=4079498400), 400,
        "bad_type /available/0/start"),
    bad("a time before all time", "north", FORESEEN, an_interval(start="0001-01-01T00:00:00+14:00"), 400,
        "bad_type /available/0/start"),
    bad("the last minute of all", "north", UNFORESEEN, a_stop(expected_end="9999-12-31T23:59:30Z"), 400,
        "bad_type /expected_end"),
    bad("a power that is a text", "north", FORESEEN, an_interval(power_kw="500"), 400,
        "bad_type /available/0/power_kw"),
    bad("a power that is true", "north", FORESEEN, an_interval(power_kw=True), 400, "bad_type /available/0/power_kw"),
    bad("a power beyond all numbers", "alpha", PUT_ASSETS,
        lambda s: json.dumps(an_asset(max_production_kw=4711)(s)).replace("4711", "1E+999999").encode(), 422,
        "A42 /assets/0/max_production_kw"),
    bad("a limit beyond all numbers", "north", FORESEEN,
        lambda s: json.dumps(an_interval(power_kw=4711)(s)).replace("4711", "1e9999999").encode(), 422,
        "A42 /available/0/power_kw"),
    bad("a power with fifty digits", "north", FORESEEN,
        lambda s: json.dumps(an_interval(power_kw=4711)(s)).replace("4711", "1." + "1" * 50).encode(), 422,
        "A42 /available/0/power_kw"),
    bad("half a character in a name", "alpha", PUT_ASSETS, an_asset(name="\ud800"), 422, "A59 /assets/0/name"),
    bad("another media type", "alpha", PUT_ASSETS, an_asset(), 415, Content_Type="text/plain"),
    bad("no media type", "alpha", PUT_ASSETS, an_asset(), 415, Content_Type=""),
    bad("ids in the query and in the body", "alpha", f"{DELETE_ASSETS}?id={{chp}}", lambda s: {"ids": [s.chp]}, 400,
        "unknown_field /ids"),
]

PLACES = [
    bad("an unknown route", "alpha", "GET /agr/v1/unicorns", None, 404),
    bad("a route of nobody", "alpha", "GET /nobody", None, 404),
    bad("the root", "alpha", "GET /", None, 404),
    bad("a route with a slash too much", "alpha", "GET /agr/v1//flexibility-assets", None, 404),
    bad("an unknown function", "alpha", "GET /function/unicorn/agr/v1/ping", None, 404),
    bad("another function's route", "alpha", "GET /function/register_asset/agr/v1/capacity-limits", None, 404),
    bad("a function that only messages wake", "alpha", "GET /function/relay_limit/", None, 404),
    bad("the wrong verb", "alpha", "POST /agr/v1/flexibility-assets", {}, 405),
    bad("the wrong verb on limits", "alpha", "DELETE /agr/v1/capacity-limits/active", None, 405),
    bad("the wrong verb on a message", "alpha", "PATCH /agr/v1/messages/1", {}, 405),
    bad("an unknown parameter", "alpha", f"{GET_ASSETS}?colour=red", None, 400, "unknown_field /colour"),
    bad("an unknown parameter with marks of pointers", "alpha", f"{GET_ASSETS}?a/b~%0A=1", None, 400,
        "unknown_field /a~1b~0\n"),
    bad("a NUL in a query", "alpha", "GET /agr/v1/operational-schedules?asset_id=%00", None, 400,
        "bad_type /asset_id"),
    bad("a NUL in a path", "alpha", "GET /agr/v1/operational-schedules/%00", None, 404),
    bad("51 ids in a query", "alpha", f"{GET_ASSETS}?{'&'.join(['id=1'] * 51)}", None, 400, "bad_type /id"),
    bad("an id with a binary zero in a query", "alpha", f"{GET_ASSETS}?id=%00", None, 400, "bad_type /id"),
    bad("a time that is none", "alpha", f"{LIMITS}?from=yesterday", None, 400, "bad_type /from"),
    bad("a time without zone in a query", "alpha", f"{LIMITS}?to=2099-04-10T06:00:00", None, 400, "bad_type /to"),
    bad("a period that ends before it starts", "alpha",
        f"{LIMITS}?applies_from=2099-04-10T06:00Z&applies_to=2099-04-10T05:00Z", None, 400, "bad_type /applies_to"),
    bad("a flag that is none", "alpha", f"{LIMITS}?per_asset=maybe", None, 400, "bad_type /per_asset"),
    bad("too long a wait", "alpha", f"{WAIT}?timeout=56", None, 400, "bad_type /timeout"),
    bad("a negative wait", "alpha", f"{WAIT}?timeout=-1", None, 400, "bad_type /timeout"),
    bad("a wait of words", "alpha", f"{WAIT}?timeout=soon", None, 400, "bad_type /timeout"),
    bad("a cursor that is none", "alpha", f"{WAIT}?after=0", None, 400, "bad_type /after"),
    bad("an empty cursor", "alpha", f"{WAIT}?after=", None, 400, "bad_type /after"),
    bad("another party's cursor", "alpha", f"{WAIT}?timeout=0&after={{betas_cursor}}", None, 400, "bad_type /after"),
    bad("a reader of too long a name", "alpha", f"{WAIT}?reader={'x' * 61}", None, 400, "bad_type /reader"),
    bad("an unknown message", "alpha", "GET /agr/v1/messages/0123456789abcdef0123456789abcdef", None, 404),
    bad("a message id with a binary zero", "alpha", "GET /agr/v1/messages/%00", None, 404),
    bad("another party's message", "alpha", "GET /agr/v1/messages/{betas_message}", None, 404),
    bad("a DSO's message", "alpha", "GET /agr/v1/messages/{norths_message}", None, 404),
    bad("another party's asset changed", "alpha", PATCH_ASSETS,
        lambda s: {"assets": [{"id": s.wind, "name": "mine"}]}, 404, "A64 /assets/0/id"),
    bad("another party's asset removed", "alpha", DELETE_ASSETS, lambda s: {"ids": [s.chp, s.wind]}, 404,
        "A64 /ids/1"),
    bad("another party's asset removed by query", "alpha", f"{DELETE_ASSETS}?id={{wind}}", None, 404, "A64 /id"),
    bad("another DSO's point removed", "south", "DELETE /dso/v1/connection-points?id={point}", None, 404, "A64 /id"),
]

CALLERS = [
    bad("nobody", "nobody", GET_ASSETS, None, 401),
    bad("a password", "nobody", GET_ASSETS, None, 401, Authorization="Basic YTpi"),
    bad("an empty token", "nobody", GET_ASSETS, None, 401, Authorization="Bearer"),
    bad("an event of nobody's", "nobody", "POST /function/relay_limit/", b"{}", 401, ce_type="tps.tick"),
    bad("an event of an operator's", "alpha", "POST /function/relay_limit/", b"{}", 401, ce_type="tps.tick"),
    *(bad(token, token, GET_ASSETS, None, 401) for token in BAD_TOKENS),
    bad("a DSO on an operator's route", "north", GET_ASSETS, None, 403),
    bad("a DSO on a wait", "north", WAIT, None, 403),
    bad("an operator on a DSO's route", "alpha", "GET /dso/v1/flexibility-assets", None, 403),
    bad("an operator that limits", "alpha", FORESEEN, a_limit(), 403),
    bad("an operator that claims a point", "alpha", PUT_POINTS, {"connection_points": [{"id": "T17"}]}, 403),
    bad("the platform on an operator's route", "platform", GET_ASSETS, None, 403),
    bad("a party that was never onboarded", "stranger", GET_ASSETS, None, 403),
    bad("an operator under a BRP's role", "brp", GET_ASSETS, None, 403),
]
# fmt: on

TOO_LARGE = [
    bad("60 MB", "alpha", PUT_ASSETS, lambda _: b'{"assets": [' + b" " * 60_000_000, 413, "too_large "),
    bad("nobody with 60 MB", "nobody", PUT_ASSETS, lambda _: b" " * 60_000_000, 401),
]
"""The server ends these before a function reads them."""


def send(scene: Scene, row: Bad) -> Reply:
    """Send the call of a row."""
    verb, _, path = row.request.partition(" ")
    body = row.body(scene) if row.body else None
    content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    headers = {} if content is None else {"Content-Type": "application/json"}
    headers |= bearer(scene, row.who) | {name.replace("_", "-"): value for name, value in row.headers.items()}
    path = path.format_map(vars(scene))
    response = scene.world.http.request(verb, path, content=content, headers=headers)
    return Reply(response.status_code, response.headers, response.text)


def bearer(scene: Scene, who: str) -> dict[str, str]:
    """Return the Authorization of a party, the platform, an unknown party, or an invalid one of Alpha's."""
    world, alpha = scene.world, scene.alpha
    if who == "nobody":
        return {}
    if who in scene.members:
        return {"Authorization": f"Bearer {scene.members[who].token}"}
    tokens = {
        "platform": lambda: world.token(world.settings.platform_party, "tps"),
        "stranger": lambda: world.token(stranger(), "agr"),
        "brp": lambda: signed(world, alpha.code, "brp"),
    }
    made = tokens[who]() if who in tokens else BAD_TOKENS[who](world, alpha.code, "agr")
    return {"Authorization": f"Bearer {made}"}


def told(reply: Reply) -> list[str]:
    """Return `code pointer` of each error."""
    return [f"{error['code']} {error['pointer']}" for error in reply.json.get("errors", [])]
