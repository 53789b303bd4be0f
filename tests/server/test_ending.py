"""How the page ends when what runs does not."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from qwen_ui.server import closing
from qwen_ui.server.sessions import RunningRequests, Work
from tests.fakes import FakeEngine
from tests.pages import host_of


async def test_what_does_not_stop_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    """As a document that is being read: its thread can't be asked to."""
    monkeypatch.setattr(closing, "STOPPING", 0.1)
    running, host, reading = RunningRequests(), host_of(FakeEngine()), Work()
    loop = asyncio.get_running_loop()
    listener = SimpleNamespace(get_loop=lambda: loop)
    page: Any = SimpleNamespace(
        running=running,
        server=SimpleNamespace(servers=[listener], config=SimpleNamespace(timeout_graceful_shutdown=None)),
        _queue=SimpleNamespace(active_jobs=[["reading"]], pending_messages_per_session={}),
    )
    with running.track("me", "reading", reading):
        assert not await asyncio.to_thread(closing.close, page, host, 0.1)
        assert reading.stopped
