"""Qwen UI: opens the page, and behind it the model."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

from qwen_ui import config
from qwen_ui.config import Settings
from qwen_ui.errors import InvalidInput
from qwen_ui.host import EngineHost
from qwen_ui.ui import shell

log = logging.getLogger("qwen_ui")


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables, with what Gradio and Spaces say of host and port where QWEN_UI_* says nothing."""
    host = environ.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if environ.get("SPACE_ID") else "")
    return {"QWEN_UI_HOST": host, "QWEN_UI_PORT": environ.get("GRADIO_SERVER_PORT", "")} | dict(environ)


def serve(settings: Settings) -> int:
    """Runs until it is interrupted; gives the exit status."""
    interrupted = _interruption()
    host = EngineHost(settings)
    page = shell.build(host, settings)
    host.start()
    try:
        address = shell.launch(page, settings)
    except OSError:
        where = f"{settings.host}:{settings.port}"
        print(
            f"Nothing can be served at {where}: the port is taken, or the address is not this machine's. "
            "Choose others with --port and --host.",
            file=sys.stderr,
        )
        return _leave(host, 2)
    print(f"Qwen UI is at {address}", flush=True)
    while not interrupted.wait(1):  # a signal that comes just before the wait is noticed only after it
        pass
    log.info("Shutting down")
    page.close(verbose=False)
    return _leave(host, 0)


def _leave(host: EngineHost, status: int) -> int:
    """Closes the engine and gives the exit status, or ends the process with it while the model is still being opened.

    That thread can't be asked to stop, and torch at work in it would abort an interpreter that ends in good order.
    """
    if not host.wait(0):
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
        settings = config.read(argv, environment(os.environ))
    except InvalidInput as error:
        print(error, file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    log.setLevel(settings.log_level.upper())
    return serve(settings)


if __name__ == "__main__":
    sys.exit(main())
