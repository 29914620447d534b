"""Applications that only use folders (F1): files become messages and messages files, exactly once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset, make_foreseen, make_stop
from tps.api.types import AssetBody
from tps.documents import Header, Role, decode, encode
from tps.documents.acknowledgement import Acknowledgement, Outcome
from tps.documents.ref import AssetRegistration
from tps.host.services import utc_now
from tps.local.files.exchange import Exchange
from tps.local.files.folders import Folders
from tps.local.files.service import Service
from tps.mades.file_names import read_outgoing
from tps.mades.ids import new_id

ROOT = Path(__file__).resolve().parents[2]
OUT_STEPS = ("claim", "read", "send", "status", "write_log", "done")
IN_STEPS = ("receive", "stage", "note_given", "give", "confirm", "forget_given")


class Office:
    """An application of a party, which writes to OUT and removes files from IN."""

    def __init__(self, world: World, member: Member, root: Path):
        self.world, self.member, self.root = world, member, root
        self.folders = Folders(root)
        self.taken: list[tuple[str, bytes]] = []
        self.said: list[str] = []

    def name(self, number: object = 1, receiver: str = "", type: str = "TPS-POINT") -> str:
        return f"SCADA_{receiver or self.world.settings.platform_component}_{type}_{number}.xml"

    def put(self, name: str, content: bytes = b"<x/>") -> str:
        (self.root / "OUT" / name).write_bytes(content)
        return name

    @contextmanager
    def exchange(self, url: str = "", password: str = "", **options: Any) -> Iterator[Exchange]:
        """Return the exchange of these folders; a file in OUT is sent after two equal looks."""
        service = Service(url or self.world.stack.gateway_url, self.member.code, password or self.member.password)
        try:
            yield Exchange(service, self.folders, self.said.append, **{"settled_s": 0, **options})
        finally:
            service.close()

    def rounds(self, exchange: Exchange, is_done: Callable[[], Any]) -> None:
        """Exchange and remove received files until the condition holds."""

        def once() -> Any:
            exchange.round()
            self.take()
            return is_done()

        eventually(once)

    def take(self) -> None:
        for path in sorted(self.listed("IN")):
            self.taken.append((path.name, path.read_bytes()))
            path.unlink()

    def listed(self, folder: str) -> list[Path]:
        return sorted((self.root / folder).iterdir())

    def names(self, folder: str) -> list[str]:
        return [path.name for path in self.listed(folder)]

    def logs(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in self.listed("OUT_LOG")]

    def is_received(self, count: int = 1) -> bool:
        return [each["state"] for each in self.logs()] == ["RECEIVED"] * count

    @contextmanager
    def command(self, place: Path, largest_file_bytes: int | None = None) -> Iterator[subprocess.Popen[str]]:
        """Run `./tps files` for this office, on a disk with a maximum file size."""
        (place / "password").write_text(f"{self.member.password}\n")
        command = [sys.executable, "-m", "tps.local.cli", "files", "--component", self.member.code,
                   "--folder", str(self.root), "--url", self.world.stack.gateway_url,
                   "--password-file", str(place / "password"), "--every", "0.1"]  # fmt: skip
        if largest_file_bytes is not None:
            command = ["prlimit", f"--fsize={largest_file_bytes}", *command]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "shared")}
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        ) as process:
            try:
                yield process
            finally:
                process.terminate()

    def sent_messages(self) -> int:
        """Return the number of messages that the party's endpoint took."""
        with psycopg.connect(self.world.settings.groups[self.member.group].database_url) as connection:
            row = connection.execute(
                "SELECT count(*) FROM message WHERE component = %s AND direction = 'out' AND by_application",
                (self.member.code,),
            ).fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
def office(world: World, tmp_path: Path) -> Office:
    return Office(world, world.dso(), tmp_path / "files")


def test_a_file_is_sent_and_its_answer_lies_in_the_folder(world: World, tmp_path: Path) -> None:
    member = world.operator("Alpha")
    office, asset_id = Office(world, member, tmp_path / "files"), fresh_gsrn()
    document = registration(world, member, asset_id)
    name = office.put(office.name("job 7", type="TPS-ASSET"), encode(document))

    with office.exchange() as exchange:
        office.rounds(exchange, lambda: office.is_received() and office.taken)

    ((received, content),) = office.taken
    answer = decode(content)
    assert isinstance(answer, Acknowledgement)
    assert (answer.outcome, answer.received.document_id) == (Outcome.ACCEPTED, document.header.document_id)
    application, sender, type, _ba_message_id, message_id = received.removesuffix(".xml").split("_")
    assert (application, sender, type) == ("-", world.settings.platform_component, "TPS-ASSET-ACK")
    assert len(message_id) == 32
    (log,) = office.logs()
    assert log["file"] == name
    assert [step["state"] for step in log["trace"]][-2:] == ["DELIVERED", "RECEIVED"]
    assert (office.names("OUT"), office.names("OUT_ERROR")) == ([], [])
    assert member.done("GET", "/flexibility-assets")["assets"][0]["id"] == asset_id


