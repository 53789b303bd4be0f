"""/v1 as programs use it that know nothing of this app: each by its own client code."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests
from openai import BadRequestError, OpenAI

from qwen_ui.engine.remote import open_server
from qwen_ui.messages import Message
from qwen_ui.server.host import EngineHost
from qwen_ui.server.v1.tools import CLOSE, OPEN
from qwen_ui.settings import Settings
from tests.fakes import INFO, FakeEngine, FakeStream
from tests.pages import Serve, host_of

QUESTION = "Name one river."


@pytest.fixture(scope="module")
def address(embedded_host: EngineHost, serve_module: Serve) -> str:
    return f"{serve_module(embedded_host)}v1"


@pytest.fixture(scope="module")
def name(embedded_host: EngineHost) -> str:
    return embedded_host.engine.info.model


class TestLangChain(ChatModelIntegrationTests):
    """LangChain's standard tests of chat models. What is off below is what the model, or the server, has not."""

    @pytest.fixture(autouse=True)
    def served(self, address: str, name: str) -> None:
        self.params = {"base_url": address, "model": name, "api_key": "none", "max_tokens": 24, "temperature": 0}
        self.params["stream_usage"] = True  # it asks OpenAI alone for that by itself

    @property
    def chat_model_class(self) -> type[ChatOpenAI]:
        return ChatOpenAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return self.params

    @property
    def has_tool_calling(self) -> bool:
        return False  # the embedded model's chat template knows no tools: requests with some are refused

    @property
    def has_structured_output(self) -> bool:
        return (
            False  # its answers are cut at 24 tokens, which is quick and too short for JSON; test_forms.py tries that
        )

    @property
    def supports_model_override(self) -> bool:
        return False  # it needs a second model; tests/server/v1/test_chat.py asks for adapters by name


def answered(address: str, name: str) -> str:
    """What openai-python gets for the question, in twelve tokens."""
    asked: Any = {"model": name, "messages": [{"role": "user", "content": QUESTION}], "temperature": 0}
    with OpenAI(base_url=address, api_key="none", max_retries=0) as client:
        return client.chat.completions.create(**asked, max_tokens=12).choices[0].message.content or ""


@pytest.fixture
def llm_home(address: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for `llm` that knows the server as any other of OpenAI's kind."""
    known = [{"model_id": "mine", "model_name": name, "api_base": address}]
    (tmp_path / "extra-openai-models.yaml").write_text(yaml.safe_dump(known))
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path))
    return tmp_path


def test_llm_on_the_command_line(llm_home: Path, address: str, name: str):
    command = [sys.executable, "-m", "llm", "-m", "mine", QUESTION, "-o", "temperature", "0", "-o", "max_tokens", "12"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, stdin=subprocess.DEVNULL)
    assert run.stdout.strip() == answered(address, name).strip()


def test_llm_from_python(llm_home: Path, address: str, name: str):
    import llm

    conversation = llm.get_model("mine").conversation()
    answer = conversation.prompt(QUESTION, temperature=0, max_tokens=12)
    assert "".join(answer) == answered(address, name)
    assert answer.usage().output == 12
    assert conversation.prompt("Another one.", temperature=0, max_tokens=4, stream=False).text()


class Clever(FakeEngine):
    """Calls the first tool that it is told of, and else says hello."""

    def make_stream(self, messages: Sequence[Message]) -> FakeStream:
        self.words = ["Hello ", "there, ", "friend."]
        for tool in messages[0].tools[:1]:
            call = {"name": json.loads(tool)["function"]["name"], "arguments": {"location": "Oslo"}}
            begun = messages[-1].content if messages[-1].role == "assistant" else ""
            self.words = [f"{OPEN}\n{json.dumps(call)}\n{CLOSE}".removeprefix(begun)]
        return super().make_stream(messages)


@pytest.fixture(scope="module")
def clever(serve_module: Serve) -> str:
    return f"{serve_module(host_of(Clever()))}v1"


