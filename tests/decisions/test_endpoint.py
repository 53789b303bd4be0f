"""/decide as scripts call it. The embedded model answers it in tests/server/v1/test_embedded.py."""

from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.fakes import FakeEngine
from tests.pages import Serve, host_of

ASK = "Is this praise?"


@pytest.fixture(scope="module")
def client(serve_module: Serve) -> Client:
    engine = FakeEngine(likes=lambda prompt, candidate: float("great" in prompt and candidate.strip() in {"yes", "5"}))
    return Client(serve_module(host_of(engine)), verbose=False)


def test_its_names_and_defaults_are_a_contract(client: Client):
    api: Any = client.view_api(return_format="dict", print_info=False)
    parameters = api["named_endpoints"]["/decide"]["parameters"]
    assert [(each["parameter_name"], each["parameter_default"]) for each in parameters] == [
        *(("question", None), ("text", None), ("options", ""), ("template", ""), ("calibration", "auto")),
        *(("adapter", ""), ("model", "")),
    ]


def test_one_text_has_one_answer_and_a_list_has_one_for_each(client: Client):
    one = client.predict(ASK, "That is great.", api_name="/decide")
    assert set(one) == {"type", "calibrated", "answer", "probabilities"}
    assert (one["type"], one["calibrated"], one["answer"]) == ("yes/no", "reference", "yes")
    scored = client.predict("How good?", "That is great.", "1-5", api_name="/decide")
    assert (scored["type"], scored["answer"]) == ("score", 5)
    assert 3 < scored["expected"] < 5
    many = client.predict(ASK, ["That is great.", "Not at all."] * 10, ["yes", "no"], api_name="/decide")
    assert set(many) == {"type", "calibrated", "results"}
    assert many["calibrated"] == "batch"
    assert [each["answer"] for each in many["results"]] == ["yes", "no"] * 10


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"question": " "}, "The question is empty"),
        ({"text": 5}, "must be text"),
        ({"options": "one"}, "2 to 20 options"),
        ({"template": "../x"}, "may hold letters"),
        ({"calibration": 5}, "auto, batch, reference or none"),
        ({"adapter": "none"}, "no adapter"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(client: Client, arguments: dict[str, Any], says: str):
    with pytest.raises(AppError, match=says):
        client.predict(**{"question": ASK, "text": "x"} | arguments, api_name="/decide")
