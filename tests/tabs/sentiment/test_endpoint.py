"""/sentiment as scripts call it."""

from dataclasses import dataclass
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from qwen_ui.server.host import EngineHost
from tests.fakes import FakeEngine
from tests.pages import Serve, host_of

SENTIMENT = "/sentiment"


def test_plain_sentences_come_out_right_on_the_embedded_model(serve: Serve, embedded_host: EngineHost):
    client = Client(serve(embedded_host), verbose=False)
    api: Any = client.view_api(return_format="dict", print_info=False)
    parameters = api["named_endpoints"][SENTIMENT]["parameters"]
    assert [(each["parameter_name"], each["parameter_default"]) for each in parameters] == [
        ("text", None),
        ("labels", "positive,neutral,negative"),
        ("adapter", ""),
        ("model", ""),
    ]
    for text, label in (("I love this product!", "positive"), ("Terrible, broke after a day.", "negative")):
        result = client.predict(text, api_name=SENTIMENT)
        assert result["label"] == label
        assert list(result["probabilities"]) == ["positive", "neutral", "negative"]
        assert sum(result["probabilities"].values()) == pytest.approx(1)
        assert max(result["probabilities"], key=result["probabilities"].get) == label


def test_labels_choose_the_template_that_suits_them(serve: Serve):
    engine = FakeEngine(
        likes=lambda prompt, candidate: float("好吃" in prompt.splitlines()[-2] and candidate == "正面")
    )
    client = Client(serve(host_of(engine)), verbose=False)
    result = client.predict("好吃", "正面，负面", api_name=SENTIMENT)
    assert result["label"] == "正面"
    assert engine.scored[0][0].endswith("评论：好吃\n情感：")


@dataclass
class Served:
    """A page that is served, and a client of it."""

    engine: FakeEngine
    client: Client


@pytest.fixture(scope="module")
def served(serve_module: Serve) -> Served:
    engine = FakeEngine()
    return Served(engine, Client(serve_module(host_of(engine)), verbose=False))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"text": " \n"}, "There is no text to analyze"),
        ({"text": "x" * 4001}, "limit is 4,000"),
        ({"text": 5}, "must be text"),
        ({"text": "x", "labels": "good"}, "2 to 20 labels"),
        ({"text": "x", "labels": ",".join(map(str, range(21)))}, "not 21"),
        ({"text": "x", "labels": "a,A"}, "appears twice"),
        ({"text": "x", "labels": 5}, "labels must be"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(served: Served, arguments: dict[str, Any], says: str):
    with pytest.raises(AppError, match=says):
        served.client.predict(**arguments, api_name=SENTIMENT)
    assert not served.engine.scored
