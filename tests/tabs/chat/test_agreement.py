"""Which answers say the same: what a reader would put together is together, and what contradicts itself is apart."""

import time

import pytest

from qwen_ui.tabs.chat.agreement import groups

CAPITAL = "What is the capital of France?"
LONG_A = (
    "Photosynthesis is how plants turn sunlight into food. Chlorophyll in the leaves takes in light, and with water "
    "from the roots and carbon dioxide from the air the plant makes sugar and releases oxygen."
)
LONG_A_TOO = (
    "Plants make their food from sunlight by photosynthesis: chlorophyll in their leaves takes in the light, and the "
    "plant makes sugar from water and carbon dioxide, and releases oxygen into the air."
)
LONG_B = (
    "It is a term used in photography for exposing a film twice, so that two pictures are laid over each other; many "
    "artists of the last century tried it, and today software can do the same with a few clicks."
)
SUM = "To find how many there are, we multiply the rows by the trees in each of them, one place at a time."
ZH_A = "光合作用是植物利用阳光制造养分的过程。叶绿素吸收光能，把水和二氧化碳变成葡萄糖，并放出氧气。"
ZH_A_TOO = "植物通过叶绿素吸收阳光，利用光能把水和二氧化碳变成葡萄糖，同时放出氧气，这个过程就是光合作用。"
ZH_B = "这是摄影中的一种技巧，指在同一张胶片上曝光两次，使两幅画面叠在一起，许多艺术家都尝试过。"


@pytest.mark.parametrize(
    ("question", "same"),
    [
        ("", ["Paris", "paris.", "**Paris**", " PARIS!\n", "`Paris`"]),
        (CAPITAL, ["Paris.", "The capital of France is Paris.", "Paris is the capital"]),
        ("法国的首都是哪里？", ["巴黎", "巴黎。", "法国的首都是巴黎。"]),
        ("日本の首都はどこですか。", ["東京です。", "日本の首都は東京です。"]),
        ("เมืองหลวงของไทยคืออะไร", ["กรุงเทพฯ", "เมืองหลวงของไทยคือกรุงเทพฯ"]),
        ("ما عاصمة مصر؟", ["القاهرة", "عاصمة مصر القاهرة."]),
        ("What is 500 + 500?", ["1000", "1,000", "1,000.", "500 + 500 = 1000"]),
        (
            "Is a whale a mammal?",
            ["Yes.", "Yes, a whale is a mammal. It breathes air and it feeds its young with milk."],
        ),
        ("What is 17 * 24?", ["17 * 24 = 408.", "408\nThe answer is 408.", "408", f"{SUM}\n\n17 * 24 = 408"]),
        ("", ["👍", "👍 "]),
        ("What is photosynthesis?", [LONG_A, LONG_A_TOO]),
        ("什么是光合作用？", [ZH_A, ZH_A_TOO]),
        ("", ["ｆｕｌｌ　ｗｉｄｔｈ", "Full width"]),
    ],
)
def test_what_says_the_same_is_together(question: str, same: list[str]) -> None:
    assert groups(same, question) == [list(range(len(same)))]


@pytest.mark.parametrize(
    ("question", "different"),
    [
        (CAPITAL, ["Paris.", "Lyon.", "The capital of France is Nice."]),
        (
            "What is the capital of Australia?",
            ["The capital of Australia is Canberra.", "The capital of Australia is Sydney."],
        ),
        ("中国最长的河是什么？", ["中国最长的河是长江。", "中国最长的河是黄河。"]),
        ("Which is larger, 9.9 or 9.11?", ["9.9", "9.11", "9.11 is larger than 9.9"]),
        ("Who won, Alice or Bob?", ["Alice won against Bob", "Bob won against Alice"]),
        ("", ["Yes", "No"]),
        ("", ["It is", "It is not"]),
        ("What is 2 - 6?", ["4", "-4", "4%", "$4"]),
        ("", ["x + 1", "x - 1"]),
        ("", ["👍", "👎"]),
        ("Who landed when?", ["Armstrong in 1969", "Gagarin in 1969", "1961"]),
        ("What is photosynthesis?", [LONG_A, LONG_B]),
        ("什么是光合作用？", [ZH_A, ZH_B]),
        (
            "A farmer has 17 rows of 24 trees. How many trees are there?",
            [f"{SUM}\n\n17 × 24 = 408", f"{SUM}\n\n17 × 24 = 398"],
        ),
    ],
)
def test_what_says_something_else_is_apart(question: str, different: list[str]) -> None:
    assert groups(different, question) == [[place] for place in range(len(different))]


def test_the_largest_group_comes_first() -> None:
    assert groups(["Lyon", "Paris", "Nice", "paris", "Paris."], CAPITAL) == [[1, 3, 4], [0], [2]]


def test_numbered_lists_that_are_cut_at_different_items_can_agree() -> None:
    items = ["Drink enough water every day", "Sleep eight hours each night", "Walk or run in the morning"]
    listed = "\n".join(f"{number}. {item}" for number, item in enumerate(items, 1))
    assert groups([listed, listed + "\n4. Eat", listed + "\n4. Eat fresh fruit\n5. Rest"]) == [[0, 1, 2]]


def test_no_answers_and_empty_ones_are_no_trouble() -> None:
    assert groups([]) == []
    assert groups(["", " \n", "a"]) == [[0, 1], [2]]


@pytest.mark.parametrize("bit", ["word ", "a.", "字", "1,111", "- ", "*_", "ก็", "\n", "9", "a ", "﷽", "-\u2212"])
def test_long_answers_are_grouped_in_no_time(bit: str) -> None:
    began = time.monotonic()
    groups([bit * (200_000 + number) for number in range(8)], bit * 200_000)
    assert time.monotonic() - began < 5
