"""Right-to-left text of PDFs: read in order, however the file has it."""

from unicodedata import normalize

import pytest

from qwen_ui.knowledge.convert import convert
from tests.knowledge import files


def text_of(*pieces: tuple[float, float, str]) -> str:
    return "\n".join(part.text for part in convert(files.drawn(*pieces), "file.pdf"))


def from_the_right(*words: str, turned: bool) -> list[tuple[float, float, str]]:
    """Each word by itself, one to the left of the other; their letters may be turned around within them."""
    pieces, x = [], 560.0
    for word in words:
        x -= 6 * len(word)
        pieces.append((x, 700.0, word[::-1] if turned and not word.isascii() else word))
        x -= 6
    return pieces


def test_words_that_the_file_has_in_several_orders_on_one_line():
    text = convert((files.CASES / "A07-rtl.pdf").read_bytes(), "file.pdf")[0].text
    assert "درجة الحرارة اليوم 25 مئوية والرطوبة 60 بالمئة." in text
    assert "الطلاب يدرسون خلال الفصل الدراسي." in text
    assert "שלום עולם, מה שלום כולם?" in text


def test_vowel_points_ligatures_numbers_and_brackets_as_a_browser_prints_them():
    text = convert((files.CASES / "browser-rtl.pdf").read_bytes(), "file.pdf")[0].text
    lines = [line for line in text.splitlines() if line]
    assert lines[:5] == [
        normalize("NFC", line)
        for line in (
            "السلام عليكم ورحمة الله (2024) لا إله، 3.5% و12,345.67 ريال.",
            "نموذج Qwen2.5 Instruct الجديد سريع جداً: 15-20 مرة!",
            'דָּוִד בֶּן־ גּוּרְיוֹן אמר "שלום" (בשנת 1948) ב-Tel Aviv, ישראל; מחיר 25.50 ₪.',
            "مُحَمَّدٌ رَسُولُ اللهِ",
            "The word שלום עולם means hello (world), and سلام too.",
        )
    ]
    assert "الاستخراج أم لا، مع رقم 2025 في وسطها" in text
    assert lines[-3:] == ["الاسم السعر", "قلم 12", "دفتر كبير 7.5"]


@pytest.mark.parametrize(
    ("line", "read"),
    [
        (".ןאכ םידלי 25 םלוע םולש", "שלום עולם 25 ילדים כאן."),
        ("שדחה Qwen 2.5 Instruct לדומ", "מודל Qwen 2.5 Instruct החדש"),
        ("(1948 תנשב) 'םולש' :רמא דוד", "דוד אמר: 'שלום' (בשנת 1948)"),
        ("(ABC) תרבח", "חברת (ABC)"),
        ("₪ 1,299.50 :ריחמ", "מחיר: 1,299.50 ₪"),
        ("15-20 םיאליג", "גילאים 15-20"),
        ("20-15 نس", "سن 15-20"),
        ("ﺔﺟﺭﺩ ﻻ ﺓﺭﺍﺮﺤﻟﺍ", "الحرارة لا درجة"),
        (".انه English", "English هنا."),
        ("The word םלוע םולש means hello.", "The word שלום עולם means hello."),
    ],
)
def test_a_line_that_is_drawn_from_left_to_right(line: str, read: str):
    assert text_of((100, 700, line)) == read


@pytest.mark.parametrize("turned", [True, False])
@pytest.mark.parametrize(
    "line",
    [
        "שלום עולם, מחירים של 25 ילדים.",
        "درجة الحرارة اليوم 25 مئوية، والرطوبة عالية.",
        "שלום, ילדים! הוא נולד בשנת 1948 (אמן).",
    ],
)
def test_words_from_the_right_as_they_look_or_as_text_recognition_has_them(line: str, turned: bool):
    assert text_of(*from_the_right(*line.split(), turned=turned)) == line


def test_columns_and_lines_without_such_letters_stay_as_they_are():
    text = text_of((400, 700, "םולש"), (400, 680, "םלוע"), (100, 700, "תירבע"), (100, 680, "Plain (words)"))
    assert text.split() == ["שלום", "עולם", "עברית", "Plain", "(words)"]
