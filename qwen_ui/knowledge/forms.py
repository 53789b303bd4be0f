"""One form for letters and characters that are written in several, so that a search meets them all."""

import unicodedata
from collections.abc import Iterable
from functools import cache

import opencc
import regex

_MARKS = regex.compile(r"[\p{M}&&[\u0300-\u036f\u0591-\u05c7\u0610-\u06ed\u08ca-\u08ff]]|\u0640|\p{Cf}", regex.V1)
"""Accents, Hebrew points, Arabic vowel signs and the tatweel, and what is not seen."""
_DIGIT = regex.compile(r"[\p{Nd}--[0-9]]", regex.V1)

_LETTERS = str.maketrans(
    {"ı": "i", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ħ": "h", "ŧ": "t"}
    | dict(zip("ىیېۍکڪةہھەۀۂ", "ييييككهههههه", strict=True))
    | {"ٱ": "ا"}
)
"""Letters that no decomposition brings together: of Latin, and the Persian and Urdu forms of Arabic ones."""

_HAN_BLOCKS = ((0x3400, 0x4DC0), (0x4E00, 0xA000))
_ALSO = dict(
    zip(
        "著瞭妳牠祂藉祇砲覆廻甦荳菓栢徧煖姪痺簷讎穽濶鴈窻碁嶋髙邉戸汚靑値隣硏姉呉舎頬讃渕窓呪塡鄕",
        "着了你它他借只炮复回苏豆果柏遍暖侄痹檐仇阱阔雁窗棋岛高边户污青值邻研姊吴舍颊赞渊窗咒填乡",
        strict=True,
    )
)
"""Variants that OpenCC keeps apart, as some words have only one of them."""


def word(text: str) -> str:
    """A word without accents, vowel points and capitals, of half width, with one form for each letter."""
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", text)).casefold().translate(_LETTERS)
    return _DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), unicodedata.normalize("NFC", plain))


def han(text: str) -> str:
    """The text with each Chinese character in its simplified form: 濾 as 滤, 裡 and 裏 as 里, Japanese 沢 as 泽."""
    return text if text.isascii() else text.translate(_simplified())


@cache
def _simplified() -> dict[int, str]:
    """Character by character: what a word makes of it does not matter, as long as all its forms meet."""
    characters = [chr(code) for block in _HAN_BLOCKS for code in range(*block)]
    table = dict(zip(characters, _converted("hk2s", characters), strict=True))
    japanese = [character for character, simple in table.items() if simple == character and _is_no_gb2312(character)]
    table |= zip(japanese, _converted("hk2s", _converted("jp2t", japanese)), strict=True)
    table |= _ALSO
    return {ord(character): table.get(simple, simple) for character, simple in table.items() if simple != character}


def _converted(config: str, characters: Iterable[str]) -> list[str]:
    return str(opencc.OpenCC(config).convert("\n".join(characters))).split("\n")


def _is_no_gb2312(character: str) -> bool:
    """Whether it is none of the simplified characters: 芸 and 予 are, and not only what Japan writes for 藝 and 豫."""
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return True
    return False
