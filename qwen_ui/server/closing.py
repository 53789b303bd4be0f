"""How the page ends: running answers reach their visitors, then what is still open is cut."""

import logging
import time
from collections.abc import Callable
from typing import Any

from qwen_ui.server.host import EngineHost

log = logging.getLogger(__name__)

LOOK = 0.05
"""Seconds between two looks: what is waited for has no event."""
STOPPING = 2.0
"""Seconds in which what was told to stop does, and"""
DELIVERY = 1.0
"""seconds in which a finished answer reaches every visitor who is still there."""
CUT = 1
"""Seconds that open connections get once the server is told to end: a page's own stays open for as long as the page."""


def close(page: Any, host: EngineHost, grace: float) -> bool:
    """Takes no new requests, lets those that run finish for so many seconds, and ends the page's server.

    Whether all came to its end: what does not stop, such as the reading of a document, is not waited for.
    """
    host.begin_closing()
    ended = _wait(lambda: _idle(page, host), grace)
    if not ended:
        log.warning("Answers are stopped unfinished after %g s of grace: %d", grace, host.running)
        (listener,) = page.server.servers
        for stop in (page.running.stop_all, host.stop_all):  # of visitors, files that are read too; of all programs
            listener.get_loop().call_soon_threadsafe(stop)
        ended = _wait(lambda: _idle(page, host), STOPPING)
    _wait(lambda: _delivered(page), DELIVERY)
    page.server.config.timeout_graceful_shutdown = CUT
    if ended:
        page.close(verbose=False)
    return ended


def _wait(state: Callable[[], bool], seconds: float) -> bool:
    """Waits for the state, but not longer than that; whether it came."""
    end = time.monotonic() + seconds
    while not state():
        if time.monotonic() >= end:
            return False
        time.sleep(LOOK)
    return True


def _idle(page: Any, host: EngineHost) -> bool:
    """Whether no request runs and no handler of the page is at work."""
    return not (host.running or any(page._queue.active_jobs))


def _delivered(page: Any) -> bool:
    """Whether every update was taken up. Closing the page replaces those that were not with an error."""
    return all(messages.empty() for messages in tuple(page._queue.pending_messages_per_session.values()))
