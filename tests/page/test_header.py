"""The head of the page, and the status line."""

import re
from dataclasses import replace
from html import unescape
from typing import get_args

from qwen_ui import __version__
from qwen_ui.engine.base import EngineInfo, Feature, RemoteServer
from qwen_ui.errors import ModelNotFound
from qwen_ui.messages import Answer, Usage
from qwen_ui.models.embedded import ABOUT
from qwen_ui.models.progress import Progress
from qwen_ui.models.source import UNREACHABLE
from qwen_ui.page.details import FEATURES, live, models_chip
from qwen_ui.page.header import opening_panel
from qwen_ui.page.status import finished, progress, statistics
from qwen_ui.page.words import Say, Words
from qwen_ui.sentences import ENGLISH, Language, Sentence
from qwen_ui.tabs import TABS
from tests.fakes import INFO, FakeEngine
from tests.pages import host_of

EN_SAY, ZH_SAY = ENGLISH.say, Language("zh", Words(TABS).chinese).say


def chip_of(info_: EngineInfo, say: Say = EN_SAY) -> str:
    class Engine(FakeEngine):
        info = info_

    return models_chip(host_of(Engine()).names, say)


def test_the_line_under_an_answer_tells_cost_and_context():
    usage = Usage(1200, 34, 0, 0.84, 21.26, "stop", 4096)
    told = "34 tokens · first token after 0.8 s · 21.3 tokens/s · context 1,234 of 4,096"
    assert unescape(statistics(usage, EN_SAY)) == f'<p class="status " role="status">{told}</p>'


def test_the_line_says_what_the_reader_should_know():
    usage = Usage(10, 1, 0, 0.1, 0.0, "length", 4096, dropped_messages=4)
    text = statistics(usage, EN_SAY)
    assert "reached its maximum length" in text
    assert "the 4 oldest messages" in text
    assert "tokens/s" not in text
    assert "1 token ·" in unescape(text)
    assert "已停止" in statistics(Usage(1, 1, 0, 0.1, 0.0, "cancelled", 8), ZH_SAY)


def test_while_waiting_the_position_in_the_queue_is_shown():
    assert "Position 3 in the queue" in progress(Answer(position=3), EN_SAY)
    assert "第 3 位" in progress(Answer(position=3), ZH_SAY)
    assert "Writing" in progress(Answer("some"), EN_SAY)


def test_the_opening_shows_its_stage_and_bytes():
    panel = opening_panel(Progress("fetching", "a<b>.gguf", 49_000_000, 98_000_000), 7.4, EN_SAY)
    assert "Fetching a&lt;b&gt;.gguf" in panel
    assert "49.0 MB of 98.0 MB · 7 s" in panel
    assert 'max="98000000" value="49000000"' in panel


def test_a_failure_shows_its_sentence_as_text():
    reason = ModelNotFound("There is no folder {folder}.", folder="<x>").sentence
    panel = opening_panel(Progress("failed", reason=reason), 1, ZH_SAY)
    assert "There is no folder &lt;x&gt;." in panel
    assert "没有可用的模型" in panel
    assert 'role="alert"' in panel


def test_the_chip_names_model_precision_device_and_reason():
    chip = chip_of(INFO)
    assert "Echo-1B · 4-bit · cpu" in chip
    assert str(INFO.reason) in chip
    assert "4,096" in chip


def test_the_chip_gives_its_reason_in_the_readers_language():
    missing = Sentence(
        "For {wanted}, {why}, so the embedded model runs: {about}. With a connection, start again for {wanted}.",
        wanted="Qwen2.5-7B",
        why=UNREACHABLE,
        about=ABOUT,
    )
    reason = Sentence("{reason} It computes in fp32, as the {device} has no bf16.", reason=missing, device="T4")
    chip = chip_of(replace(INFO, reason=reason), ZH_SAY)
    assert "连不上模型库，所以运行内置模型：SmolLM2-135M" in chip
    assert "the" not in re.sub("<[^>]*>", "", chip).split()


def test_the_chip_tells_what_a_remote_server_can_do():
    server = RemoteServer("box:8000", ("big", "<small>"), frozenset({"streaming", "tools"}))
    info = replace(INFO, precision="", device="box:8000", remote=server)
    chip = chip_of(info)
    assert "Echo-1B · box:8000<" in chip
    rows = dict(re.findall(r"<th scope=row>([^<]+)</th><td>(yes|no)</td>", chip))
    assert {meaning for meaning, known in rows.items() if known == "yes"} == {
        "Streaming",
        "Tool calls",
    }
    assert set(FEATURES) == set(get_args(Feature))
    assert "big, &lt;small&gt;" in chip


def test_the_tiny_model_says_what_it_is_and_how_to_get_a_real_one():
    for say, demo in ((EN_SAY, "cpu · Demo<"), (ZH_SAY, "cpu · 演示<")):
        chip = chip_of(replace(INFO, embedded=True), say)
        assert demo in chip
        assert "<code>python app.py --model Qwen/Qwen2.5-0.5B-Instruct</code>" in chip


def test_the_details_tell_licences_and_the_version():
    chip = chip_of(replace(INFO, model="Qwen/Qwen2.5-3B-Instruct"))
    rows = dict(re.findall(r"<th scope=row>([^<]+)</th><td>([^<]+)</td>", chip))
    assert (rows["Licence of the app"], rows["Licence of the model"]) == ("Apache-2.0", "Qwen Research License")
    assert rows["Version"] == f"Qwen UI {__version__}"
    assert "Licence of the model" not in chip_of(INFO)  # nobody knows it


def test_strangers_are_told_how_busy_the_models_are_and_nothing_of_the_machine():
    models = host_of(FakeEngine()).models
    assert "0 writing, 0 waiting" in live(models, EN_SAY, private=False)
    assert "Memory" not in live(models, EN_SAY, private=False)
    assert re.search(r"Memory of the server</th><td>[\d.]+ [MG]B", live(models, EN_SAY, private=True))


def test_an_answer_without_a_word_says_so():
    usage = Usage(10, 1, 0, 0.1, 0.0, "stop", 4096)
    assert "empty answer" in finished(Answer(" \n", usage=usage), EN_SAY)
    assert "empty answer" not in finished(Answer("hi", usage=usage), EN_SAY)
