"""One sample of every form of every document, with fixed ids and times. All document tests use a new sample at once.

Parties: an AGR and its rival, the DSO of the grid, the platform, a BRP. The first five assets belong to the AGR,
except `RIVALS_ASSET`.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tps.documents import Document, Header, Role
from tps.documents.acknowledgement import (
    Acknowledgement,
    DocumentReason,
    Outcome,
    ReceivedDocument,
    RejectedSeries,
    notice_reason,
)
from tps.documents.generation_load import ScheduleDocument
from tps.documents.ref import AssetList, AssetRegistration, ConnectionPointRegistration
from tps.documents.status_request import StatusRequest
from tps.documents.unavailability import DocumentStatus, LimitDocument, limit_type
from tps.domain.asset import AssetKind, AssetListing, ConnectionPoint, FlexibilityAsset, Removal
from tps.domain.limit import (
    Action,
    AvailablePower,
    Direction,
    ForeseenLimit,
    Interval,
    Limit,
    Reason,
    Share,
    UnforeseenLimit,
)
from tps.domain.schedule import Schedule, schedule_of

AGR, RIVAL, DSO, TPS, BRP = "5790000000012", "5790000000043", "5790000000005", "5790000000029", "5790000000036"
CHP, HEAT_PUMP, RIVALS_ASSET, BATTERY, CHARGER = (
    "571313190000000011",
    "571313190000000028",
    "571313190000000035",
    "571313190000000042",
    "571313190000000059",
)
PLAIN_ASSET, EIC_ASSET = "NDK:heat-4711", "45W0000000000013"
FEEDER_3, FEEDER_4, STATION = "571313190000009014", "571313190000009021", "STATION-17"
ROLES = {AGR: Role.AGR, RIVAL: Role.AGR, DSO: Role.DSO, TPS: Role.TPS, BRP: Role.BRP}
CREATED = datetime(2020, 4, 2, 8, 0, tzinfo=UTC)
DOCUMENT_ID = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
ASSET_NAME = 'CHP <1> & Søn\'s "best"'


def make_header(sender: str, receiver: str, **changes: object) -> Header:
    """Return a header from one party to another, with their roles in the samples."""
    header = Header(DOCUMENT_ID, CREATED, sender, ROLES[sender], receiver, ROLES[receiver])
    return replace(header, **changes)  # type: ignore[arg-type]


def minute(hour: int, minute: int = 0) -> datetime:
    """Return a moment on the day of the limits."""
    return datetime(2020, 4, 10, tzinfo=UTC) + timedelta(hours=hour, minutes=minute)


def make_foreseen(*powers_kw: str, asset_ids: tuple[str, ...] = (CHP, RIVALS_ASSET), start: int = 6) -> ForeseenLimit:
    """Return a limit of production, with one hour for each power, from `start` o'clock on."""
    available = tuple(
        AvailablePower(Interval(minute(start + index), minute(start + index + 1)), Decimal(power))
        for index, power in enumerate(powers_kw or ("500", "250"))
    )
    return ForeseenLimit(asset_ids, Direction.PRODUCTION, available)


def make_unforeseen(
    action: Action = Action.STOP, direction: Direction = Direction.BOTH, *, end: datetime | None = None
) -> UnforeseenLimit:
    """Return an emergency for three assets, from 06:07 on."""
    return UnforeseenLimit((CHP, HEAT_PUMP, CHARGER), action, direction, Interval(minute(6, 7), end or minute(14)))


def make_limit_document(limit: Limit | None, header: Header | None = None, **changes: object) -> LimitDocument:
    """Return a limit from the DSO to the platform: active, revision 1, unless changed."""
    document = LimitDocument(
        header=header or make_header(DSO, TPS),
        revision=1,
        status=DocumentStatus.ACTIVE,
        period=limit.period if limit else Interval(minute(6), minute(14)),
        kind_type=limit_type(limit.direction) if limit else "A77",
        limit=limit,
        reason=limit.reason if limit else Reason("B19"),
    )
    return replace(document, **changes)  # type: ignore[arg-type]


def make_acknowledgement(
    outcome: Outcome, *reasons: DocumentReason, to: str = DSO, **changes: object
) -> Acknowledgement:
    """Return an acknowledgement from the platform of revision 1 of a limit, unless changed."""
    received = ReceivedDocument("f1b2c3d4e5f60718293a4b5c6d7e8f90", 1, "A77", "A26", CREATED)
    return replace(Acknowledgement(make_header(TPS, to), received, outcome, reasons), **changes)  # type: ignore[arg-type]


