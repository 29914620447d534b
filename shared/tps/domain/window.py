"""Clock-aligned windows in which news for a DSO is merged over all operators.

Source: docs/semantics.md, "What a DSO may learn" (DST-WHN).
"""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def window_end(moment: datetime, window_s: float) -> datetime:
    """Return the end of the window that contains a moment. News from this window is sent at its end.

    Args:
        moment: Aware UTC.
        window_s: Length in seconds. Windows begin at whole multiples of the length since 1970. With 0 the end is the
            moment itself.
    """
    if window_s <= 0:
        return moment
    length = timedelta(seconds=window_s)
    return _EPOCH + ((moment - _EPOCH) // length + 1) * length


def last_end(now: datetime, window_s: float) -> datetime:
    """Return the latest window end that is not after `now`. Earlier news is due. With 0 seconds, return `now`."""
    if window_s <= 0:
        return now
    length = timedelta(seconds=window_s)
    return _EPOCH + ((now - _EPOCH) // length) * length
