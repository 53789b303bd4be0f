"""The Translate tab's handlers: runs, edits while they go on, files, and what is left when the server has forgotten."""

import base64
import io
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr
import openpyxl
import pytest

from qwen_ui.errors import EngineFailed, InvalidInput
from qwen_ui.page.events import Event, Run, Values
from qwen_ui.server.metering import Record
from qwen_ui.tabs.translate.keeping import to_browser
from qwen_ui.tabs.translate.tab import TranslateTab, open_document
from tests.fakes import FakeEngine
from tests.pages import app_of, event_of
from tests.tabs.translate.translator import Translator
from tests.text.test_office import DOCX
from tests.text.test_office import texts_of as office_texts

FORGOTTEN = "no longer has this translation"


class Laid:
    """The tab, laid out on a page of its own, and what its widgets hold by now."""

    def __init__(self, engine: Translator, **settings: Any) -> None:
        self.engine = engine
        self.app = app_of(engine, **settings)
        self.records: list[Record] = []
        self.app.host.observe(self.records.append)
        with gr.Blocks() as page:
            self.tab = TranslateTab(self.app, page)
        tab, options = self.tab, self.tab._options
        self.held: Values = {
            options.source: "en",
            options.target: "fr",
            options.tone: "plain",
            options.style.dropdown: "standard",
            options.glossary: "",
            tab._translation: None,
            tab._name: "",
            tab._result: "",
            tab._file: None,
            tab._encoding.radio: "",
            tab._columns: [],
        }

    def event(self, text: str = "one\n\ntwo", language: str = "en-US", data: Any = None, **given: Any) -> Event:
        named = {getattr(self.tab, f"_{name}"): value for name, value in given.items()}
        return event_of(self.app, self.held | {self.tab._text: text} | named, language, data)

    async def updates(self, begin: Callable[[Event], Run[Any]], event: Event) -> AsyncGenerator[Values, None]:
        async with aclosing(self.tab._events.updates(event, begin)) as updates:
            async for values in updates:
                self.take(values)
                yield values

    async def run(self, begin: Callable[[Event], Run[Any]], event: Event | None = None) -> Values:
        """All that the run has changed, as it is at the end."""
        shown: Values = {}
        async for values in self.updates(begin, event or self.event()):
            shown |= values
        return shown

    def take(self, values: Values) -> None:
        for component, value in values.items():
            self.held[component] = value.value if isinstance(value, gr.Textbox) else value

    def states(self) -> list[str]:
        return [segment.state for segment in self.held[self.tab._translation].segments]


def of(place: int, **more: Any) -> gr.EventData:
    """An event of the rows, about the segment in that place."""
    return gr.EventData(None, {"place": place, **more})


def column(values: Values, tab: TranslateTab, name: str) -> list[Any]:
    return [row[name] for row in values[tab._editor.rows]["rows"]]


async def test_a_text_grows_in_order_and_is_checked_at_the_end():
    laid = Laid(Translator(two=FakeEngine(["Deux."])))
    tab = laid.tab
    first, *_, last = [values async for values in laid.updates(tab._translating_text, laid.event("one 1\n\ntwo"))]
    assert first[tab._result].value == ""
    assert last[tab._result] == "T:one 1\n\nDeux."
    assert "Checked" in last[tab._checks]
    assert (last[tab._after].visible, last[tab._rest].visible) == (True, False)
    assert "2 segments · " in last[tab._status]
    assert column(last, tab, "state") == ["✓ done", "✓ done"]


async def test_a_document_is_one_request():
    laid = Laid(Translator())
    await laid.run(laid.tab._translating_text)
    (record,) = laid.records
    assert (record.task, record.outcome, record.streams) == ("translate", "ok", 2)


