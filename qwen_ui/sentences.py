"""Sentences for people: English templates with values, put into the reader's language where they are shown.

The English template is the key of its translation, as in gettext: code says what it means in English, values stay
apart, and only the edge (the page) turns both into words. Placeholders are `str.format`'s, and three kinds of values
are told in the reader's language too: an error or a `Sentence` in a placeholder, a `timedelta`, and a number that
decides on a plural: ``{count:,} {count:row|rows}``.
"""

import string
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_timedelta
from babel.messages.pofile import read_po

TAGS = ("zero", "one", "two", "few", "many", "other")
"""The plural forms of the Unicode CLDR, in the order in which a placeholder names those that its language has."""


_CONTEXT_END = "\x04"  # as in gettext's compiled files


class Sentence:
    """A template and its values, in no language yet. ``str()`` is the English one, for logs and scripts."""

    __slots__ = ("template", "values")

    def __init__(self, template: str, /, **values: Any) -> None:
        self.template = template
        self.values = values

    def __str__(self) -> str:
        return ENGLISH.say(self.template, **self.values)

    def __repr__(self) -> str:
        return f"Sentence({self.template!r}, **{self.values!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sentence) and (self.template, self.values) == (other.template, other.values)

    def __hash__(self) -> int:
        return hash(self.template)


class Language(string.Formatter):
    """Tells sentences in one language. A template without a translation is told in English."""

    def __init__(self, locale: str = "en", translations: Mapping[str, str] | None = None) -> None:
        self.locale = Locale.parse(locale)
        self._translations = translations or {}

    def say(self, template: str, /, **values: Any) -> str:
        """The sentence with its values. Raises `KeyError` for a value that is missing."""
        return self.vformat(self._translations.get(template, template), (), values)

    def format_field(self, value: Any, format_spec: str) -> str:
        """One value in its place."""
        sentence = getattr(value, "sentence", value)  # an error carries one
        if isinstance(sentence, Sentence):
            return self.say(sentence.template, **sentence.values)
        if isinstance(value, timedelta):
            return str(format_timedelta(value, threshold=1.5, locale=self.locale))
        if "|" in format_spec:
            return self._plural(value, format_spec.split("|"))
        return str(super().format_field(value, format_spec))

    def _plural(self, count: float, forms: list[str]) -> str:
        """The form that goes with the number. A language without plurals has one form."""
        rule = self.locale.plural_form
        known = [tag for tag in TAGS if tag in rule.tags or tag == "other"]
        return forms[min(known.index(rule(count)), len(forms) - 1)]


ENGLISH = Language()


def read_catalogue(path: Path) -> dict[str, str]:
    """The translations in a gettext file (.po), by their templates in their contexts; none that is not made yet."""
    with path.open("rb") as file:
        entries = [entry for entry in read_po(file) if entry.id and entry.string]
    return {in_context(str(entry.id), entry.context or ""): str(entry.string) for entry in entries}


def in_context(template: str, context: str) -> str:
    """The key of a template's translation: the template itself, after its context if it has one."""
    return f"{context}{_CONTEXT_END}{template}" if context else template


def parted(key: str) -> tuple[str, str]:
    """The context of a key, empty if it has none, and its template."""
    context, _, template = key.rpartition(_CONTEXT_END)
    return context, template


def without_context(key: str) -> str:
    """The template alone."""
    return parted(key)[1]


def marked(template: str) -> str:
    """The template as it is: marks it for translators where it is told elsewhere."""
    return template
