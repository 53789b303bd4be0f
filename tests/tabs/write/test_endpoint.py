"""/write as scripts call it, with the embedded model."""

import itertools
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from qwen_ui.server.host import EngineHost
from tests.fakes import FakeEngine
from tests.pages import Serve, host_of

WRITE = "/write"


def test_a_text_is_continued_as_it_grows_with_the_parameters_of_the_contract(serve: Serve, embedded_host: EngineHost):
    client = Client(serve(embedded_host), verbose=False)
    api: Any = client.view_api(return_format="dict", print_info=False)
    parameters = api["named_endpoints"][WRITE]["parameters"]
    assert [(each["parameter_name"], each["parameter_default"]) for each in parameters] == [
        ("text", None), ("template", "continue"), ("max_new_tokens", 512), ("temperature", 0.8), ("adapter", ""),
        ("model", ""),
    ]  # fmt: skip
    updates = [text for text in client.submit("Once upon a time", max_new_tokens=16, api_name=WRITE) if text]
    assert len(set(updates)) > 2
    assert all(longer.startswith(shorter) for shorter, longer in itertools.pairwise(updates))


def test_the_template_and_the_sampling_reach_the_engine(serve: Serve):
    engine = FakeEngine(["ok"])
    client = Client(serve(host_of(engine)), verbose=False)
    assert client.predict("facts", "news", 33, 0, api_name=WRITE) == "ok"
    asked, sampling = engine.asked[0]
    assert "news" in asked[0].content
    assert (sampling.max_new_tokens, sampling.temperature, sampling.top_k) == (33, 0, 40)


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    return FakeEngine(["ok"])


@pytest.fixture(scope="module")
def client(serve_module: Serve, engine: FakeEngine) -> Client:
    return Client(serve_module(host_of(engine)), verbose=False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"text": " "}, "Write something first"),
        ({"text": 5}, "must be text"),
        ({"text": "x", "template": "poem"}, "no template 'poem'"),
        ({"text": "x", "template": "../chat/tutor"}, "name may hold"),
        ({"text": "x", "template": None}, "name may hold"),
        ({"text": "x", "temperature": -1}, "Temperature"),
        ({"text": "x", "max_new_tokens": 0}, "Maximum length"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(client: Client, engine: FakeEngine, arguments: dict[str, Any], says: str):
    with pytest.raises(AppError, match=says):
        client.predict(**arguments, api_name=WRITE)
    assert not engine.asked
