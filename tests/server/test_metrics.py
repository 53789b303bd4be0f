"""The figures that Prometheus reads."""

import socket
from dataclasses import replace

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from qwen_ui.server.host import EngineHost
from qwen_ui.server.metering import Record
from qwen_ui.server.metrics import Metrics
from qwen_ui.settings import Settings
from tests.fakes import INFO, FakeEngine

TASKS = ["chat", "write"]
RECORD = Record("chat", "page", "ok", 20, 16, 7, 1.5, 0.25, text="My dog's name is Rex", model="m")


def host_of(engine: FakeEngine) -> EngineHost:
    host = EngineHost(Settings(), lambda settings, report: engine)
    host.start()
    assert host.wait(30)
    return host


def test_requests_are_counted_by_task_way_and_outcome():
    metrics = Metrics(host_of(FakeEngine()), TASKS)
    for outcome in ("ok", "ok", "failed"):
        metrics.observe(replace(RECORD, outcome=outcome))
    value = metrics.registry.get_sample_value
    assert value("qwen_ui_requests_total", {"task": "chat", "via": "page", "outcome": "ok", "model": "m"}) == 2
    assert value("qwen_ui_requests_total", {"task": "chat", "via": "page", "outcome": "failed", "model": "m"}) == 1
    for name, tokens in (("prompt", 60), ("cached", 48), ("new", 21)):
        assert value(f"qwen_ui_{name}_tokens_total", {"task": "chat", "model": "m"}) == tokens
    assert value("qwen_ui_first_token_seconds_sum", {"task": "chat", "model": "m"}) == 0.75
    assert value("qwen_ui_request_seconds_count", {"task": "chat", "model": "m"}) == 3


def test_a_request_without_a_token_has_no_first_one():
    metrics = Metrics(host_of(FakeEngine()), TASKS)
    metrics.observe(replace(RECORD, seconds_to_first_token=None))
    assert (
        metrics.registry.get_sample_value("qwen_ui_first_token_seconds_count", {"task": "chat", "model": "m"}) is None
    )
    assert metrics.registry.get_sample_value("qwen_ui_request_seconds_count", {"task": "chat", "model": "m"}) == 1


def test_names_from_outside_make_no_series_of_their_own():
    metrics = Metrics(host_of(FakeEngine()), TASKS)
    for number in range(100):
        metrics.observe(replace(RECORD, task=f"task-{number}"))
    other = {"task": "other", "via": "page", "outcome": "ok", "model": "m"}
    assert metrics.registry.get_sample_value("qwen_ui_requests_total", other) == 100


def test_tokens_are_counted_by_key():
    metrics = Metrics(host_of(FakeEngine()), TASKS, ["ann", "ben"])
    metrics.observe(RECORD)
    metrics.observe(replace(RECORD, via="v1", key="ann"))
    value = metrics.registry.get_sample_value
    assert value("qwen_ui_key_tokens_total", {"key": "ann"}) == 27
    assert value("qwen_ui_key_tokens_total", {"key": "ben"}) == 0


def test_the_engine_is_looked_at_when_it_is_asked_for():
    engine = FakeEngine()
    host = host_of(engine)
    value = Metrics(host, TASKS).registry.get_sample_value
    of = {"model": INFO.model}
    assert (value("qwen_ui_active", of), value("qwen_ui_ready"), value("qwen_ui_model_ready", of)) == (0, 1, 1)
    engine.active, engine.waiting = 3, 2
    assert (value("qwen_ui_active", of), value("qwen_ui_waiting", of)) == (3, 2)
    host.begin_closing()
    assert value("qwen_ui_ready") == 0


def test_two_servers_in_one_process_do_not_share_figures():
    one, other = Metrics(host_of(FakeEngine()), TASKS), Metrics(host_of(FakeEngine()), TASKS)
    one.observe(RECORD)
    labels = {"task": "chat", "via": "page", "outcome": "ok", "model": "m"}
    assert other.registry.get_sample_value("qwen_ui_requests_total", labels) is None


def test_it_is_served_in_prometheus_format_until_it_is_closed():
    metrics = Metrics(host_of(FakeEngine()), TASKS)
    metrics.observe(RECORD)
    server = metrics.serve("127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.port}/metrics"
    text = httpx.get(address).text
    families = {family.name for family in text_string_to_metric_families(text)}
    assert {"qwen_ui_requests", "qwen_ui_first_token_seconds", "qwen_ui_active"} <= families
    assert "Rex" not in text
    server.close()
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)


def test_a_taken_port_is_an_error():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            Metrics(host_of(FakeEngine()), TASKS).serve("127.0.0.1", taken.getsockname()[1])
