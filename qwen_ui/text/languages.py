"""Natural languages, with their names and their writing as the Unicode CLDR (in Babel) knows them."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from babel import Locale, UnknownLocaleError
from babel.core import get_global, parse_locale

from qwen_ui.errors import InvalidInput

_CLDR = {"zh-CN": "zh_Hans", "zh-TW": "zh_Hant", "tl": "fil"}
_UNICODE = {"Hans": "Hani", "Hant": "Hani", "Jpan": "Hira", "Kore": "Hang"}


@dataclass(frozen=True, slots=True)
class Language:
    """A natural language."""

    code: str
    """As langdetect and web browsers write it."""

    @property
    def name(self) -> str:
        """In English."""
        return self.name_in("en")

    @property
    def own_name(self) -> str:
        """In the language and script itself."""
        return self.name_in(self._locale)

    @property
    def full_name(self) -> str:
        """In English, and in itself where that differs, as prompts name it: "French (Français)"."""
        return self.name if self.name == self.own_name else f"{self.name} ({self.own_name})"

    def name_in(self, locale: Locale | str) -> str:
        """Its name in another language, with a capital where that has them."""
        locale = Locale.parse(locale)
        if locale.language == "en":
            name = self._locale.get_display_name(locale) or ""  # "Chinese (Simplified)", as scripts name it
        else:
            name = locale.languages.get(str(self._locale), self.name)
        return name[:1].upper() + name[1:]

    @property
    def script(self) -> str:
        """The script that tells it apart, as ISO 15924 and Unicode properties (``\\p{Cyrl}``) write it."""
        code = str(self._locale)
        script = parse_locale(get_global("likely_subtags").get(code, code))[2] or ""
        return _UNICODE.get(script, script)

    @property
    def right_to_left(self) -> bool:
        """Whether it is written from right to left."""
        return self._locale.text_direction == "rtl"

    @property
    def spaced(self) -> bool:
        """Whether it puts spaces between sentences."""
        return self.script not in {"Hani", "Hira", "Thai"}

    @property
    def _locale(self) -> Locale:
        return Locale.parse(_locale_of(self.code))


def _locale_of(code: str) -> str:
    """What the CLDR calls a language."""
    return _CLDR.get(code, code)


_CODES = (
    "en zh-CN zh-TW ja ko fr de es pt it ru ar bg bn ca cs da el fa fi he hi hr hu id nl no pl ro sk sv sw ta th tl tr "
    "uk ur vi"
)
LANGUAGES = tuple(map(Language, _CODES.split()))

_ALIASES = {
    "zh": "zh-CN",
    "chinese": "zh-CN",
    "simplified chinese": "zh-CN",
    "chinese simplified": "zh-CN",
    "mandarin": "zh-CN",
    "中文": "zh-CN",
    "汉语": "zh-CN",
    "漢語": "zh-CN",
    "中文(简体)": "zh-CN",
    "简体": "zh-CN",
    "繁体": "zh-TW",
    "繁體": "zh-TW",
    "chinese (taiwan)": "zh-TW",
    "chinese (hong kong)": "zh-TW",
    "traditional chinese": "zh-TW",
    "chinese traditional": "zh-TW",
    "中文(繁體)": "zh-TW",
    "正體中文": "zh-TW",
    "nb": "no",
    "nn": "no",
    "bokmål": "no",
    "nynorsk": "no",
    "fil": "tl",
    "tagalog": "tl",
    "farsi": "fa",
    "bengali": "bn",
    "bahasa indonesia": "id",
    "português do brasil": "pt",
    "castilian": "es",
    "castellano": "es",
}
_BIBLIOGRAPHIC = {
    "chi": "zh",
    "cze": "cs",
    "dut": "nl",
    "fre": "fr",
    "ger": "de",
    "gre": "el",
    "per": "fa",
    "rum": "ro",
}
"""Codes of ISO 639-2 that libraries use, where they differ."""
_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(-(?P<extended>[a-z]{3}))?(-(?P<script>[a-z]{4}))?(-(?P<territory>[a-z]{2}|\d{3}))?([-.@].*)?"
)
"""A language tag (BCP 47), or a locale of a system, of which only this much is needed."""
_WITHIN = re.compile(r"\s*\([^()]*\)$")
HAN = re.compile(r"[㐀-鿿]")
"""A Chinese character."""
_LONGEST = 60
"""Characters of a language's name."""


