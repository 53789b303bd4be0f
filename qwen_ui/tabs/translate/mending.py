"""Puts back what a translation has lost: all of it where a reader asks for that, by itself only what can't go wrong."""

import re
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from operator import attrgetter

from qwen_ui.tabs.translate.protect import LETTER, Finding, Protected, Restored, blanked, fixed, protected, without
from qwen_ui.tabs.translate.rules import RULES, Kind

MENDABLE: frozenset[str] = frozenset({"code", *(rule.kind for rule in RULES), "image"})
"""Kinds of what `put_back` puts back."""
MOVABLE: frozenset[str] = frozenset({"link", "placeholder", "mention", "path", "image", "footnote"})
"""Kinds of what makes sense at the end of its sentence too."""
_GRAMMAR = frozenset({"|", "#", "%%"})
"""Placeholders that mean something only in their own place."""
_SLIP = 4
"""Digits that a number has at least for another one to be a slip of the pen: shorter ones may be converted."""

_BORDER = re.compile(r"(?<=\s)(?=\S)|(?<=[\u3000-\u9fff\uff00-\uffef])|(?=[\u3000-\u9fff\uff00-\uffef])")
_SENTENCE_END = re.compile(r"""[.!?…]["')\]”’»]*+\s|[。！？][。！？」』”’）]*+|\n""")
_CLOSING = ".!?…。！？"

Edit = tuple[int, int, str]
"""Characters [start, end) of a text, and what comes instead of them."""


