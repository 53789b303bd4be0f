"""POST /v1/decide."""

from typing import Any

import openai
import pytest
from openai import OpenAI

from qwen_ui.errors import PromptTooLong
from tests.fakes import INFO
from tests.server.v1.conftest import Served

ASK: Any = {"model": INFO.model, "question": "Is this praise?", "text": "That is great."}


def decide(client: OpenAI, **asked: Any) -> Any:
    return client.post("/decide", body=ASK | asked, cast_to=object)


def test_a_decision_has_its_probabilities_and_one_record(client: OpenAI, served: Served):
    served.says(likes=lambda prompt, candidate: float("great" in prompt and candidate == " yes"))
    answer = decide(client, user="me", template=None)
    (one,) = answer.pop("data")
    assert answer == {"object": "list", "model": INFO.model, "type": "yes/no", "calibrated": "reference"}
    assert (one["object"], one["index"], one["answer"]) == ("decision", 0, "yes")
    assert sum(one["probabilities"].values()) == pytest.approx(1)
    assert set(one) == {"object", "index", "answer", "probabilities"}
    (record,) = served.records
    assert (record.task, record.via, record.outcome) == ("decide", "v1", "ok")
    assert record.new_tokens > 2  # candidates that were scored: what limits count


def test_scores_of_many_texts_are_numbers_with_a_mean(client: OpenAI, served: Served):
    served.says(likes=lambda prompt, candidate: float("great" in prompt.splitlines()[-3] and candidate == " 5"))
    answer = decide(client, text=["That is great.", "No."] * 8, options="1-5", calibration="batch")
    assert (answer["type"], answer["calibrated"]) == ("score", "batch")
    assert [each["index"] for each in answer["data"]] == list(range(16))
    good, bad = answer["data"][:2]
    assert good["answer"] == 5
    assert good["expected"] > bad["expected"]


@pytest.mark.parametrize(
    ("change", "param", "code", "says"),
    [
        ({"text": None}, "text", "missing_required_parameter", "'text'"),
        ({"question": ""}, None, "invalid_value", "The question is empty"),
        ({"options": ["yes"]}, None, "invalid_value", "2 to 20 options"),
        ({"options": [1, 2]}, "options.str", "invalid_value", "string"),
        ({"template": "../x"}, None, "invalid_value", "may hold letters"),
        ({"calibration": "perhaps"}, "calibration", "invalid_value", "'auto'"),
        ({"stream": True}, "stream", "unknown_parameter", "stream"),
        ({"text": ["x"] * 257}, None, "invalid_value", "1 to 256 texts"),
    ],
)
def test_what_can_not_be_decided_names_what_to_change(
    client: OpenAI, served: Served, change: dict[str, Any], param: str | None, code: str, says: str
):
    engine = served.says()
    with pytest.raises(openai.BadRequestError, match=says) as raised:
        decide(client, **change)
    assert (raised.value.param, raised.value.code) == (param, code)
    assert not engine.scored


def test_a_text_beyond_the_context_and_a_model_that_there_is_not(client: OpenAI, served: Served):
    served.says(error=PromptTooLong("Prompt 1 is too long."))
    with pytest.raises(openai.BadRequestError) as raised:
        decide(client)
    assert (raised.value.param, raised.value.code) == ("text", "context_length_exceeded")
    with pytest.raises(openai.NotFoundError):
        decide(client, model="nothing")