async def test_a_failed_segment_is_told_in_the_readers_language_and_the_rest_can_follow():
    laid = Laid(Translator(two=FakeEngine([], error=EngineFailed("There is no {what!r}.", what="x"))))
    tab = laid.tab
    shown = await laid.run(tab._translating_text, laid.event(language="zh-CN"))
    assert "未能翻译：" in shown[tab._status]
    assert shown[tab._rest].visible
    laid.engine.engines.clear()
    shown = await laid.run(tab._translating_rest)
    assert shown[tab._result] == "T:one\n\nT:two"
    assert not shown[tab._rest].visible


async def test_an_edit_that_is_kept_during_a_run_stays_and_so_does_stop():
    slow = FakeEngine(["Un ", "mot"], steps=1)
    laid = Laid(Translator(one=slow), max_concurrent=1)
    tab, kept = laid.tab, Values()
    async for values in laid.updates(tab._translating_text, laid.event("one\n\ntwo\n\nthree")):
        if not kept and values.get(tab._result) == "Un":
            kept = await tab._apply(laid.event(data=of(1, text="Due.")))
            slow.steps.release()
        elif kept and tab._stop in values:
            assert not values[tab._stop].visible  # the end
    assert tab._stop not in kept
    assert tab._go not in kept
    assert tab._status not in kept
    assert (column(kept, tab, "translation")[1], column(kept, tab, "state")[1]) == ("Due.", "✓ edited")
    assert values[tab._result] == "Un mot\n\nDue.\n\nT:three"
    assert laid.states() == ["done", "edited", "done"]


async def test_a_second_run_is_refused_and_stop_stays():
    slow = FakeEngine(["Un"], steps=0)
    laid = Laid(Translator(one=slow))
    tab = laid.tab
    async with aclosing(laid.updates(tab._translating_text, laid.event())) as updates:
        await anext(updates)
        (refused,) = [values async for values in tab._events.updates(laid.event(data=of(0)), tab._translating_again)]
        assert "Stop it first" in refused.pop(tab._status)
        assert not refused
        with pytest.raises(InvalidInput, match="Stop it first"):
            tab._swap(laid.event())


async def test_a_segment_is_translated_again_with_the_glossary_of_now():
    laid = Laid(Translator())
    tab = laid.tab
    await laid.run(tab._translating_text)
    laid.held[tab._options.glossary] = "two = deux"
    shown = await laid.run(tab._translating_again, laid.event(data=of(1)))
    assert laid.engine.texts == ["one", "two", "two"]
    assert "two = deux" in laid.engine.asked[-1][0][0].content
    assert column(shown, tab, "translation") == ["T:one", "T:two"]
    assert "glossary term not used: two = deux" in shown[tab._checks]


async def test_a_segment_is_translated_again_with_the_words_of_the_language_that_was_detected():
    laid = Laid(Translator())
    tab, options = laid.tab, laid.tab._options
    laid.held |= {options.source: "auto", options.target: "en", options.glossary: "Haus = house"}
    shown = await laid.run(tab._translating_text, laid.event("Die Häuser in dieser Straße sind alle sehr alt."))
    assert "glossary term not used: Haus = house" in shown[tab._checks]
    shown = await laid.run(tab._translating_again, laid.event(data=of(0)))
    assert "glossary term not used: Haus = house" in shown[tab._checks]


async def test_what_a_segment_said_before_it_was_translated_again_can_be_gone_back_to():
    laid = Laid(Translator())
    tab = laid.tab
    await laid.run(tab._translating_text, laid.event("one 1\n\ntwo"))
    laid.engine.engines["one 1"] = FakeEngine(["Un."])
    shown = await laid.run(tab._translating_again, laid.event(data=of(0)))
    assert (column(shown, tab, "version"), column(shown, tab, "versions")) == ([1, 0], [2, 1])
    assert "the number 1 is missing" in shown[tab._checks]
    values = await tab._show_version(laid.event(data=of(0, version=0)))
    assert values[tab._result] == "T:one 1\n\nT:two"
    assert "the number 1" not in values[tab._checks]
    await tab._apply(laid.event(data=of(0, text="Une 1.")))  # changes the version that is shown
    values = await tab._show_version(laid.event(data=of(0, version=1)))
    assert values[tab._result] == "Un.\n\nT:two"
    values = await tab._show_version(laid.event(data=of(0, version=0)))
    assert values[tab._result] == "Une 1.\n\nT:two"


