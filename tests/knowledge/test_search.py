"""Search: the right passage, or none."""

import pytest

from qwen_ui.knowledge.passages import Passage
from qwen_ui.knowledge.source import Memory, pasted
from qwen_ui.knowledge.terms import marks

HANDBOOK = """# Handbook
## Holidays
Every employee has 25 days of paid holidays a year. Unused days expire in March.
## Expenses
Receipts are handed in within thirty days. Travel is reimbursed at 30 cents per kilometre.
## 年假
员工每年享有十天带薪年假，未休的年假不能折现。
## 报销
发票须在三十天内提交，差旅费按公里计算。
## 休暇
社員は年に二十日の有給休暇を取得できます。
"""


@pytest.fixture(scope="module")
def handbook() -> Memory:
    return pasted(HANDBOOK, "handbook.md")


@pytest.mark.parametrize(
    ("question", "heading"),
    [
        ("How many holidays does an employee get?", "Holidays"),
        ("When must I hand in a receipt?", "Expenses"),
        ("travel reimbursement per kilometre", "Expenses"),
        ("年假有几天？", "年假"),
        ("发票什么时候提交？", "报销"),
        ("有給休暇は何日ですか", "休暇"),
        ("报销", "报销"),
    ],
)
def test_finds_the_passage(handbook, question, heading):
    found = handbook.search(question)
    assert found[0].passage.heading == f"Handbook › {heading}"
    assert found[0].passage.document == "handbook.md"
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert marks(f"{found[0].passage.heading}\n{found[0].passage.text}", question)


@pytest.mark.parametrize(
    "question",
    [
        "",
        "?!",
        "What is the boiling point of ethanol?",
        "Who wrote Hamlet?",
        "珠穆朗玛峰有多高？",
        "红烧肉怎么做？",
        "富士山の高さはどのくらいですか",
    ],
)
def test_finds_nothing_where_nothing_is(handbook, question):
    assert handbook.search(question) == []


@pytest.mark.parametrize(
    "question", ['holidays AND NOT "paid"', "holidays:* OR (", "holidays\x00 ~2 ^9", "holidays " * 50_000]
)
def test_a_question_is_words_never_a_query_language(handbook, question):
    assert handbook.search(question, relevant=0)[0].passage.heading == "Handbook › Holidays"


def test_a_question_about_the_whole_gets_the_beginning(handbook):
    found = handbook.retrieve("What is this about?", 2)
    assert [each.passage.position for each in found] == [0, 1]
    assert handbook.retrieve("年假有几天？", 2)[0].passage.heading == "Handbook › 年假"


def test_a_document_is_found_by_its_name():
    source = Memory(Passage(i, f"{name}.pdf", "", None, "Total: 5", 0) for i, name in enumerate(["invoice", "合同"]))
    assert source.search("合同")[0].passage.document == "合同.pdf"


def test_the_limit_holds_and_nothing_can_be_pasted(handbook):
    assert len(handbook.search("days", 2, relevant=0)) == 2
    assert pasted("").search("days") == []
    assert pasted("").openings() == []


MANUAL = """# 手冊
更換濾芯的週期為三個月。電源開關在背面。
# Numbers
Part number AB-1234-X costs 1,299.00 EUR. 型号ＡＢＣ１２３。Café Zürich serves crème brûlée.
# الطقس
درجة الحرارة اليوم 25 مئوية والرطوبة 60 بالمئة.
"""


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("滤芯多久更换一次？", "濾芯"),
        ("电源开关在哪里", "電源開關"),
        ("How much is ab1234?", "AB-1234-X"),
        ("ab 1234x", "AB-1234-X"),
        ("AB1234-C", "AB-1234-X"),
        ("what costs 1299 EUR", "1,299.00 EUR"),
        ("abc-123", "ＡＢＣ１２３"),
        ("CREME BRULEE", "crème brûlée"),
        ("دَرَجَة", "درجة"),
    ],
)
def test_other_spellings_of_the_same_words_are_found(question, words):
    assert words in pasted(MANUAL).search(question)[0].passage.text


@pytest.mark.parametrize("question", ["ab5678", "xy1234", "What weighs xy1234?"])
def test_half_of_a_part_number_finds_nothing(question):
    assert pasted(MANUAL).search(question) == []
