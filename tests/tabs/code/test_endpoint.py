"""/code as scripts call it."""

from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from qwen_ui.server.host import EngineHost
from tests.fakes import FakeEngine
from tests.pages import Serve, host_of

CODE = "/code"


def test_the_embedded_model_writes_code_that_streams(serve: Serve, embedded_host: EngineHost, short_prompts: Path):
    client = Client(serve(embedded_host), verbose=False)
    updates = list(client.submit("Write a function that adds two numbers.", api_name=CODE))
    *growing, last = updates
    assert set(last) == {"code", "language", "explanation", "valid", "files"}
    assert last["language"] == "python"
    assert all(update["valid"] is None for update in growing)
    texts = [update["code"] + update["explanation"] for update in updates]
    assert len(set(texts)) > 2


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    return FakeEngine(["ok"])


@pytest.fixture(scope="module")
def client(serve_module: Serve, engine: FakeEngine) -> Client:
    return Client(serve_module(host_of(engine)), verbose=False)


def test_parameters_have_the_names_and_defaults_of_the_contract(client: Client):
    api: Any = client.view_api(return_format="dict", print_info=False)
    parameters = api["named_endpoints"][CODE]["parameters"]
    assert [(each["parameter_name"], each["parameter_default"]) for each in parameters] == [
        ("instruction", None), ("language", "python"), ("action", "generate"), ("code", ""), ("adapter", ""),
        ("model", ""),
    ]  # fmt: skip


def test_an_explanation_gives_the_code_back_with_its_check(client: Client, engine: FakeEngine):
    engine.words = ["It fails."]
    result = client.predict("", "JS", "explain", "let x = ;", api_name=CODE)
    assert (result["code"], result["language"], result["valid"]) == ("let x = ;", "javascript", False)
    assert result["explanation"] == "It fails."


@pytest.mark.parametrize(
    ("answer", "valid"), [("```rust\nfn main() {}\n```", True), ("```rust\nfn main( {\n```", False), ("Sorry.", None)]
)
def test_what_was_translated_is_valid_wrong_or_unknown(
    client: Client, engine: FakeEngine, answer: str, valid: bool | None
):
    engine.words = [answer]
    result = client.predict("", language="rust", action="translate", code="x = 1", api_name=CODE)
    assert (result["language"], result["valid"]) == ("rust", valid)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"instruction": " "}, "what the code should do"),
        ({"instruction": 5}, "The instruction must be text, not int"),
        ({"instruction": "x", "language": "cobol"}, "no language 'cobol' here"),
        ({"instruction": "x", "action": "run"}, "no action 'run'"),
        ({"instruction": "", "action": "fix"}, "Paste the code"),
        ({"instruction": "x", "code": None}, "The code must be text"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(client: Client, engine: FakeEngine, arguments: dict[str, Any], says: str):
    engine.asked.clear()
    with pytest.raises(AppError, match=says):
        client.predict(**arguments, api_name=CODE)
    assert not engine.asked


def test_what_is_longer_than_the_context_is_refused(serve: Serve, embedded_host: EngineHost):
    client = Client(serve(embedded_host), verbose=False)
    with pytest.raises(AppError, match="tokens"):
        client.predict("x " * 100_000, api_name=CODE)
