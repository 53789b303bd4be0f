"""The languages of the Translate tab."""

from dataclasses import dataclass

from qwen_ui.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Language:
    """A natural language."""

    code: str
    """As langdetect and web browsers write it."""
    name: str
    """In English."""
    own_name: str
    """In the language and script itself."""
    script: str = "Latin"
    """Unicode's name of the script."""
    right_to_left: bool = False

    @property
    def spaced(self) -> bool:
        """Whether it puts spaces between sentences."""
        return self.code not in {"zh-CN", "zh-TW", "ja", "th"}


LANGUAGES = (
    Language("en", "English", "English"),
    Language("zh-CN", "Chinese (Simplified)", "简体中文", "Han"),
    Language("zh-TW", "Chinese (Traditional)", "繁體中文", "Han"),
    Language("ja", "Japanese", "日本語", "Hiragana"),
    Language("ko", "Korean", "한국어", "Hangul"),
    Language("fr", "French", "Français"),
    Language("de", "German", "Deutsch"),
    Language("es", "Spanish", "Español"),
    Language("pt", "Portuguese", "Português"),
    Language("it", "Italian", "Italiano"),
    Language("ru", "Russian", "Русский", "Cyrillic"),
    Language("ar", "Arabic", "العربية", "Arabic", right_to_left=True),
    Language("bg", "Bulgarian", "Български", "Cyrillic"),
    Language("bn", "Bengali", "বাংলা", "Bengali"),
    Language("ca", "Catalan", "Català"),
    Language("cs", "Czech", "Čeština"),
    Language("da", "Danish", "Dansk"),
    Language("el", "Greek", "Ελληνικά", "Greek"),
    Language("fa", "Persian", "فارسی", "Arabic", right_to_left=True),
    Language("fi", "Finnish", "Suomi"),
    Language("he", "Hebrew", "עברית", "Hebrew", right_to_left=True),
    Language("hi", "Hindi", "हिन्दी", "Devanagari"),
    Language("hr", "Croatian", "Hrvatski"),
    Language("hu", "Hungarian", "Magyar"),
    Language("id", "Indonesian", "Bahasa Indonesia"),
    Language("nl", "Dutch", "Nederlands"),
    Language("no", "Norwegian", "Norsk"),
    Language("pl", "Polish", "Polski"),
    Language("ro", "Romanian", "Română"),
    Language("sk", "Slovak", "Slovenčina"),
    Language("sv", "Swedish", "Svenska"),
    Language("sw", "Swahili", "Kiswahili"),
    Language("ta", "Tamil", "தமிழ்", "Tamil"),
    Language("th", "Thai", "ไทย", "Thai"),
    Language("tl", "Filipino", "Filipino"),
    Language("tr", "Turkish", "Türkçe"),
    Language("uk", "Ukrainian", "Українська", "Cyrillic"),
    Language("ur", "Urdu", "اردو", "Arabic", right_to_left=True),
    Language("vi", "Vietnamese", "Tiếng Việt"),
)

_ALIASES = {
    "zh": "zh-CN",
    "chinese": "zh-CN",
    "simplified chinese": "zh-CN",
    "traditional chinese": "zh-TW",
    "zh-hans": "zh-CN",
    "zh-hant": "zh-TW",
    "zh-hk": "zh-TW",
    "中文": "zh-CN",
    "汉语": "zh-CN",
    "繁体中文": "zh-TW",
    "英语": "en",
    "法语": "fr",
    "德语": "de",
    "日语": "ja",
    "韩语": "ko",
    "俄语": "ru",
    "西班牙语": "es",
    "葡萄牙语": "pt",
    "意大利语": "it",
    "阿拉伯语": "ar",
    "nb": "no",
    "tagalog": "tl",
    "farsi": "fa",
}


def find(name: str) -> Language:
    """The language of that code, English name or own name, in any case.

    Raises `InvalidInput` with the names there are.
    """
    wanted = name.strip().casefold().replace("_", "-")
    wanted = _ALIASES.get(wanted, wanted).casefold()
    for language in LANGUAGES:
        if wanted in {language.code.casefold(), language.name.casefold(), language.own_name.casefold()}:
            return language
    there = ", ".join(language.name for language in LANGUAGES)
    raise InvalidInput(f"There is no language {name.strip()[:40]!r} here. Choose one of {there}.")
