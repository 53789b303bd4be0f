"""How to translate: what the browser keeps of it, in which language it is offered, and glossary files."""

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from qwen_ui.page.events import Buttons, Event, Events
from qwen_ui.tabs.translate.options import Options
from qwen_ui.tabs.translate.translation import AUTO
from tests.fakes import FakeEngine
from tests.pages import app_of, event_of

KEPT = {"source": "de", "target": "zh-TW", "tone": "formal", "template": "free", "glossary": "Hund = 狗"}


class Laid:
    """The options, laid out on a page of their own."""

    def __init__(self) -> None:
        self.app = app_of(FakeEngine())
        with gr.Blocks() as page:
            self.options = Options(self.app, "translate")
            buttons = Buttons([gr.Button()], gr.Button())
            self.options.wire(Events(self.app, "translate", gr.HTML(), buttons), page)
            self.options.kept.render()

    def event(self, kept: Any = None, language: str = "en-US", **given: Any) -> Event:
        given = {"source": AUTO, "target": "fr"} | given
        named = {getattr(self.options, name): value for name, value in given.items()}
        return event_of(self.app, {self.options.kept: kept} | named, language)

    def restored(self, kept: Any, language: str = "en-US") -> dict[str, Any]:
        id, values = self.options._restored(self.event(kept, language))
        widgets = {"source": self.options.source, "target": self.options.target}
        chosen = {name: values[widget].value for name, widget in widgets.items()}
        return chosen | {"tone": values[self.options.tone], "template": id, "glossary": values[self.options.glossary]}


@pytest.fixture(scope="module")
def laid() -> Laid:
    return Laid()


def test_what_the_browser_kept_is_chosen_again(laid: Laid):
    assert laid.options.kept.storage_key == "qwen-ui-translate"
    assert laid.restored(KEPT) == KEPT


@pytest.mark.parametrize(
    "kept", [None, [], "x", {}, dict.fromkeys(KEPT, 5), dict.fromkeys(KEPT, "Klingon") | {"glossary": None}]
)
def test_what_can_not_be_chosen_gives_way_to_the_first_choices_of_the_readers_language(laid: Laid, kept: Any):
    first = {"source": AUTO, "target": "fr", "tone": "plain", "template": "standard", "glossary": ""}
    assert laid.restored(kept) == first
    assert laid.restored(kept, "zh-CN") == first | {"target": "en", "template": "standard-zh"}


def test_languages_are_called_by_their_own_name_and_the_readers(laid: Laid):
    for language, wanted in (("en-US", "Français · French"), ("zh-CN", "Français · 法语")):
        _, values = laid.options._restored(laid.event(None, language))
        choices = values[laid.options.target].choices
        assert (wanted, "fr") in choices
    assert ("简体中文", "zh-CN") in choices


def test_a_glossary_file_goes_below_what_there_is_and_is_counted(laid: Laid, tmp_path: Path):
    path = tmp_path / "terms.csv"
    path.write_bytes("狗,Hund\n猫,Katze\n".encode("utf-16"))
    values = laid.options._open(laid.event(glossary="库 = Bibliothek\n", _upload=str(path)))
    assert values[laid.options.glossary] == "库 = Bibliothek\n狗,Hund\n猫,Katze"
    assert "3 terms in the glossary." in values[laid.options._read]


def test_a_glossary_in_tbx_or_with_a_header_is_shown_as_lines_between_the_chosen_languages(laid: Laid, tmp_path: Path):
    path = tmp_path / "terms.tbx"
    sets = "".join(f'<langSet xml:lang="{code}"><tig><term>{term}</term></tig></langSet>' for code, term in
                   (("en", "dog"), ("fr", "chien"), ("de", "Hund")))  # fmt: skip
    path.write_text(f'<?xml version="1.0"?><martif><termEntry>{sets}</termEntry></martif>', "utf-8")
    values = laid.options._open(laid.event(glossary="cat = chat", _upload=str(path), source="de"))
    assert values[laid.options.glossary] == "cat = chat\nHund = chien"
    values = laid.options._open(laid.event(glossary="", _upload=str(path)))
    assert "no terms from ? into French" in values[laid.options._read]
    path.write_text("id;source;target\n1;dog;chien", "utf-8")
    values = laid.options._open(laid.event(glossary="cat = chat", _upload=str(path)))
    assert values[laid.options.glossary] == "cat = chat\ndog = chien"


def test_a_broken_glossary_says_where_and_is_not_taken(laid: Laid, tmp_path: Path):
    path = tmp_path / "terms.txt"
    path.write_text("dog = Hund\nnonsense", "utf-8")
    values = laid.options._open(laid.event(glossary="cat = Katze", _upload=str(path)))
    assert laid.options.glossary not in values
    assert "Line 2 of the glossary" in values[laid.options._read]
    assert "Line 1" in laid.options._count(laid.event(glossary="nonsense"))[laid.options._read]
    assert laid.options._count(laid.event(glossary=""))[laid.options._read] == ""