@pytest.mark.parametrize("data", [None, {}, {"place": "0"}, {"place": 2}, {"place": -1}, {"place": True}])
async def test_what_comes_from_the_browser_is_looked_at(data: Any):
    laid = Laid(Translator())
    await laid.run(laid.tab._translating_text)
    with pytest.raises(InvalidInput, match="segment is no longer there"):
        await laid.tab._apply(laid.event(data=data))
    for version in (None, "0", 1, -1):
        with pytest.raises(InvalidInput, match="version is no longer there"):
            await laid.tab._show_version(laid.event(data=of(0, version=version)))
    with pytest.raises(InvalidInput, match="must be text"):
        await laid.tab._apply(laid.event(data=of(0, text=5)))
    with pytest.raises(InvalidInput, match="200,000"):
        await laid.tab._apply(laid.event(data=of(0, text="x" * 200_001)))


async def test_an_edit_at_rest_is_shown_checked_and_told():
    laid = Laid(Translator())
    tab = laid.tab
    await laid.run(tab._translating_text, laid.event("one 1\n\ntwo"))
    values = await tab._apply(laid.event(data=of(0, text="Un.")))
    assert values[tab._result] == "Un.\n\nT:two"
    assert "the number 1 is missing" in values[tab._checks]
    assert "Segment 1 changed." in values[tab._status]
    assert tab._stop not in values


async def test_a_translation_is_translated_back_and_stays():
    laid = Laid(Translator())
    tab = laid.tab
    await laid.run(tab._translating_text, laid.event("one"))
    shown = await laid.run(tab._translating_back)
    assert laid.held[tab._returned] == "T:T:one"
    assert "from French (Français) to English" in laid.engine.asked[-1][0][1].content
    assert tab._result not in shown
    assert laid.held[tab._result] == "T:one"


async def test_back_from_an_unknown_language_asks_for_it():
    laid = Laid(Translator())
    tab = laid.tab
    laid.held[tab._options.source] = "auto"
    await laid.run(tab._translating_text, laid.event("xyz"))
    shown = await laid.run(tab._translating_back, laid.event("xyz"))
    assert "Choose it under “From”" in shown[tab._status]


def saved(tab: TranslateTab, values: Values) -> tuple[str, bytes]:
    file = json.loads(values[tab._saved])
    return file["name"], base64.b64decode(file["data"])


async def test_what_got_lost_is_put_back_and_the_rest_stays_to_look_at():
    laid = Laid(Translator(**{"Hi {name}, <b>5</b> and more %d": FakeEngine(["Salut {nom}, cinq et plus"])}))
    tab = laid.tab
    shown = await laid.run(tab._translating_text, laid.event("Hi {name}, <b>5</b> and more %d\n\nbye"))
    assert shown[tab._result] == "Salut {nom}, cinq et plus {name} %d\n\nT:bye"
    assert "%d was missing: put back at the end of the sentence" in shown[tab._checks]
    assert "the tag &lt;b&gt; is missing" in shown[tab._checks]
    assert column(shown, tab, "check") == [True, False]
    assert shown[tab._mend].visible
    values = await tab._put_back(laid.event())
    assert values[tab._result] == "Salut {nom}, <b>cinq</b> et plus {name} %d\n\nT:bye"
    assert "Restored in 1 segment" in values[tab._status]
    assert "the number 5 is missing" in values[tab._checks]
    assert "{name}" not in values[tab._checks]
    assert not values[tab._mend].visible
    laid.held[tab._translation].running = True
    with pytest.raises(InvalidInput, match="Stop it first"):
        await tab._put_back(laid.event())


