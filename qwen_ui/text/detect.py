"""Which language a text is in, and how sure that is."""

from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import regex
from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory
from langdetect.lang_detect_exception import LangDetectException

from qwen_ui.text.languages import LANGUAGES, Language, find

SAMPLE = 2000
"""Characters of a text that are looked at."""
_SHORT = 60
"""Letters below which langdetect alone errs often."""
_SCRIPTS = ("Hani", "Hira", "Kana", *sorted({language.script for language in LANGUAGES} - {"Hani", "Hira"}))
_SCRIPT = regex.compile("|".join(rf"(?P<{script}>\p{{{script}}})" for script in _SCRIPTS))
_LETTERS_PER_CHARACTER = {"Hani": 3, "Hira": 2, "Kana": 2, "Hang": 2}
"""One character of these scripts says as much as so many letters: in "我要 MacBook" the Chinese decides."""

# Common characters that only one of the two ways to write Chinese has.
_SIMPLIFIED = frozenset(
    "这国来对说时们会个为学后过发么还经头门问间开关见车书长东马鱼电买卖语认识让给从网请谢爱样应该机动实现"
)
_TRADITIONAL = frozenset(
    "這國來對說時們會個為學後過發麼還經頭門問間開關見車書長東馬魚電買賣語認識讓給從網請謝愛樣應該機動實現"
)


@dataclass(frozen=True, slots=True)
class Detection:
    """The likely language; None where there are no words. ``confidence`` is from 0 to 1."""

    language: Language | None
    confidence: float


def detect(text: str) -> Detection:
    """The language that most of the text is in. The script decides where it can, else langdetect, seeded."""
    words = text[:SAMPLE]
    weights = _weigh(words)
    if not weights:
        return Detection(None, 0.0)
    script = max(weights, key=lambda name: weights[name])
    share = weights[script] / sum(weights.values())
    if script == "Hani":
        return _chinese_or_japanese(words, share)
    candidates = [language for language in LANGUAGES if language.script == script]
    if len(candidates) == 1:
        return Detection(candidates[0], round(share, 3))
    return _among(candidates, " ".join(regex.findall(rf"[\p{{{script}}}\p{{M}}'’]+", words)), share)


def _weigh(words: str) -> Counter[str]:
    """How much of the text is in each script; kana count with Han, as Japanese mixes them."""
    weights: Counter[str] = Counter()
    for match in _SCRIPT.finditer(words):
        script = match.lastgroup or ""
        group = "Hani" if script in {"Hira", "Kana"} else script
        weights[group] += _LETTERS_PER_CHARACTER.get(script, 1)
    return weights


def _chinese_or_japanese(words: str, share: float) -> Detection:
    han = len(regex.findall(r"\p{Han}", words))
    kana = len(regex.findall(r"[\p{Hiragana}\p{Katakana}]", words))
    if kana * 10 >= han + kana:
        return Detection(find("ja"), round(share, 3))
    traditional = sum(character in _TRADITIONAL for character in words)
    simplified = sum(character in _SIMPLIFIED for character in words)
    sure = han / (han + 1)  # two characters alone could be Japanese just as well
    return Detection(find("zh-TW" if traditional > simplified else "zh-CN"), round(share * sure, 3))


def _among(candidates: list[Language], words: str, share: float) -> Detection:
    """Langdetect's choice among languages of one script; in a short text its frequent words come first."""
    letters = sum(map(str.isalpha, words))
    codes = {language.code for language in candidates}
    if letters < _SHORT:
        counted = [(code, count) for code, count in _votes(words).most_common() if code in codes]
        best = [code for code, count in counted if count == counted[0][1]]
        if len(best) == 1:
            return Detection(find(best[0]), round(share * letters / (letters + 2), 3))
        codes = set(best) or codes
    detector = _factory().create()
    detector.set_prior_map(dict.fromkeys(codes, 1.0))
    detector.append(words.lower() if words.isupper() else words)
    try:
        probabilities = detector.get_probabilities()
    except LangDetectException:
        probabilities = []
    if not probabilities:  # nothing in the text that its profiles know
        return Detection(None, 0.0)
    # It looks at the same few letters again and again until it is sure: not to be believed of short texts.
    trust = share * letters / (letters + 20)
    return Detection(find(probabilities[0].lang), round(probabilities[0].prob * trust, 3))


def _votes(text: str) -> Counter[str]:
    """For each language code how many of the text's words are among its frequent ones."""
    words = regex.findall(r"[\p{L}\p{M}]+(?:['’]\p{L}+)?", text.lower())
    known = _common_words().items()
    return Counter({code: count for code, common in known if (count := sum(word in common for word in words))})


@cache
def _common_words() -> dict[str, frozenset[str]]:
    """Frequent short words and greetings: they tell what a short text is in, where letters alone can't."""
    lines = (Path(__file__).parent / "common_words.txt").read_text("utf-8").splitlines()
    return {code: frozenset(words.split()) for code, words in (line.split(":") for line in lines)}


@cache
def _factory() -> DetectorFactory:
    """Langdetect's profiles, with a seed of their own: the same text gives the same answer."""
    factory = DetectorFactory()
    factory.set_seed(0)
    factory.load_profile(PROFILES_DIRECTORY)
    return factory
