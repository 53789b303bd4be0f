"""Tokens as a reader sees them."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch

from qwen_ui.introspect.results import Distribution, Piece

LIKELIEST = 50
"""How many of a distribution's tokens come with their texts."""


class Words:
    """The texts of a tokenizer's tokens, each looked up once."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._bytes = _byte_alphabet()
        self._whole = {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values()}
        self._known: dict[int, str] = {}

    def text(self, token: int) -> str:
        """One token's text, with its space; its bytes ("<0xE4>") where it is only part of a character."""
        if token not in self._known:
            self._known[token] = self._look_up(token)
        return self._known[token]

    def pieces(self, tokens: Iterable[int]) -> tuple[Piece, ...]:
        return tuple(Piece(self.text(token), token) for token in tokens)

    def distribution(self, logits: torch.Tensor) -> Distribution:
        """(vocabulary,) logits with the texts of the likeliest."""
        order = logits.topk(min(LIKELIEST, len(logits))).indices.tolist()
        return Distribution(logits.float().cpu().numpy().copy(), self.pieces(order))

    def rows(self, tokens: Sequence[Sequence[int]]) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(self.text(token) for token in row) for row in tokens)

    def _look_up(self, token: int) -> str:
        name = self._tokenizer.convert_ids_to_tokens(token)
        if name is None:  # the model may have room for more tokens than there are
            return f"<{token}>"
        if token in self._whole:
            return str(name)
        if all(character in self._bytes for character in name):  # byte-level BPE, as Qwen's
            return _readable(bytes(self._bytes[character] for character in name))
        return str(name).replace("▁", " ")  # SentencePiece, as Llama 2's


def _readable(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "".join(f"<0x{byte:02X}>" for byte in raw)


def _byte_alphabet() -> dict[str, int]:
    """The character that stands for each byte in byte-level BPE: itself where it can be printed, else from 256 on."""
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printed]
    return {chr(byte): byte for byte in printed} | {chr(256 + number): byte for number, byte in enumerate(others)}
