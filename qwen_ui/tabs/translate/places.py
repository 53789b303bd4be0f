"""Texts in their places in a file, so that all around them stays to the letter."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from qwen_ui.tabs.translate.protect import has_words

Texts = tuple[tuple[str, ...], Callable[[Sequence[str]], str]]
"""What to translate, and what puts translations into the file."""


class Place(NamedTuple):
    """Characters [start, end) of a file, and the text that they stand for."""

    start: int
    end: int
    text: str


def in_places(body: str, places: Iterable[Place], written: Callable[[str, str], str]) -> Texts:
    """The texts of the places that have words, and what puts translations there.

    ``written`` gives a translation as it stands in the file, from it and from what stands there now.
    """
    places = [place for place in places if has_words(place.text)]

    def fill(translations: Sequence[str]) -> str:
        parts, at = [], 0
        for place, new in zip(places, translations, strict=True):
            if new != place.text:
                parts += [body[at : place.start], written(new, body[place.start : place.end])]
                at = place.end
        return "".join([*parts, body[at:]])

    return tuple(place.text for place in places), fill
