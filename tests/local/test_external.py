"""External servers instead of embedded ones: their addresses from the environment."""

import pytest

from tps.local.embedded.external import External, split_credentials
from tps.local.embedded.failure import StackError


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("nats://admin:secret@a:4222", ("nats://a:4222", "admin", "secret")),
        ("nats://admin:a%2Cb@a:4222, nats://b:4222", ("nats://a:4222,nats://b:4222", "admin", "a,b")),
        ("nats://a,nats://admin:secret@b", ("nats://a,nats://b", "admin", "secret")),
        ("nats://a:4222", ("nats://a:4222", "", "")),
    ],
)
def test_credentials_of_the_broker_come_from_any_address(url: str, expected: tuple[str, str, str]) -> None:
    external = External.from_env({"TPS_NATS_URL": url})

    assert external.names == {"nats"}
    assert split_credentials(external.nats_url or "") == expected


def test_an_invalid_address_is_an_error_with_the_name_of_the_variable() -> None:
    with pytest.raises(StackError, match=r"^TPS_NATS_URL is invalid: address 2 must be nats://HOST:PORT"):
        External.from_env({"TPS_NATS_URL": "nats://a:4222,b:4222"})


def test_two_users_are_an_error() -> None:
    with pytest.raises(StackError, match=r"^TPS_NATS_URL is invalid: all addresses must name the same user$"):
        External.from_env({"TPS_NATS_URL": "nats://x:1@a,nats://y:2@b"})


@pytest.mark.parametrize(("env", "replicas"), [({}, 1), ({"TPS_NATS_REPLICAS": "5"}, 5)])
def test_the_number_of_replicas(env: dict[str, str], replicas: int) -> None:
    assert External.from_env(env).nats_replicas == replicas


@pytest.mark.parametrize("text", ["0", "2", "three", "-1", "7"])
def test_another_number_of_replicas_is_an_error_with_the_name_of_the_variable(text: str) -> None:
    with pytest.raises(StackError, match=f"^TPS_NATS_REPLICAS is {text}; it must be 1, 3 or 5$"):
        External.from_env({"TPS_NATS_REPLICAS": text})
