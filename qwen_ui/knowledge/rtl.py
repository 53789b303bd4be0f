"""Lines with right-to-left text in the order in which they are read, from where their letters stand on a page.

A PDF says what is drawn where. Its letters may come as they are read, as they stand from left to right, or now so and
now so. Their places are certain: they give the order on the page, and that order the one in which it is read.
"""

import statistics
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby, pairwise

import regex

LETTER = r"[\p{Hebrew}\p{Arabic}\p{Syriac}\p{Thaana}\p{Nko}&&\p{L}]"
HOLDS = regex.compile(rf"(?V1){LETTER}")
"""Finds a letter that is written from right to left."""
_WORD = regex.compile(rf"(?V1)(?:{LETTER}\p{{M}}*+)++")
_CLUSTER = regex.compile(r"\P{M}\p{M}*+")
_FORMS = regex.compile(r"[\ufb1d-\ufdfb\ufe70-\ufefc]+")
_LAST_LETTERS = frozenset("ךםןףץةى")
"""Letters, or forms of letters, that stand at the end of words only."""
_SIGNS = frozenset(".,:;!?…،؛؟۔")
_BRACKETS = ("()", "[]", "{}", "<>", "«»", "‹›")
_MIRRORED = str.maketrans("".join(_BRACKETS), "".join(pair[::-1] for pair in _BRACKETS))

_LINE_OF_EM = 1.2
"""How high a line is that a font makes room for, in em."""
_SPACE = 0.17
_WIDE_SPACE = 0.5
"""In em, where two letters follow each other in the file: they may be spaced out."""
_DRAWN_AS_ONE = 0.45
"""In em: how wide a letter is at the least that shares its place with a mark, and may have only the mark's width."""
_MARKS = 8
"""Of one letter; more are no writing."""
_SAME_LINE = 0.2
"""In lines: how far apart two baselines may be."""

_KINDS = {"L": "L", "R": "R", "AL": "R", "EN": "N", "AN": "N"}
"""Of Unicode's bidirectional classes."""


@dataclass(frozen=True, slots=True)
class Glyph:
    """A character as it stands on a page. Coordinates are in points, from the left and from below."""

    text: str
    index: int
    """Which character of the file it is."""
    origin: float
    """Where the drawing of it began, at its left; characters that are drawn as one share it."""
    baseline: float
    left: float
    right: float
    height: float
    """That of the line which its font makes room for."""

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2


Line = list[Glyph]


def read(lines: Iterable[Line]) -> list[str]:
    """The lines of a page as text in the order of reading; those without right-to-left letters as they came."""
    texts = [
        _in_order(line) if _is_rtl(line) and _is_level(line) else "".join(glyph.text for glyph in line)
        for line in _joined(lines)
    ]
    words = [word for text in texts for word in _WORD.findall(text) if len(word) > 1]
    turned = sum(word[0] in _LAST_LETTERS for word in words)
    if turned > sum(word[-1] in _LAST_LETTERS for word in words):
        # Under the picture of a page, text recognition puts the letters of a word from left to right, as they are read.
        return [_turned(text) for text in texts]
    return texts


def _is_rtl(line: Sequence[Glyph]) -> bool:
    return any(HOLDS.match(glyph.text) for glyph in line)


def _is_level(line: Line) -> bool:
    """Whether the line runs across the page, and not up or down."""
    across, up = {glyph.origin for glyph in line}, {glyph.baseline for glyph in line}
    return max(across) - min(across) >= max(up) - min(up)


def _joined(lines: Iterable[Line]) -> list[Line]:
    """The lines, joined where they stand at one height, as vowel points may have torn them apart."""
    whole: list[Line] = []
    baseline, height, rtl = 0.0, 0.0, False
    for line in filter(None, lines):
        own, is_rtl = statistics.median_low(glyph.baseline for glyph in line), _is_rtl(line)
        own_height = max(glyph.height for glyph in line)
        if whole and (rtl or is_rtl) and abs(own - baseline) < _SAME_LINE * max(height, own_height):
            whole[-1].extend(line)
            height, rtl = max(height, own_height), rtl or is_rtl
        else:
            whole.append(list(line))
            baseline, height, rtl = own, own_height, is_rtl
    return whole


def _in_order(line: Line) -> str:
    em = max(glyph.height for glyph in line) / _LINE_OF_EM
    clusters = _clusters(line, em)
    visual = []
    for one, other in pairwise(clusters):
        room = _WIDE_SPACE if abs(one.index - other.index) == 1 else _SPACE
        visual += [one.text, " "] if min(other.left, other.origin) - one.right > room * em else [one.text]
    visual += [cluster.text for cluster in clusters[-1:]]
    return " ".join(unicodedata.normalize("NFC", _plain(_reordered(visual))).split())


def _clusters(line: Line, em: float) -> list[Glyph]:
    """The letters from left to right, each with its marks, and ligatures whole; spaces where the file has some."""
    seen = [glyph for glyph in line if not glyph.text.isspace() or glyph.right > glyph.left]
    origins = {glyph.index: glyph.origin for glyph in seen if glyph.text.isalpha()}
    bases = sorted((glyph for glyph in seen if not _is_mark(glyph)), key=lambda glyph: (glyph.origin, glyph.index))
    letters = [_as_one(list(drawn), origins) for _, drawn in groupby(bases, lambda glyph: glyph.origin)]
    places = [letter.origin for letter in letters]
    texts, rights = [[letter.text] for letter in letters], [letter.right for letter in letters]
    for mark in filter(_is_mark, seen):
        at = _nearest(mark, letters, places)
        texts[at] += mark.text if len(texts[at]) <= _MARKS else ""
        if letters[at].origin == mark.origin:
            rights[at] = max(rights[at], mark.origin + _DRAWN_AS_ONE * em)
    return [
        replace(letter, text="".join(text), right=right)
        for letter, text, right in zip(letters, texts, rights, strict=True)
    ]


