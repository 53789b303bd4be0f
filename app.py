"""Qwen UI: opens the page, and behind it the model."""

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from qwen_ui.server.host import on_zero_gpu

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported
# Statistics of the last 10,000 events, made anew after each, for a monitoring page that is off.
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "1")
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(10**9))

if on_zero_gpu(os.environ):
    import spaces  # noqa: F401  puts its emulation in the place of CUDA: before anything can touch that

from starlette.routing import BaseRoute

from qwen_ui.decisions.deciding import TASK
from qwen_ui.errors import InvalidInput
from qwen_ui.finetune.queue import RunQueue
from qwen_ui.knowledge.library import Library
from qwen_ui.page import shell
from qwen_ui.page.endpoints import Page
from qwen_ui.server import closing, health, logs, public
from qwen_ui.server.host import EngineHost, open_zero, opening
from qwen_ui.server.hosted import OpenEngine
from qwen_ui.server.metrics import Metrics
from qwen_ui.server.uploads import own_folder
from qwen_ui.server.v1.routes import routes as v1_routes
from qwen_ui.settings import Settings, read
from qwen_ui.tabs import TABS

log = logging.getLogger("qwen_ui")

SWEEP_SECONDS = 600
"""How often visitors' old collections are looked for."""


def serve(settings: Settings, open_engine: OpenEngine | None = None, *, on_main_thread: bool = False) -> int:
    """Runs until it is interrupted; gives the exit status.

    The page is there before the models, unless the one that runs here has to be opened on the main thread.
    """
    interrupted = _interruption()
    made, settings = settings.auth is None, public.with_sign_in(settings)
    host = EngineHost(settings, open_engine)
    host.observe(logs.RequestLog(settings.log_text).observe)
    library = Library(settings.data_dir / "collections")
    runs = RunQueue.of(settings)
    try:
        with own_folder(settings.data_dir / "uploads"), _measured(host, settings), _training(runs, settings):
            page = shell.build(host, settings, library, runs)
            if on_main_thread:
                host.open_here()
            else:
                host.start()
            routes = [*health.routes(host), *v1_routes(host, settings, runs.adapters)]
            ended = _run(page, routes, host, settings, library, interrupted, made)
    except _NotServed as error:
        print(error, file=sys.stderr)
        return _leave(host, 2)
    return _leave(host, 0, ended)


def _run(
    page: Page,
    routes: Sequence[BaseRoute],
    host: EngineHost,
    settings: Settings,
    library: Library,
    interrupted: threading.Event,
    made: bool,
) -> bool:
    """Serves the page until the interruption, and then for as long as running answers may take.

    Whether all came to its end then.
    """
    try:
        address = shell.launch(page, settings, routes)
    except OSError as error:
        raise _NotServed(settings.host, settings.port, "--port and --host") from error
    print(f"Qwen UI is at {address}", flush=True)
    if settings.serves_api:
        print(f"For programs that speak OpenAI's API: {address}v1", flush=True)
    if settings.mcp:
        print(f"For programs that speak MCP: {address}gradio_api/mcp/", flush=True)
    if settings.is_public:
        print(public.exposure(settings, made), flush=True)
    _sweep_until(interrupted, library, 3600 * settings.keep_hours)
    log.info("Shutting down; running answers have %d s to finish", settings.grace)
    return closing.close(page, host, settings.grace)


def _sweep_until(interrupted: threading.Event, library: Library, keep_seconds: float) -> None:
    """Removes visitors' old collections now and then. Whatever prevents that must not end the server."""
    swept = time.monotonic() - SWEEP_SECONDS
    while not interrupted.wait(1):  # a signal that comes just before the wait is noticed only after it
        if time.monotonic() - swept >= SWEEP_SECONDS:
            try:
                library.expire(keep_seconds)
            except Exception:
                log.exception("Visitors' old collections can't be removed now; the next sweep tries again")
            swept = time.monotonic()


@contextmanager
def _measured(host: EngineHost, settings: Settings) -> Iterator[None]:
    """Serves the metrics meanwhile, where they are wanted."""
    if not settings.metrics_port:
        yield
        return
    keys = [name for name, _ in settings.api_keys]
    metrics = Metrics(host, [*(tab.id for tab in TABS), "completions", TASK], keys)
    host.observe(metrics.observe)
    try:
        server = metrics.serve(settings.metrics_host, settings.metrics_port)
    except OSError as error:
        raise _NotServed(settings.metrics_host, settings.metrics_port, "--metrics-port and --metrics-host") from error
    try:
        yield
    finally:
        server.close()


@contextmanager
def _training(runs: RunQueue, settings: Settings) -> Iterator[None]:
    """Starts the training runs that wait meanwhile; in public mode none."""
    if settings.is_public:
        yield
        return
    runs.start()
    try:
        yield
    finally:
        runs.close()


class _NotServed(InvalidInput):
    """An address can't be listened on."""

    def __init__(self, host: str, port: int, flags: str) -> None:
        super().__init__(
            "Nothing can be served at {host}:{port}: the port is taken, or the address is not this machine's. "
            "Choose others with {flags}.",
            host=host,
            port=port,
            flags=flags,
        )


def _leave(host: EngineHost, status: int, ended: bool = True) -> int:
    """Closes the engines and gives the exit status, or ends the process with it while there is still work under way.

    The threads of that can't be asked to stop: an interpreter that ends in good order would wait for those that read
    documents, and torch at work in one that opens a model would abort it.
    """
    if not (ended and host.wait(0)):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    asyncio.run(host.close())
    return status


def _interruption() -> threading.Event:
    """Set by the first Ctrl-C or SIGTERM; a second one ends the process at once."""
    interrupted = threading.Event()

    def interrupt(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        interrupted.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    return interrupted


def main(argv: Sequence[str] | None = None) -> int:
    """The command line: reads the settings, sets logging up, serves."""
    try:
        settings = read(argv)
    except InvalidInput as error:
        print(error, file=sys.stderr)
        return 2
    logs.set_up(settings)
    if on_zero_gpu(os.environ):  # the model has to be there before its worker processes are forked
        return serve(settings, opening(open_zero), on_main_thread=True)
    return serve(settings)


if __name__ == "__main__":
    sys.exit(main())
