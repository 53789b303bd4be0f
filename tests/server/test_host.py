"""The host opens an engine in the background and always says how that stands."""

import threading

import pytest

from qwen_ui.engine.base import Engine
from qwen_ui.errors import ModelNotFound, NotReady
from qwen_ui.messages import Message, Sampling
from qwen_ui.models.progress import Progress
from qwen_ui.server.host import EngineHost, on_zero_gpu
from qwen_ui.server.hosted import Report
from qwen_ui.server.metering import Record
from qwen_ui.settings import Settings
from tests.fakes import INFO, FakeEngine
from tests.pages import hosts_of

KEYS = {"state", "model", "precision", "device", "engine", "reason", "context_length", "active", "waiting", "models"}


def test_loading_then_ready():
    reported, go_on = threading.Event(), threading.Event()

    def open_engine(settings: Settings, report: Report) -> Engine:
        report(Progress("fetching", "model.safetensors", 5, 10))
        reported.set()
        assert go_on.wait(30)
        return FakeEngine()

    host = EngineHost(Settings(model="some/model"), open_engine)
    host.start()
    assert reported.wait(30)
    loading = host.status()
    assert loading.keys() == KEYS
    assert (loading["state"], loading["model"], loading["context_length"]) == ("loading", "some/model", 0)
    assert host.progress == Progress("fetching", "model.safetensors", 5, 10)
    with pytest.raises(NotReady, match="still being prepared"):
        _ = host.engine
    assert not host.wait(0)

    go_on.set()
    assert host.wait(30)
    assert host.engine.info is INFO
    assert host.status() == {
        "state": "ready",
        "model": INFO.model,
        "precision": INFO.precision,
        "device": INFO.device,
        "engine": INFO.engine,
        "reason": str(INFO.reason),
        "context_length": INFO.context_length,
        "active": 0,
        "waiting": 0,
        "models": [
            {
                "name": INFO.model,
                "state": "ready",
                "reason": str(INFO.reason),
                "engine": INFO.engine,
                "active": 0,
                "waiting": 0,
            }
        ],
    }


def test_it_opens_in_the_calling_thread_where_that_has_to_be():
    opened_in = []

    def open_engine(settings: Settings, report: Report) -> Engine:
        opened_in.append(threading.current_thread())
        return FakeEngine()

    host = EngineHost(Settings(), open_engine)
    host.open_here()
    assert opened_in == [threading.current_thread()]
    assert host.ready


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), ("1", True), ("false", False), ("", False), (None, False)]
)
def test_zero_gpu_is_recognised_as_the_spaces_package_does(value: str | None, expected: bool):
    from spaces.config import boolean

    assert on_zero_gpu({} if value is None else {"SPACES_ZERO_GPU": value}) == expected == boolean(value)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ModelNotFound("There is no model x. Check its name."), "There is no model x. Check its name."),
        (ZeroDivisionError("by zero"), "The model could not be opened: ZeroDivisionError: by zero"),
    ],
)
def test_a_failure_says_why_in_every_place(error: Exception, sentence: str, caplog: pytest.LogCaptureFixture):
    def open_engine(settings: Settings, report: Report) -> Engine:
        raise error

    host = EngineHost(Settings(), open_engine)
    host.start()
    assert host.wait(30)
    assert host.status().keys() == KEYS
    assert (host.status()["state"], host.status()["reason"]) == ("failed", sentence)
    with pytest.raises(NotReady) as caught:
        _ = host.engine
    assert sentence in str(caught.value)
    assert str(error) in caplog.text


SLOW, BROKEN, QUICK = "some/model", "http://broken:8000/v1", "http://quick:8000/v1#Big"


def test_several_models_open_by_themselves_and_one_that_fails_hurts_no_other():
    go_on = threading.Event()

    def open_engine(settings: Settings, report: Report) -> Engine:
        if settings.model == SLOW:
            report(Progress("loading", "weights"))
            assert go_on.wait(30)
        if settings.model == BROKEN:
            raise ModelNotFound("The server has no model.")
        return FakeEngine(model="Big" if settings.model == QUICK else INFO.model)

    host = EngineHost(Settings(model="\n".join((SLOW, BROKEN, QUICK))), open_engine)
    assert (host.ready, list(host.names)) == (False, [SLOW, "broken:8000", "Big"])
    host.start()
    slow, broken, quick = host.models
    assert quick.wait(30)
    assert broken.wait(30)
    assert host.ready
    assert host.progress.stage == "ready"
    assert not host.wait(0)
    with pytest.raises(NotReady, match="still being prepared"):
        _ = host.engine
    with pytest.raises(NotReady, match="The server has no model"):
        host.engine_of(broken)
    with host.request("me", "chat", model=quick) as engine:
        assert engine.info.model == "Big"
    status = host.status()
    assert (status["state"], status["model"]) == ("loading", SLOW)  # of the default one
    assert [(each["name"], each["state"]) for each in status["models"]] == [
        (SLOW, "loading"),
        ("broken:8000", "failed"),
        ("Big", "ready"),
    ]
    assert status["models"][1]["reason"] == "The server has no model."
    go_on.set()
    assert host.wait(30)
    assert (host.default, host.local) == (slow, slow)
    assert host.engine.info is INFO


def test_the_same_model_at_other_places_is_named_after_them():
    addresses = ("http://a:8000/v1", "http://b:8000/v1", "http://b:8000/other/v1", "some/model")
    host = hosts_of({address: FakeEngine() for address in addresses})
    name = INFO.model
    assert list(host.names) == [f"{name}@a:8000", f"{name}@b:8000", f"{name}@http://b:8000/other/v1", name]
    assert tuple(host.names.values()) == host.models


async def test_each_request_is_recorded_with_its_model():
    host = hosts_of({"some/model": FakeEngine(), "http://b:8000/v1": FakeEngine(model="Big")})
    records: list[Record] = []
    host.observe(records.append)
    for model in (None, host.models[1]):
        with host.request("me", "chat", model=model):
            pass
    assert [record.model for record in records] == [INFO.model, "Big"]
    await host.close()


async def test_while_closing_what_runs_goes_on_and_nothing_new_is_taken():
    engine = FakeEngine()
    host = EngineHost(Settings(), lambda settings, report: engine)
    host.start()
    assert host.wait(30)
    async with host.engine.stream([Message("user", "Hi")], Sampling()) as running:
        host.begin_closing()
        assert host.closing
        assert not host.ready
        with pytest.raises(NotReady, match="shutting down"):
            _ = host.engine
        assert "".join([chunk.text async for chunk in running]) == "Hi"
    assert not engine.closed


async def test_the_engine_answers_and_is_closed_with_the_host():
    engine = FakeEngine()
    host = EngineHost(Settings(), lambda settings, report: engine)
    await host.close()  # nothing to close yet
    host.start()
    assert host.wait(30)
    async with host.engine.stream([Message("user", "Hi")], Sampling()) as stream:
        assert "".join([chunk.text async for chunk in stream]) == "Hi"
    await host.close()
    assert engine.closed
