"""The running server, and OpenAI's own clients of it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from openai import OpenAI

from qwen_ui.server.metering import Record
from tests.fakes import FakeEngine
from tests.pages import Serve, host_of

Connect = Callable[..., OpenAI]


def client_of(url: str, key: str = "none") -> OpenAI:
    return OpenAI(base_url=f"{url}v1", api_key=key, max_retries=0, timeout=60)


class Served:
    """A server over an engine without a model, which each test has say what it needs."""

    def __init__(self, serve: Serve) -> None:
        self.engine = FakeEngine()
        self.records: list[Record] = []
        host = host_of(self.engine)
        host.observe(self.records.append)
        self.url = serve(host)

    def says(self, *words: str, **given: Any) -> FakeEngine:
        """The engine as new, with these words."""
        self.engine.__init__(words or ["ok"], **given)  # type: ignore[misc]
        self.records.clear()
        return self.engine


@pytest.fixture(scope="module")
def served(serve_module: Serve) -> Served:
    return Served(serve_module)


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[OpenAI]:
    with client_of(served.url) as client:
        yield client