async def test_an_i18n_file_keeps_its_messages_whole(tmp_path: Path):
    path = tmp_path / "i18n.json"
    path.write_bytes((Path(__file__).parent / "cases" / "T07-i18n.json").read_bytes())
    laid = Laid(Translator())
    await laid.run(laid.tab._translating_file, laid.event(file=str(path)))
    _, data = saved(laid.tab, laid.tab._as_file(laid.event()))
    assert json.loads(data) == json.loads(path.read_bytes()) | {
        "unread": "{count, plural, =0 {T:No unread messages} one {# T:unread message} other {# T:unread messages}}",
        "hi": "T:Hello {{name}}, you have {n} items",
        "laravel": "T:Hello :name, welcome",
        "c": "T:%1$s of %2$d (%.2f%%) in %ld s",
        "ent": "T:Terms &amp; conditions&nbsp;apply",
    }


async def test_a_file_comes_back_in_its_format_under_a_name_that_tells_the_language(tmp_path: Path):
    path = tmp_path / "menu.csv"
    path.write_text("id,dish,price\n1,Fish,7\n2,Soup,3\n", "utf-8")
    laid = Laid(Translator())
    tab = laid.tab
    opened = tab._open(laid.event(file=str(path)))
    assert (opened[tab._columns].value, opened[tab._columns].visible) == (["id", "dish", "price"], True)
    assert "menu.csv: 2 texts to translate, 8 characters" in opened[tab._facts]
    await laid.run(tab._translating_file, laid.event(file=str(path), columns=["dish"]))
    assert saved(tab, tab._as_file(laid.event())) == ("menu.fr.csv", b"id,dish,price\n1,T:Fish,7\n2,T:Soup,3\n")


async def test_a_word_file_is_translated_with_its_formats_and_saved_as_one(tmp_path: Path):
    path = tmp_path / "letter.docx"
    path.write_bytes(DOCX)
    laid = Laid(Translator(**{"Page <x2/> of it": FakeEngine(["Seite"])}))
    tab = laid.tab
    shown = await laid.run(tab._translating_file, laid.event(file=str(path)))
    assert column(shown, tab, "source")[1] == "The long and <g2>bold</g2> text<x4/>, and a <g6>link</g6>."
    assert "the tag &lt;x2/&gt; is missing" in shown[tab._checks]
    assert shown[tab._result].startswith("T:Title\nT:The long")
    name, data = saved(tab, tab._as_file(laid.event()))
    assert name == "letter.fr.docx"
    assert office_texts(data, ".docx")[:2] == [f"T:{text}" for text in office_texts(DOCX, ".docx")[:2]]
    restored = tab._restore(laid.event(), json.loads(json.dumps(to_browser(laid.held[tab._translation]))))
    assert restored[tab._result].value == shown[tab._result]


async def test_of_a_workbook_the_chosen_columns_are_translated(tmp_path: Path):
    path, book = tmp_path / "menu.xlsx", openpyxl.Workbook()
    for row in [["Dish", "Note"], ["Fish", "Fish"]]:
        book.active.append(row)
    book.save(path)
    laid = Laid(Translator())
    tab = laid.tab
    opened = tab._open(laid.event(file=str(path)))
    assert (opened[tab._columns].value, opened[tab._columns].visible) == (["A: Dish", "B: Note"], True)
    await laid.run(tab._translating_file, laid.event(file=str(path), columns=["B: Note"]))
    kept = json.loads(json.dumps(to_browser(laid.held[tab._translation])))
    laid.take(tab._restore(laid.event(), kept))  # what the browser kept has the choice, too
    name, data = saved(tab, tab._as_file(laid.event()))
    rows = openpyxl.load_workbook(io.BytesIO(data)).active.iter_rows(values_only=True)
    assert (name, list(rows)) == ("menu.fr.xlsx", [("Dish", "T:Note"), ("Fish", "T:Fish")])