def registration(world: World, member: Member, asset_id: str) -> AssetRegistration:
    """Return the registration document of one asset."""
    header = Header(new_id(), utc_now().replace(microsecond=0), member.code, Role.AGR,
                    world.settings.platform_party, Role.TPS)  # fmt: skip
    return AssetRegistration(header, (AssetBody.model_validate(make_asset(fresh_gsrn(), id=asset_id)).to_domain(),))


def test_killed_after_each_step_nothing_is_lost_or_doubled(office: Office) -> None:
    steps = (*OUT_STEPS, *IN_STEPS)
    with killing(office) as run_until_killed:
        for number, step in enumerate(steps):
            office.put(office.name(number))
            assert run_until_killed(step) == -signal.SIGKILL, f"it never came to {step}"
            office.take()

    with office.exchange() as exchange:
        office.rounds(exchange, lambda: office.is_received(len(steps)) and len(office.taken) >= len(steps))
        exchange.round()
    office.take()
    answered = [name.split("_")[3] for name, _ in office.taken]
    assert office.sent_messages() == len(steps)
    assert len(office.taken) == len(set(office.taken)) == len(set(answered)) == len(steps)
    assert [office.names(folder) for folder in ("OUT", "OUT_ERROR", "IN")] == [[], [], []]
    assert office.names(".work/sending") == office.names(".work/receiving") == []


