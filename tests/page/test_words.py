"""What the app says: everything in both languages, and only what it says."""

import ast
import re
import string
from datetime import timedelta
from pathlib import Path

import pytest
from gradio import Request

from qwen_ui.errors import InvalidInput, TooMany
from qwen_ui.page.words import MARK, Words, label
from qwen_ui.sentences import ENGLISH, Language, Sentence, read_catalogue
from qwen_ui.tabs import TABS
from tools import catalogue

WORDS = Words(TABS)
CHINESE = Language("zh", WORDS.chinese)
FILES = sorted(path for path in catalogue.PACKAGE.rglob("*.py"))
EMPTY = InvalidInput("Write something first.")
MAY_PASS_ON = {
    "page/events.py",  # templates that are literals where they are handed in
    "page/details.py",
    "page/header.py",
    "page/templates.py",
    "finetune/told.py",  # what another process said, in a literal there
    "sentences.py",
    "text/confined.py",  # what the process that reads a file says, in a literal there
}
"""Files that tell templates which are literals elsewhere."""


def values_of(template: str) -> dict[str, object]:
    """A value for each placeholder, of the kind that its format takes."""
    found: dict[str, object] = {}
    for _, name, spec, _ in string.Formatter().parse(template):
        if name:
            numeric = "|" in (spec or "") or (spec or "").endswith((",", "d", "f", "g", "%"))
            found[name] = 1234 if numeric else found.get(name, "v")
    return found


def test_the_files_hold_what_the_code_says_and_all_of_it_is_translated():
    wanted = catalogue.wanted()
    assert set(catalogue.PACKAGE.rglob("*.po")) == set(wanted), "Run: make words"
    for path, entries in wanted.items():
        assert set(read_catalogue(path)) == set(entries), f"{path}: run make words, and translate what it leaves empty"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(catalogue.PACKAGE)))
def test_templates_are_literals(path: Path):
    """Else they have no translation, and braces in a visitor's text would be taken for placeholders."""
    if str(path.relative_to(catalogue.PACKAGE)) in MAY_PASS_ON:
        return
    for call, template in catalogue.calls(path):
        names_one = isinstance(template, ast.Name | ast.Attribute | ast.Subscript)
        assert names_one or _is_text(template), f"{path}:{call.lineno}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(catalogue.PACKAGE)))
def test_a_named_template_is_marked(path: Path):
    """Else `make words` does not see it."""
    told = {template.id for _, template in catalogue.calls(path) if isinstance(template, ast.Name)}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and _is_text(node.value):
            names = {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
            assert not names & told, f"{path}:{node.lineno}"


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@pytest.mark.parametrize("template", sorted(WORDS.chinese))
def test_both_languages_take_the_same_values(template: str):
    values = values_of(template)
    assert ENGLISH.say(template, **values)
    assert CHINESE.say(template, **values)
    assert {name for _, name, _, _ in string.Formatter().parse(WORDS.chinese[template]) if name} <= values.keys()


def test_a_word_with_two_meanings_has_two_translations():
    keys = WORDS.i18n().translations_dict
    assert [keys["zh-CN"][label("Write", context).key] for context in ("", "button")] == ["写作", "生成"]
    assert [keys["en"][label("Write", context).key] for context in ("", "button")] == ["Write", "Write"]


def test_chinese_is_chinese():
    same = {text for text, told in WORDS.chinese.items() if has_words(text) and not re.search(r"[一-鿿]", told)}
    assert same <= {"Top-p", "Top-k", "{seconds:.0f} s", "{done} of {total}"}


def has_words(template: str) -> bool:
    """Whether there is more in it than values and what stands between them; a command-line flag is no word."""
    texts = "".join(text for text, *_ in string.Formatter().parse(template))
    return bool(re.search(r"[A-Za-z]", re.sub(r"--[a-z-]+", "", texts)))


@pytest.mark.parametrize(
    ("header", "send"),
    [("en-US,en;q=0.9", "Send"), ("zh-CN,zh;q=0.9", "发送"), ("de,zh-CN;q=0.5", "Send"), ("", "Send")],
)
def test_the_first_language_of_the_browser_is_spoken(header: str, send: str):
    assert WORDS.speaker(Request(headers={"accept-language": header}))("Send") == send


def test_a_text_of_a_users_is_never_taken_for_one_of_the_pages():
    keys = WORDS.i18n().translations_dict["zh-CN"]
    assert all(key.startswith(MARK) for key in keys)
    assert keys[label("Send").key] == "发送"


@pytest.mark.parametrize(
    ("template", "values", "english", "chinese"),
    [
        ("{count:,} {count:token|tokens}", {"count": 1}, "1 token", "1 个 token"),
        ("{count:,} {count:token|tokens}", {"count": 1234}, "1,234 tokens", "1,234 个 token"),
        ("{count:,} {count:token|tokens}", {"count": 0}, "0 tokens", "0 个 token"),
        ("Not sent: {error}", {"error": EMPTY}, "Not sent: Write something first.", "未发送：请先输入内容。"),
        ("{wait}", {"wait": timedelta(minutes=5)}, "5 minutes", "5分钟"),
        ("{name} {{x}}", {"name": "{y}"}, "{y} {x}", "{y} {x}"),
    ],
)  # fmt: skip
def test_values_are_told_in_the_readers_language(template: str, values: dict[str, object], english: str, chinese: str):
    assert ENGLISH.say(template, **values) == english
    assert CHINESE.say(template, **values) == chinese


def test_sentences_within_sentences():
    error = TooMany(
        "{limit} {limit:request|requests} a minute {limit:is|are} possible here. Try again in {wait}.",
        limit=1,
        wait=timedelta(seconds=40),
    )
    assert str(error) == "1 request a minute is possible here. Try again in 40 seconds."
    assert CHINESE.say("Not sent: {error}", error=error) == "未发送：这里每分钟最多 1 个请求。请在 40秒钟后再试。"
    assert CHINESE.say("a sentence that nobody knows") == "a sentence that nobody knows"


def test_an_error_survives_the_way_to_another_process():
    import pickle

    error = pickle.loads(pickle.dumps(InvalidInput("There is no {what!r}.", what="x")))
    assert str(error) == "There is no 'x'."
    assert error.sentence == Sentence("There is no {what!r}.", what="x")