async def test_a_web_page_is_shown_as_texts_and_saved_as_a_page_in_the_new_language(tmp_path: Path):
    path = tmp_path / "a.html"
    path.write_text('<html lang="en"><p onclick="x()">Good <b>morning</b></p><script>y()</script></html>', "utf-8")
    laid = Laid(Translator(**{"Good <g2>morning</g2>": FakeEngine(["<script>Bon</script> <g2>jour</g2>"])}))
    shown = await laid.run(laid.tab._translating_file, laid.event(file=str(path)))
    assert shown[laid.tab._result] == "<script>Bon</script> <g2>jour</g2>"
    assert saved(laid.tab, laid.tab._as_file(laid.event())) == (
        "a.fr.html",
        b'<html lang="fr"><p onclick="x()">&lt;script&gt;Bon&lt;/script&gt; <b>jour</b></p><script>y()</script></html>',
    )


async def test_a_file_with_half_a_surrogate_pair_is_shown_and_saved_with_all_other_translations(tmp_path: Path):
    path = tmp_path / "app.json"
    path.write_bytes(rb'{"a": "Good day", "b": "Sad \ud83d face", "c": "Bye"}')
    laid = Laid(Translator())
    tab = laid.tab
    shown = await laid.run(tab._translating_file, laid.event(file=str(path)))
    assert "not valid Unicode at character 5" in shown[tab._status]
    assert column(shown, tab, "state") == ["✓ done", "failed", "✓ done"]
    json.dumps([shown[tab._editor.rows], shown[tab._result], shown[tab._checks]], ensure_ascii=False).encode()
    _, data = saved(tab, tab._as_file(laid.event()))
    assert data == rb'{"a": "T:Good day", "b": "Sad \ud83d face", "c": "T:Bye"}'


def test_what_is_no_file_to_translate_says_why(tmp_path: Path):
    with pytest.raises(InvalidInput, match="Add one first"):
        open_document(None)
    with pytest.raises(InvalidInput, match="no longer has this file"):
        open_document(str(tmp_path / "gone.txt"))
    big = tmp_path / "big.txt"
    big.write_bytes(b"x" * 5_000_001)
    huge = tmp_path / "huge.docx"
    huge.write_bytes(b"x" * 10_000_001)
    with pytest.raises(InvalidInput, match="larger than 10 MB"):
        open_document(str(huge))
    with pytest.raises(InvalidInput, match="larger than 5 MB"):
        open_document(str(big))
    broken = tmp_path / "broken.json"
    broken.write_bytes(b"{")
    laid = Laid(Translator())
    values = laid.tab._open(laid.event(file=str(broken)))
    assert "can&#x27;t be read as JSON" in values[laid.tab._facts]
    assert not values[laid.tab._columns].visible


async def test_swapping_takes_a_typed_text_over_and_leaves_a_file():
    laid = Laid(Translator())
    tab = laid.tab
    await laid.run(tab._translating_text, laid.event("one"))
    values = tab._swap(laid.event("one"))
    assert (values[tab._options.source], values[tab._options.target]) == ("fr", "en")
    assert (values[tab._text], values[tab._result], values[tab._translation]) == ("T:one", "", None)
    assert set(tab._swap(laid.event("one", name="film.srt"))) == {tab._options.source, tab._options.target}


async def test_swapping_a_detected_language_names_it():
    laid = Laid(Translator())
    laid.held[laid.tab._options.source] = "auto"
    values = laid.tab._swap(laid.event(GERMAN))
    assert values[laid.tab._options.target] == "de"


GERMAN = "Das ist ein schöner Tag, und wir gehen heute in den Garten."


@pytest.mark.parametrize(
    ("text", "target", "language", "swapped"),
    [("", "fr", "en-US", "en"), ("", "en", "en-US", "fr"), ("", "en", "zh-CN", "zh-CN"), (GERMAN, "de", "en-US", "en")],
)
def test_swapping_a_detected_language_never_gives_the_same_one_twice(
    text: str, target: str, language: str, swapped: str
):
    laid = Laid(Translator())
    options = laid.tab._options
    laid.held |= {options.source: "auto", options.target: target}
    values = laid.tab._swap(laid.event(text, language))
    assert (values[options.source], values[options.target]) == (target, swapped)


