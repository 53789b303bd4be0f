"""/code as scripts call it, with the embedded model."""

from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from qwen_ui.server.host import EngineHost
from tests.fakes import FakeEngine
from tests.pages import Serve, host_of

CODE = "/code"


@pytest.fixture
def client(serve: Serve, embedded_host: EngineHost, short_prompts: Path) -> Client:
    return Client(serve(embedded_host), verbose=False)


def test_parameters_have_the_names_and_defaults_of_the_contract(client: Client):
    api: Any = client.view_api(return_format="dict", print_info=False)
    parameters = api["named_endpoints"][CODE]["parameters"]
    assert [(each["parameter_name"], each["parameter_default"]) for each in parameters] == [
        ("instruction", None), ("language", "python"), ("action", "generate"), ("code", ""),
    ]  # fmt: skip


def test_code_streams_and_is_checked(client: Client):
    updates = list(client.submit("Write a function that adds two numbers.", api_name=CODE))
    last = updates[-1]
    assert set(last) == {"code", "language", "explanation", "valid"}
    assert last["language"] == "python"
    assert last["valid"] in {True, False, None}
    texts = [update["code"] + update["explanation"] for update in updates]
    assert len(set(texts)) > 2


def test_an_explanation_gives_the_code_back_with_its_check(client: Client):
    result = client.predict("", "JS", "explain", "let x = ;", api_name=CODE)
    assert (result["code"], result["language"], result["valid"]) == ("let x = ;", "javascript", False)
    assert result["explanation"]


@pytest.mark.parametrize(
    ("answer", "valid"), [("```rust\nfn main() {}\n```", True), ("```rust\nfn main( {\n```", False), ("Sorry.", None)]
)
def test_what_was_translated_is_valid_wrong_or_unknown(serve: Serve, answer: str, valid: bool | None):
    client = Client(serve(host_of(FakeEngine([answer]))), verbose=False)
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
        ({"instruction": "x " * 100_000}, "tokens"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(client: Client, arguments: dict[str, Any], says: str):
    with pytest.raises(AppError, match=says):
        client.predict(**arguments, api_name=CODE)
