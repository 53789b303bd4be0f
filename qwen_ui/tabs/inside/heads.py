"""Maps and scores of attention heads, as HTML."""

from html import escape

import numpy as np

from qwen_ui.introspect.results import AttentionResult, Piece
from qwen_ui.page.words import Say
from qwen_ui.sentences import marked
from qwen_ui.tabs.inside.draw import (
    Cell,
    Mark,
    Row,
    distributions,
    folded,
    legend,
    number,
    percent,
    picture,
    section,
    strip,
    table,
    token,
)
from qwen_ui.tabs.inside.forward import candidates
from qwen_ui.tabs.inside.picture import Matrix, heat

LABELLED = 40
"""Tokens up to which the large map has a cell of its own for each pair."""
SMALL = 96
"""Pixels of a small map's side at most."""
LISTED = 600
"""Heads in the table of scores, the strongest first."""
SCORES = {
    "previous": marked("Previous token"),
    "first": marked("First token"),
    "itself": marked("Itself"),
    "same": marked("Same token"),
    "induction": marked("Induction"),
}


def shade(weights: Matrix) -> Matrix:
    """Weights as they are shaded: by their root, so that faint ones are seen beside the strong first token."""
    return np.sqrt(np.clip(weights, 0, 1))


def small(found: AttentionResult, chosen: int, say: Say) -> str:
    """All heads of the layer, each a button."""
    layer = found.look.layer
    knocked = {head for at, head in found.look.knocked if at == layer}
    items = []
    for head, weights in enumerate(found.maps):
        out = head in knocked or layer in found.look.knocked_layers
        name = say("Head {head}", head=head) + (" · " + say("out") if out else "")
        map_ = picture(heat(shade(_lower(weights)), SMALL), "")
        items.append(
            f'<li><button type=button data-pick="head:{head}" aria-pressed={str(head == chosen).lower()}>'
            f"{map_}<span>{escape(name)}</span></button></li>"
        )
    about = say(
        "From top to bottom the tokens that look, from left to right those they look at; none sees what comes later."
    )
    shown = f"<ol class=inside-heads>{''.join(items)}</ol>" + legend(say("0%"), say("100% (by its root)"))
    return section(say("The heads of layer {layer}", layer=layer), shown, about)


def _lower(weights: Matrix) -> Matrix:
    """What a token can't see is left clear."""
    return np.where(np.tril(np.ones(weights.shape, bool)), weights, np.nan)


def large(found: AttentionResult, head: int, query: int, say: Say) -> str:
    """One head's map with the tokens on both sides, and where one token looks."""
    weights, pieces = found.maps[head], found.pieces
    if len(pieces) <= LABELLED:
        map_ = grid(weights, pieces, say, query)
    else:
        described = say("Weights of head {head} over {count} tokens.", head=head, count=len(pieces))
        map_ = picture(heat(shade(_lower(weights))), described, "inside-square")
    row = weights[query]
    marks = [
        Mark(
            piece.token,
            percent(float(row[at])) if at <= query else "",
            float(shade(row[at])) if at <= query else 0.0,
            f"{piece.token} {row[at]:.1%}",
        )
        for at, piece in enumerate(pieces)
    ]
    title = say("Where “{token}” looks", token=pieces[query].token)
    looked = strip(marks, title, query, "query")
    order = np.argsort(-row[: query + 1], kind="stable")
    rows: list[Row] = [
        [str(int(at)), Cell(token(pieces[at].token)), number(float(row[at]), ".4f", float(row[at]))] for at in order
    ]
    numbers = table([say("Position"), say("Token"), say("Weight")], rows, title, kind="inside-tall")
    name = say("Layer {layer}, head {head}", layer=found.look.layer, head=head)
    about = say("Click a token to see where it looks from there.")
    return section(
        name,
        f'<div class="inside-two"><div>{map_}</div><div><h3>{escape(title)}</h3>{looked}'
        f"{folded(say('The numbers'), numbers)}</div></div>",
        about,
    )


def grid(weights: Matrix, pieces: tuple[Piece, ...], say: Say, query: int = -1, pick: str = "query") -> str:
    """A map with a cell for each pair of tokens, shaded by weight."""
    names = [token(piece.token) for piece in pieces]
    head = "".join(f'<th scope="col"><span>{name}</span></th>' for name in names)
    body = ""
    for at, piece in enumerate(pieces):
        shades = shade(weights[at, : at + 1])
        cells = "".join(
            f'<td style="--share:{share:.3f}" title="{token(piece.token)} → {names[to]}: {weights[at, to]:.1%}"></td>'
            for to, share in enumerate(shades)
        )
        pressed = f" aria-pressed={str(at == query).lower()}"
        name = (
            f'<button type=button data-pick="{pick}:{at}"{pressed}>{token(piece.token)}</button>'
            if pick
            else token(piece.token)
        )
        body += f'<tr><th scope="row">{name}</th>{cells}</tr>'
    caption = escape(say("Rows look at columns"))
    return (
        f'<div class="inside-map" tabindex="0" role="group" aria-label="{escape(caption)}"><table>'
        f"<caption>{caption}</caption><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def scores(found: AttentionResult, chosen: int, say: Say) -> str:
    """What kind of head each one of the model is: sortable."""
    columns = {name: getattr(found, name) for name in SCORES}
    heads = found.previous.shape[1]
    strongest = np.nanmax(
        np.stack([np.nan_to_num(found.previous), np.nan_to_num(found.same), np.nan_to_num(found.induction)]), 0
    )
    order = np.argsort(-strongest.ravel(), kind="stable")[:LISTED]
    rows: list[Row] = []
    for each in order:
        layer, head = divmod(int(each), heads)
        here = layer == found.look.layer and head == chosen
        button = (
            f'<button type=button data-pick="score:{each}" aria-pressed={str(here).lower()}>{layer}.{head}</button>'
        )
        rows.append([Cell(button, int(each)), *(_score(float(column[layer, head])) for column in columns.values())])
    titles = [say("Layer.head"), *(say(title) for title in SCORES.values())]
    listed = table(titles, rows, say("Click a title to sort, a head to see it"), sortable=True, kind="inside-tall")
    about = say(
        "How much of its weight each head puts on the previous token, the first one, itself, earlier places of the "
        "same token, and what followed those (induction: how patterns are copied). Means over this text."
    )
    if not np.isfinite(found.induction).any():
        about += " " + say("No token comes twice in it: the last two can't be measured.")
    return section(say("What the heads look for"), listed, about)


def _score(value: float) -> Cell:
    return number(value, ".2f", max(value, 0)) if np.isfinite(value) else Cell("–", -1)


def effect(found: AttentionResult, say: Say) -> str:
    """What the model says without what was knocked out."""
    if found.untouched is None:
        return ""
    out = [say("layer {layer}", layer=layer) for layer in sorted(found.look.knocked_layers)]
    out += [say("head {layer}.{head}", layer=layer, head=head) for layer, head in sorted(found.look.knocked)]
    words = candidates([found.untouched, found.next], most=10)
    names = [say("Before"), say("Without them")]
    return section(
        say("The next token without {parts}", parts=", ".join(out)),
        distributions(words, names, say("The next token before and after"), say),
        say("What is knocked out adds nothing to what flows through the model; all else stays."),
    )
