"""TBX, the XML in which terminology is exchanged (ISO 30042): terms by concept and language."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from qwen_ui.errors import InvalidInput
from qwen_ui.text.languages import Language, known

MAX_LENGTH = 5_000_000
_CONCEPTS = {"termEntry", "conceptEntry"}
_LANGUAGES = {"langSet", "langSec"}
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_OLD = ("deprecated", "superseded")

Concept = dict[str, list[str]]
"""Terms by the language's code, the preferred one first."""


def is_tbx(text: str) -> bool:
    """Whether the text begins as such a file does."""
    start = text[:2000].lstrip()
    return start.startswith("<") and ("<martif" in start or "<tbx" in start or start.startswith("<?xml"))


def read(text: str, source: Language | None, target: Language | None) -> Iterator[tuple[int, tuple[str, str]]]:
    """Pairs of a term and its translation, each with its concept's number. Entities and what is elsewhere are not read.

    Raises `InvalidInput` for what is no such file, or one that has not the two languages.
    """
    concepts = _concepts(text)
    ours, theirs = _pair_of_languages(concepts, source, target)
    seen: set[str] = set()
    for number, concept in enumerate(concepts, 1):
        for term in concept.get(ours, ()):
            if term and term not in seen and any(concept.get(theirs, ())):
                seen.add(term)
                yield number, (term, next(filter(None, concept[theirs])))


def _concepts(text: str) -> list[Concept]:
    if len(text) > MAX_LENGTH:
        raise InvalidInput("The glossary is longer than {limit:,} characters. Shorten it.", limit=MAX_LENGTH)
    try:
        root = fromstring(text)
    except (ParseError, DefusedXmlException) as error:
        raise InvalidInput("The glossary can't be read as TBX: {reason}.", reason=str(error)) from error
    concepts: list[Concept] = []
    terms: list[str] = []
    for element in root.iter():
        name = _name(element)
        if name in _CONCEPTS:
            concepts.append({})
        elif name in _LANGUAGES and concepts:
            terms = concepts[-1].setdefault(element.get(_LANG, element.get("lang", "")), [])
        elif name == "term":
            terms.append(_text(element))
        elif name == "termNote" and (element.text or "").startswith(_OLD) and terms:
            terms.pop()
    return concepts


def _text(element: Element) -> str:
    """What it says, also where a part of that is marked."""
    texts = [element.text, *(text for child in element for text in (child.text, child.tail))]
    return " ".join("".join(text or "" for text in texts).split())


def _pair_of_languages(concepts: list[Concept], source: Language | None, target: Language | None) -> tuple[str, str]:
    """The codes under which the file has the two languages; a source that is not known is the other one of two."""
    codes = list(dict.fromkeys(code for concept in concepts for code in concept))
    theirs = next((code for code in codes if target and _is(code, target)), None)
    ours = next((code for code in codes if source and _is(code, source)), None)
    others = [code for code in codes if code != theirs]
    if source is None and len(others) == 1:
        ours = others[0]
    if not ours or not theirs:
        raise InvalidInput(
            "The TBX file has no terms from {source} into {target}. Its languages: {languages}.",
            source=source.name if source else "?",
            target=target.name if target else "?",
            languages=", ".join(codes) or "-",
        )
    return ours, theirs


def _is(code: str, language: Language) -> bool:
    """Whether a code such as en-US stands for the language."""
    parts = code.replace("_", "-").split("-")
    tags = ("-".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next(filter(None, map(known, tags)), None) == language


def _name(element: Element) -> str:
    """Its name without the namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