def test_llm_comply(clever: str):
    """Its suite for OpenAI's chat: of the form of what comes, for which no model is needed."""
    command = [sys.executable, "-m", "llm_comply.cli", "--format", "openai-chat", "-u", clever, "-k", "none", "--json"]
    run = subprocess.run([*command, "-m", INFO.model], capture_output=True, text=True, check=False, timeout=240)
    told = json.loads(run.stdout)["results"]
    assert len(told) == 9
    assert {each["id"]: each["status"] for each in told if each["status"] != "passed"} == {
        "chat-image-input": "failed",  # the models read text alone: an image is refused
        "chat-reasoning-summary": "skipped",  # it asks that of models of certain names alone
    }, told
    assert not [each["warnings"] for each in told if "warnings" in each]


def test_a_page_before_another_passes_tools_and_texts_on(clever: str, serve_module: Serve):
    engine = open_server(Settings(model=clever, max_context=INFO.context_length), lambda progress: None)
    tool: Any = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
    asked: Any = {"model": INFO.model, "messages": [{"role": "user", "content": "What is it like in Oslo?"}]}
    with OpenAI(base_url=f"{serve_module(host_of(engine))}v1", api_key="none", max_retries=0) as client:
        choice = client.chat.completions.create(**asked, tools=[tool]).choices[0]
        assert choice.finish_reason == "tool_calls"
        (call,) = choice.message.tool_calls or []
        assert call.type == "function"
        assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"location": "Oslo"})
        asked["messages"] += [choice.message, {"role": "tool", "tool_call_id": call.id, "content": "Snow."}]
        assert client.chat.completions.create(**asked).choices[0].message.content == "Hello there, friend."
        assert client.completions.create(model=INFO.model, prompt="Once").choices[0].text == "Hello there, friend."
        with pytest.raises(BadRequestError, match=r"'tool_choice'\. This engine can't hold answers to JSON"):
            client.chat.completions.create(**asked, tools=[tool], tool_choice="required")


FACTS = {
    "The capital of France is": ["Paris", "London", "a cheese"],
    "Water is made of hydrogen and": ["oxygen", "gold", "old shoes"],
    "A week has": ["seven days", "nine days", "no days at all"],
}


def test_lm_evaluation_harness(embedded_settings: Settings, embedded_host: EngineHost, address: str, name: str):
    """`local-completions` on a small task: its log-likelihoods are the engine's.

    To try it: ``pip install "lm-eval[api]"``. It is not among the requirements, being 16,000 files and 25 packages more
    for this test; test_embedded.py asks in the same way.
    """
    pytest.importorskip("lm_eval")
    from datasets import Dataset
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.evaluator import evaluate
    from lm_eval.models.openai_completions import LocalCompletionsAPI

    rows = [{"question": question, "choices": choices} for question, choices in FACTS.items()]
    task = ConfigurableTask(
        config={
            "task": "facts",
            "custom_dataset": lambda **_: {"test": Dataset.from_list(rows)},
            "test_split": "test",
            "output_type": "multiple_choice",
            "doc_to_text": "{{question}}",
            "doc_to_choice": "{{choices}}",
            "doc_to_target": 0,
        }
    )
    folder = next((embedded_settings.data_dir / "models").glob("*/tokenizer.json")).parent
    client = LocalCompletionsAPI(
        base_url=f"{address}/completions",
        model=name,
        tokenizer=str(folder),
        tokenizer_backend="huggingface",
        batch_size=3,
    )
    found = evaluate(client, {"facts": task}, log_samples=True, bootstrap_iters=0)
    assert found["results"]["facts"]["acc,none"] == 1
    for sample in found["samples"]["facts"]:
        ends = [f" {choice}" for choice in sample["doc"]["choices"]]
        (expected,) = asyncio.run(embedded_host.engine.score([sample["doc"]["question"]], ends))
        assert [score for ((score, _),) in sample["resps"]] == pytest.approx(expected, abs=0.2), "up to bf16's rounding"
