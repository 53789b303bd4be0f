"""Errors in Chinese: the table knows the sentences that the code raises, and tells them with their values."""

import ast
import re
from pathlib import Path

import pytest

from qwen_ui.config import PROJECT
from qwen_ui.ui.sentences import CHINESE, in_chinese
from qwen_ui.ui.texts import EN, ZH, saying

RAISED = {"InvalidInput", "PromptTooLong", "NotSaved", "Unreadable", "Refused", "NotReady", "Busy", "TooMany"}
RAISED |= {"EngineFailed"}
ABOUT_A_FILE = {"Unreadable", "Refused"}
"""Their sentences begin with the file's name, which is put before them."""
NOT_ON_THE_PAGE = ("config.py", "kinds.py", "flags.py", "bench/", "models/", "ui/api.py", "/api.py", "engine/zero/")
"""What the command line, the start and scripts are told."""
OF_SCRIPTS = {
    "Scoring needs prompts and candidates that are not empty.",
    "A prompt to score must be longer than one token.",
    "The history must be a list of {} objects.",
    "A message's role must be system, user or assistant, not {}.",
    "A message's content must be text, not {}.",
    "Entry {} of the history must be an object with {} and {}.",
    "Entry {} of the history: {}",
    "The folder {} can't be made: {}. Set --data-dir.",
    "The collections in {} were made by a later version of Qwen UI. Update it.",
    "The collections in {} can't be read ({}). Move that file away.",
}
"""Likewise, from modules that the page uses too."""


def shape(text: str) -> str:
    """The sentence with nothing in its braces; quoted words, which look like values, are none."""
    return re.sub(r'\{[^{}]*\}|"\w+"', "{}", text).replace("{{}}", "{}")


def sentences(path: Path) -> set[str]:
    """The sentences that the file raises for users, as far as they are written where they are raised."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED):
            continue
        text = written(node.args[0]) if node.args else ""
        if " " in text.replace("{}", "").strip():
            found.add(f"{{}} {text}" if node.func.id in ABOUT_A_FILE else text)
    return found


def written(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return shape(str(node.value))
    if isinstance(node, ast.JoinedStr):
        parts = (str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        return shape("".join(parts))
    return ""


def test_every_sentence_of_the_page_is_known():
    files = [path for path in (PROJECT / "qwen_ui").rglob("*.py") if not any(n in str(path) for n in NOT_ON_THE_PAGE)]
    raised = set().union(*(sentences(path) for path in files)) - OF_SCRIPTS
    filled = {sentence.replace("{}", "x") for sentence in raised}
    assert {sentence for sentence in filled if in_chinese(sentence) == sentence} == set()


@pytest.mark.parametrize("english", CHINESE)
def test_a_sentence_is_told_with_its_values(english: str):
    names = re.findall(r"\{(\w+)\}", english)
    assert set(re.findall(r"\{(\w+)\}", CHINESE[english])) <= set(names)
    values = {name: f"v{place}" for place, name in enumerate(names)}
    assert in_chinese(english.format(**values)) == CHINESE[english].format(**values)


def test_sentences_within_sentences():
    assert in_chinese("20 requests a minute are possible here. Try again in 5 minutes.") == (
        "这里每分钟最多 20 个请求。请在 5 分钟后再试。"
    )
    assert in_chinese("scan.pdf is protected with a password. Save it without one.") == (
        "scan.pdf 有密码保护。请去掉密码后再保存。"
    )
    assert in_chinese("The text is longer than the model's context. Shorten it.") == "文字超出了模型的上下文。请缩短。"
    assert in_chinese("a sentence that nobody knows") == "a sentence that nobody knows"


def test_the_page_tells_errors_in_its_own_language():
    error = ValueError("The message is empty. Write something first.")
    assert saying(ZH)("not_sent", error=error) == "未发送：消息是空的。请先写点内容。"
    assert saying(EN)("not_sent", error=error) == f"Not sent: {error}"
