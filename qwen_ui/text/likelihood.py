"""How likely it is that people wrote a text, as the logarithm of a probability: text read in a wrong encoding is not.

A script's letters count as in the language that suits them best. For alphabets the statistics of pairs of letters are
those that langdetect brings; for Chinese, Japanese and Korean the common characters are in a file beside this one, and
the national standards put the others into ranks.
"""

import json
import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

import regex
from langdetect.detector_factory import PROFILES_DIRECTORY

_LANGUAGES = {
    "Latin": "af ca cs cy da de en es et fi fr hr hu id it lt lv nl no pl pt ro sk sl sq sv sw tl tr vi",
    "Cyrillic": "bg mk ru uk",
    "Greek": "el",
    "Hebrew": "he",
    "Arabic": "ar fa ur",
    "Thai": "th",
    "Devanagari": "hi mr ne",
    "Bengali": "bn",
    "Tamil": "ta",
}
"""langdetect's languages, by their scripts."""
_EAST_ASIAN = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Bopomofo}ー々〆"
_RUN = regex.compile(
    "|".join(
        [
            rf"(?P<EastAsian>[{_EAST_ASIAN}]+)",
            *(rf"(?P<{script}>\p{{{script}}}[\p{{{script}}}\p{{M}}]*)" for script in _LANGUAGES),
            r"(?P<Other>\p{L}[\p{M}]*)",
        ]
    )
)
_RARE = 1e-5
"""The probability of a letter that a language hardly has."""
_CHANGED, _BESIDE_EAST_ASIAN, _NEXT_SCRIPT = -9.0, -3.0, -3.0
"""Another alphabet within a word, beside Chinese characters, and in the next word."""
_ODD_CASE = -6.0
"""Of a word with capitals where nobody puts them."""
_UNKNOWN_LETTER = -9.0
_BROKEN = -18.0
"""Of bytes that stand for nothing."""

_COMPOSABLE = regex.compile(r"\p{L}\p{M}{1,4}")
"""Letters with marks, each alone: sorting the marks of a long run takes time with the square of its length."""
_ALPHABETIC = rf"[\p{{L}}\p{{M}}--{_EAST_ASIAN}]"
_MISPLACED = (
    (
        -8.0,
        regex.compile(
            rf"(?V1)(?<={_ALPHABETIC})[^\p{{ASCII}}\p{{L}}\p{{M}}\p{{Nd}}’–—…\u00a0\u00ad\u200c\u200d](?={_ALPHABETIC})"
        ),
    ),
    (-4.0, regex.compile(rf"(?V1)(?<={_ALPHABETIC})[€£¿¡§¤¥¢‚„†‡‰‹\p{{Sm}}\p{{So}}--™®©](?!{_ALPHABETIC})")),
    (-4.0, regex.compile(rf"(?V1)(?<!{_ALPHABETIC})[†‡‰¶\p{{Sm}}\p{{So}}--™®©](?={_ALPHABETIC})")),
)
"""What signs cost within a word, at its end, and at its beginning, where they hardly ever are."""
_TYPOGRAPHY = frozenset("’‘“”–—…«»°€£§©®™·•¿¡№،؛؟ـ٪")
_EAST_ASIAN_TYPOGRAPHY = frozenset("，。、：；？！（）《》「」『』【】・·“”‘’…—～　％￥")


def likelihood(text: str) -> float:
    """The logarithm of the text's probability, in nats. Takes time in proportion to the text."""
    text = _COMPOSABLE.sub(lambda letter: unicodedata.normalize("NFC", letter[0]), text)
    words: dict[str, Counter[str]] = {}
    total, before, end = 0.0, "", -1
    for run in _RUN.finditer(text):
        script = run.lastgroup or ""
        words.setdefault(script, Counter())[run[0]] += 1
        if before and script != before:
            total += _change(before, script, beside=run.start() == end)
        before, end = script, run.end()
    total += sum(_of_words(script, counts) for script, counts in words.items())
    total += sum(cost * len(signs.findall(text)) for cost, signs in _MISPLACED)
    between = Counter(_RUN.sub("", text))
    wide = "EastAsian" in words
    return total + sum(count * _of_sign(sign, wide) for sign, count in between.items())


def _change(before: str, script: str, *, beside: bool) -> float:
    if not beside:
        return _NEXT_SCRIPT
    return _BESIDE_EAST_ASIAN if "EastAsian" in (before, script) else _CHANGED


def _of_words(script: str, words: Counter[str]) -> float:
    if script == "EastAsian":
        characters = Counter[str]()
        for word, count in words.items():
            for character in word:
                characters[character] += count
        return max(sum(count * of(c) for c, count in characters.items()) for of in _east_asian())
    if script == "Other":
        return sum(count * len(word) * _UNKNOWN_LETTER for word, count in words.items())
    pairs = Counter[str]()
    for word, count in words.items():
        bounded = f" {_folded(word)} "
        for i in range(len(bounded) - 1):
            pairs[bounded[i : i + 2]] += count
    suiting = max(
        sum(count * language.get(pair, language[pair[1:]]) for pair, count in pairs.items())
        for language in map(_alphabetic, _LANGUAGES[script].split())
    )
    return suiting + sum(count * _ODD_CASE for word, count in words.items() if _is_oddly_cased(word))


def _is_oddly_cased(word: str) -> bool:
    """Whether it has capitals within; names in ASCII letters alone may have them anywhere."""
    return (
        not word.isascii()
        and not (word[1:].islower() or word.isupper() or word.islower())
        and word[1:] != word[1:].lower()
    )


