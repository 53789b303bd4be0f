"""How many people one page process carries: its cost a token and a stream, over a server that only emits tokens.

The page, the tokens' server and those who read are a process each. Figures of the page are its processor time, not
the clock's: whatever else the machine does, they stay comparable.
"""

import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.emitter import emitter_worker
from bench.readers import KEY, Chat, Server, Way, readers_worker
from bench.report import Figure
from bench.server import running
from bench.workers import Worker
from qwen_ui.errors import InvalidInput
from qwen_ui.server.connections import room
from qwen_ui.settings import Settings

PORT = 8100
WAYS: Mapping[Way, str] = {"v1": "/v1", "page": "the chat"}
RATES: Mapping[int, float] = {256: 10.0, 1000: 2.5}
"""How many streams at once, and the tokens a second of each: both times as many in all as one core can pass on."""
A_SECOND = 40
"""Readers that come in a second."""
WINDOW = 15.0
"""Seconds in which the page's cost is measured, all streams running."""
FILES_EACH = 3
"""Connections that the page has for each who reads: the answer, the browser's heartbeat, the tokens' server."""
SETTLE = 60.0
"""Seconds in which what was left has to be given back."""


@dataclass(frozen=True, slots=True)
class Carried:
    """So many streams at once, by one way."""

    way: Way
    streams: int
    rate: float
    cpu: float
    """Seconds of the page's processor time a token that arrived."""
    busy: float
    """Processor time of the page ÷ time."""
    share: float
    """Tokens that arrived ÷ tokens that were asked for, in the same time."""
    memory: float
    """Bytes that the page took for each stream."""
    left_over: int
    """Bytes that it holds more than before, when all are gone."""
    added: float
    """Seconds to the first token, less what the tokens' server takes itself: the median."""
    added_worst: float
    health: Sequence[float]
    """Seconds that /healthz took meanwhile."""
    left: int
    """Streams whose reader left."""
    freed: int
    """Of them those that the page ended at the tokens' server in time."""
    wrong: Sequence[str]
    """What went wrong with the others; their whole texts count."""
    logged: Sequence[str]
    """Lines in the page's log."""

    def figures(self) -> list[Figure]:
        """The lines of the report."""
        name = f"{self.streams:,} streams, {WAYS[self.way]}"
        asked = f"{self.streams * self.rate:,.0f} tokens/s asked for"
        stayed = self.streams - self.left
        return [
            Figure(f"{name}: processor time a token", f"{1e6 * self.cpu:,.0f} µs", "", f"{self.busy:.0%} of a core"),
            Figure(f"{name}: share of the tokens that arrive in time", f"{self.share:.0%}", "", asked),
            Figure(f"{name}: memory a stream", f"{self.memory / 2**10:,.0f} KiB", "", "private memory"),
            Figure(
                f"{name}: first token, added by the page",
                f"{1000 * self.added:,.0f} ms",
                "",
                f"median; worst {1000 * self.added_worst:,.0f} ms",
            ),
            Figure(
                f"{name}: /healthz meanwhile",
                f"{1000 * statistics.median(self.health):,.0f} ms",
                "",
                f"median of {len(self.health)}; worst {1000 * max(self.health):,.0f} ms",
            ),
            Figure(f"{name}: closed, and freed at the server", f"{self.freed} of {self.left}", "all", ""),
            Figure(f"{name}: others that are whole", f"{stayed - len(self.wrong)} of {stayed}", "all", ""),
            Figure(f"{name}: lines in the log", f"{len(self.logged)}", "0", "warnings and errors"),
            Figure(f"{name}: memory left over", f"{self.left_over / 2**20:,.0f} MiB", "", "when all are gone"),
        ]


def run(rates: Mapping[int, float] = RATES) -> list[Figure]:
    """Measures all ways and numbers of streams, each on a fresh page."""
    figures = []
    for size, rate in rates.items():
        if room() < FILES_EACH * size:
            figures.append(Figure(f"{size:,} streams", "not run", "", "the system gives too few open files: ulimit -n"))
            continue
        for way in WAYS:
            with page(size, rate) as measured:
                figures += measured.carry(way, size, 1 + int(rate * (size / A_SECOND + 2 * WINDOW))).figures()
    return figures


