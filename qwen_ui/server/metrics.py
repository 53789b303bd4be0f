"""Figures for Prometheus, on a port of their own."""

import threading
from collections.abc import Collection, Iterator
from typing import Any
from wsgiref.simple_server import WSGIServer

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from qwen_ui.server.host import EngineHost
from qwen_ui.server.metering import Record

FIRST_TOKEN_SECONDS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120)
REQUEST_SECONDS = (0.5, 1, 2, 5, 10, 20, 40, 80, 160, 320, 640)


class Metrics:
    """Counts requests as they end, and looks at the engine when it is asked."""

    def __init__(self, host: EngineHost, tasks: Collection[str], keys: Collection[str] = ()) -> None:
        """``tasks`` are what a task label may say besides "other", as each value is a series of its own for good.

        ``keys`` are the names of the clients of /v1.
        """
        self._tasks = frozenset(tasks)
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.registry.register(_EngineCollector(host))
        of: dict[str, Any] = {"namespace": "qwen_ui", "registry": self.registry}
        self._requests = Counter("requests", "Requests that have ended", ["task", "via", "outcome", "model"], **of)
        self._prompt = Counter("prompt_tokens", "Tokens of prompts", ["task", "model"], **of)
        self._cached = Counter(
            "cached_tokens", "Tokens of prompts that were not computed again", ["task", "model"], **of
        )
        self._new = Counter("new_tokens", "Tokens that were generated", ["task", "model"], **of)
        self._by_key = Counter("key_tokens", "Tokens of prompts and answers, by the key shown at /v1", ["key"], **of)
        for key in keys:
            self._by_key.labels(key)
        self._first = Histogram(
            "first_token_seconds",
            "From the request to its first token",
            ["task", "model"],
            buckets=FIRST_TOKEN_SECONDS,
            **of,
        )
        self._whole = Histogram(
            "request_seconds", "From the request to its end", ["task", "model"], buckets=REQUEST_SECONDS, **of
        )

    def observe(self, record: Record) -> None:
        """Counts a request that has ended."""
        task = record.task if record.task in self._tasks else "other"
        self._requests.labels(task, record.via, record.outcome, record.model).inc()
        self._prompt.labels(task, record.model).inc(record.prompt_tokens)
        self._cached.labels(task, record.model).inc(record.cached_tokens)
        self._new.labels(task, record.model).inc(record.new_tokens)
        if record.key:
            self._by_key.labels(record.key).inc(record.prompt_tokens + record.new_tokens)
        self._whole.labels(task, record.model).observe(record.seconds)
        if record.seconds_to_first_token is not None:
            self._first.labels(task, record.model).observe(record.seconds_to_first_token)

    def serve(self, host: str, port: int) -> "MetricsServer":
        """Serves the figures from a thread of their own. Raises `OSError` when the port is taken."""
        return MetricsServer(*start_http_server(port, host, self.registry))


class MetricsServer:
    """Serves the figures until it is closed."""

    def __init__(self, server: WSGIServer, thread: threading.Thread) -> None:
        self._server = server
        self._thread = thread

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    def close(self) -> None:
        """Ends the thread and frees the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _EngineCollector(Collector):
    """How busy the engines are at the moment of the look."""

    def __init__(self, host: EngineHost) -> None:
        self._host = host

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """A gauge for the server, and three with a value for each model."""
        yield GaugeMetricFamily("qwen_ui_ready", "1 when requests are taken", int(self._host.ready))
        active = GaugeMetricFamily("qwen_ui_active", "Answers that are generated now", labels=["model"])
        waiting = GaugeMetricFamily("qwen_ui_waiting", "Answers that wait for their turn", labels=["model"])
        ready = GaugeMetricFamily("qwen_ui_model_ready", "1 when the model is there", labels=["model"])
        for model in self._host.status()["models"]:
            name = [model["name"]]
            active.add_metric(name, model["active"])
            waiting.add_metric(name, model["waiting"])
            ready.add_metric(name, int(model["state"] == "ready"))
        yield from (active, waiting, ready)
