"""A look at an answer's tokens: each shaded by its probability, with the likeliest others, to go on from there."""

import json
import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import TokenLook, text_of
from qwen_ui.page.events import brought
from qwen_ui.page.words import Say
from qwen_ui.sentences import Sentence
from qwen_ui.text.pieces import seen

TOP = 10
"""The likeliest tokens that are shown at each place."""
LEVELS = (0.9, 0.5, 0.2, 0.05)
"""Probabilities from which on a token is shaded less; there is one more level below the last."""
SCRIPT = (Path(__file__).parent / "token_view.js").read_text("utf-8")
UNFINISHED = "\ufffd"
"""What stands for the first bytes of a character."""
_SMALLEST = 1e-12
"""Stands for a probability that was rounded to nothing, which has no logarithm."""


def token_view(**options: Any) -> gr.HTML:
    """Shows what `looked` makes. Its ``submit`` event brings what `chosen` reads."""
    return gr.HTML(js_on_load=SCRIPT, padding=False, elem_classes="token-view", **options)


@dataclass(frozen=True, slots=True)
class Choice:
    """A token that was chosen in the place of an answer's own."""

    subject: str
    """Of whose answer: what `looked` was told."""
    begun: tuple[int, ...]
    """The ids that the answer is to begin with, up to the chosen one."""


def chosen(data: Any) -> Choice:
    """What the ``submit`` event of a view brings. Raises `InvalidInput` for something else."""
    given = brought(data)
    subject, begun = given.get("subject"), given.get("begun")
    if not isinstance(subject, str) or not isinstance(begun, list) or not all(type(id) is int for id in begun):
        raise InvalidInput("Choose one of the tokens that are shown.")
    return Choice(subject, tuple(begun))


def average(looks: Sequence[TokenLook]) -> float:
    """The mean of the tokens' probabilities; 0 where none is known."""
    known = [look.probability for look in looks if look.probability is not None]
    return sum(known) / len(known) if known else 0.0


def perplexity(looks: Sequence[TokenLook]) -> float:
    """exp of the mean of -ln p over the tokens whose probability p is known; 1 where none is."""
    known = [max(look.probability, _SMALLEST) for look in looks if look.probability is not None]
    return math.exp(-sum(map(math.log, known)) / len(known)) if known else 1.0


def looked(looks: Sequence[TokenLook], subject: str, say: Say, note: Sentence, given: str = "") -> str:
    """The tokens as HTML.

    ``subject`` says whose they are, ``note`` what choosing one of the others does. Those that hold the ``given``
    beginning are not shown, but belong to what a choice begins with.
    """
    hidden = covering(looks, given)
    before, looks = json.dumps([look.id for look in looks[:hidden]]), looks[hidden:]
    figures = say(
        "{count:,} {count:token|tokens} · average probability {average:.1%} · perplexity {perplexity:.2f}",
        count=len(looks),
        average=average(looks),
        perplexity=perplexity(looks),
    )
    hint = say(
        "Point at a token to see the alternatives; click it, or use the arrow keys, to keep them open. {note}",
        note=note,
    )
    tokens = "".join(_token(look, place, say) for place, look in enumerate(looks))
    others = escape(say("Most likely here"))
    return (
        f'<div class="looked" data-subject="{escape(subject)}" data-before="{before}" data-others="{others}">'
        f'<p class="token-figures">{escape(figures)}</p>{_legend(say)}'
        f'<div class="tokens" role="group" aria-label="{escape(say("Tokens of the answer"))}">{tokens}</div>'
        f'<div class="alternatives" hidden></div><p class="token-hint">{escape(hint)}</p></div>'
    )


def covering(looks: Sequence[TokenLook], given: str) -> int:
    """How many of the first tokens it takes to hold the text that was given."""
    tokens = [look.token for look in looks]

    def held(count: int) -> int:
        return len(text_of(tokens[:count]).rstrip(UNFINISHED))

    return bisect_left(range(len(looks)), len(given), key=held)


def _token(look: TokenLook, place: int, say: Say) -> str:
    shown = seen(look.token)
    if look.probability is None:
        told, level = say("{token}: the first of the text", token=shown), ""
    else:
        told = say("{token}: {share}, number {rank:,}", token=shown, share=share(look.probability), rank=look.rank)
        level = f' data-level="{level_of(look.probability)}"'
    others = [[seen(other.token), other.id, share(other.probability)] for other in look.alternatives]
    data = escape(json.dumps(others, ensure_ascii=False, separators=(",", ":")))
    text = escape(look.token).replace("\n", '<i aria-hidden="true">⏎</i>\n')
    return (
        f'<span class="token" role="button" tabindex="{-1 if place else 0}" data-id="{look.id}"{level} '
        f'data-top="{data}" aria-label="{escape(told)}">{text}</span>'
    )


def _legend(say: Say) -> str:
    """Which shade is which probability."""
    floors = [f"≥ {floor:.0%}" for floor in LEVELS] + [f"< {LEVELS[-1]:.0%}"]
    items = "".join(
        f'<li><span class="token" data-level="{level}">{text}</span></li>' for level, text in enumerate(floors)
    )
    return f'<ul class="token-legend" aria-label="{escape(say("Probability"))}">{items}</ul>'


def level_of(probability: float) -> int:
    """How much it is shaded: 0 for likely tokens, more for those that are less so."""
    return sum(probability < floor for floor in LEVELS)


def share(probability: float) -> str:
    """For people; what is not nothing does not become it by rounding."""
    return "< 0.1%" if 0 < probability < 0.001 else f"{probability:.1%}"
