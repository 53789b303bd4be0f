"""The logit lens, and the lengths of the states: layers × positions."""

from collections.abc import Sequence
from html import escape

import numpy as np

from qwen_ui.introspect.results import ForwardResult
from qwen_ui.page.words import Say
from qwen_ui.tabs.inside.draw import Cell, Row, folded, legend, number, percent, picture, section, table, token
from qwen_ui.tabs.inside.picture import between, heat

WINDOW = 24
"""Tokens side by side."""


def states(count: int, say: Say) -> list[str]:
    """What the rows are called: the embeddings, then what each layer leaves."""
    return [say("Embedding"), *(say("After layer {layer}", layer=layer) for layer in range(count - 1))]


def heads(found: ForwardResult, places: Sequence[int]) -> list[str]:
    """What the columns are called: tokens with their places."""
    return [f"{place} {found.pieces[place].token.strip()}" for place in places]


def grid(found: ForwardResult, first: int, say: Say) -> str:
    """For each state the token that the head would read in it, as strong as it is probable."""
    places = range(len(found.pieces))[first : first + WINDOW]
    names = states(len(found.lens_ids), say)
    rows: list[Row] = [
        [Cell(escape(name)), *(_cell(found, state, place, name, say) for place in places)]
        for state, name in enumerate(names)
    ]
    caption = say("The token that the head reads in each state; outlined from where the final one leads")
    drawn = table([say("State"), *heads(found, places)], rows, caption, kind="inside-lens")
    return section(
        say("Logit lens"),
        drawn + leading(found, places, say),
        say(
            "Each column is a token of the text, each row a layer: what the model would say next, were it to stop "
            "there. The stronger the shade, the surer; the outline begins where the final token takes the lead for "
            "good."
        ),
    )


def _cell(found: ForwardResult, state: int, place: int, name: str, say: Say) -> Cell:
    text, share = found.lens_tokens[state][place], float(found.lens_probabilities[state, place])
    title = say(
        "{state}, after “{token}”: “{next}” {share}",
        state=name,
        token=found.pieces[place].token,
        next=text,
        share=percent(share),
    )
    kind = "lead first" if state == found.leads[place] else "lead" if state > found.leads[place] else ""
    return Cell(f"<b>{token(text)}</b><small>{percent(share)}</small>", share, share, kind, title)


def leading(found: ForwardResult, places: Sequence[int], say: Say) -> str:
    """The numbers: where the final token takes the lead."""
    names = states(len(found.lens_ids), say)
    last = len(found.lens_ids) - 1
    rows: list[Row] = [
        [
            f"{place}",
            Cell(token(found.pieces[place].token)),
            Cell(token(found.lens_tokens[last][place])),
            number(float(found.lens_probabilities[last, place])),
            Cell(escape(names[found.leads[place]]), int(found.leads[place])),
        ]
        for place in places
    ]
    head = [say("Position"), say("Token"), say("Likeliest next"), say("Probability"), say("Leads from")]
    return folded(say("Where the final token takes the lead"), table(head, rows, say("Leads"), sortable=True))


def norms(found: ForwardResult, first: int, say: Say) -> str:
    """How long the states are: the darkest is the shortest."""
    place, low, high = between(found.norms)
    count = len(found.pieces)
    described = say(
        "{states} states of {count} tokens: lengths from {low:.3g} to {high:.3g}.",
        states=len(found.norms),
        count=count,
        low=low,
        high=high,
    )
    places = range(count)[first : first + WINDOW]
    names = states(len(found.norms), say)
    rows: list[Row] = [
        [name, *(number(float(found.norms[state, at])) for at in places)] for state, name in enumerate(names)
    ]
    listed = table([say("State"), *heads(found, places)], rows, say("Norms of the states"), kind="inside-tall")
    spread = (
        float(np.nanmax(found.norms[:, 0]) / max(float(np.nanmedian(found.norms[:, 1:])), 1e-9)) if count > 1 else 1
    )
    told = say("Each pixel is a hidden state: from top to bottom the layers, from left to right the tokens.")
    if spread > 5:
        told += " " + say("The first token's is far longer: heads that look for nothing look at it.")
    return section(
        say("Norms of the hidden states"),
        picture(heat(place), described, "inside-wide")
        + legend(f"{low:.3g}", f"{high:.3g}")
        + folded(say("The numbers"), listed),
        told,
    )
