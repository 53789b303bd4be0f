"""What the parts are drawn with: HTML and SVG, all text escaped, in the page's own colours."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from qwen_ui.page.words import Say
from qwen_ui.tabs.inside.picture import GRADIENT
from qwen_ui.text.pieces import seen

ON_LOAD = """
element.addEventListener("click", (event) => {
  const picked = event.target.closest("[data-pick]");
  if (picked) return trigger("click", {pick: picked.dataset.pick});
  const sort = event.target.closest("th > button");
  if (!sort) return;
  const head = sort.parentElement, table = head.closest("table"), body = table.tBodies[0];
  const down = head.getAttribute("aria-sort") !== "descending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const key = (row) => {
    const cell = row.cells[head.cellIndex];
    return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
  };
  const order = (one, other) => (one < other ? -1 : one > other ? 1 : 0) * (down ? -1 : 1);
  body.append(...[...body.rows].sort((one, other) => order(key(one), key(other))));
});
"""
"""In the browser: buttons with ``data-pick`` tell the server what was picked; those in a table's head sort its rows."""
LONGEST_TOKEN = 24


def token(text: str) -> str:
    """A token's text, so that its blanks are seen. HTML."""
    text = text if len(text) <= LONGEST_TOKEN else text[:LONGEST_TOKEN] + "…"
    return escape(seen(text)) or "∅"


def percent(share: float) -> str:
    """A probability for people."""
    if share >= 0.0995:
        return f"{share:.0%}"
    return f"{share:.1%}" if share >= 0.0005 else "<0.1%" if share > 0 else "0%"


@dataclass(frozen=True, slots=True)
class Cell:
    """A table's cell."""

    html: str
    value: float | None = None
    """What rows are sorted by, where that is not the text."""
    share: float | None = None
    """How strongly it is shaded, from 0 to 1."""
    kind: str = ""
    """Its classes."""
    title: str = ""


Row = list[Cell | str]


