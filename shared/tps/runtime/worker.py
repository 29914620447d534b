"""A worker process: one function (TPS_FUNCTION), or all of them behind one port."""

from __future__ import annotations

import os
import signal
import socket
import sys
from types import FrameType
from typing import Any

from tps.documents import load_official_schemas
from tps.runtime.app import create_app, load_function
from tps.runtime.gateway import Gateway
from tps.runtime.logs import configure_logs
from tps.runtime.services import Services, build_services
from tps.runtime.settings import SettingMissing, Settings
from tps.runtime.stack import load_stack


def main() -> int:
    """Serve until SIGTERM."""
    configure_logs()
    try:
        settings = Settings.from_env(os.environ)
    except SettingMissing as error:
        print(f"tps: {error}", file=sys.stderr)
        return 2
    if settings.official_schemas:
        load_official_schemas(settings.official_schemas)
    services = build_services(settings)
    server = _server(_application(settings, services), settings)
    services.warm_up()
    signal.signal(signal.SIGTERM, _stop)
    try:
        server.run()
    except (KeyboardInterrupt, SystemExit):
        server.close()
    finally:
        services.close()
    return 0


def _application(settings: Settings, services: Services) -> Any:
    if settings.function:
        return create_app(load_function(settings.function.replace("-", "_")), services)
    return Gateway(load_stack(), services)


def _server(application: Any, settings: Settings) -> Any:
    """waitress, set for waiting calls: its defaults starve the probes and do not see a client leave."""
    from waitress.server import create_server

    where: dict[str, Any] = {"listen": f"0.0.0.0:{settings.port}"}
    if settings.listen_fd is not None:
        where = {"sockets": [socket.socket(fileno=settings.listen_fd)]}
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
        **where,
    )


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
