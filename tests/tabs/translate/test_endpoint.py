"""/translate as scripts call it, with the embedded model."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from qwen_ui.errors import EngineFailed
from qwen_ui.server.host import EngineHost
from qwen_ui.server.metering import Record
from tests.fakes import FakeEngine
from tests.pages import Serve, host_of
from tests.tabs.translate.translator import Translator

TRANSLATE = "/translate"


def test_a_translation_streams_as_growing_text_with_the_parameters_of_the_contract(
    serve: Serve, embedded_host: EngineHost, short_prompts: Path
):
    client = Client(serve(embedded_host), verbose=False)
    api: Any = client.view_api(return_format="dict", print_info=False)
    parameters = api["named_endpoints"][TRANSLATE]["parameters"]
    assert [(each["parameter_name"], each["parameter_default"]) for each in parameters] == [
        ("text", None), ("target", "French"), ("source", "auto"), ("glossary", ""), ("adapter", ""), ("model", ""),
        ("details", False),
    ]  # fmt: skip
    updates = [text for text in client.submit("Good morning, my dear friends.", api_name=TRANSLATE) if text]
    assert len(set(updates)) > 2
    assert all(longer.startswith(shorter) for shorter, longer in pairwise(updates))


def test_what_must_survive_does_and_segments_come_back_in_order(serve: Serve):
    client = Client(serve(host_of(Translator())), verbose=False)
    text = "# Title\n\n```python\nprint(1)\n```\n\n- one\n- two\n\nThe end."
    translated = client.predict(text, target="German", api_name=TRANSLATE)
    assert translated == "# T:Title\n\n```python\nprint(1)\n```\n\n- T:one\n- T:two\n\nT:The end."


def test_the_glossary_and_the_languages_reach_the_prompt(serve: Serve):
    engine = Translator()
    client = Client(serve(host_of(engine)), verbose=False)
    client.predict("The library.", target="fr", source="en", glossary="library = bibliothèque", api_name=TRANSLATE)
    prompt = "".join(message.content for message in engine.asked[0][0])
    assert "bibliothèque" in prompt
    assert "French" in prompt


def test_one_call_is_one_record_and_its_text_only_grows(serve: Serve):
    host, records = host_of(Translator()), list[Record]()
    host.observe(records.append)
    updates = list(Client(serve(host), verbose=False).submit("one\n\ntwo\n\nthree four", api_name=TRANSLATE))
    assert updates[-1] == "T:one\n\nT:two\n\nT:three four"
    assert all(longer.startswith(shorter) for shorter, longer in pairwise(updates))
    assert [(record.task, record.via, record.outcome, record.streams) for record in records] == [
        ("translate", "api", "ok", 3)
    ]


GREETING = "Good morning.\n\nThe price is 42 euros, see https://a.example/x?y=1"


def test_a_translation_of_the_real_model_keeps_its_link_and_says_what_it_lost(
    serve: Serve, embedded_host: EngineHost, short_prompts: Path
):
    client = Client(serve(embedded_host), verbose=False)
    *updates, result = client.submit(GREETING, details=True, api_name=TRANSLATE)
    assert "https://a.example/x?y=1" in result["translation"]
    assert all(result["translation"].startswith(update["translation"]) for update in updates)
    assert not any(each["kind"] == "link" for each in result["lost"])
    assert all(each["where"] in {"place", "end"} for each in result["restored"])


def test_what_got_lost_is_asked_for_once_more_put_back_and_told(serve: Serve):
    engine = Translator(**{"The price is 42 euros, see https://a.example/x?y=1": FakeEngine(["Le ", "prix."])})
    client = Client(serve(host_of(engine)), verbose=False)
    *_, result = client.submit(GREETING, details=True, api_name=TRANSLATE)
    assert result == {
        "translation": "T:Good morning.\n\nLe prix https://a.example/x?y=1.",
        "lost": [{"kind": "number", "text": "42"}],
        "restored": [{"kind": "link", "text": "https://a.example/x?y=1", "where": "end"}],
    }
    assert len(engine.texts) == 3
    updates = list(client.submit(GREETING, api_name=TRANSLATE))
    assert updates[-1] == result["translation"]
    assert all(longer.startswith(shorter) for shorter, longer in pairwise(updates))


def test_the_first_error_of_a_segment_is_the_calls(serve: Serve):
    engine = Translator(two=FakeEngine(["half"], error=EngineFailed("It broke.")))
    client = Client(serve(host_of(engine)), verbose=False)
    with pytest.raises(AppError, match="It broke"):
        client.predict("one\n\ntwo\n\nthree", api_name=TRANSLATE)


def test_what_a_translation_lost_is_told_and_put_back(client: Client):
    result = client.predict(
        "Hi {name}, open the engine.", "Salut {nom}, ouvrez.", glossary="engine = moteur", api_name="/translate_check"
    )
    assert result == {
        "lost": [{"kind": "placeholder", "text": "{name}"}, {"kind": "term", "text": "engine = moteur"}],
        "mended": "Salut {name}, ouvrez.",
    }
    with pytest.raises(AppError, match="Enter or paste"):
        client.predict(" ", "x", api_name="/translate_check")
    with pytest.raises(AppError, match="must be text"):
        client.predict("x", 5, api_name="/translate_check")


def test_a_check_counts_against_the_limits(serve: Serve):
    client = Client(serve(host_of(FakeEngine(), public=True, requests_per_minute=1)), verbose=False)
    client.predict("one", "un", api_name="/translate_check")
    with pytest.raises(AppError, match="1 request a minute is possible here"):
        client.predict("one", "un", api_name="/translate_check")


def test_a_message_with_plurals_keeps_its_syntax(serve: Serve):
    client = Client(serve(host_of(Translator())), verbose=False)
    text = "{count, plural, one {one message} other {many messages}}"
    assert client.predict(text, api_name=TRANSLATE) == "{count, plural, one {T:one message} other {T:many messages}}"


@pytest.fixture(scope="module")
def engine() -> Translator:
    return Translator()


@pytest.fixture(scope="module")
def client(serve_module: Serve, engine: Translator) -> Client:
    return Client(serve_module(host_of(engine)), verbose=False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"text": " "}, "Enter or paste"),
        ({"text": 5}, "must be text"),
        ({"text": "x", "target": "Klingon"}, "Klingon"),
        ({"text": "x", "source": "Klingon"}, "Klingon"),
        ({"text": "x", "glossary": "no equals sign"}, "glossary"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(client: Client, engine: Translator, arguments: dict[str, Any], says: str):
    with pytest.raises(AppError, match=says):
        client.predict(**arguments, api_name=TRANSLATE)
    assert not engine.asked
