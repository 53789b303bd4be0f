"""/ask as scripts call it."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from qwen_ui.knowledge.library import Library
from qwen_ui.server.host import EngineHost
from tests.fakes import FakeEngine
from tests.pages import Serve, host_of
from tests.tabs.ask.conftest import GUIDE, GUIDE_ZH, LONG_GUIDE, fill

ASK = "/ask"
NOTHING = {"answer": "This is not in these documents. Ask in other words, or add other documents.", "citations": []}


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    return FakeEngine(["Six ", "[1]. ", "Far [9]."])


@pytest.fixture(scope="module")
def client(serve_module: Serve, engine: FakeEngine) -> Client:
    return Client(serve_module(host_of(engine)), verbose=False)


def test_parameters_have_the_names_and_defaults_of_the_contract(client: Client):
    api: Any = client.view_api(return_format="dict", print_info=False)
    parameters = api["named_endpoints"][ASK]["parameters"]
    assert [(each["parameter_name"], each["parameter_default"]) for each in parameters] == [
        ("question", None), ("context", ""), ("collection", ""), ("adapter", ""), ("model", ""),
        ("documents", []),
    ]  # fmt: skip


def test_an_answer_cites_the_passages_that_it_was_given(client: Client):
    result = client.predict("When does the museum close?", context=GUIDE, api_name=ASK)
    assert result["answer"] == "Six [1]. Far [9]."
    (citation,) = result["citations"]
    assert set(citation) == {"number", "source", "passage", "score", "support"}
    assert citation["support"] is None
    assert "sentences" not in result
    assert citation["source"] == "context, Guide to the museum"
    assert citation["passage"] in GUIDE


def test_a_context_that_fits_goes_to_the_model_whole(client: Client, engine: FakeEngine):
    result = client.predict("How much does it cost?", context="The price is 25 euros for adults.", api_name=ASK)
    assert "[1] context\n> The price is 25 euros for adults." in engine.asked[-1][0][-1].content
    assert result["answer"] == "Six [1]. Far [9]."
    assert [each["passage"] for each in result["citations"]] == ["The price is 25 euros for adults."]


def test_the_model_alone_answers_without_citations(client: Client):
    assert client.predict("Name a colour.", api_name=ASK) == {"answer": "Six [1]. Far [9].", "citations": []}


def test_a_question_is_asked_with_a_template_in_its_language(client: Client, engine: FakeEngine):
    for question, language in (("Name a colour.", "You answer questions"), ("说一种颜色。", "你负责回答问题")):
        client.predict(question, api_name=ASK)
        assert language in engine.asked[-1][0][0].content


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"question": ""}, "question is empty"),
        ({"question": " \n"}, "question is empty"),
        ({"question": 5}, "question must be text"),
        ({"question": "x", "context": ["y"]}, "context must be text"),
        ({"question": "x", "context": "y " * 200_000}, "as a file instead"),
        ({"question": "x", "context": "y", "collection": "z"}, "not both"),
        ({"question": "x", "collection": "z"}, "There are: none"),
        ({"question": "x", "collection": "z", "documents": "guide.md"}, "must be a list of names"),
        ({"question": "x", "collection": "z", "documents": [1]}, "must be a list of names"),
        ({"question": "x", "context": "y", "documents": ["guide.md"]}, "Name the collection"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(client: Client, engine: FakeEngine, arguments: dict[str, Any], says: str):
    before = len(engine.asked)
    with pytest.raises(AppError, match=says):
        client.predict(**arguments, api_name=ASK)
    assert len(engine.asked) == before


def test_a_collection_is_asked_by_its_name(serve: Serve, library: Library, tmp_path: Path):
    engine = FakeEngine(["Six."])
    client = Client(serve(host_of(engine)), verbose=False)
    fill(library, "Museum guide", tmp_path, guide=GUIDE, zh=GUIDE_ZH)
    assert client.predict("When does the museum close?", collection="museum GUIDE", api_name=ASK)["answer"] == "Six."
    assert "[1] guide.md, Guide to the museum › Hours" in engine.asked[0][0][-1].content
    nothing = client.predict("Who won the football championship?", collection="Museum guide", api_name=ASK)
    assert nothing == NOTHING
    with pytest.raises(AppError, match=r"no collection named 'Zoo'\. There are: Museum guide"):
        client.predict("When?", collection="Zoo", api_name=ASK)
    client.predict("几点关门？", collection="Museum guide", documents=["ZH.md"], api_name=ASK)
    assert "[1] zh.md" in engine.asked[-1][0][-1].content
    assert "guide.md" not in engine.asked[-1][0][-1].content
    for name in ("/ask", "/search"):
        with pytest.raises(
            AppError, match=r"no document named 'boats\.md' in this collection\. There are: guide\.md, zh"
        ):
            client.predict("When?", collection="Museum guide", documents=["zh.md", "boats.md"], api_name=name)
    found = client.predict("几点关门？", "Museum guide", documents=["zh.md"], api_name="/search")["passages"]
    assert {each["source"].partition(",")[0] for each in found} == {"zh.md"}
    assert set(found[0]) == {"number", "source", "passage", "score"}


def test_a_context_in_which_nothing_is_found_counts_against_the_limits(serve: Serve):
    client = Client(serve(host_of(FakeEngine(), public=True, requests_per_minute=1)), verbose=False)
    assert client.predict("Who won the football championship?", context=LONG_GUIDE, api_name=ASK) == NOTHING
    with pytest.raises(AppError, match="1 request a minute is possible here"):
        client.predict("Who won the football championship?", context=LONG_GUIDE, api_name=ASK)


def test_a_real_model_streams_its_answer_and_refuses_what_is_too_long(
    serve: Serve, embedded_host: EngineHost, short_prompts: Path
):
    client = Client(serve(embedded_host), verbose=False)
    updates = list(client.submit("When does the museum close?", context=GUIDE, api_name=ASK))
    answers = [update["answer"] for update in updates]
    assert len(set(answers)) > 2
    assert all(longer.startswith(shorter) for shorter, longer in pairwise(answers))
    assert all("sentences" not in update for update in updates[:-1])
    last = updates[-1]
    assert "".join(last["answer"].split()).startswith("".join(last["sentences"][0]["text"].split()))
    assert {each["number"] for each in last["sentences"]} - {None} <= {each["number"] for each in last["citations"]}
    for citation in last["citations"]:
        assert citation["passage"] in GUIDE
    with pytest.raises(AppError, match="tokens"):
        client.predict("word " * 40_000, api_name=ASK)
