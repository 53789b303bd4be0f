"""/ask as scripts call it, with the embedded model."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from qwen_ui.knowledge.library import Library
from qwen_ui.server.host import EngineHost
from tests.pages import Serve
from tests.ui.ask.conftest import GUIDE, GUIDE_ZH, fill

ASK = "/ask"


@pytest.fixture
def client(serve: Serve, embedded_host: EngineHost, short_prompts: Path) -> Client:
    return Client(serve(embedded_host), verbose=False)


def test_parameters_have_the_names_and_defaults_of_the_contract(client: Client):
    api: Any = client.view_api(return_format="dict", print_info=False)
    parameters = api["named_endpoints"][ASK]["parameters"]
    assert [(each["parameter_name"], each["parameter_default"]) for each in parameters] == [
        ("question", None), ("context", ""), ("collection", ""),
    ]  # fmt: skip


def test_an_answer_from_a_context_streams_and_cites_only_passages_of_it(client: Client):
    updates = list(client.submit("When does the museum close?", context=GUIDE, api_name=ASK))
    answers = [update["answer"] for update in updates]
    assert len(set(answers)) > 2
    assert all(longer.startswith(shorter) for shorter, longer in pairwise(answers))
    assert set(updates[-1]) == {"answer", "citations"}
    for citation in updates[-1]["citations"]:
        assert set(citation) == {"number", "source", "passage", "score"}
        assert citation["passage"] in GUIDE


def test_the_model_alone_answers_without_citations(client: Client):
    result = client.predict("Name a colour.", api_name=ASK)
    assert result["answer"]
    assert result["citations"] == []


def test_a_collection_is_asked_by_its_name(client: Client, library: Library, tmp_path: Path):
    fill(library, "Museum guide", tmp_path, guide=GUIDE, zh=GUIDE_ZH)
    assert client.predict("When does the museum close?", collection="museum GUIDE", api_name=ASK)["answer"]
    nothing = client.predict("Who won the football championship?", collection="Museum guide", api_name=ASK)
    assert nothing == {
        "answer": "This is not in these documents. Ask in other words, or add other documents.",
        "citations": [],
    }
    with pytest.raises(AppError, match=r"no collection named 'Zoo'\. There are: Museum guide"):
        client.predict("When?", collection="Zoo", api_name=ASK)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"question": ""}, "question is empty"),
        ({"question": " \n"}, "question is empty"),
        ({"question": 5}, "question must be text"),
        ({"question": "x", "context": ["y"]}, "context must be text"),
        ({"question": "x", "context": "y " * 200_000}, "Put it into a collection"),
        ({"question": "x", "context": "y", "collection": "z"}, "not both"),
        ({"question": "x", "collection": "z"}, "There are: none"),
        ({"question": "word " * 40_000}, "tokens"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(client: Client, arguments: dict[str, Any], says: str):
    with pytest.raises(AppError, match=says):
        client.predict(**arguments, api_name=ASK)
