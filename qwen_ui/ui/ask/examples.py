"""What can be tried with a click while nothing has been asked."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    """A question, with a text to answer it from if it is not for the model alone."""

    question: str
    text: str = ""


EXAMPLES = (
    Example("Why do leaves change colour in autumn?"),
    Example(
        "When may visitors bring a dog?",
        "# Visiting the botanical garden\n\n"
        "The garden opens at nine in the morning and closes at sunset. Entry is free for children under twelve; "
        "everybody else pays six euros.\n\n"
        "## Rules\n\n"
        "Dogs are welcome on Mondays and Thursdays if they are kept on a lead. On other days only guide dogs may come "
        "in. Bicycles stay at the gate, and picnics are allowed on the south lawn.",
    ),
    Example("为什么海水是咸的？"),
    Example(
        "哪几天可以借阅期刊？",
        "# 社区图书馆借阅须知\n\n"
        "图书馆每天上午九点开门，晚上八点关门，周一闭馆。凭借书证一次可借图书五册，借期三十天。\n\n"
        "## 期刊与影音资料\n\n"
        "期刊每周三和周六可以借阅，每次两册，借期七天。影音资料只能在馆内使用。逾期不还的，每册每天收取一角钱。",
    ),
)


def with_question(question: str) -> Example:
    """The example with that question."""
    return next(example for example in EXAMPLES if example.question == question)
