"""A client in Python for the platform's REST interfaces; usable alone (docs/client.md).

with OperatorClient("https://tps.example", token) as operator:
    for batch in operator.limits():
        ...
"""

from tps.client.agr import OperatorClient
from tps.client.conflicts import Excess, PlanConflict
from tps.client.connection import Token
from tps.client.dso import DsoClient
from tps.client.limits import (
    AssetPart,
    AvailablePower,
    Bound,
    CapacityLimit,
    Delivery,
    ForeseenLimit,
    Issuer,
    LimitBatch,
    LimitKind,
    Reason,
    Share,
    UnforeseenLimit,
)
from tps.client.outcome import Message, Outcome, Rejected, Step
from tps.client.problems import (
    Conflict,
    Failed,
    FieldError,
    Malformed,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Problem,
    Refused,
    Unavailable,
)
from tps.client.registration import Asset, AssetChange, AssetChanges, AssetList, ConnectionPoint, PointChange
from tps.client.schedules import (
    RESOLUTIONS,
    Day,
    PlanEnd,
    Schedule,
    ScheduleBatch,
    ScheduleList,
    SentSchedules,
    day_in,
)

__all__ = [
    "RESOLUTIONS",
    "Asset",
    "AssetChange",
    "AssetChanges",
    "AssetList",
    "AssetPart",
    "AvailablePower",
    "Bound",
    "CapacityLimit",
    "Conflict",
    "ConnectionPoint",
    "Day",
    "Delivery",
    "DsoClient",
    "Excess",
    "Failed",
    "FieldError",
    "ForeseenLimit",
    "Issuer",
    "LimitBatch",
    "LimitKind",
    "Malformed",
    "Message",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "OperatorClient",
    "Outcome",
    "PlanConflict",
    "PlanEnd",
    "PointChange",
    "Problem",
    "Reason",
    "Refused",
    "Rejected",
    "Schedule",
    "ScheduleBatch",
    "ScheduleList",
    "SentSchedules",
    "Share",
    "Step",
    "Token",
    "Unavailable",
    "UnforeseenLimit",
    "day_in",
]
