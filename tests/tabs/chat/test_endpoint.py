"""The endpoints as scripts call them, with the embedded model."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.fakes import FakeEngine
from tests.pages import Serve, Server, host_of

CHAT = "/chat"
GREEDY = {"temperature": 0, "api_name": CHAT}
LONG = {"max_new_tokens": 2000, "temperature": 0, "api_name": CHAT}


def test_status_has_the_shape_of_the_contract(server: Server):
    status = server.status()
    assert set(status) == {
        "state", "model", "precision", "device", "engine", "reason", "context_length", "active", "waiting",
        "models",
    }  # fmt: skip
    assert status["state"] == "ready"
    assert "SmolLM2" in status["model"]
    assert "embedded" in status["reason"]


def test_parameters_have_the_names_and_defaults_of_the_contract(server: Server):
    api: Any = server.client.view_api(return_format="dict", print_info=False)
    parameters = api["named_endpoints"][CHAT]["parameters"]
    assert [(p["parameter_name"], p["parameter_default"]) for p in parameters] == [
        ("message", None), ("history", []), ("system", ""), ("max_new_tokens", 512),
        ("temperature", 0.7), ("top_p", 0.8), ("top_k", 20), ("adapter", ""), ("model", ""),
    ]  # fmt: skip
    assert set(api["named_endpoints"]) == {
        *("/status", CHAT, "/write", "/ask", "/translate", "/translate_check", "/sentiment", "/decide", "/code"),
        *("/search", "/collections", "/tokens", "/finetune", "/runs", "/adapters"),
    }


def test_an_answer_streams_as_growing_text(server: Server):
    updates = list(server.client.submit("Tell me about the sea.", max_new_tokens=16, **GREEDY))
    texts = [text for text in updates if text]
    assert len(set(texts)) > 2
    assert all(longer.startswith(shorter) for shorter, longer in pairwise(texts))


def test_temperature_zero_gives_the_same_answer_again(server: Server):
    answers = {server.client.predict("Name a colour.", max_new_tokens=12, **GREEDY) for _ in range(2)}
    assert len(answers) == 1


def test_history_and_system_prompt_change_the_answer(server: Server):
    question = "What is my name?"
    history = [{"role": "user", "content": "My name is Alice."}, {"role": "assistant", "content": "Hello Alice!"}]
    told = server.client.predict(question, history=history, max_new_tokens=16, **GREEDY)
    assert "Alice" in told
    assert "Alice" not in server.client.predict(question, max_new_tokens=16, **GREEDY)


NAMED = ["My name is Alice.", "Hello Alice! Nice to meet you, Alice."]


@pytest.mark.parametrize(
    "history",
    [
        [NAMED],
        [
            {"role": role, "metadata": None, "options": None, "content": [{"type": "text", "text": text}]}
            for role, text in zip(("user", "assistant"), NAMED, strict=True)
        ],
    ],
)
def test_a_history_in_gradio_s_own_shapes(server: Server, history: list[Any]):
    told = server.client.predict("What is my name?", history=history, max_new_tokens=16, **GREEDY)
    assert "Alice" in told


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"message": ""}, "empty"),
        ({"message": " \n\t "}, "empty"),
        ({"message": "x " * 100_000}, "tokens"),
        ({"message": 5}, "must be text"),
        ({"message": None}, "must be text"),
        ({"message": "hi", "system": ["x"]}, "must be text"),
        ({"message": "hi", "history": "earlier"}, "must be a list"),
        ({"message": "hi", "history": [["a", "b", "c"]]}, "Entry 1"),
        ({"message": "hi", "history": [["a", "b"], [{"path": "/x.png"}, None]]}, "Entry 2 .* 1 image"),
        ({"message": "hi", "history": [{"role": "user", "content": [{"type": "image_url"}]}]}, "Entry 1 .* 1 image"),
        ({"message": "hi", "history": [{"role": "user", "content": "x"}, {"role": "bot", "content": "y"}]}, "Entry 2"),
        ({"message": "hi", "temperature": -1}, "Temperature"),
        ({"message": "hi", "temperature": 1e30}, "Temperature"),
        ({"message": "hi", "temperature": "hot"}, "Temperature"),
        ({"message": "hi", "top_p": 0}, "Top-p"),
        ({"message": "hi", "top_p": 7}, "Top-p"),
        ({"message": "hi", "top_k": -3}, "Top-k"),
        ({"message": "hi", "max_new_tokens": 0}, "Maximum length"),
        ({"message": "hi", "max_new_tokens": 1.5}, "Maximum length"),
        ({"message": "hi", "max_new_tokens": 10**9}, "Maximum length"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(server: Server, arguments: dict[str, Any], says: str):
    with pytest.raises(AppError, match=says):
        server.client.predict(**arguments, api_name=CHAT)
    assert server.status()["active"] == 0


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ('["a\\ud800b", [], "", 8, 0, 0.8, 20]', "not valid Unicode"),
        ('["hi", [{"role": "user", "content": "\\ud800"}], "", 8, 0, 0.8, 20]', "Entry 1"),
        ('["hi", [], "", 8, NaN, 0.8, 20]', "Temperature"),
        ('["hi", [], "", 8, Infinity, 0.8, 20]', "Temperature"),
        ("[]", "error"),
    ],
)
def test_what_no_client_library_would_send_is_refused_too(server: Server, data: str, says: str):
    call = f"{server.url}gradio_api/call/chat"
    headers = {"content-type": "application/json"}
    event = httpx.post(call, content=f'{{"data": {data}}}', headers=headers).json()["event_id"]
    assert says in httpx.get(f"{call}/{event}", timeout=60).text


def test_nobody_passes_the_queue_by(server: Server):
    answer = httpx.post(f"{server.url}gradio_api/run/chat", json={"data": ["hi", [], "", 8, 0, 0.8, 20]})
    assert (answer.status_code, answer.text) == (404, "There is nothing here.")


def test_after_bad_input_the_next_request_works(server: Server):
    with pytest.raises(AppError):
        server.client.predict("hi", temperature=-1, api_name=CHAT)
    assert server.client.predict("hi", max_new_tokens=2, **GREEDY)


def test_html_is_given_back_as_any_text(serve: Serve):
    echo = Client(serve(host_of(FakeEngine())), verbose=False)
    assert echo.predict("<script>alert(1)</script>", api_name=CHAT) == "<script>alert(1)</script>"


def test_a_cancelled_job_frees_its_stream(server: Server):
    job = server.client.submit("Count to a thousand.", **LONG)
    server.wait_until(lambda status: status["active"] == 1)
    job.cancel()
    server.wait_until_idle()


def test_a_client_that_leaves_frees_its_stream(server: Server):
    call = f"{server.url}gradio_api/call/chat"
    event = httpx.post(call, json={"data": ["Count to a thousand.", [], "", 2000, 0, 1, 20]}).json()["event_id"]
    with httpx.stream("GET", f"{call}/{event}", timeout=60) as response:
        lines = response.iter_lines()  # let go of, it closes the connection
        next(lines)
        server.wait_until(lambda status: status["active"] == 1)
    server.wait_until_idle()


def test_four_clients_at_once_each_get_their_own_answer(server: Server):
    words = ["apple", "river", "piano", "tiger"]

    def ask(word: str) -> str:
        client = Client(server.url, verbose=False)
        answer: str = client.predict(f"Repeat the word {word}.", max_new_tokens=24, **GREEDY)
        return answer

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(ask, words))
    for word, answer in zip(words, together, strict=True):
        assert word in answer.lower()