def _folded(word: str) -> str:
    """The word in the letters of langdetect's statistics."""
    return word.replace("İ", "i").lower().translate(_SAME)


_SAME = str.maketrans({"ș": "ş", "ț": "ţ", "ی": "ي"})


class _Pairs(dict[str, float]):
    """The logarithms of a letter's probability after another (by both), or after one that is never before it."""

    def __missing__(self, letter: str) -> float:
        return math.log(_RARE) - (0.0 if letter < "\u0100" else 5.0 if unicodedata.category(letter) == "Mn" else 4.0)


@cache
def _alphabetic(code: str) -> Mapping[str, float]:
    counts = Counter[str]()
    profile = json.loads(Path(PROFILES_DIRECTORY, code).read_text(encoding="utf-8"))
    for letters, count in profile["freq"].items():
        if len(letters) < 3:
            counts[_folded(letters)] += count
    letters = {letter: count for letter, count in counts.items() if len(letter) == 1 and letter.isalpha()}
    followed = Counter[str]()
    for pair, count in counts.items():
        if len(pair) == 2:
            followed[pair[0]] += count
            if pair[1] == " ":
                letters[" "] = letters.get(" ", 0) + count
    total = sum(letters.values())
    logs = _Pairs()
    for letter, count in letters.items():
        logs[letter] = math.log(0.1 * count / total + _RARE)
    for pair, count in counts.items():
        if len(pair) == 2:
            alone = letters.get(pair[1], 0) / total
            logs[pair] = math.log(0.9 * count / followed[pair[0]] + 0.1 * alone + _RARE)
    return logs


def _of_sign(sign: str, wide: bool) -> float:
    """Of what is no letter."""
    if " " <= sign <= "~":
        return 0.0 if sign == " " else -3.0
    if sign in "\t\n\r\f":
        return -1.0
    if wide and sign in _EAST_ASIAN_TYPOGRAPHY:
        return -4.0
    if sign in _TYPOGRAPHY:
        return -5.0
    return _BROKEN if sign == "\ufffd" else _CATEGORIES.get(unicodedata.category(sign), -10.0)


_CATEGORIES = {
    "Cc": -14.0,
    "Co": -16.0,
    "Cn": -16.0,
    "Cs": -16.0,
    "So": -13.0,
    "Zs": -7.0,
    "Sm": -11.0,
    "Nd": -4.0,
    "Cf": -8.0,
}


@cache
def _common() -> dict[str, str]:
    lines = Path(__file__).with_name("common_characters.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ") for line in lines)


_Rank = tuple[float, Iterable[str]]
"""The share of a text's characters that these make up together."""


class _Ranked(dict[str, float]):
    """The logarithms of characters' probabilities; what has none is rare, or does not belong there at all."""

    def __init__(self, ranks: Iterable[_Rank]) -> None:
        super().__init__()
        for share, characters in ranks:
            new = [c for c in dict.fromkeys(characters) if c not in self]
            self.update(dict.fromkeys(new, math.log(share / max(1, len(new)))))

    def __missing__(self, character: str) -> float:
        return -17.0 if character >= "\uf900" else -15.0


@cache
def _east_asian() -> tuple[Callable[[str], float], ...]:
    common = _common()
    kana = _range(0x3041, 0x3094) + _range(0x30A1, 0x30FD)
    hans, hant, kanji, hangul = (common[name] for name in ("zh-Hans", "zh-Hant", "ja", "ko"))
    chinese = _Ranked(
        [
            (0.40, hans[:100]),
            (0.40, hans[100:]),
            (0.19, _square("gb2312", range(0xB0, 0xD8))),
            (0.008, _square("gb2312", range(0xD8, 0xF8))),
            (0.0005, kana),
            (0.0005, _range(0x4E00, 0x9FA6)),
        ]
    )
    traditional = _Ranked(
        [
            (0.40, hant[:100]),
            (0.36, hant[100:]),
            (0.23, _square("cp950", range(0xA4, 0xC7))),
            (0.005, _square("cp950", range(0xC9, 0xFA))),
            (0.0005, kana),
            (0.0005, _range(0x4E00, 0x9FA6)),
        ]
    )
    japanese = _Ranked(
        [
            (0.40, common["hira"][:25]),
            (0.12, common["hira"][25:]),
            (0.10, common["kana"]),
            (0.03, kana + "々〆"),
            (0.22, kanji),
            (0.12, _square("euc_jp", range(0xB0, 0xD0))),
            (0.001, _square("euc_jp", range(0xD0, 0xF5))),
            (0.0005, _range(0xFF66, 0xFFA0)),
        ]
    )
    half = _Ranked([(1.0, _range(0xFF66, 0xFFA0))])
    korean = _Ranked(
        [
            (0.85, hangul),
            (0.14, _square("euc_kr", range(0xB0, 0xC9))),
            (0.005, _square("euc_kr", range(0xCA, 0xFE))),
            (0.0005, _range(0xAC00, 0xD7A4)),
        ]
    )
    return tuple(ranked.__getitem__ for ranked in (chinese, traditional, japanese, half, korean))


def _range(start: int, end: int) -> str:
    return "".join(map(chr, range(start, end)))


def _square(encoding: str, rows: Iterable[int]) -> str:
    """The characters of these rows (first bytes) of an encoding of two bytes a character."""
    seconds = range(0x40, 0xFF) if encoding == "cp950" else range(0xA1, 0xFF)
    return "".join(bytes((row, second)).decode(encoding, "ignore")[:1] for row in rows for second in seconds)
