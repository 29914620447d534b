"""The settings agree with docs/how-to-platform.md: all variables, with their defaults."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tps.host.settings import SettingMissing, Settings
from tps.stores.broker_addresses import broker_addresses

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "how-to-platform.md").read_text()
NAME = re.compile(r"TPS_[A-Z0-9_]*[A-Z0-9]")
GROUP = ("DATABASE_URL", "NATS_USER", "NATS_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_BUCKET", "KEY")
NEEDED = {
    "TPS_GROUPS": "tps",
    **{f"TPS_TPS_{each}": "a2V5" for each in GROUP},
    "TPS_NATS_URL": "nats://broker",
    "TPS_S3_URL": "http://s3",
    "TPS_DELIVERY_TOKEN": "secret",
    "TPS_JWKS_FILE": "/jwks.json",
}


def rows() -> dict[str, str]:
    """Return variable -> default from the tables of the page."""
    section = PAGE.partition("## Environment\n")[2].partition("\n## ")[0]
    cells = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
    return {
        name.replace("<GROUP>", "TPS"): row[2].strip() for row in cells for name in re.findall(r"`([^`]+)`", row[1])
    }


def literal_defaults() -> dict[str, str]:
    """Return the defaults that are literal values. The publisher reads the variables of the GUI's pages."""
    found = {name: re.fullmatch(r"`([^`]+)`", default) for name, default in rows().items()}
    elsewhere = ("TPS_GUI_SCOPE", "TPS_GUI_CACHE")
    return {name: match[1] for name, match in found.items() if match and name not in elsewhere}


def names_in(path: Path) -> set[str]:
    texts = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
    return {text for text in texts if isinstance(text, str) and NAME.fullmatch(text)}


def test_every_setting_that_the_code_names_stands_on_the_page() -> None:
    named = set().union(*(names_in(path) for path in (ROOT / "shared" / "tps").rglob("*.py")))

    assert named - rows().keys() == set()
    assert len(named) > 40


@pytest.mark.parametrize("name", literal_defaults())
def test_a_default_is_what_the_page_says(name: str) -> None:
    """Setting a default explicitly changes nothing. A default that names another setting equals that setting."""
    default, defaults = literal_defaults()[name], literal_defaults()
    while default in defaults:
        default = defaults[default]

    assert Settings.from_env({**NEEDED, name: default}) == Settings.from_env(NEEDED)


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_needed_is_missed_by_name(name: str) -> None:
    assert rows()[name].startswith("needed")
    with pytest.raises(SettingMissing, match=f"^{name} is not set$"):
        Settings.from_env({each: value for each, value in NEEDED.items() if each != name})


@pytest.mark.parametrize(
    "text",
    ["nats://a:4222,nats://b:4223,tls://c", " nats://a:4222 , nats://b:4223,\ttls://c "],
    ids=["tight", "spaces"],
)
def test_the_broker_may_be_a_cluster(text: str) -> None:
    settings = Settings.from_env({**NEEDED, "TPS_NATS_URL": text})

    assert broker_addresses(settings.nats_url) == ["nats://a:4222", "nats://b:4223", "tls://c"]


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("broker:4222", 1),
        ("http://broker:4222", 1),
        ("nats://", 1),
        ("nats://a:4222,", 2),
        ("nats://a:4222,,nats://b:4222", 2),
        ("nats://a:4222,nats://user:secret@b:port", 2),
        ("nats://a:4222;nats://b:4222", 1),
        ("nats://[::1:4222", 1),
    ],
)
def test_an_invalid_address_of_the_broker_is_an_error_with_the_name_of_the_variable(text: str, position: int) -> None:
    with pytest.raises(SettingMissing, match=f"^TPS_NATS_URL is invalid: address {position} must be") as caught:
        Settings.from_env({**NEEDED, "TPS_NATS_URL": text})

    assert "secret" not in str(caught.value)