def make_schedule(asset_id: str, *powers_kw: str, start: int = -2, resolution: str = "PT60M") -> Schedule:
    """Return a schedule with one interval for each power, from `start` o'clock on."""
    return schedule_of(asset_id, minute(start), resolution, [Decimal(power) for power in powers_kw])


def make_schedule_document(*schedules: Schedule, header: Header | None = None, **changes: object) -> ScheduleDocument:
    """Return the schedules of the whole day from the AGR to the platform, revision 1, unless changed."""
    document = ScheduleDocument(header or make_header(AGR, TPS), 1, Interval(minute(-2), minute(22)), schedules)
    return replace(document, **changes)  # type: ignore[arg-type]


CHP_ASSET = FlexibilityAsset(CHP, FEEDER_3, AssetKind.GENERATION, Decimal("1200.5"), None, ASSET_NAME)
BATTERY_ASSET = FlexibilityAsset(BATTERY, FEEDER_3, AssetKind.STORAGE, Decimal(200), Decimal(250))
LISTINGS = (
    AssetListing(EIC_ASSET, STATION, AssetKind.EV_CHARGING, None, Decimal("0.001")),
    AssetListing(CHP, FEEDER_3, AssetKind.GENERATION, Decimal("1200.5"), None),
    AssetListing(RIVALS_ASSET, FEEDER_4, AssetKind.HEAT_PUMP, None, Decimal(800)),
    AssetListing(BATTERY, FEEDER_3, AssetKind.STORAGE, Decimal(200), Decimal(250)),
    AssetListing(PLAIN_ASSET, STATION, AssetKind.OTHER, Decimal(0), Decimal("0.5")),
)
CHP_PLAN = make_schedule(CHP, *["1000.25"] * 32, *["0"] * 32, *["1000.25"] * 32, resolution="PT15M")
HEAT_PUMP_PLAN = make_schedule(HEAT_PUMP, *["-750"] * 8, *["-0.001"] * 8, *["-750"] * 8)
_ENDED = make_unforeseen(end=minute(16, 21))

