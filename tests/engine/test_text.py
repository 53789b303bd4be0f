"""A stream shows whole characters only, and nothing of a stop string."""

from collections.abc import Iterator

import pytest
import regex
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from qwen_ui.engine.text import TextStream
from qwen_ui.text.growing import SureText

TEXTS = [
    "Plain English, nothing else.",
    "你好，世界。模型在说中文！",
    "日本語のテキストと한국어",
    "Family 👩‍👩‍👧‍👦, thumbs 👍🏽, flags 🇨🇳🇫🇷 and a heart ❤️",
    "cafe\u0301 nai\u0308ve Zalgo\u0334\u0321\u0322",
    "हिन्दी में नमस्ते",
    "two\r\nlines\n",
]


@pytest.fixture(scope="module")
def byte_tokenizer() -> Tokenizer:
    """One token a byte: the worst case, every character falls into pieces."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def pieces(tokenizer: Tokenizer, text: str, stop: tuple[str, ...] = ()) -> Iterator[str]:
    stream = TextStream(tokenizer, stop)
    for token in tokenizer.encode(text).ids:
        yield stream.push(token)
        if stream.stopped:
            break
    yield stream.finish()


@pytest.mark.parametrize("text", TEXTS)
def test_no_piece_ends_within_a_character(byte_tokenizer: Tokenizer, text: str) -> None:
    got = [piece for piece in pieces(byte_tokenizer, text) if piece]
    assert "".join(got) == text
    whole = regex.findall(r"\X", text)
    assert [cluster for piece in got for cluster in regex.findall(r"\X", piece)] == whole


def test_text_grows_with_every_character(byte_tokenizer: Tokenizer) -> None:
    assert [p for p in pieces(byte_tokenizer, "abc") if p] == ["a", "b", "c"]


def test_a_broken_last_character_is_left_out(byte_tokenizer: Tokenizer) -> None:
    stream = TextStream(byte_tokenizer)
    tokens = byte_tokenizer.encode("好的").ids[:-1]
    assert "".join(map(stream.push, tokens)) + stream.finish() == "好"


@pytest.mark.parametrize(
    ("text", "stop", "expected"),
    [
        ("one STOP two", ("STOP",), "one "),
        ("one STOP", ("STOP",), "one "),
        ("STOP", ("STOP",), ""),
        ("one STO two", ("STOP",), "one STO two"),
        ("a SSTOP b", ("STOP",), "a S"),
        ("x\n\ny", ("\n\n",), "x"),
        ("你好。再见", ("。",), "你好"),
        ("long then short", ("short", "then"), "long "),
    ],
)
def test_ends_before_a_stop_string(byte_tokenizer: Tokenizer, text: str, stop: tuple[str, ...], expected: str) -> None:
    got = list(pieces(byte_tokenizer, text, stop))
    assert "".join(got) == expected
    assert all(expected.startswith("".join(got[: i + 1])) for i in range(len(got)))


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_come_with_the_text_that_they_make_up(byte_tokenizer: Tokenizer, text: str) -> None:
    stream, ids = TextStream(byte_tokenizer), byte_tokenizer.encode(text).ids
    said = ""
    given: list[int] = []
    for token in ids:
        said += stream.push(token)
        given += stream.tokens()
        assert byte_tokenizer.decode(given) == said
    stream.finish()
    assert given + list(stream.tokens()) == ids
    assert stream.tokens() == ()


@pytest.mark.parametrize(
    ("text", "stop", "made_up"),
    [("one END two", "END", "one "), ("one EN", "END", "one EN"), ("END", "END", ""), ("a好b", "好", "a")],
)
def test_tokens_end_with_the_text(byte_tokenizer: Tokenizer, text: str, stop: str, made_up: str) -> None:
    stream = TextStream(byte_tokenizer, (stop,))
    given: list[int] = []
    for token in byte_tokenizer.encode(text).ids:
        stream.push(token)
        given += stream.tokens()
        if stream.stopped:
            break
    stream.finish()
    assert byte_tokenizer.decode([*given, *stream.tokens()]) == made_up


def test_tokens_of_a_broken_last_character_are_left_out(byte_tokenizer: Tokenizer) -> None:
    stream, tokens = TextStream(byte_tokenizer), byte_tokenizer.encode("好的").ids
    for token in tokens[:-1]:
        stream.push(token)
    stream.finish()
    assert list(stream.tokens()) == tokens[:3]


def test_nothing_comes_after_a_stop_string() -> None:
    text = SureText(["four"])
    assert text.push("One two three four, ") == "One two three "
    assert text.stopped
    assert text.push("five.") == ""
    assert text.finish() == ""