class Measured:
    """A page that runs, what gives it tokens, and those who read."""

    def __init__(self, process: psutil.Process, server: Server, log: Path, emitter: Worker, rate: float) -> None:
        self._process, self._server, self._log = process, server, log
        self._emitter, self._rate = emitter, rate

    def carry(
        self, way: Way, streams: int, tokens: int, seconds: float | None = None, window: float = WINDOW
    ) -> Carried:
        """Lets so many read so many tokens each; half of them leave before the end."""
        with Worker(readers_worker, Settings()) as readers:
            # Alone at first, so that what is made once is there; and directly, for what the page adds.
            readers.call("begin", server=self._server, way=way, count=4, tokens=5, seconds=0.5)
            readers.call("finish")
            straight = Server(self._emitter.info)
            direct = readers.call("begin", server=straight, way="v1", count=20, tokens=2, seconds=1)
            readers.call("finish")
            before = _private(self._process)
            firsts = readers.call(
                "begin",
                server=self._server,
                way=way,
                count=streams,
                tokens=tokens,
                seconds=streams / A_SECOND if seconds is None else seconds,
                half_leaves=True,
            )
            spent, came, at = self._spent, readers.call("came"), time.perf_counter()
            health = list(_healths(self._server.port, window))
            came, spent = readers.call("came") - came, self._spent - spent
            took = time.perf_counter() - at
            memory = _private(self._process) - before
            gone = self._emitter.call("left")
            left = readers.call("leave")
            freed = _until(lambda: self._emitter.call("left") - gone, left)
            wrong = readers.call("finish")
            still = _until(lambda: self._emitter.call("open"), 0)
            if still:
                wrong = [*wrong, f"{still} streams are still open at the server"]
        added = [first - statistics.median(direct) for first in firsts]
        return Carried(
            way=way,
            streams=streams,
            rate=self._rate,
            cpu=spent / max(came, 1),
            busy=spent / took,
            share=came / (took * streams * self._rate),
            memory=memory / streams,
            left_over=_private(self._process) - before,
            added=statistics.median(added),
            added_worst=max(added),
            health=health,
            left=left,
            freed=freed,
            wrong=wrong,
            logged=self._log.read_text("utf-8").splitlines(),
        )

    @property
    def _spent(self) -> float:
        """Seconds of processor time so far."""
        times = self._process.cpu_times()
        return times.user + times.system


@contextmanager
def page(streams: int, rate: float, port: int = PORT) -> Iterator[Measured]:
    """The app in public mode over a server that only emits tokens, with room for so many streams."""
    # Each who reads in the browser's way has an address of their own. Programs are one visitor: they show one key.
    limits = ("--running-per-visitor", f"{streams}", "--requests-per-minute", "100000", "--tokens-per-hour", f"{10**9}")
    public = ("--public", "--auth", "none", "--trusted-proxy", "127.0.0.1", "--api-key", KEY)
    with tempfile.TemporaryDirectory() as folder, Worker(emitter_worker, Settings(), rate=rate) as emitter:
        model = ("--model", f"http://127.0.0.1:{emitter.info}/v1", "--max-concurrent", f"{streams}")
        log = Path(folder) / "log"
        flags = (*model, *public, *limits, "--data-dir", folder)
        with log.open("w") as lines, running(port, *flags, log=lines) as app:
            app.wait_until_loaded()
            if (state := app.status())["state"] != "ready":
                raise InvalidInput("The page has no model: {reason}", reason=state["reason"])
            yield Measured(app.process, Server(port, Chat.of(app.client.config)), log, emitter, rate)


def _private(process: psutil.Process) -> int:
    """Bytes of memory that are the process's alone."""
    return int(process.memory_full_info().uss)


def _healths(port: int, seconds: float) -> Iterator[float]:
    """How long /healthz takes, twice a second for so long."""
    end = time.perf_counter() + seconds
    while (asked := time.perf_counter()) < end:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=SETTLE).close()
        yield time.perf_counter() - asked
        time.sleep(max(0.0, min(end, asked + 0.5) - time.perf_counter()))


def _until(number: Any, wanted: int) -> int:
    """The number, once it has come to what is wanted, or after a while."""
    deadline = time.monotonic() + SETTLE
    while (now := int(number())) != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    return now