SAMPLES: dict[str, Document] = {
    "asset registration": AssetRegistration(
        make_header(AGR, TPS),
        (
            CHP_ASSET,
            BATTERY_ASSET,
            FlexibilityAsset(PLAIN_ASSET, STATION, AssetKind.LOAD, None, Decimal("12.345"), "Heat 4711"),
            FlexibilityAsset(EIC_ASSET, FEEDER_4, AssetKind.EV_CHARGING, None, Decimal(11)),
        ),
    ),
    "asset registration by a BRP": AssetRegistration(make_header(BRP, TPS), (BATTERY_ASSET,)),
    "asset removal": AssetRegistration(make_header(AGR, TPS), (Removal(HEAT_PUMP), Removal(PLAIN_ASSET))),
    "connection point registration": ConnectionPointRegistration(
        make_header(DSO, TPS),
        (
            ConnectionPoint(FEEDER_3, Decimal(1500), Decimal("600.25"), "Station 17 feeder 3"),
            ConnectionPoint(STATION),
            Removal(FEEDER_4),
        ),
    ),
    "asset list request": StatusRequest(make_header(DSO, TPS), "A95", "A55", DSO),
    "schedule request": StatusRequest(make_header(DSO, TPS), "A67", None, DSO),
    "schedule request of one day and two assets": StatusRequest(
        make_header(DSO, TPS), "A67", None, DSO, Interval(minute(-2), minute(22)), (CHP, PLAIN_ASSET)
    ),
    "asset list": AssetList(make_header(TPS, DSO), LISTINGS),
    "asset list, changes": AssetList(make_header(TPS, DSO), LISTINGS[:1], (HEAT_PUMP, PLAIN_ASSET), is_change=True),
    "asset list, empty": make_acknowledgement(
        Outcome.ACCEPTED,
        DocumentReason("999", "No matching data found"),
        received=ReceivedDocument(DOCUMENT_ID, None, "A59", None, CREATED),
    ),
    "foreseen limit": make_limit_document(make_foreseen()),
    "foreseen limit with a gap and a free text": make_limit_document(
        replace(
            make_foreseen("0"),
            direction=Direction.CONSUMPTION,
            available=(*make_foreseen("0").available, *make_foreseen("0.125", start=9).available),
            reason=Reason("B46", "cable work < 3 days & more"),
        )
    ),
    "foreseen limit, update": make_limit_document(make_foreseen("400", "200", "200"), revision=2),
    "foreseen limit, cancelled": make_limit_document(None, revision=3, status=DocumentStatus.CANCELLED),
    "foreseen limit to an operator": make_limit_document(
        make_foreseen("300.05", "150.025", asset_ids=(CHP,)),
        make_header(TPS, AGR),
        issuer=DSO,
        issuer_name="Grid = <North> & Søn",
        share=Share("weighted_max_min", Decimal("1200.5")),
    ),
    "foreseen limit to an operator, no part": make_limit_document(
        make_foreseen("0", asset_ids=(HEAT_PUMP,)),
        make_header(TPS, AGR),
        issuer=DSO,
        share=Share("weighted_max_min", Decimal(0)),
    ),
    "emergency stop": make_limit_document(make_unforeseen()),
    "emergency start of production": make_limit_document(make_unforeseen(Action.START, Direction.PRODUCTION)),
    "emergency hold of consumption": make_limit_document(make_unforeseen(Action.HOLD, Direction.CONSUMPTION)),
    "emergency, prolonged": make_limit_document(make_unforeseen(end=minute(18)), revision=2),
    "emergency, withdrawn": make_limit_document(
        None, revision=2, status=DocumentStatus.WITHDRAWN, kind_type="A53", reason=Reason("B18")
    ),
    "emergency, ended early": make_limit_document(
        replace(_ENDED, reason=Reason("B18", "grid restored")), revision=999, reason=Reason("B18", "grid restored")
    ),
    "emergency to an operator": make_limit_document(
        make_unforeseen(), make_header(TPS, AGR), issuer=DSO, issuer_name="North Grid"
    ),
    "schedule": make_schedule_document(CHP_PLAN, HEAT_PUMP_PLAN),
    "schedule of one asset, by a BRP": make_schedule_document(
        make_schedule(CHP, "500", "400", "300"), header=make_header(BRP, TPS), process="A01"
    ),
    "schedule with a gap": make_schedule_document(
        make_schedule(EIC_ASSET, "-11"),
        make_schedule(PLAIN_ASSET, "0.125", "-0.5", resolution="PT30M"),
        make_schedule(PLAIN_ASSET, "1", "2", start=9, resolution="PT1M"),
        process="A18",
    ),
    "schedule, update": make_schedule_document(CHP_PLAN, revision=2, cancelled_asset_ids=(HEAT_PUMP,)),
    "schedule, cancelled": make_schedule_document(revision=3, cancelled_asset_ids=(CHP, HEAT_PUMP)),
    "schedules to a DSO": make_schedule_document(
        CHP_PLAN, HEAT_PUMP_PLAN, make_schedule(RIVALS_ASSET, "-800", "0"), header=make_header(TPS, DSO)
    ),
    "schedules to a DSO, cancelled": make_schedule_document(
        header=make_header(TPS, DSO), cancelled_asset_ids=(HEAT_PUMP, RIVALS_ASSET)
    ),
    "accepted": make_acknowledgement(Outcome.ACCEPTED),
    "accepted, waiting": make_acknowledgement(
        Outcome.ACCEPTED,
        notice_reason("WAITING", CHP),
        notice_reason("CAPPED", PLAIN_ASSET),
        to=AGR,
        received=ReceivedDocument(DOCUMENT_ID, None, "A95", "A62", CREATED),
    ),
    "notice of an end ahead": make_acknowledgement(
        Outcome.ACCEPTED, notice_reason("EXPIRES", "2020-04-10T14:00Z"), notice_reason("UNREACHED", CHP)
    ),
    "rejected": make_acknowledgement(Outcome.REJECTED, DocumentReason("A51", "revision 1 is here with other content")),
    "rejected registration": make_acknowledgement(
        Outcome.REJECTED,
        to=AGR,
        received=ReceivedDocument(DOCUMENT_ID, None, "A95", "A62", CREATED),
        rejected=(
            RejectedSeries(HEAT_PUMP, (DocumentReason("A69", "neither given"), DocumentReason("A42"))),
            RejectedSeries("NDK:" + "x" * 60, (DocumentReason("A64"),)),
        ),
    ),
    "partly accepted": make_acknowledgement(
        Outcome.PARTLY,
        to=AGR,
        received=ReceivedDocument(DOCUMENT_ID, 1, "A67", "A17", CREATED),
        rejected=(RejectedSeries("2", (DocumentReason("A64", "the caller has not registered this id"),)),),
    ),
    "emergency partly accepted": make_acknowledgement(
        Outcome.PARTLY_EMERGENCY, DocumentReason("A64", CHARGER), DocumentReason("A64", "NDK:gone")
    ),
    "acknowledgement by an operator": Acknowledgement(
        make_header(AGR, TPS), ReceivedDocument(DOCUMENT_ID), Outcome.ACCEPTED
    ),
}
