"""A glossary: how certain terms have to be translated, and whether they were."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import regex
import snowballstemmer

from qwen_ui.errors import InvalidInput
from qwen_ui.tabs.translate import tbx
from qwen_ui.text.languages import Language, known

MAX_TERMS = 5000
MAX_LINE = 1000
_SEPARATOR = regex.compile(r"\t|=>|->|→|＝|=")
_CODE = regex.compile(r"[a-z]{2,3}(?:[-_][a-z]{2,4})*", regex.IGNORECASE)
_COMMENT = ("#", "//")
_SOURCE = frozenset(
    ["source", "source term", "src", "term", "original", "from", "源", "源语言", "原文", "原语", "术语", "词条"]
)
_TARGET = frozenset(
    [
        "target",
        "target term",
        "tgt",
        "translation",
        "translated",
        "to",
        "目标",
        "目标语言",
        "译文",
        "译语",
        "译名",
        "译法",
        "翻译",
    ]
)

# Where words have no borders, each character is one; those of Korean have endings like words of their own.
_WORD = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]\p{M}*+|[\p{L}\p{M}\p{N}]++|[^\s_]"
)
_SAME = str.maketrans({"‐": "-", "‑": "-", "’": "'", "ʼ": "'", "\N{SOFT HYPHEN}": None})
_STEMMERS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "es": "spanish", "fa": "persian", "fi": "finnish", "fr": "french", "hi": "hindi", "hu": "hungarian",
    "id": "indonesian", "it": "italian", "nl": "dutch", "no": "norwegian", "pl": "polish", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
_ENGLISH_ENDING = regex.compile(r"(?:e|y|s|es|ies|ied|e?d|ing|(\p{L})(?:ed|ing))?")
"""What inflects a word. The stemmer takes more away, which makes other words: engine, engineer."""


@dataclass(frozen=True, slots=True)
class Term:
    """A term of the source language and its translation."""

    source: str
    target: str


@dataclass(frozen=True)
class Glossary:
    """Terms for translations from one language into another; None is one that is not known."""

    terms: tuple[Term, ...] = ()
    source: Language | None = None
    target: Language | None = None

    def __bool__(self) -> bool:
        return bool(self.terms)

    def prepared(self) -> "Glossary":
        """This one, ready to be asked: thousands of terms take a second or so, which is too long on the event loop."""
        _ = self._matcher
        return self

    def relevant(self, text: str) -> tuple[Term, ...]:
        """The terms that occur in the text: in any form, and not as a part of a longer term."""
        found = {term.source: term for term in self._matcher.find(text)}
        return tuple(found.values())

    def missing(self, source: str, translation: str) -> tuple[Term, ...]:
        """The terms of the source whose wanted translation is not in the translation, in any form."""
        wanted, folded = self.relevant(source), translation.translate(_SAME).casefold()
        absent = [term for term in wanted if term.target.translate(_SAME).casefold() not in folded]
        if not absent:
            return ()
        targets = _Matcher([Term(term.target, "") for term in absent], self.target)
        there = {term.source for term in targets.find(translation, overlapping=True)}
        return tuple(term for term in absent if term.target not in there)

    @cached_property
    def _matcher(self) -> "_Matcher":
        return _Matcher(self.terms, self.source)


@dataclass(slots=True)
class _Node:
    """What a word of a term may be followed by, and the terms that end with it."""

    following: dict[str, "_Node"] = field(default_factory=dict)
    terms: list[tuple[Term, list[str]]] = field(default_factory=list)
    """Each with its words as they are written."""


class _Matcher:
    """Finds terms word by word, whatever their words' endings are."""

    def __init__(self, terms: Sequence[Term], language: Language | None) -> None:
        code = language.code if language else "en"  # whose stemmer leaves other languages mostly as they are
        self._english = code == "en"
        name = _STEMMERS.get(code)
        self._stemmer = snowballstemmer.stemmer(name) if name else None
        self._initials = {word[:1].casefold() for term in terms for word in _words(term.source)}
        self._stems: dict[str, str] = {}
        self._root = _Node()
        for term in terms:
            words, node = _words(term.source), self._root
            for word in words:
                node = node.following.setdefault(self._stem(word), _Node())
            node.terms.append((term, words))

    def find(self, text: str, *, overlapping: bool = False) -> Iterator[Term]:
        """The terms in the text, of those that begin with the same word the longest."""
        words = _words(text)
        stems = [self._stem(word) if word[:1].casefold() in self._initials else "" for word in words]
        at = 0
        while at < len(words):
            terms, end = self._longest(words, stems, at)
            yield from terms
            at = at + 1 if overlapping else max(end, at + 1)

    def _longest(self, words: Sequence[str], stems: Sequence[str], start: int) -> tuple[list[Term], int]:
        """The terms that begin there, and where they end."""
        node: _Node | None = self._root
        found: list[Term] = []
        end = at = start
        while at < len(words) and node and (node := node.following.get(stems[at])):
            at += 1
            if terms := self._fitting(node.terms, words[start:at]):
                found, end = terms, at
        return found, end

    def _fitting(self, terms: Sequence[tuple[Term, list[str]]], words: Sequence[str]) -> list[Term]:
        """Those that are these words. Where terms differ by case, or one is an acronym, case counts."""
        fitting = [(term, own) for term, own in terms if all(map(self._same, own, words))]
        cased = [term for term, own in fitting if all(map(_same_case, own, words))]
        if len({term.source for term, _ in fitting}) > 1 and len({term.source.casefold() for term, _ in fitting}) == 1:
            return cased
        return [term for term, own in fitting if term in cased or not _is_acronym(own)]

    def _same(self, own: str, word: str) -> bool:
        """Whether two words of one stem are forms of one word."""
        own, word = own.casefold(), word.casefold()
        if own == word or not self._english:
            return True
        length = next(
            (at for at, pair in enumerate(zip(own, word, strict=False)) if pair[0] != pair[1]), min(len(own), len(word))
        )
        endings = [_ENGLISH_ENDING.fullmatch(each, length) for each in (own, word)]
        return all(
            ending and (ending[1] is None or ending[1] == each[length - 1])
            for ending, each in zip(endings, (own, word), strict=True)
        )

    def _stem(self, word: str) -> str:
        if word not in self._stems:
            folded = word.casefold()
            self._stems[word] = self._stemmer.stemWord(folded) if self._stemmer and 2 < len(word) < 100 else folded
        return self._stems[word]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.translate(_SAME))


