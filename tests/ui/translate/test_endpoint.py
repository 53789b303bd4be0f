"""/translate as scripts call it, with the embedded model."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from qwen_ui.server.host import EngineHost
from tests.pages import Serve, host_of
from tests.ui.translate.conftest import Translator

TRANSLATE = "/translate"


@pytest.fixture
def client(serve: Serve, embedded_host: EngineHost, short_prompts: Path) -> Client:
    return Client(serve(embedded_host), verbose=False)


def test_parameters_have_the_names_and_defaults_of_the_contract(client: Client):
    api: Any = client.view_api(return_format="dict", print_info=False)
    parameters = api["named_endpoints"][TRANSLATE]["parameters"]
    assert [(each["parameter_name"], each["parameter_default"]) for each in parameters] == [
        ("text", None), ("target", "French"), ("source", "auto"), ("glossary", ""),
    ]  # fmt: skip


def test_a_translation_streams_as_growing_text(client: Client):
    updates = [text for text in client.submit("Good morning, my dear friends.", api_name=TRANSLATE) if text]
    assert len(set(updates)) > 2
    assert all(longer.startswith(shorter) for shorter, longer in pairwise(updates))


def test_what_must_survive_does_and_pieces_come_back_in_order(serve: Serve):
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


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"text": " "}, "Write or paste"),
        ({"text": 5}, "must be text"),
        ({"text": "x", "target": "Klingon"}, "Klingon"),
        ({"text": "x", "source": "Klingon"}, "Klingon"),
        ({"text": "x", "glossary": "no equals sign"}, "glossary"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(serve: Serve, arguments: dict[str, Any], says: str):
    engine = Translator()
    client = Client(serve(host_of(engine)), verbose=False)
    with pytest.raises(AppError, match=says):
        client.predict(**arguments, api_name=TRANSLATE)
    assert not engine.asked
