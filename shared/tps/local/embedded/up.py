"""`./tps up`: runs servers, event delivery and workers behind one port, until a signal stops it."""

import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tps.local.embedded.orphans import sweeping
from tps.local.embedded.ports import HOST, listening_socket
from tps.local.embedded.process import Process
from tps.local.embedded.stack import LocalStack, say_on_stderr

_ROOT = Path(__file__).resolve().parents[4]
_GATEWAY_TIMEOUT_S = 60.0
DELIVERY = "delivery"


def _nothing(_stack: LocalStack) -> None:
    """Do nothing; the default for hooks."""


@dataclass(frozen=True, slots=True)
class Up:
    """Parameters of `./tps up`.

    Attributes:
        data: The data folder.
        port: Port of the gateway; 0 takes a free port.
        workers: Number of processes that share the port. Each serves all functions.
        consumers: Every (group, message type) of stack.yml.
        prepare: Called when the databases have their tables, before any worker starts.
        beside: Called in its own thread when all is ready. Its errors do not stop the stack.
        worker_command, delivery_command: Arguments for this Python.
    """

    data: Path
    port: int
    workers: int
    consumers: tuple[tuple[str, str], ...]
    prepare: Callable[[LocalStack], None] = _nothing
    beside: Callable[[LocalStack], None] = _nothing
    worker_command: tuple[str, ...] = ("-m", "tps.local.gateway")
    delivery_command: tuple[str, ...] = ("-m", "tps.host.delivery")


@contextmanager
def running(up: Up, say: Callable[[str], None] = say_on_stderr) -> Iterator[LocalStack]:
    """Yield the whole stack when it is ready, and stop it after the block.

    Raises:
        StackError: The port or the folder is in use, or a process does not start.
    """
    listener = listening_socket(up.port)
    say_progress = _Progress(say)
    stack = LocalStack(up.data, consumers=up.consumers, say=say)
    stack.gateway_url = f"http://{HOST}:{listener.getsockname()[1]}"
    workers = [f"worker-{number}" for number in range(1, up.workers + 1)]
    try:
        _start(up, stack, listener=listener, workers=workers, say=say_progress)
        with sweeping(stack.nats_admin, say):
            yield stack
    finally:
        if stack.is_started_here:
            say_progress("stopping")
            # Stop workers after delivery, because delivery finishes its current calls to them.
            stack.stop_processes([DELIVERY])
            stack.stop_processes(workers)
            stack.stop()
        listener.close()


def serve(up: Up, then: Callable[[LocalStack], None] = _nothing) -> None:
    """Run the stack until SIGTERM or Ctrl-C. Standard output gets one line when the stack is ready."""
    with _stop_by_signal(), running(up) as stack:
        print(f"ready {stack.gateway_url}", flush=True)
        threading.Thread(target=up.beside, args=[stack], name="beside", daemon=True).start()
        then(stack)
        while True:
            signal.pause()


def _start(up: Up, stack: LocalStack, *, listener: socket.socket, workers: Iterable[str], say: "_Progress") -> None:
    stack.open()
    stack.announce("up", is_ready=False)
    say("starting S3, NATS and Postgres")
    stack.start_servers(wait_for=("nats", "postgres"))
    say("creating streams, databases and tables")
    stack.provision()
    up.prepare(stack)
    say(f"starting event delivery and {up.workers} workers")
    _start_processes(up, stack, listener, workers)
    stack.wait_ready(["s3"])
    stack.provision_buckets()
    say("waiting for the functions")
    stack.wait_until(lambda: _is_gateway_ready(stack.gateway_url), next(iter(workers)), _GATEWAY_TIMEOUT_S)
    stack.announce("up", is_ready=True)
    say("ready")


def _start_processes(up: Up, stack: LocalStack, listener: socket.socket, workers: Iterable[str]) -> None:
    environment = stack.environment()
    logs = stack.data / "logs"
    stack.start(
        Process(
            name=DELIVERY,
            command=(sys.executable, *up.delivery_command),
            folder=_ROOT,
            log=logs / f"{DELIVERY}.log",
            environment=environment,
        )
    )
    for name in workers:
        stack.start(
            Process(
                name=name,
                command=(sys.executable, *up.worker_command),
                folder=_ROOT,
                log=logs / f"{name}.log",
                environment={**environment, "TPS_LISTEN_FD": str(listener.fileno()), "TPS_WORKER": name},
                kept_fds=(listener.fileno(),),
            )
        )


def _is_gateway_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health/readiness", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


class _Progress:
    """Prints each text with the seconds since the start."""

    def __init__(self, say: Callable[[str], None]):
        self._say = say
        self._started_at = time.monotonic()

    def __call__(self, text: str) -> None:
        self._say(f"[{time.monotonic() - self._started_at:5.1f} s] {text}")


class Stopped(BaseException):
    """A signal asks the stack to stop. A BaseException, so that no handler of errors catches it."""


@contextmanager
def _stop_by_signal() -> Iterator[None]:
    """End the block at the first SIGTERM, SIGINT or SIGHUP. Further signals do not disturb the stop."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def stop(_number: int, _frame: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    # nohup ignores a signal on purpose, so it stays ignored. SIGINT does not: shells ignore it for background jobs.
    handled = [number for number in numbers if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN]
    before = [(number, signal.signal(number, stop)) for number in handled]
    try:
        yield
    except Stopped:
        pass
    finally:
        for number, handler in before:
            signal.signal(number, handler)
