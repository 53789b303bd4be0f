"""Answers held to a form and drawn from a seed, in one batch with others; and forms that would cost too much."""

import asyncio
import json
from typing import Any

import pytest
import torch
from transformers import GenerationConfig

from qwen_ui.engine.base import Engine
from qwen_ui.engine.local import LocalEngine
from qwen_ui.engine.local.forms import Forms
from qwen_ui.engine.local.sampler import FusedSampler, Own, RowSampler
from qwen_ui.errors import InvalidInput
from qwen_ui.models.load import Loaded
from tests.engine.conftest import idle, read

SEEDED: dict[str, Any] = {"temperature": 1.5, "top_k": 0, "top_p": 1, "seed": 5, "max_new_tokens": 8}


def of(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


DIGIT = {"type": "integer", "minimum": 1, "maximum": 9}
CITY = of(
    {
        "城市": {"enum": ["巴黎", "里昂"]},
        "size": of({"people": DIGIT}),
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 4}, "minItems": 2, "maxItems": 2},
    }
)


@pytest.fixture(scope="module")
def forms(loaded: Loaded) -> Forms:
    return Forms(loaded.tokenizer, loaded.model.config.vocab_size, {2})


def fits(forms: Forms, loaded: Loaded, schema: dict[str, Any], text: str) -> bool:
    """Whether the text, and its end after it, can be answered."""
    form = forms.begin(json.dumps(schema))
    for token in [*loaded.tokenizer.encode(text, add_special_tokens=False), 2]:
        scores = torch.zeros(loaded.model.config.vocab_size)
        form.rule_out(scores)
        if scores[token] != 0:
            return False
        form.take(token)
    return not form.error


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ('{"城市": "里昂", "size": {"people": 3}, "tags": ["😀", "中文"]}', True),
        ('{"城市": "里昂", "size": {"people": 30}, "tags": ["a", "b"]}', False),
        ('{"城市": "里昂", "size": {"people": 3}, "tags": ["a"]}', False),
        ('{"城市": "里昂"}', False),
        ('{"城市": "Rome"', False),
        ('{ "城市": "里昂"', False),
        ("Sure! {", False),
    ],
)
def test_what_may_come_is_what_fits(forms: Forms, loaded: Loaded, text: str, may: bool) -> None:
    assert fits(forms, loaded, CITY, text) == may


async def test_an_answer_fits_its_form_and_its_neighbours_stay_as_they_are(engine: LocalEngine) -> None:
    alone, _ = await read(engine, "Name one river.", max_new_tokens=12, temperature=0)
    form = json.dumps(of({"色": {"enum": ["红", "蓝"]}, "sizes": {"type": "array", "items": DIGIT, "maxItems": 2}}))
    (greedy, usage), (drawn, _), *others = await asyncio.gather(
        read(engine, "Tell me of a city.", max_new_tokens=40, form=form, temperature=0),
        read(engine, "Tell me of a city.", max_new_tokens=40, form=form, temperature=1.5, seed=1),
        *(read(engine, "Name one river.", max_new_tokens=12, temperature=0) for _ in range(3)),
    )
    assert [text for text, _ in others] == [alone] * 3
    for answer in (greedy, drawn):
        said = json.loads(answer)
        assert said["色"] in {"红", "蓝"}
        assert set(said["sizes"]) <= set(range(1, 10))
    assert usage.ended == "stop"
    assert not engine.batch._own


async def test_a_form_without_an_end_is_cut_like_any_answer(engine: LocalEngine) -> None:
    form = json.dumps({"type": "array", "items": {"anyOf": [{"$ref": "#"}, DIGIT]}, "minItems": 10**6})
    text, usage = await read(engine, "Go on.", max_new_tokens=6, temperature=0, form=form)
    assert (text[0], usage.ended) == ("[", "length")


async def test_a_form_that_can_t_be_followed_to_its_end_fails_its_own_answer_alone(engine: LocalEngine) -> None:
    form = json.dumps({"type": "array", "items": {"$ref": "#"}, "minItems": 1})
    beside, failed = await asyncio.gather(
        read(engine, "Name one river.", max_new_tokens=6),
        read(engine, "Go on.", max_new_tokens=6, form=form),
        return_exceptions=True,
    )
    assert isinstance(failed, InvalidInput)
    assert "can't be held to its form any more" in str(failed)
    assert not isinstance(beside, BaseException)
    await idle(engine)


async def test_an_engine_that_can_t_hold_a_form_refuses_it(each: Engine) -> None:
    form = '{"enum": ["yes"]}'
    if "forms" in each.info.abilities:
        await read(each, "Is it?", max_new_tokens=8, form=form)
    else:
        with pytest.raises(InvalidInput, match="can't be held to a form"):
            await read(each, "Is it?", max_new_tokens=8, form=form)
    await idle(each)


async def test_a_seed_draws_the_same_again(real: Engine) -> None:
    first, again, other = [
        await read(real, "Tell me anything.", **SEEDED | changed) for changed in ({}, {}, {"seed": -6})
    ]
    assert first[0] == again[0] != other[0]