def _as_one(letters: Sequence[Glyph], origins: Mapping[int, float]) -> Glyph:
    """The letters of a ligature, which share a place, in the order of reading: that of the file, or its reverse.

    The file runs against reading where the letters before or after these show it to.
    """
    if len(letters) == 1:
        return letters[0]
    text, is_rtl, here = "".join(letter.text for letter in letters), _is_rtl(letters), letters[0].origin
    before, after = origins.get(letters[0].index - 1), origins.get(letters[-1].index + 1)
    if before is not None:
        is_as_read = (before > here) == is_rtl
    elif after is not None:
        is_as_read = (here > after) == is_rtl
    else:
        is_as_read = not is_rtl or text[0] == "ل"  # لا is a word by itself
    return replace(letters[0], text=text if is_as_read else text[::-1], right=max(letter.right for letter in letters))


def _is_mark(glyph: Glyph) -> bool:
    return unicodedata.category(glyph.text[0]).startswith("M")


def _nearest(mark: Glyph, letters: Sequence[Glyph], places: Sequence[float]) -> int:
    """The letter that a mark belongs to: drawn with it, or else the one that it stands over or under."""
    at = bisect_left(places, mark.origin)
    near = range(max(0, at - 2), min(len(letters), at + 2))
    return min(near, key=lambda i: (letters[i].origin != mark.origin, abs(letters[i].middle - mark.middle)))


def _plain(text: str) -> str:
    """Letters for what Arabic fonts have a form of its own for, by the letter's place in its word."""
    return _FORMS.sub(lambda forms: unicodedata.normalize("NFKC", forms[0]).strip(), text)


def _reordered(visual: Sequence[str]) -> str:
    """Letters with their marks, from left to right → the text as it is read.

    What Unicode's bidirectional algorithm does to show a text brings a shown one back: letters from right to left turn
    around, numbers and other words stay. Its rules are named beside what follows them.
    """
    classes = [unicodedata.bidirectional(text[0]) for text in visual]
    levels = _levels(_kinds(classes), rtl=_is_read_from_right(visual, classes))
    read = [text.translate(_MIRRORED) if level % 2 else text for text, level in zip(visual, levels, strict=True)]  # L4
    for level in range(max(levels), 0, -1):  # L2
        start = 0
        for is_turned, run in groupby([own >= level for own in levels]):
            end = start + sum(1 for _ in run)
            if is_turned:
                read[start:end] = read[start:end][::-1]
            start = end
    return _with_brackets("".join(read))


def _is_read_from_right(visual: Sequence[str], classes: Sequence[str]) -> bool:
    """Whether a line begins on the right: by the sign that ends it, or else by most of its words."""
    left, right = visual[0] in _SIGNS, visual[-1] in _SIGNS
    words = [kind for kind, _ in groupby(_KINDS.get(each) for each in classes)]
    return left if "L" in words and left != right else words.count("R") >= words.count("L")


def _kinds(classes: Sequence[str]) -> list[str]:
    """Of each: L or R for a letter, N for a number with its signs, and empty for what has no direction."""
    kinds = [_KINDS.get(each, "") for each in classes]
    joins = {"CS"} if "AL" in classes else {"CS", "ES"}  # W2, W4
    for at in range(1, len(kinds) - 1):
        if classes[at] in joins and kinds[at - 1] == kinds[at + 1] == "N":
            kinds[at] = "N"
    if "AL" not in classes:
        for before, at in [*pairwise(range(len(kinds))), *pairwise(reversed(range(len(kinds))))]:
            if classes[at] == "ET" and kinds[before] == "N":  # W5
                kinds[at] = "N"
    strong = ""
    for at, kind in enumerate(kinds):  # W7
        if kind == "N" and strong == "L":
            kinds[at] = "L"
        strong = kind if kind in {"L", "R"} else strong
    return kinds


def _levels(kinds: Sequence[str], *, rtl: bool) -> list[int]:
    of_kind = {"R": 1, "N": 2, "L": 2 if rtl else 0}  # I1, I2
    base = "R" if rtl else "L"
    sides = ["R" if kind == "N" else kind for kind in kinds]
    before, after = _carried([base, *sides])[1:], _carried([base, *sides[::-1]])[:0:-1]
    return [
        of_kind[kind or (left if left == right else base)]  # N1, N2
        for kind, left, right in zip(kinds, before, after, strict=True)
    ]


def _carried(sides: Sequence[str]) -> list[str]:
    """The last side that was known, at each place."""
    last, known = "", []
    for side in sides:
        last = side or last
        known.append(last)
    return known


def _with_brackets(text: str) -> str:
    """Brackets opened and closed by turns, where they come in pairs that do not match: files mirror some, or none."""
    for pair in _BRACKETS:
        places = [at for at, character in enumerate(text) if character in pair]
        depths = list(accumulate(1 if text[at] == pair[0] else -1 for at in places))
        if len(places) % 2 == 0 and places and (min(depths) < 0 or depths[-1]):
            letters = list(text)
            for count, at in enumerate(places):
                letters[at] = pair[count % 2]
            text = "".join(letters)
    return text


def _turned(text: str) -> str:
    """The text with each word that is read from right to left the other way round."""
    words = text.split(" ")
    return " ".join(_reordered(_CLUSTER.findall(word)) if HOLDS.search(word) else word for word in words)
