"""Natural languages, with their names and their writing as the Unicode CLDR (in Babel) knows them."""

from dataclasses import dataclass
from functools import cache

from babel import Locale
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
        return Locale.parse(_CLDR.get(self.code, self.code))


_CODES = (
    "en zh-CN zh-TW ja ko fr de es pt it ru ar bg bn ca cs da el fa fi he hi hr hu id nl no pl ro sk sv sw ta th tl tr "
    "uk ur vi"
)
LANGUAGES = tuple(map(Language, _CODES.split()))

_ALIASES = {
    "zh": "zh-CN",
    "zh-hans": "zh-CN",
    "chinese": "zh-CN",
    "simplified chinese": "zh-CN",
    "中文": "zh-CN",
    "汉语": "zh-CN",
    "zh-hant": "zh-TW",
    "zh-hk": "zh-TW",
    "traditional chinese": "zh-TW",
    "nb": "no",
    "tagalog": "tl",
    "farsi": "fa",
    "bengali": "bn",
    "bahasa indonesia": "id",
}


def find(name: str) -> Language:
    """The language of that code, or of its English, its Chinese or its own name, in any case.

    Raises `InvalidInput` with the names there are.
    """
    language = _by_name().get(_folded(name))
    if language is None:
        raise InvalidInput(
            "There is no language {name!r} here. Choose one of {names}.",
            name=name.strip()[:40],
            names=", ".join(language.name for language in LANGUAGES),
        )
    return language


@cache
def _by_name() -> dict[str, Language]:
    names = {
        _folded(name): language
        for language in LANGUAGES
        for name in (language.code, language.name, language.own_name, language.name_in("zh"))
    }
    return names | {alias: names[_folded(code)] for alias, code in _ALIASES.items()}


def _folded(name: str) -> str:
    return name.strip().casefold().replace("_", "-")
