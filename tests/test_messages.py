"""What crosses the border is checked when it is made, and the message says what to change."""

import math

import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import MAX_NEW_TOKENS, Message, Sampling, conversation


def test_a_message_takes_any_valid_text():
    for text in ("", "你好", "👩‍👩‍👧", "<script>", "a\x00b"):
        assert Message("user", text).content == text


@pytest.mark.parametrize(
    ("role", "content", "says"),
    [
        ("nobody", "x", "role must be system, user or assistant"),
        ("user", None, "must be text, not NoneType"),
        ("user", "ab\ud83d", "not valid Unicode at character 3"),
    ],
)
def test_a_bad_message_is_refused(role, content, says):
    with pytest.raises(InvalidInput, match=says):
        Message(role, content)


def test_ids_are_no_part_of_what_a_message_says():
    assert Message("assistant", "x", (1, 2)) == Message("assistant", "x")
    assert conversation([{"role": "assistant", "content": "x", "tokens": [1, 2]}])[0].tokens == (1, 2)


@pytest.mark.parametrize("tokens", [["1"], [-1], [1.0], [True], "12", {"1": 2}, 7])
def test_bad_ids_are_refused(tokens):
    with pytest.raises(InvalidInput, match="token ids"):
        conversation([{"role": "assistant", "content": "x", "tokens": tokens}])


def test_a_history_becomes_messages():
    history = [{"role": "user", "content": "Hi", "metadata": None}, {"role": "assistant", "content": "Hello"}]
    assert conversation(history) == [Message("user", "Hi"), Message("assistant", "Hello")]
    assert conversation([]) == []


@pytest.mark.parametrize(
    ("history", "says"),
    [
        ("Hi", "must be a list"),
        (None, "must be a list"),
        ({"role": "user", "content": "x"}, "must be a list"),
        ([["Hi", "Hello"]], "Entry 1 of the history must be an object"),
        ([{"role": "user", "content": "x"}, {"role": "user"}], "Entry 2 of the history must be"),
        ([{"role": "user", "content": "x"}, {"role": "robot", "content": "x"}], "Entry 2 of the history: .*role"),
        ([{"role": "tool", "content": "x"}], "Entry 1 of the history: .*role"),
        ([{"role": "text", "content": "x"}], "Entry 1 of the history: .*role"),
        ([{"role": "user", "content": ["x"]}], "Entry 1 of the history: .*text, not list"),
    ],
)
def test_a_history_of_another_shape_names_the_place(history, says):
    with pytest.raises(InvalidInput, match=says):
        conversation(history)


def test_sampling_takes_what_sliders_and_json_give():
    sampling = Sampling(max_new_tokens=20.0, top_k=5.0, temperature=0)  # type: ignore[arg-type]
    assert (sampling.max_new_tokens, sampling.top_k) == (20, 5)
    assert isinstance(sampling.max_new_tokens, int)
    assert sampling.greedy
    assert not Sampling().greedy


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -0.1),
        ("temperature", math.nan),
        ("temperature", math.inf),
        ("temperature", "0.7"),
        ("temperature", True),
        ("temperature", 1e9),
        ("top_p", 0),
        ("top_p", 1.01),
        ("top_p", math.nan),
        ("top_k", -1),
        ("top_k", 1.5),
        ("max_new_tokens", 0),
        ("max_new_tokens", -5),
        ("max_new_tokens", MAX_NEW_TOKENS + 1),
        pytest.param("max_new_tokens", 10**400, id="huge"),
        ("max_new_tokens", None),
        ("stop", ("",)),
        ("stop", ("x",) * 9),
        ("stop", (5,)),
    ],
)
def test_absurd_sampling_values_are_refused(name, value):
    with pytest.raises(InvalidInput):
        Sampling(**{name: value})
