"""Glossaries: how they are written, and which of their terms a text needs."""

import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.tabs.translate import glossary


def test_a_glossary_is_read_from_pasted_lines_and_csv():
    terms = glossary.parse('# mine\nengine = moteur\n\n机器学习 → machine learning\na\tb\n"x, y","z"\n云，cloud\n')
    assert [(term.source, term.target) for term in terms] == [
        ("engine", "moteur"),
        ("机器学习", "machine learning"),
        ("a", "b"),
        ("x, y", "z"),
        ("云", "cloud"),
    ]
    assert glossary.relevant(terms, "我在学机器学习。") == (terms[1],)
    assert glossary.parse("") == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a = b\nengine", "Line 2 of the glossary must be"),
        ("= b", "Line 1"),
        ("a, b, c", "Line 1"),
        ("a = b\nA = c", "Line 2 of the glossary gives 'A' a second translation"),
        ("\n".join(f"{n} = {n}" for n in range(1001)), "1,001 terms"),
    ],
)
def test_a_bad_glossary_names_the_line(text: str, says: str):
    with pytest.raises(InvalidInput, match=says):
        glossary.parse(text)