async def test_a_seed_draws_the_same_beside_others(engine: LocalEngine) -> None:
    alone, _ = await read(engine, "Tell me anything.", **SEEDED)
    (beside, _), *_ = await asyncio.gather(
        read(engine, "Tell me anything.", **SEEDED),
        *(read(engine, f"Story {number}", max_new_tokens=8) for number in range(3)),
    )
    assert beside == alone  # in fp32, as here; in fewer bits nearly always


@pytest.mark.parametrize("kind", [RowSampler, FusedSampler])
def test_both_ways_to_draw_keep_to_a_row_s_own_form(loaded: Loaded, forms: Forms, kind: type[RowSampler]) -> None:
    own = Own(forms.begin('{"enum": ["Paris"]}'), seed=1)
    sampling = GenerationConfig(do_sample=True, temperature=0.7, top_k=20, top_p=0.8)
    sampler = kind(loaded.model, sampling, {"a": own})
    tokens, args = [], torch.zeros(3, 4, dtype=torch.int32)
    for _ in range(20):
        sampler.prepare_tensor_args([Request("b"), Request("x", new=False), Request("a"), Request("c")], args)
        scores = sampler(None, torch.randn(3, loaded.model.config.vocab_size), args)  # type: ignore[arg-type]
        assert (scores[[0, 2]].softmax(-1).max(-1).values > 0).all()
        tokens.append(int(scores[1].argmax()))
    assert loaded.tokenizer.decode(tokens, skip_special_tokens=True) == '"Paris"'


class Request:
    """One of a step, as transformers tells it."""

    def __init__(self, request_id: str, new: bool = True) -> None:
        self.request_id = request_id
        self.state, self.has_new_token = self, new
        self.logit_processor_kwargs: dict[str, Any] = {}


def test_draws_are_as_probable_as_they_should_be() -> None:
    own, probabilities = Own(None, seed=3), torch.tensor([0.0, 0.5, 0.0, 0.25, 0.0])
    drawn = [own.draw(probabilities) for _ in range(3000)]
    assert set(drawn) == {1, 3}
    assert drawn.count(1) / len(drawn) == pytest.approx(2 / 3, abs=0.05)


PATTERNS = [{"type": "string", "pattern": f".*a.{{{number}}}b"} for number in range(20)]


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ("[1]", "must be an object"),
        ('{"type":', "must be an object"),
        ('{"a":' * 9_000 + "1" + "}" * 9_000, "not nested too deeply|recursion limit"),
        ('{"a":' * 30_000, "up to 65,536 characters"),
        (json.dumps({"type": "frob"}), "frob"),
        (json.dumps({"type": "array", "uniqueItems": True}), "uniqueItems"),
        (json.dumps({"$ref": "#/$defs/nothing"}), "does not exist"),
        (json.dumps({"$ref": "https://example.com/schema.json"}), "not present"),
        (json.dumps({"$ref": "#"}), "No answer fits"),
        (json.dumps({"type": "string", "pattern": "(?=a)"}), "look-around"),
        (json.dumps({"allOf": PATTERNS}), "up to 8 different patterns"),
        ("{}" + " " * 70_000, "up to 65,536 characters"),
    ],
)
async def test_a_form_that_can_t_be_is_refused_with_its_reason(engine: LocalEngine, schema: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as raised:
        await read(engine, "Hi", form=schema)
    assert len(str(raised.value)) < 500
    assert engine.active == 0


def bombs() -> dict[str, Any]:
    doubled: dict[str, Any] = {"A0": of({"x": {"type": "integer"}})}
    for number in range(1, 60):
        before = {"$ref": f"#/$defs/A{number - 1}"}
        doubled[f"A{number}"] = of({"left": before, "right": {"anyOf": [before, before]}})
    return {
        "doubling": {"$ref": "#/$defs/A59", "$defs": doubled},
        "patterns": {"allOf": PATTERNS[:8]},
        "a pattern": {"type": "string", "pattern": "^(((a{1,100}){1,100}){1,100}){1,100}$"},
        "texts": {"enum": [f"word {number}" for number in range(4000)]},
        "keys": {"type": "object", "properties": {f"key{number}": {"type": "integer"} for number in range(1500)}},
        "counts": {"type": "array", "items": {"type": "string", "minLength": 10**6}, "minItems": 10**9},
        "choices": {"allOf": [{"anyOf": [of({f"k{a}{b}": {}}) for a in range(8)]} for b in range(8)]},
    }


@pytest.mark.parametrize("name", bombs())
def test_a_form_made_to_cost_much_does_not(forms: Forms, name: str) -> None:
    """Without bounds some take minutes and all memory there is: the test would not end."""
    try:
        form = forms.begin(json.dumps(bombs()[name]))
    except InvalidInput:
        return
    scores = torch.zeros(forms._vocabulary)
    form.rule_out(scores)
    assert (scores == 0).any()


def test_only_so_many_forms_are_kept(forms: Forms, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    really = forms._compile

    def compile_(schema: str) -> Any:
        compiled.append(schema)
        return really(schema)

    monkeypatch.setattr(forms, "_compile", compile_)
    schemas = [json.dumps({"const": f"kept {number}"}) for number in range(20)]
    for schema in [*schemas, schemas[-1]]:
        forms.begin(schema)
    assert compiled == schemas
    forms.begin(schemas[0])
    assert compiled == [*schemas, schemas[0]]
