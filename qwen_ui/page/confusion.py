"""A confusion matrix: which labels were taken for which."""

from collections.abc import Sequence
from html import escape

from qwen_ui.page.words import Say


def confusion(matrix: Sequence[Sequence[int]], labels: Sequence[str], caption: str, say: Say) -> str:
    """As HTML: true labels in rows, found ones in columns, both in the labels' order."""
    head = "".join(f'<th scope="col">{escape(label)}</th>' for label in labels)
    body = "".join(
        f'<tr><th scope="row">{escape(label)}</th>{_cells(counts, place)}</tr>'
        for place, (label, counts) in enumerate(zip(labels, matrix, strict=True))
    )
    corner = escape(say("actual ↓ · predicted →"))
    return (
        f'<div class="confusion" tabindex="0"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr><td>{corner}</td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(counts: Sequence[int], place: int) -> str:
    """One line of the matrix, each cell as strong as its share of the line."""
    total = sum(counts) or 1
    return "".join(
        f'<td class="{"right" if column == place else "wrong"}" style="--share:{count / total:.2f}">{count:,}</td>'
        for column, count in enumerate(counts)
    )