KILLING = """
import os, signal, sys
from pathlib import Path
from tps.local.files.exchange import Exchange
from tps.local.files.folders import Folders
from tps.local.files.service import Service

class Killed:
    # What it stands for, until the named step has been taken for something.
    def __init__(self, real, step):
        self._real, self._step = real, step
    def __getattr__(self, name):
        act = getattr(self._real, name)
        if name != self._step:
            return act
        def last(*arguments):
            if act(*arguments) not in (None, False) or name not in ("claim", "receive"):
                os.kill(os.getpid(), signal.SIGKILL)
        return last

url, code, password, folder = sys.argv[1:]
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        reals = Service(url, code, password), Folders(Path(folder))
        Exchange(*(Killed(real, line.strip()) for real in reals), print, settled_s=0).run(0.02)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@contextmanager
def killing(office: Office) -> Iterator[Callable[[str], int]]:
    """Run exchanges in their own processes, each killed after a given step; return their exit codes."""
    arguments = [office.world.stack.gateway_url, office.member.code, office.member.password, str(office.root)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "shared")}
    with subprocess.Popen(
        [sys.executable, "-c", KILLING, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=environment,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None

        def run_until_killed(step: str) -> int:
            print(step, file=process.stdin, flush=True)
            return int(process.stdout.readline())  # type: ignore[union-attr]

        try:
            yield run_until_killed
        finally:
            process.stdin.close()


def test_the_same_file_put_again_is_no_second_message_and_another_content_is(office: Office) -> None:
    with office.exchange() as exchange:
        for content in (b"<x/>", b"<x/>", b"<y/>"):
            name = office.put(office.name(), content)
            office.rounds(exchange, lambda name=name: name not in office.names("OUT") and not office.folders.claimed())

    assert office.sent_messages() == len(office.logs()) == 2


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("SCADA_5790000000029_TPS-POINT_a_b.xml", "bad_name"),
        ("SCADA_5790000000029__1.xml", "bad_name"),
        (".hidden.xml", "bad_name"),
        ("a\nb.xml", "bad_name"),
        ("x" * 250, "bad_name"),
        ("SCADA_5790000000029_MADES-ACK_1.xml", "malformed"),
        ("SCADA_5790000009999_TPS-POINT_1.xml", "unknown_receiver"),
        ("SCADA_5790000000029_TPS-ASSET_1.xml", "type_not_allowed"),
    ],
)
def test_what_cannot_be_sent_is_put_aside_with_the_reason(office: Office, name: str, code: str) -> None:
    office.put(name, b"<kept/>")

    with office.exchange() as exchange:
        office.rounds(exchange, lambda: len(office.listed("OUT_ERROR")) == 2)

    file, reason = sorted(office.listed("OUT_ERROR"), key=lambda path: path.suffix == ".error")
    assert reason.name == f"{file.name}.error"
    assert file.read_bytes() == b"<kept/>"
    told = json.loads(reason.read_text())
    assert (told["file"], told["code"]) == (name, code)
    assert told["detail"]
    assert office.names("OUT") == office.names("IN") == []


def test_what_is_no_plain_file_or_too_large_is_put_aside(office: Office) -> None:
    out = office.root / "OUT"
    (out / office.name(1)).symlink_to("/etc/passwd")
    os.mkfifo(out / office.name(2))
    with (out / office.name(3)).open("wb") as file:
        file.truncate(50 * 1024 * 1024 + 1)

    with office.exchange() as exchange:
        office.rounds(exchange, lambda: len(office.listed("OUT_ERROR")) == 6)

    codes = [json.loads(path.read_text())["code"] for path in office.listed("OUT_ERROR") if path.suffix == ".error"]
    assert codes == ["not_a_file", "not_a_file", "content_too_large"]
    assert office.sent_messages() == 0


def test_a_refused_file_does_not_replace_an_earlier_one(office: Office) -> None:
    with office.exchange() as exchange:
        for content in (b"1", b"2"):
            office.put("bad.xml", content)
            office.rounds(exchange, lambda: not office.names("OUT") and not office.folders.claimed())

    assert office.names("OUT_ERROR") == ["bad.xml", "bad.xml.2", "bad.xml.2.error", "bad.xml.error"]
    assert [(office.root / "OUT_ERROR" / name).read_bytes() for name in ("bad.xml", "bad.xml.2")] == [b"1", b"2"]


def test_an_emergency_does_not_wait_behind_what_has_piled_up(world: World, tmp_path: Path) -> None:
    dso, office = world.dso(), Office(world, world.operator(), tmp_path / "files")
    asset = make_asset(fresh_gsrn())
    dso.register_points(asset["connection_point_id"])
    office.member.register_assets(asset)
    dso.send_foreseen(make_foreseen([asset["id"]]))
    eventually(lambda: len(office.member.active_limits()) == 1)
    dso.send_unforeseen(make_stop([asset["id"]]))
    eventually(lambda: len(office.member.active_limits()) == 2)

    for number, type in enumerate(("TPS-ASSET", "TPS-SCHEDULE", "TPS-LIMIT-UNFORESEEN")):
        office.put(office.name(number, type=type))

    with office.exchange() as exchange:
        exchange.round()
        exchange.round()

    logged = sorted(office.listed("OUT_LOG"), key=lambda path: json.loads(path.read_text())["trace"][0]["at"])
    assert logged[0].name.split("_")[2] == "TPS-LIMIT-UNFORESEEN"
    given = sorted(office.listed("IN"), key=lambda path: path.stat().st_mtime_ns)
    assert [path.name.split("_")[2] for path in given[:2]] == ["TPS-LIMIT-UNFORESEEN", "TPS-LIMIT-FORESEEN"]


def test_files_that_are_being_written_are_left_alone(office: Office) -> None:
    now = 0.0
    office.put(f"{office.name(1)}.tmp")
    with office.exchange(settled_s=2, clock=lambda: now) as exchange:
        for size in range(1, 4):
            office.put(office.name(2), b"x" * size)
            now += 3
            exchange.round()
        assert len(office.names("OUT")) == 2
        now += 1.9
        exchange.round()
        assert len(office.names("OUT")) == 2, "unchanged, but not for long"

        now += 0.2
        exchange.round()

    assert office.names("OUT") == [f"{office.name(1)}.tmp"]


def test_without_room_for_the_file_the_message_stays_at_the_endpoint(office: Office, tmp_path: Path) -> None:
    with office.exchange() as exchange:
        name = office.name()
        exchange.service.send(read_outgoing(name), b"<x/>", name)
        with office.command(tmp_path, largest_file_bytes=64) as process:
            assert process.stderr is not None
            assert process.stderr.readline() == "receiving: File too large; retrying\n"
        assert office.names("IN") == office.names(".work/receiving") == []

        office.rounds(exchange, lambda: len(office.taken) == 1)


def test_while_the_endpoint_is_away_files_wait_and_one_line_says_so(office: Office) -> None:
    office.put(office.name())

    with office.exchange(url="http://127.0.0.1:1") as exchange:
        for _ in range(3):
            exchange.round()

    assert [path.name for path in office.listed(".work/sending")] == [office.name()]
    assert sorted(office.said) == [f"{work}: the endpoint cannot be reached (ConnectError); retrying"
                                   for work in ("receiving", "sending")]  # fmt: skip


def test_a_wrong_password_refuses_no_file(office: Office) -> None:
    office.put(office.name())

    with office.exchange(password="wrong") as exchange:
        for _ in range(2):
            exchange.round()

    assert office.names("OUT_ERROR") == []
    assert "sending: the endpoint refuses the component code or its password; retrying" in office.said


def test_the_command_serves_one_folder_once_and_stops_cleanly(office: Office, tmp_path: Path) -> None:
    office.put(office.name())
    with office.command(tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"ready {office.root}\n"
        with office.command(tmp_path) as second:
            assert second.stderr is not None
            assert second.stderr.read() == f"tps: another file exchange uses {office.root}\n"
            assert second.wait(10) == 1
        eventually(lambda: office.is_received() and office.names("IN"))

        process.terminate()

        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.stdout.read() == ""
