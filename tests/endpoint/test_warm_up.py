"""A starting process opens its connections early. It also starts if the stores are unavailable."""

import dataclasses
import threading

from tests.endpoint.net import Net
from tests.support.servers import PLATFORM, eventually
from tps.host.services import build_services
from tps.host.settings import Settings
from tps.local.embedded.ports import free_ports


def pools(net: Net) -> int:
    """Return the number of connections of the platform's user."""
    with net.platform.database.transaction() as tx:
        row = tx.execute("SELECT count(*) AS count FROM pg_stat_activity WHERE usename = current_user").fetchone()
    assert row is not None
    return int(row["count"])


def test_connections_are_opened_without_being_asked_for(net: Net) -> None:
    services = build_services(Settings.from_env(net.stack.environment()))
    before = pools(net)

    services.warm_up()

    eventually(lambda: pools(net) >= before + 4)
    services.close()


def test_what_is_away_is_no_trouble(net: Net) -> None:
    nats, s3 = free_ports(2)
    settings = Settings.from_env(net.stack.environment())
    away = dataclasses.replace(settings, nats_url=f"nats://127.0.0.1:{nats}", s3_url=f"http://127.0.0.1:{s3}")
    services, failed = build_services(away), list[object]()
    hook, threading.excepthook = threading.excepthook, failed.append

    try:
        services.warm_up()
        eventually(lambda: not [each for each in threading.enumerate() if each.name.startswith("warm up")])
    finally:
        threading.excepthook = hook

    assert failed == []
    with services.endpoint("tps").database.transaction() as tx:
        assert services.endpoint("tps").own(tx, PLATFORM) is not None
    services.close()
