"""Questions to try with a click, which fit what is answered from."""

from gradio.components.chatbot import ExampleMessage

from qwen_ui.page.words import Say
from qwen_ui.sentences import marked

GENERAL = (
    marked("Why do leaves change colour in autumn?"),
    marked("Why is seawater salty?"),
    marked("What is the difference between weather and climate?"),
)
"""For what the model knows."""

OF_A_TEXT = (
    marked("Summarize this text."),
    marked("What is this text about?"),
    marked("What are the main points of this text?"),
)
OF_DOCUMENTS = (
    marked("Summarize these documents."),
    marked("What are these documents about?"),
    marked("What are the main points of these documents?"),
)
"""Each about the whole (see `qwen_ui.knowledge.terms.is_general`): whatever is in it, there is an answer."""

SAMPLES = {
    "When may visitors bring a dog?": (
        "# Visiting the botanical garden\n\n"
        "The garden opens at nine in the morning and closes at sunset. Entry is free for children under twelve; "
        "everybody else pays six euros.\n\n"
        "## Rules\n\n"
        "Dogs are welcome on Mondays and Thursdays if they are kept on a lead. On other days only guide dogs may come "
        "in. Bicycles stay at the gate, and picnics are allowed on the south lawn."
    ),
    "哪几天可以借阅期刊？": (
        "# 社区图书馆借阅须知\n\n"
        "图书馆每天上午九点开门，晚上八点关门，周一闭馆。凭借书证一次可借图书五册，借期三十天。\n\n"
        "## 期刊与影音资料\n\n"
        "期刊每周三和周六可以借阅，每次两册，借期七天。影音资料只能在馆内使用。逾期不还的，每册每天收取一角钱。"
    ),
}
"""Questions that bring the text to answer them from, an English one and a Chinese one."""


def examples(kind: str, filled: bool, chinese: bool, say: Say) -> list[ExampleMessage]:
    """What to try with that source, for gr.Chatbot. ``filled`` is whether there is a text, or a document."""
    if kind == "model":
        questions = [say(question) for question in GENERAL]
    elif kind == "text":
        questions = [say(question) for question in OF_A_TEXT] if filled else [list(SAMPLES)[chinese]]
    else:
        questions = [say(question) for question in OF_DOCUMENTS] if filled else []
    return [ExampleMessage(text=question) for question in questions]
