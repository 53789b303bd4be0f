"""The options of a decision, and its kind."""

from typing import Any

import pytest

from qwen_ui.decisions.options import kind_of, parse_options
from qwen_ui.errors import InvalidInput

ONE_TO_FIVE = ("1", "2", "3", "4", "5")


@pytest.mark.parametrize(
    ("given", "options", "kind"),
    [
        ("yes/no", ("yes", "no"), "yes/no"),
        (["No", "Yes"], ("No", "Yes"), "yes/no"),
        ("是，否", ("是", "否"), "yes/no"),
        ("1-5", ONE_TO_FIVE, "score"),
        (" 1 – 5 ", ONE_TO_FIVE, "score"),
        ("1到5", ONE_TO_FIVE, "score"),
        (list(ONE_TO_FIVE), ONE_TO_FIVE, "score"),
        ("0 to 2", ("0", "1", "2"), "score"),
        ("5,4,3", ("5", "4", "3"), "choice"),
        ("positive, negative", ("positive", "negative"), "choice"),
        (" very  good ; bad\n", ("very good", "bad"), "choice"),
        ("sports/politics", ("sports", "politics"), "choice"),
        ("and/or; either", ("and/or", "either"), "choice"),
        (["a,b", "c/d"], ("a,b", "c/d"), "choice"),
        ("yes,no,perhaps", ("yes", "no", "perhaps"), "choice"),
    ],
)
def test_options_and_their_kind(given: Any, options: tuple[str, ...], kind: str):
    assert parse_options(given) == options
    assert kind_of(options) == kind


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("one", "2 to 20 options, not 1"),
        ("5-1", "not 0"),
        ("3-3", "not 1"),
        ("1-100", "not 100"),
        (",".join(map(str, range(21))), "not 21"),
        ("a,b,A", "'A' appears twice"),
        (["a", "b" * 101], "may have 100 characters"),
        (5, "must be a list of texts"),
        (["a", 5], "must be a list of texts"),
        ([], "not 0"),
    ],
)
def test_options_that_can_not_be(given: Any, says: str):
    with pytest.raises(InvalidInput, match=says):
        parse_options(given)
