"""The table of path selection. The tests of rule, sender and receiver use it. Source: docs/mades.md, "Paths"."""

from datetime import timedelta
from typing import Any

from tests.mades.builders import NOW, OPERATOR, PLATFORM, STRANGER
from tps.mades.paths import MessagePath

DAY = timedelta(days=1)


def make_path(message_type: str = "*", **changes: Any) -> MessagePath:
    values = {"receiver": OPERATOR, "allowed_senders": frozenset({PLATFORM}), "valid_from": NOW - DAY, **changes}
    return MessagePath(message_type=message_type, **values)


ANY = make_path("*")
LIMITS = make_path("TPS-LIMIT*")
FORESEEN = make_path("TPS-LIMIT-F*")
EXACT = make_path("TPS-LIMIT-FORESEEN")
EXACT_AND_LONGER = make_path("TPS-LIMIT-FORESEEN*")
EVERYBODY = make_path("*", allowed_senders=None)
NOBODY_FOR_LIMITS = make_path("TPS-LIMIT*", allowed_senders=frozenset())
ENDED = make_path("TPS-LIMIT-FORESEEN", valid_to=NOW)
STARTING = make_path("TPS-LIMIT-FORESEEN", valid_from=NOW)
LATER = make_path("TPS-LIMIT-FORESEEN", valid_from=NOW + DAY)

# paths, sender, type, expected path or failure code
CASES = [
    ([ANY], PLATFORM, "TPS-ASSET", ANY),
    ([ANY, LIMITS], PLATFORM, "TPS-LIMIT-FORESEEN", LIMITS),
    ([LIMITS, ANY], PLATFORM, "TPS-LIMIT-FORESEEN", LIMITS),
    ([LIMITS, FORESEEN, ANY], PLATFORM, "TPS-LIMIT-FORESEEN", FORESEEN),
    ([LIMITS, EXACT, FORESEEN, ANY], PLATFORM, "TPS-LIMIT-FORESEEN", EXACT),
    ([LIMITS, EXACT, FORESEEN, ANY], PLATFORM, "TPS-LIMIT-UNFORESEEN", LIMITS),
    ([EXACT, ANY], PLATFORM, "TPS-LIMIT-FORESEEN-ACK", ANY),
    ([EXACT, EXACT_AND_LONGER], PLATFORM, "TPS-LIMIT-FORESEEN", EXACT),
    ([EXACT, EXACT_AND_LONGER], PLATFORM, "TPS-LIMIT-FORESEEN-ACK", EXACT_AND_LONGER),
    ([LIMITS], PLATFORM, "TPS-LIMIT", LIMITS),
    ([EVERYBODY], STRANGER, "TPS-ASSET", EVERYBODY),
    ([ENDED, ANY], PLATFORM, "TPS-LIMIT-FORESEEN", ANY),
    ([LATER, ANY], PLATFORM, "TPS-LIMIT-FORESEEN", ANY),
    ([STARTING, ANY], PLATFORM, "TPS-LIMIT-FORESEEN", STARTING),
    ([ANY], STRANGER, "TPS-ASSET", "unknown_receiver"),
    ([NOBODY_FOR_LIMITS, EVERYBODY], PLATFORM, "TPS-LIMIT-FORESEEN", "unknown_receiver"),
    ([], PLATFORM, "TPS-ASSET", "unknown_receiver"),
    ([ENDED], PLATFORM, "TPS-LIMIT-FORESEEN", "no_path"),
    ([EXACT], PLATFORM, "TPS-ASSET", "no_path"),
    ([ENDED], STRANGER, "TPS-LIMIT-FORESEEN", "unknown_receiver"),
]