def _is_acronym(words: Sequence[str]) -> bool:
    """US is not us."""
    return len(words) == 1 and len(words[0]) > 1 and words[0].isupper() and words[0].lower() != words[0]


def _same_case(own: str, word: str) -> bool:
    """Whether what two forms of a word have in common is written in the same case."""
    pairs = list(zip(own, word, strict=False))
    return all(one == other or one.casefold() != other.casefold() for one, other in pairs)


def parse(text: str, source: Language | None = None, target: Language | None = None) -> Glossary:
    """Reads lines of ``term = translation``; a tab, an arrow, a comma or a semicolon (CSV) does as well. Or a TBX file.

    Blank lines, comments (# or //) and a header are skipped; a header's names say which of several columns count.
    Raises `InvalidInput`, naming the line.
    """
    text = text.removeprefix("\ufeff")
    pairs = tbx.read(text, source, target) if tbx.is_tbx(text) else _pairs(text, source, target)
    terms: dict[str, Term] = {}
    for number, pair in pairs:
        term = Term(*pair)
        earlier = terms.setdefault(term.source, term)
        if earlier.target != term.target:
            raise InvalidInput(
                "Line {number} of the glossary gives {term!r} a second translation. Keep one.",
                number=number,
                term=term.source,
            )
    if len(terms) > MAX_TERMS:
        raise InvalidInput(
            "The glossary has {count:,} terms; {limit:,} are possible. Shorten it.", count=len(terms), limit=MAX_TERMS
        )
    return Glossary(tuple(terms.values()), source, target)


def written(glossary: Glossary) -> str:
    """The terms as lines that `parse` reads."""
    lines = []
    for term in glossary.terms:
        plain = not _SEPARATOR.search(term.source) and not term.source.startswith((*_COMMENT, '"'))
        lines.append(f"{term.source} = {term.target}" if plain else f'"{term.source}"\t{term.target}')
    return "\n".join(lines)


def has_header(text: str) -> bool:
    """Whether the first line names columns."""
    lines = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(_COMMENT))
    return _columns(_cells(next(lines, "-").strip("\r\n "), 1), None, None) is not None


def _pairs(text: str, source: Language | None, target: Language | None) -> Iterator[tuple[int, tuple[str, str]]]:
    """Terms and translations, each with its line's number."""
    columns: tuple[int, int] | None = None
    first = True
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith(_COMMENT):
            continue
        cells = _cells(line.strip("\r\n "), number)
        if first and (header := _columns(cells, source, target)):
            columns, first = header, False
            continue
        first = False
        yield number, _pair(cells, columns, line.strip(), number)


def _cells(line: str, number: int) -> list[str]:
    if len(line) > MAX_LINE:
        raise InvalidInput(
            "Line {number} of the glossary is longer than {limit:,} characters.", number=number, limit=MAX_LINE
        )
    if "\t" in line:
        cells = line.split("\t")
    elif not line.startswith('"') and _SEPARATOR.search(line):
        cells = _SEPARATOR.split(line, maxsplit=1)
    else:
        line = line.replace("，", ",").replace("；", ";")
        cells = next(csv.reader(io.StringIO(line), skipinitialspace=True, delimiter=";" if ";" in line else ","))
    return [cell.strip().removeprefix('"').removesuffix('"') if "\t" in line else cell.strip() for cell in cells]


def _columns(cells: Sequence[str], source: Language | None, target: Language | None) -> tuple[int, int] | None:
    """Where the terms and the translations are, if these cells are names of columns."""
    names = [cell.casefold() for cell in cells]
    if _is_deepl(cells) and names[0] not in _SOURCE:
        return None
    languages = {at: language for at, name in enumerate(names) if (language := _language(name, source, target))}
    ours = [at for at, language in languages.items() if language == source]
    theirs = [at for at, language in languages.items() if language == target]
    ours += [at for at, name in enumerate(names) if name in _SOURCE]
    theirs += [at for at, name in enumerate(names) if name in _TARGET]
    if ours and theirs:
        return ours[0], theirs[0]
    return (0, 1) if len(cells) == len(languages) == 2 else None


def _language(name: str, *expected: Language | None) -> Language | None:
    """The language that a column is named after: by its code, or its name if that is expected."""
    language = known(name) if len(name) <= 40 else None
    return language if language in expected or _CODE.fullmatch(name) else None


def _is_deepl(cells: Sequence[str]) -> bool:
    """Whether the languages of the two follow, as DeepL has them."""
    return len(cells) == 4 and all(map(_language, cells[2:]))


def _pair(cells: Sequence[str], columns: tuple[int, int] | None, line: str, number: int) -> tuple[str, str]:
    if columns is None and (len(cells) == 2 or _is_deepl(cells)):
        columns = 0, 1
    pair = [cells[at] if at < len(cells) else "" for at in columns or ()]
    if not all(pair) or len(pair) != 2:
        raise InvalidInput(
            "Line {number} of the glossary must be of the form term = translation, not {line!r}.",
            number=number,
            line=line[:60],
        )
    return pair[0], pair[1]
