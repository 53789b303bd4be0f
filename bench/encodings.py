"""`python -m bench.encodings`: how often the encoding of a text file is told right, asked for, or told wrong.

The texts, in encodings.txt beside this, were written for this purpose; the names of languages and countries in the
Unicode CLDR (in Babel) make them long enough. Each is cut into pieces of 20, 100 and 1,000 characters.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import charset_normalizer
from babel import Locale

from qwen_ui.errors import InvalidInput
from qwen_ui.text.decode import UncertainEncoding, decode

LENGTHS = (20, 100, 1_000)
PIECES = 8
"""Of each length from each text."""

LANGUAGES = {
    "gb18030": "zh-Hans",
    "big5": "zh-Hant",
    "cp932": "ja",
    "euc_jp": "ja",
    "iso2022_jp": "ja",
    "cp949": "ko",
    "utf-16-le": "zh-Hans zh-Hant ja ko ru fr ar",
    "utf-16-be": "zh-Hans zh-Hant ja ko ru fr ar",
    "cp1250": "pl cs hu ro hr",
    "iso8859-2": "pl cs hu ro hr",
    "cp1251": "ru uk bg",
    "koi8-r": "ru",
    "cp866": "ru",
    "cp1252": "fr de es pt sv",
    "mac-roman": "fr de es pt sv",
    "cp850": "fr de es pt sv",
    "cp1253": "el",
    "cp1254": "tr",
    "cp1255": "he",
    "cp1256": "ar",
    "cp1257": "lt lv",
    "cp874": "th",
    "utf-8": "zh-Hans ja ko ru pl fr el ar",
}

_LOCALES = {"zh-Hans": "zh_Hans", "zh-Hant": "zh_Hant"}


def texts() -> dict[str, str]:
    """A text in each language."""
    lines = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines)


def names(language: str) -> str:
    """A list in the language, a name a line."""
    locale = Locale.parse(_LOCALES.get(language, language))
    return "\n".join(dict.fromkeys([*locale.territories.values(), *locale.languages.values()]))


def pieces(language: str, length: int, encoding: str) -> Iterator[bytes]:
    """Pieces of a text in an encoding, without the characters that it lacks, and with some that ASCII lacks."""
    text = texts()[language]
    if length > len(text):
        text += "\n" + names(language)
    text = text.encode(encoding, "ignore").decode(encoding)
    step = max(1, (len(text) - length) // (PIECES - 1))
    for start in range(0, max(1, len(text) - length + 1), step):
        piece = text[start : start + length]
        if not piece.isascii():
            yield piece.encode(encoding)


def outcome(data: bytes, encoding: str, read: Callable[[bytes], str]) -> str:
    """ "right", "asks" or "wrong"."""
    try:
        return "right" if read(data) == data.decode(encoding) else "wrong"
    except UncertainEncoding as error:
        offered = [decode(data, encoding=candidate.encoding) for candidate in error.candidates]
        return "asks" if data.decode(encoding) in offered else "asks without"
    except InvalidInput:
        return "asks without"


def by_charset_normalizer(data: bytes) -> str:
    """What charset_normalizer alone makes of it."""
    best = charset_normalizer.from_bytes(data).best()
    return "" if best is None else str(best)


def measure(read: Callable[[bytes], str], length: int) -> dict[str, Counter[str]]:
    """How often which outcome, by encoding."""
    return {
        encoding: Counter(
            outcome(data, encoding, read) for language in of.split() for data in pieces(language, length, encoding)
        )
        for encoding, of in LANGUAGES.items()
    }


def table(read: Callable[[bytes], str]) -> str:
    """The outcomes as a table in Markdown: right / asks / wrong."""
    columns = [measure(read, length) for length in LENGTHS]
    lines = ["| encoding | " + " | ".join(f"{length:,} characters" for length in LENGTHS) + " |", "|---|---|---|---|"]
    total = [sum((column[encoding] for encoding in LANGUAGES), Counter[str]()) for column in columns]
    for encoding in LANGUAGES:
        lines.append(f"| {encoding} | " + " | ".join(_cell(column[encoding]) for column in columns) + " |")
    lines.append("| all | " + " | ".join(map(_cell, total)) + " |")
    return "\n".join(lines)


def _cell(counts: Counter[str]) -> str:
    asked = f"{counts['asks'] + counts['asks without']}"
    if counts["asks without"]:
        asked += f" ({counts['asks without']} without the right one)"
    return f"{counts['right']} / {asked} / {counts['wrong']}"


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.encodings", description=__doc__)
    parser.add_argument("--before", action="store_true", help="measures charset_normalizer instead")
    print(table(by_charset_normalizer if parser.parse_args().before else decode))


if __name__ == "__main__":
    main()
