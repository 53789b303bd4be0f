"""Tokens as a reader sees them: whatever a tokenizer writes them as, together they are the text."""

from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import text_of
from qwen_ui.text.pieces import BYTES, Pieces, check_ids

TEXTS = ["Plain English.", "你好 — 世界", "👩‍👩‍👧 and 👍🏽", "\ttabs and\r\nlines\x00", "it says <0xE4> and <b>"]


def wrapped(tokenizer: Tokenizer) -> Any:
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


@pytest.fixture(scope="module")
def byte_level() -> Any:
    """Each byte a token, but for a blank with the first byte of an emoji, as trained tokenizers have them."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {character: number for number, character in enumerate([*alphabet, "Ġð"])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[("Ġ", "ð")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<|end|>", special=True)])
    tokenizer.add_tokens([AddedToken("<tool é>")])
    return wrapped(tokenizer)


@pytest.mark.parametrize("text", [*TEXTS, "a 👍"])
def test_byte_level_pieces_make_up_the_text(byte_level: Any, text: str) -> None:
    pieces = Pieces(byte_level)
    assert text_of([pieces(token) for token in byte_level.encode(text)]) == text


def test_parts_of_characters_show_as_their_bytes(byte_level: Any) -> None:
    pieces = [Pieces(byte_level)(token) for token in byte_level.encode("a 👍")]
    assert pieces == ["a", " <0xF0>", "<0x9F>", "<0x91>", "<0x8D>"]
    assert text_of(pieces[:3]) == "a \ufffd"


@pytest.mark.parametrize("given", [b"a \xe4 b", b"\xf0\x9f b", b"\xff\xfe", b"\x8d\x8d a", b"\xe4\xbd\xe4\xbd\xa0"])
def test_bytes_that_make_no_character_are_as_the_tokenizer_has_them(byte_level: Any, given: bytes) -> None:
    names = {byte: name for name, byte in BYTES.items()}
    ids = [byte_level.convert_tokens_to_ids(names[byte]) for byte in given]
    assert text_of([Pieces(byte_level)(token) for token in ids]) == byte_level.decode(ids)


def test_added_tokens_are_what_they_are_called(byte_level: Any) -> None:
    pieces = Pieces(byte_level)
    assert [pieces(byte_level.convert_tokens_to_ids(name)) for name in ("<|end|>", "<tool é>")] == [
        "<|end|>",
        "<tool é>",
    ]
    assert pieces(10**6) == ""


def test_pieces_of_words_with_marked_blanks_make_up_the_text() -> None:
    """As in models after Llama 2: blanks are marked, and bytes are tokens where there is no other one."""
    words = ["<unk>", "\u2581a", "\u2581good", "ness", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokenizer = Tokenizer(models.BPE(vocab={word: number for number, word in enumerate(words)}, merges=[]))
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    pieces = Pieces(wrapped(tokenizer))
    ids = [1, 2, 3, *(4 + byte for byte in " 好\n".encode())]
    assert text_of([pieces(token) for token in ids]) == " a goodness 好\n" == tokenizer.decode(ids)


@pytest.mark.parametrize("wrong", [-1, 10**6, 2**31, 2**70])
def test_ids_that_are_no_tokens_are_refused(byte_level: Any, wrong: int) -> None:
    check_ids(byte_level.backend_tokenizer, [0, 5])
    with pytest.raises(InvalidInput, match="no token of this model"):
        check_ids(byte_level.backend_tokenizer, [0, wrong])