def find(name: str) -> Language:
    """The language of that name, as `known` has it. Raises `InvalidInput` with the names there are."""
    language = known(name)
    if language is None:
        raise _unknown(name)
    return language


def known(name: str) -> Language | None:
    """The language of that tag or code, or of its English, its Chinese or its own name, in any case.

    Of one that is not here in the variety that is asked for, as with "pt-BR", the nearest; None if there is none.
    """
    folded = _folded(name[:_LONGEST])
    return _by_name().get(folded) or _by_tag(folded) or _by_name().get(_without_country(folded))


def _unknown(name: str) -> InvalidInput:
    close = get_close_matches(_folded(name[:_LONGEST]), _by_name(), n=3)
    names = ", ".join(language.name for language in LANGUAGES)
    if not close:
        return InvalidInput(
            "There is no language {name!r} here. Choose one of {names}.", name=name.strip()[:40], names=names
        )
    return InvalidInput(
        "There is no language {name!r} here. Did you mean {close}? There are {names}.",
        name=name.strip()[:40],
        close=", ".join(dict.fromkeys(_by_name()[each].name for each in close)),
        names=names,
    )


@cache
def _by_name() -> dict[str, Language]:
    names: dict[str, Language] = {}
    for language in LANGUAGES:
        for locale in ("en", "zh", "zh_Hant", _locale_of(language.code)):
            names.setdefault(_folded(language.name_in(locale)), language)
            for name in _varieties(language, Locale.parse(locale)):
                names.setdefault(_folded(name), language)
    for language in LANGUAGES:
        chinese = language.name_in("zh")
        chinese_names = (re.sub("语$", end, chinese) for end in "语文語")
        own = (language.code, language.name, language.own_name, *chinese_names)
        names |= dict.fromkeys(map(_folded, own), language)
    return names | {_folded(alias): names[_folded(code)] for alias, code in _ALIASES.items()}


def _varieties(language: Language, locale: Locale) -> Iterator[str]:
    """The names of the language's varieties in another language, such as "Brazilian Portuguese"."""
    for code, name in locale.languages.items():
        if code.startswith(f"{language.code}_"):
            yield name


def _by_tag(tag: str) -> Language | None:
    """The language of a tag, or the nearest: of Chinese the one in the script that is used there."""
    match = _TAG.fullmatch(tag)
    if match is None:
        return None
    code = match["extended"] or match["language"]
    parts = (_BIBLIOGRAPHIC.get(code, code), match["script"], match["territory"])
    try:
        locale = Locale.parse("_".join(filter(None, parts)), resolve_likely_subtags=True)
    except (ValueError, UnknownLocaleError):
        return _by_name().get(code)
    if locale.language == "zh":
        return _by_name()["zh-tw" if locale.script == "Hant" else "zh-cn"]
    return _by_name().get(locale.language)


def _without_country(folded: str) -> str:
    """The name without what stands in brackets after it; Chinese is written otherwise from country to country."""
    name = _WITHIN.sub("", folded)
    return "" if _by_name().get(name) in (_by_name()["zh-cn"], _by_name()["zh-tw"]) else name


def _folded(name: str) -> str:
    """The name as it is compared: without case, accents and spaces around it."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    plain = unicodedata.normalize("NFC", "".join(c for c in plain if not "\u0300" <= c <= "\u036f"))
    return " ".join(plain.replace("_", "-").split())
