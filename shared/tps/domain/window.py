"""Clock-aligned windows in which news for a DSO is merged over all operators (SEMANTICS, What a DSO may learn)."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def window_end(moment: datetime, window_s: float) -> datetime:
    """When the window that a moment lies in is over: what came in it goes out then.

    Args:
        moment: Aware UTC.
        window_s: Length in seconds; windows begin at whole multiples of it since 1970. 0: the moment itself, at once.
    """
    if window_s <= 0:
        return moment
    length = timedelta(seconds=window_s)
    return _EPOCH + ((moment - _EPOCH) // length + 1) * length


def last_end(now: datetime, window_s: float) -> datetime:
    """The newest window end that is not after now: what came before it is due. 0 seconds: now."""
    if window_s <= 0:
        return now
    length = timedelta(seconds=window_s)
    return _EPOCH + ((now - _EPOCH) // length) * length
