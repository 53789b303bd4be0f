"""Answers in a form, as OpenAI's own client asks for them."""

import json
from dataclasses import replace
from typing import Any

import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from qwen_ui.engine.base import Ability
from tests.fakes import INFO, FakeEngine
from tests.server.v1.conftest import Served

MODEL = INFO.model
ASK: Any = [{"role": "user", "content": "Which river?"}]


class River(BaseModel):
    name: str
    length: int


def test_a_form_by_a_model_of_pydantic(client: OpenAI, served: Served):
    engine = served.says('{"name": "长江", ', '"length": 6300}')
    answer = client.chat.completions.parse(model=MODEL, messages=ASK, response_format=River)
    assert answer.choices[0].message.parsed == River(name="长江", length=6300)
    form = json.loads(engine.asked[0][1].form)
    assert (form["required"], form["additionalProperties"]) == (["name", "length"], False)


def test_any_object(client: OpenAI, served: Served):
    engine = served.says("{}")
    client.chat.completions.create(model=MODEL, messages=ASK, response_format={"type": "json_object"})
    assert json.loads(engine.asked[0][1].form) == {"type": "object"}
    client.chat.completions.create(model=MODEL, messages=ASK, response_format={"type": "text"})
    assert engine.asked[1][1].form == ""


def test_a_seed_goes_on_for_each_of_several_answers(client: OpenAI, served: Served):
    engine = served.says("ok")
    client.chat.completions.create(model=MODEL, messages=ASK, seed=-1, n=3)
    client.chat.completions.create(model=MODEL, messages=ASK, seed=-1)
    assert [sampling.seed for _, sampling in engine.asked] == [-1, 0, 1, -1]


FORCED: Any = {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required"}


@pytest.mark.parametrize(
    ("lacks", "asked", "param"),
    [
        ("forms", {"response_format": {"type": "json_object"}}, "response_format"),
        ("forms", FORCED, "tool_choice"),
        ("seeds", {"seed": 1}, "seed"),
    ],
)
def test_what_an_engine_can_t_do_is_refused_by_name(
    client: OpenAI, served: Served, monkeypatch: pytest.MonkeyPatch, lacks: Ability, asked: dict[str, Any], param: str
):
    engine = served.says("ok")
    able = INFO.abilities - {lacks}
    monkeypatch.setattr(FakeEngine, "info", property(lambda self: replace(INFO, abilities=able)))
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model=MODEL, messages=ASK, **asked)
    assert (raised.value.code, raised.value.param) == ("unsupported_parameter", param)
    assert not engine.asked
    client.chat.completions.create(model=MODEL, messages=ASK, seed=1, temperature=0)  # follows from the temperature