async def stopped(laid: Laid, begin: Callable[[Event], Run[Any]], event: Event, fragment: str) -> list[str]:
    """Runs until a fragment has come, and stops there; gives the status lines on the way."""
    lines: list[str] = []
    async for values in laid.updates(begin, event):
        lines.append(values[laid.tab._status])
        translation = laid.held[laid.tab._translation]
        if translation and any(segment.translation == fragment for segment in translation.segments):
            laid.app.running.stop("me", "translate")
    return lines


async def test_of_a_stopped_translation_the_source_stands_for_what_is_not_whole_and_the_check_says_so():
    laid = Laid(Translator(**{"two <b>2</b>": FakeEngine(["Deux ", "mots"], steps=1)}))
    tab = laid.tab
    await stopped(laid, tab._translating_text, laid.event("one\n\ntwo <b>2</b>"), "Deux")
    assert laid.held[tab._result] == "T:one\n\ntwo <b>2</b>"
    assert saved(tab, tab._as_file(laid.event())) == ("translation.fr.txt", laid.held[tab._result].encode())
    assert "1 of 2 segments" in laid.held[tab._checks]
    assert "✓" not in laid.held[tab._checks]


async def test_what_there_is_of_a_stopped_sentence_stays():
    laid = Laid(Translator(one=FakeEngine(["Un ", "mot"], steps=1)))
    await stopped(laid, laid.tab._translating_text, laid.event("one"), "Un")
    assert (laid.held[laid.tab._result], laid.held[laid.tab._checks]) == ("Un", "")


async def test_a_segment_that_is_translated_again_is_alone_in_work_and_comes_back_as_it_was_after_stop():
    laid = Laid(Translator())
    tab = laid.tab
    await laid.run(tab._translating_text)
    laid.engine.engines["two"] = FakeEngine(["Deux ", "mots"], steps=1)
    lines = await stopped(laid, tab._translating_again, laid.event(data=of(1)), "Deux")
    assert not any("of 2" in line for line in lines)
    assert laid.states() == ["done", "done"]
    assert laid.held[tab._result] == "T:one\n\nT:two"
    assert column(laid.held, tab, "versions") == [1, 1]


@pytest.mark.parametrize("begin", ["_translating_rest", "_translating_again", "_translating_back"])
async def test_a_forgotten_translation_is_told_and_the_page_stays(begin: str):
    engine = Translator()
    laid = Laid(engine)
    shown = await laid.run(getattr(laid.tab, begin), laid.event(result="Bonjour."))
    assert FORGOTTEN in shown.pop(laid.tab._status)
    assert not shown
    assert not engine.asked


async def test_an_edit_of_a_forgotten_translation_says_so():
    laid = Laid(Translator())
    with pytest.raises(InvalidInput, match=FORGOTTEN):
        await laid.tab._apply(laid.event(data=of(0, text="Bonjour.")))
    with pytest.raises(InvalidInput, match=FORGOTTEN):
        await laid.tab._show_version(laid.event(data=of(0, version=1)))


def test_of_a_forgotten_translation_what_the_page_holds_is_saved_and_swapped():
    laid = Laid(Translator())
    tab = laid.tab
    assert saved(tab, tab._as_file(laid.event(result="Bonjour.\nÇa va ?"))) == (
        "translation.txt",
        "Bonjour.\nÇa va ?".encode(),
    )
    assert tab._swap(laid.event("Hello.", result="Bonjour."))[tab._text] == "Bonjour."
    with pytest.raises(InvalidInput, match=FORGOTTEN):
        tab._as_file(laid.event(result="1\n00:00:01,000 --> …", name="film.srt"))


def test_a_right_to_left_language_is_shown_so():
    laid = Laid(Translator())
    laid.held[laid.tab._options.target] = "ar"
    run = laid.tab._translating_text(laid.event("one"))
    assert run.begun[laid.tab._result].rtl