def put_back(source: str, translation: str) -> str:
    """The translation with what it lacks: instead of what stands there in its stead, else about where it was.

    Numbers stay as they are: a translation may have written them out.
    """
    theirs, ours = list(fixed(source)), list(fixed(translation))
    instead: dict[Kind, deque[Protected]] = defaultdict(deque)
    for part in without(ours, theirs):
        instead[part.kind].append(part)
    words = [letter.start() for letter in LETTER.finditer(blanked(source, theirs))] or [0]
    borders = _borders(translation, ours)
    edits: list[Edit] = [(0, 0, "")]
    for part in without(theirs, ours):
        if instead[part.kind]:
            wrong = instead[part.kind].popleft()
            edits.append((wrong.start, wrong.end, part.written))
        else:
            start, end = part.whole
            at = 0 if start < words[0] else len(translation)
            if words[0] < start and end < words[-1]:
                about = max(start * len(translation) // len(source), edits[-1][1])  # after the one before
                border = bisect_left(borders, about)
                at = borders[min(border, len(borders) - 1)]
            edits.append(_inserted(source, part, translation, at))
    return _edited(translation, edits)


def restored(source: str, translation: str) -> tuple[str, list[Finding]]:
    """The translation with what it lacks and can be put back without a doubt, and what that was.

    That is what stands wrong there, as often as it is missing; what stands before all words, or after them; and what
    makes sense at the end of its sentence. A number comes back only for another one that is a slip of the pen.
    """
    certain = sorted(_certain(source, translation), key=lambda each: each[0].start)
    edits = [edit for _, edit, _ in certain]
    return _edited(translation, edits), [Finding(part.kind, part.written, where) for part, _, where in certain]


def _certain(source: str, translation: str) -> Iterable[tuple[Protected, Edit, Restored]]:
    """What can be put back without a doubt, how, and where that is."""
    theirs, ours = list(protected(source)), list(protected(translation))
    lost, foreign = _by_kind(without(theirs, ours)), _by_kind(without(ours, theirs))
    ends = _Ends(source, translation)
    for kind, parts in lost.items():
        wrong = foreign.get(kind, [])
        if kind == "number":
            if _is_slip(theirs, ours, parts, wrong):
                yield parts[0], (wrong[0].start, wrong[0].end, parts[0].text), "place"
        elif len(wrong) == len(parts):
            for part, other in zip(parts, wrong, strict=True):
                yield part, (other.start, other.end, part.written), "place"
        elif kind in MOVABLE:
            yield from (ends.put(part) for part in parts if _is_movable(source, part))
        elif all(ends.outside(part) for part in parts):
            yield from (ends.put(part) for part in parts)


def _by_kind(parts: Iterable[Protected]) -> dict[Kind, list[Protected]]:
    kind = attrgetter("kind")
    return {key: list(same) for key, same in groupby(sorted(parts, key=kind), kind)}


def _is_movable(source: str, part: Protected) -> bool:
    """Whether it says something by itself: the place of a Markdown link does not, nor does a bar."""
    is_of_link = part.kind == "link" and source[max(0, part.start - 2) : part.start].endswith(("](", "]"))
    return not is_of_link and part.text not in _GRAMMAR


def _is_slip(
    theirs: Sequence[Protected], ours: Sequence[Protected], lost: Sequence[Protected], wrong: Sequence[Protected]
) -> bool:
    """Whether one number stands for another in the same place, and most of its digits are right."""
    if len(lost) != 1 or len(wrong) != 1:
        return False
    (_, old), (_, new) = lost[0].key, wrong[0].key
    same = sum(a == b for a, b in zip(old, new, strict=False))
    at, there = (_numbers(parts).index(one) for parts, one in ((theirs, lost[0]), (ours, wrong[0])))
    return len(old) == len(new) >= _SLIP and at == there and 2 * same > len(old)


def _numbers(parts: Iterable[Protected]) -> list[Protected]:
    return [part for part in parts if part.kind == "number"]


class _Ends:
    """Where the sentences of a text and of its translation end."""

    def __init__(self, source: str, translation: str) -> None:
        self._translation = translation
        plain = blanked(source, fixed(source))
        words = [letter.start() for letter in LETTER.finditer(plain)]
        self._first, self._last = (words[0], words[-1]) if words else (len(source), len(source))
        self._source_ends = _ends(plain)
        self._ends = _ends(blanked(translation, fixed(translation)))
        self._words_ends = [
            start + len(translation[start:end].rstrip().rstrip(_CLOSING).rstrip())
            for start, end in pairwise([0, *self._ends])
        ]

    def outside(self, part: Protected) -> bool:
        """Whether it stands before all words of the source, or after them."""
        start, end = part.whole
        return start < self._first or end > self._last

    def put(self, part: Protected) -> tuple[Protected, Edit, Restored]:
        """It, put at the beginning if it stands there in the source, else at the end of its sentence."""
        start, _ = part.whole
        if start < self._first:
            return part, self._inserted(part, 0), "place"
        counted = len(self._source_ends) == len(self._ends)
        number = bisect_left(self._source_ends, start + 1) if counted else -1
        ends = self._ends if part.kind == "tag" else self._words_ends  # before the last sign
        return part, self._inserted(part, ends[number]), "end"

    def _inserted(self, part: Protected, at: int) -> Edit:
        """It there, with spaces unless it is a tag."""
        text, apart = self._translation, part.kind != "tag"
        left = " " if apart and at and not text[at - 1].isspace() else ""
        right = " " if apart and (at == 0 or text[at : at + 1].isalnum()) else ""
        return at, at, f"{left}{part.text}{right}"


def _ends(text: str) -> list[int]:
    """Where its sentences end; the last one at its end."""
    return [*(end for match in _SENTENCE_END.finditer(text) if (end := match.end()) < len(text)), len(text)]


def _edited(text: str, edits: Iterable[Edit]) -> str:
    texts, at = [], 0
    for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
        texts += [text[at : max(start, at)], new]
        at = max(end, at)
    return "".join([*texts, text[at:]])


def _borders(text: str, parts: list[Protected]) -> list[int]:
    """Where something can be put into the text: between words, and not into what has to stay."""
    within = {at for part in parts for at in range(part.start + 1, part.end)}
    return [0, *(match.start() for match in _BORDER.finditer(text) if match.start() not in within), len(text)]


def _inserted(source: str, part: Protected, text: str, at: int) -> Edit:
    """The part put into the text there: at a word where the source has it so, else with spaces around it."""
    first, last = part.whole
    before, after = source[first - 1 : first] if first else "", source[last : last + 1]
    start = end = at
    if not _free(part, before):
        while start and text[start - 1].isspace():
            start -= 1
    if not _free(part, after):
        while end < len(text) and text[end].isspace():
            end += 1
    left = " " if _free(part, before) and start and not text[start - 1].isspace() else ""
    right = " " if _free(part, after) and end < len(text) and not text[end].isspace() else ""
    return start, end, f"{left}{part.text}{right}"


def _free(part: Protected, neighbour: str) -> bool:
    """Whether a part stands apart from the character beside it, if there is one."""
    return not neighbour or neighbour.isspace() or not (neighbour.isalnum() or part.kind == "tag")
