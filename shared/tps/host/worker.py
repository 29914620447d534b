"""A worker process, which serves one function on one port."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from tps.documents import load_official_schemas
from tps.host.app import create_app, load_function
from tps.host.logs import configure_logs
from tps.host.services import Services, build_services
from tps.host.settings import SettingMissing, Settings

ApplicationOf = Callable[[Settings, Services], Any]


def one_function(settings: Settings, services: Services) -> Any:
    """Return the application of the function that TPS_FUNCTION names.

    Raises:
        SettingMissing: TPS_FUNCTION is not set.
    """
    if not settings.function:
        raise SettingMissing("TPS_FUNCTION must name the function to serve")
    return create_app(load_function(settings.function.replace("-", "_")), services)


def main(application_of: ApplicationOf = one_function) -> int:
    """Serve until SIGTERM.

    Args:
        application_of: Makes the web application to serve; by default that of one function.

    Returns:
        Exit code: 0, or 2 if a setting is missing.
    """
    configure_logs()
    try:
        settings = Settings.from_env(os.environ)
        services = build_services(settings)
        application = application_of(settings, services)
    except SettingMissing as error:
        print(f"tps: {error}", file=sys.stderr)
        return 2
    if settings.official_schemas:
        load_official_schemas(settings.official_schemas)
    server = _server(application, settings)
    services.warm_up()
    signal.signal(signal.SIGTERM, _stop)
    try:
        server.run()
    except (KeyboardInterrupt, SystemExit):
        server.close()
    finally:
        services.close()
    return 0


def _server(application: Any, settings: Settings) -> Any:
    """Return a waitress server for waiting calls. Its defaults starve probes and do not notice lost clients."""
    from waitress.server import create_server

    address: dict[str, Any] = {"listen": f"0.0.0.0:{settings.port}"}
    if settings.listen_fd is not None:
        address = {"sockets": [socket.socket(fileno=settings.listen_fd)]}
    return create_server(
        application,
        threads=settings.threads,
        connection_limit=2000,
        asyncore_use_poll=True,
        channel_request_lookahead=1,
        channel_timeout=120,
        max_request_body_size=80 * 1024 * 1024,
        clear_untrusted_proxy_headers=True,
        ident=None,
        **address,
    )


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
