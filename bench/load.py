"""`python -m bench.load`: many visitors at once for minutes, and what is left of them afterwards."""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from bench import report
from bench.inside import app_worker
from bench.report import Figure
from bench.server import Server, connect
from bench.visitors import Visited, Visitor
from bench.workers import Worker
from qwen_ui.settings import PROJECT, Settings, read

PORT = 7980
SEED = 20_250_101
SAMPLE_SECONDS = 2.0
SETTLE_SECONDS = 60.0
KILLED_AFTER = 0.2
"""The part of the time after which the batch loop is killed.

Well before the half in which the memory is watched: what the next one's cache takes, it takes as it fills.
"""
KILLED = ("batch loop has stopped", "could not go on")
"""What those are told whose answer it was writing."""
FLAGS = (
    *("--public", "--auth", "none", "--trusted-proxy", "127.0.0.1", "--model", "embedded"),
    *("--requests-per-minute", "1000", "--running-per-visitor", "4", "--tokens-per-hour", "1000000"),
)


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the server's process holds at one moment."""

    at: float
    memory: int
    threads: int
    files: int
    sockets: int


@dataclass(slots=True)
class Load:
    """What came of it."""

    visitors: int
    seconds: float
    visited: list[Visited] = field(default_factory=list)
    held: list[Holdings] = field(default_factory=list)
    before: Holdings | None = None
    after: Holdings | None = None
    idle: bool = False
    engine: dict[str, int] = field(default_factory=dict)
    """What requests hold in the engine afterwards."""
    before_kill: int = 0
    """Requests that had ended when the batch loop was killed."""

    @property
    def growth(self) -> float:
        """Growth of the memory over the last half: mean of its last quarter ÷ mean of the one before."""
        half = [held.memory for held in self.held[len(self.held) // 2 :]]
        middle = len(half) // 2
        return statistics.mean(half[middle:]) / statistics.mean(half[:middle]) if middle else 1.0

    @property
    def wrong(self) -> list[Visited]:
        """The requests that went neither well nor cleanly wrong."""
        return [visited for visited in self.visited if visited.outcome == "wrong"]

    @property
    def ended_by_kill(self) -> int:
        """The requests that the killed batch loop took with it."""
        return sum(any(words in visited.detail for words in KILLED) for visited in self.visited)

    @property
    def whole_after_kill(self) -> int:
        """The whole answers from then on."""
        return sum(visited.outcome == "whole" for visited in self.visited[self.before_kill :])

    @property
    def passed(self) -> bool:
        """Whether all went as it should."""
        recovered = self.ended_by_kill > 0 and self.whole_after_kill > 0
        return not self.wrong and self.idle and recovered and not any(self.engine.values())

    def figures(self) -> list[Figure]:
        """The lines of the report."""
        count = Counter(visited.outcome for visited in self.visited)
        marks = sum("another's mark" in visited.detail for visited in self.visited)
        on = f"{self.visitors} visitors for {self.seconds:.0f} s"
        before, after = self.before, self.after
        assert before is not None
        assert after is not None
        return [
            Figure("requests", f"{len(self.visited):,}", "", on),
            Figure("whole answers", f"{count['whole']:,}", "", ""),
            Figure("cleanly refused", f"{count['refused']:,}", "", "nonsense, and a line that is full"),
            Figure("left by the visitor", f"{count['left']:,}", "", "tab closed, or stream never read"),
            Figure("neither", f"{count['wrong']}", "0", "; ".join(sorted({v.detail for v in self.wrong}))[:200]),
            Figure("answers with another's text", f"{marks}", "0", "each prompt carries a mark"),
            Figure("ended by killing the batch loop", f"{self.ended_by_kill}", "≥ 1", "each was told to try again"),
            Figure("whole answers after that", f"{self.whole_after_kill}", "≥ 1", "the loop was built anew"),
            Figure("/status afterwards", "idle" if self.idle else "busy", "idle", "active and waiting"),
            Figure("cache blocks held", f"{self.engine['blocks']}", "0", "by requests"),
            Figure("result handlers left over", f"{self.engine['handlers']}", "0", ""),
            Figure("threads left over", f"{after.threads - before.threads}", "0", f"{after.threads} now"),
            Figure("files left over", f"{after.files - before.files}", "0", f"{after.files} now"),
            Figure("sockets left over", f"{after.sockets - before.sockets}", "0", f"{after.sockets} now"),
            Figure(
                "memory, last quarter ÷ the one before", f"{self.growth:.3f}", "≤ 1.02", f"{after.memory >> 20} MiB"
            ),
        ]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs it and prints the table; the exit status tells whether all went well."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--visitors", type=int, default=64)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--write", action="store_true", help="also puts the table into docs/benchmarks.md")
    arguments = parser.parse_args(argv)
    load = run(arguments.visitors, 60 * arguments.minutes)
    text = "\n\n".join([report.machine(), report.table(load.figures())])
    print(text)
    if arguments.write:
        report.write(PROJECT / "docs" / "benchmarks.md", "load", text)
    return 0 if load.passed else 1


def run(visitors: int, seconds: float) -> Load:
    """Starts the app, lets the visitors in for so long, and looks at what is left."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "models").symlink_to(Settings().data_dir / "models")
        settings = read([*FLAGS, "--port", str(PORT), "--data-dir", folder, "--log-level", "error"], {})
        with Worker(app_worker, settings) as inside:
            return asyncio.run(_run(connect(PORT, inside.pid), inside, visitors, seconds))


async def _run(server: Server, inside: Worker, visitors: int, seconds: float) -> Load:
    load, dice, marks = Load(visitors, seconds), random.Random(SEED), set[str]()
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{PORT}", limits=limits, timeout=60) as http:
        # What is made once, and kept, is there before the first look: threads of pools above all.
        first = (Visitor(http, number, random.Random(number), marks) for number in range(visitors))
        await asyncio.gather(*(visitor.visit() for visitor in first))
        await _settled(server)
        load.before = _held(server)
        end = time.monotonic() + seconds
        killer = asyncio.create_task(_kill(inside, load, KILLED_AFTER * seconds))
        watch = asyncio.create_task(_watch(server, load, end))
        crowd = [Visitor(http, number, random.Random(dice.random()), marks) for number in range(visitors)]
        await asyncio.gather(*(_stay(visitor, load, end) for visitor in crowd))
        await watch
        await killer
    load.idle = await _settled(server)
    load.engine = await asyncio.to_thread(inside.call, "held")
    load.after = _held(server)
    return load


async def _stay(visitor: Visitor, load: Load, end: float) -> None:
    while time.monotonic() < end:
        load.visited.append(await visitor.visit())


async def _kill(inside: Worker, load: Load, seconds: float) -> None:
    await asyncio.sleep(seconds)
    load.before_kill = len(load.visited)
    await asyncio.to_thread(inside.call, "kill")


async def _watch(server: Server, load: Load, end: float) -> None:
    while time.monotonic() < end:
        load.held.append(_held(server))
        await asyncio.sleep(SAMPLE_SECONDS)


async def _settled(server: Server) -> bool:
    """Waits until nothing runs any more and the sockets are closed; whether it came to that."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        status = await asyncio.to_thread(server.status)
        if status["active"] == 0 and status["waiting"] == 0:
            await asyncio.sleep(SAMPLE_SECONDS)
            return True
        await asyncio.sleep(0.5)
    return False


def _held(server: Server) -> Holdings:
    process = server.process
    with process.oneshot():
        sockets = sum(each.status != psutil.CONN_LISTEN for each in process.net_connections())
        files = len(process.open_files()) if psutil.WINDOWS else process.num_fds()
        return Holdings(time.monotonic(), process.memory_info().rss, process.num_threads(), files, sockets)


if __name__ == "__main__":
    sys.exit(main())
