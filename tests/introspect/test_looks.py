"""Requests, traces and sampling, without a model."""

import json
from typing import Any

import numpy as np
import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.introspect import looks
from qwen_ui.introspect.results import Against16Bits, Distribution, ForwardResult, MicroscopeResult, Origin, Piece
from qwen_ui.introspect.sampling import after_sampling
from qwen_ui.introspect.traces import from_json
from qwen_ui.messages import Message

LOGITS = np.array([2.0, 1.0, 0.5, -1.0, 1.5], np.float32)


def forward_result() -> ForwardResult:
    source = looks.Source(messages=(Message("user", "Hi"),))
    return ForwardResult(
        look=looks.Forward(source, frozenset({(0, 1), (1, 0)}), frozenset({1})),
        origin=Origin("tiny", "4bit", "mine", 0.5),
        pieces=(Piece("Hi", 3),),
        norms=np.array([[1.23456789], [np.nan]], np.float32),
        lens_ids=np.array([[4], [0]]),
        lens_tokens=(("a",), ("<0xE4>",)),
        lens_probabilities=np.array([[0.25], [0.5]], np.float32),
        leads=np.array([1]),
        next=Distribution(LOGITS, (Piece("a", 0),)),
        untouched=None,
    )


def test_a_trace_is_opened_as_the_result_it_was_made_of():
    result = forward_result()
    opened = from_json(json.loads(json.dumps(result.to_json(), allow_nan=False)))
    assert isinstance(opened, ForwardResult)
    assert (opened.look, opened.origin, opened.pieces) == (result.look, result.origin, result.pieces)
    assert opened.lens_tokens == result.lens_tokens
    assert opened.untouched is None
    assert opened.next.likeliest == result.next.likeliest
    np.testing.assert_allclose(opened.norms, result.norms, rtol=1e-4)
    np.testing.assert_array_equal(opened.lens_ids, result.lens_ids)
    assert opened.norms.dtype == np.float32


def test_a_trace_keeps_what_may_be_missing():
    floats: Any = dict.fromkeys(("levels", "edges", "unpacked", "original", "output_error"), LOGITS)
    whole: Any = dict.fromkeys(("counts", "used", "codes"), np.array([1, 2]))
    result = MicroscopeResult(
        look=looks.Microscope(looks.Source(ids=(1,)), "layer"),
        origin=Origin("tiny", "fp32"),
        shape=(2, 4),
        resident=False,
        **floats,
        **whole,
        block_size=2,
        blocks=4,
        scale=0.5,
        weight_error=float("nan"),
        bits=4.5,
        against=Against16Bits(LOGITS, np.array([1]), (Piece("a", 1),), (Piece("b", 2),)),
        missing="",
    )
    opened = from_json(json.loads(json.dumps(result.to_json(), allow_nan=False)))
    assert isinstance(opened, MicroscopeResult)
    assert np.isnan(opened.weight_error)
    assert opened.shape == (2, 4)
    assert opened.against is not None
    assert opened.against.there == (Piece("b", 2),)


@pytest.mark.parametrize(
    "spoil",
    [
        {"format": "other"},
        {"version": 99},
        {"kind": "unknown"},
        {"kind": ["forward"]},
        {"pieces": "Hi"},
        {"pieces": [{"token": 1, "id": 1}]},
        {"norms": {"shape": [1], "values": [1, 2]}},
        {"norms": {"shape": [2, 1], "values": ["__import__('os')", 2]}},
        {"norms": None},
        {"look": {"source": {"text": "", "messages": [], "ids": []}, "knocked": [], "knocked_layers": []}},
    ],
)
def test_what_is_no_trace_is_refused(spoil: dict[str, object]):
    with pytest.raises(InvalidInput):
        from_json(json.loads(json.dumps({**forward_result().to_json(), **spoil}, allow_nan=False)))


@pytest.mark.parametrize("trace", [None, [], "text", 3, {}])
def test_what_is_nothing_like_a_trace_is_refused(trace: object):
    with pytest.raises(InvalidInput):
        from_json(trace)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"text": "a", "ids": (1,)},
        {"ids": (1,) * 513},
        {"text": "a" * 20_000},
        {"messages": (Message("user", "a" * 20_000),)},
    ],
)
def test_texts_that_cannot_be_looked_at_are_refused(given: dict[str, object]):
    with pytest.raises(InvalidInput):
        looks.Source(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [{"answer": ""}, {"optimizer": "lion"}, {"rate": 0.0}, {"rate": float("nan")}])
def test_steps_that_cannot_be_done_are_refused(given: dict[str, object]):
    with pytest.raises(InvalidInput):
        looks.Backward(looks.Source(text="a"), **{"answer": "b", **given})  # type: ignore[arg-type]


def test_sampling_follows_the_samplers():
    plain = after_sampling(LOGITS)
    np.testing.assert_allclose(plain, np.exp(LOGITS) / np.exp(LOGITS).sum(), rtol=1e-6)
    assert after_sampling(LOGITS, temperature=0).tolist() == [1, 0, 0, 0, 0]
    assert np.flatnonzero(after_sampling(LOGITS, top_k=2)).tolist() == [0, 4]
    assert np.flatnonzero(after_sampling(LOGITS, top_p=0.01)).tolist() == [0]
    colder = after_sampling(LOGITS, temperature=0.5)
    assert colder[0] > plain[0]
    assert colder.sum() == pytest.approx(1)
