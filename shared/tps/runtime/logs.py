"""Logs: one JSON object a line on standard error, without ids of assets, points or parties' data."""

import logging
import sys


def configure_logs() -> None:
    """Set up logging for a process; libraries speak up from WARNING on."""
    import structlog

    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