def number(value: float, form: str = ".3g", share: float | None = None) -> Cell:
    """A cell with a number."""
    return Cell(format(value, form), float(value), share)


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[Cell | str]],
    caption: str,
    *,
    sortable: bool = False,
    kind: str = "",
    row_heads: bool = True,
) -> str:
    """A table that scrolls by itself. Heads and strings are texts; a cell's ``html`` is HTML already."""
    sort = "<button type=button>{}</button>" if sortable else "{}"
    titles = "".join(f'<th scope="col">{sort.format(escape(title))}</th>' for title in head)
    body = "".join(
        f"<tr>{''.join(_cell(cell, row_heads and not at) for at, cell in enumerate(row))}</tr>" for row in rows
    )
    label = escape(caption)
    return (
        f'<div class="inside-table {kind}" tabindex="0" role="group" aria-label="{label}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(cell: Cell | str, head: bool) -> str:
    if isinstance(cell, str):
        cell = Cell(escape(cell))
    given = f' class="{cell.kind}"' if cell.kind else ""
    given += f' data-value="{cell.value:.9g}"' if cell.value is not None else ""
    given += f' style="--share:{cell.share:.3f}"' if cell.share is not None else ""
    given += f' title="{escape(cell.title)}"' if cell.title else ""
    return f'<th scope="row"{given}>{cell.html}</th>' if head else f"<td{given}>{cell.html}</td>"


def folded(title: str, body: str, opened: bool = False) -> str:
    """Something to unfold."""
    return f"<details class=inside-more{' open' if opened else ''}><summary>{escape(title)}</summary>{body}</details>"


def section(title: str, body: str, about: str = "") -> str:
    """A plot with its title, and what is seen on it."""
    told = f'<p class="about">{escape(about)}</p>' if about else ""
    return f"<section class=inside-section><h2>{escape(title)}</h2>{told}{body}</section>"


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Figures with their names."""
    items = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in pairs)
    return f'<dl class="inside-facts">{items}</dl>'


def picture(address: str, described: str, kind: str = "") -> str:
    """A picture made of pixels; what it shows is told to those who don't see it."""
    return f'<img class="inside-pixels {kind}" src="{address}" alt="{escape(described)}">'


def legend(low: str, high: str) -> str:
    """What the colours of a picture mean."""
    colours = f'<i style="background:linear-gradient(90deg,{GRADIENT})"></i>'
    return f"<p class=inside-legend><span>{escape(low)}</span>{colours}<span>{escape(high)}</span></p>"


@dataclass(frozen=True, slots=True)
class Mark:
    """A token in a strip of them."""

    text: str
    below: str = ""
    share: float = 0.0
    """How strongly it is shaded, from 0 to 1."""
    title: str = ""


def strip(marks: Sequence[Mark], described: str, chosen: int | None = None, pick: str = "") -> str:
    """Tokens one after the other. With ``pick`` they are buttons, which give its name and the token's place."""
    items = []
    for place, mark in enumerate(marks):
        inner = f"<b>{token(mark.text)}</b><small>{escape(mark.below)}</small>"
        given = f' style="--share:{mark.share:.3f}" title="{escape(mark.title or mark.text)}"'
        if pick:
            pressed = str(place == chosen).lower()
            inner = f'<button type=button data-pick="{pick}:{place}" aria-pressed={pressed}{given}>{inner}</button>'
        else:
            inner = f"<span{given}>{inner}</span>"
        items.append(f"<li>{inner}</li>")
    return f'<ol class="inside-strip" tabindex="0" aria-label="{escape(described)}">{"".join(items)}</ol>'


@dataclass(frozen=True, slots=True)
class Curve:
    """A line of a chart."""

    name: str
    points: Sequence[tuple[float, float]]


def chart(curves: Sequence[Curve], x: str, y: str, described: str, marks: Sequence[tuple[float, float]] = ()) -> str:
    """Lines over one axis, told apart by their dashes as well; with single points as dots. Axes from the data."""
    points = [point for curve in curves for point in curve.points] + list(marks)
    if not points:
        return ""
    left, right = _ends(at for at, _ in points)
    low, high = _ends(value for _, value in points)

    def place(at: float, value: float) -> tuple[float, float]:
        return 52 + (at - left) / (right - left) * 536, 188 - (value - low) / (high - low) * 172

    lines = "".join(
        f'<polyline class="line-{number % 4}" points="'
        + " ".join(f"{across:.1f},{down:.1f}" for across, down in (place(*point) for point in curve.points))
        + '"/>'
        for number, curve in enumerate(curves)
    )
    dots = "".join('<circle cx="{:.1f}" cy="{:.1f}" r="3"/>'.format(*place(*point)) for point in marks)
    named = "".join(
        f'<li><svg viewBox="0 0 24 4" aria-hidden="true"><polyline class="line-{at % 4}" points="0,2 24,2"/></svg>'
        f"{escape(curve.name)}</li>"
        for at, curve in enumerate(curves)
    )
    ticks = "".join(
        f'<text x="46" y="{down}" text-anchor="end">{_short(value)}</text>' for value, down in ((high, 20), (low, 190))
    ) + "".join(
        f'<text x="{across}" y="206" text-anchor="{anchor}">{_short(value)}</text>'
        for value, across, anchor in ((left, 52, "start"), (right, 588, "end"))
    )
    zero = (
        f'<line class="zero" x1="52" x2="588" y1="{place(left, 0)[1]:.1f}" y2="{place(left, 0)[1]:.1f}"/>'
        if low < 0 < high
        else ""
    )
    return (
        '<figure class="inside-chart">'
        f'<svg viewBox="0 0 600 224" role="img" aria-label="{escape(described)}">'
        f'<path class="axis" d="M52,12V188H588"/>{zero}{lines}{dots}{ticks}'
        f'<text x="320" y="220" text-anchor="middle">{escape(x)}</text>'
        f'<text x="56" y="10">{escape(y)}</text></svg><ul>{named}</ul></figure>'
    )


def _ends(values: Iterable[float]) -> tuple[float, float]:
    found = list(values)
    low, high = min(found), max(found)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def columns(counts: Sequence[float], edges: Sequence[float], described: str, lines: Sequence[float] = ()) -> str:
    """A histogram, with upright lines at some values."""
    most, left, right = max(counts, default=0) or 1, edges[0], edges[-1]
    width = (right - left) or 1
    bars = "".join(
        f'<rect x="{(low - left) / width * 600:.1f}" width="{max((high - low) / width * 600 - 0.5, 0.5):.1f}" '
        f'y="{150 - count / most * 140:.1f}" height="{count / most * 140:.1f}"/>'
        for count, low, high in zip(counts, edges[:-1], edges[1:], strict=True)
    )
    levels = "".join(
        f'<line x1="{(at - left) / width * 600:.1f}" x2="{(at - left) / width * 600:.1f}" y1="4" y2="156"/>'
        for at in lines
    )
    return (
        f'<figure class="inside-chart inside-columns"><svg viewBox="0 0 600 174" role="img" '
        f'aria-label="{escape(described)}">{bars}{levels}<path class="axis" d="M0,150H600"/>'
        f'<text x="0" y="170">{_short(left)}</text><text x="600" y="170" text-anchor="end">{_short(right)}</text>'
        "</svg></figure>"
    )


@dataclass(frozen=True, slots=True)
class Word:
    """A token that may come next, with its probability in each of the distributions."""

    text: str
    id: int
    shares: tuple[float, ...]


def distributions(words: Sequence[Word], names: Sequence[str], caption: str, say: Say, pick: str = "") -> str:
    """Distributions side by side, a row a token. With ``pick`` each token is a button that gives its id."""
    rows = []
    for word in words:
        shown = token(word.text)
        if pick:
            title = escape(say("Append this token"))
            shown = f'<button type=button data-pick="{pick}:{word.id}" title="{title}">{shown}</button>'
        rows.append(
            [
                Cell(shown, kind="inside-token"),
                *(Cell(f"<i></i><span>{percent(share)}</span>", share, share, "inside-bar") for share in word.shares),
            ]
        )
    return table([say("Token"), *names], rows, caption, kind="inside-next")
