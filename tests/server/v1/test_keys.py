"""Who may use /v1, and when it is there."""

from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from qwen_ui.errors import InvalidInput
from qwen_ui.server import logs
from qwen_ui.server.limits import Limits
from qwen_ui.server.v1 import keys
from qwen_ui.settings import Settings, read
from tests.fakes import INFO, FakeEngine
from tests.pages import Serve, host_of
from tests.server.v1.conftest import client_of

KEY, OTHER = "a-long-key-of-ours", "another-key-of-ours"
ASK: Any = {"model": INFO.model, "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Keys with names."""
    path = tmp_path / "keys"
    path.write_text(f"# who may\n\nann {KEY}\nben {OTHER}\n")
    return path


def test_in_public_mode_each_key_has_its_limits_and_its_name_in_the_log(
    serve: Serve, files: Path, capsys: pytest.CaptureFixture[str]
):
    settings = read(["--public", "--auth", "none", "--api-keys-file", str(files), "--requests-per-minute", "2"], {})
    logs.set_up(settings)
    host = host_of(
        FakeEngine(["ok"]), public=True, auth="none", api_keys_file=settings.api_keys_file, requests_per_minute=2
    )
    host.observe(logs.RequestLog(False).observe)
    url = serve(host)
    with client_of(url, KEY) as ann, client_of(url, OTHER) as ben, client_of(url, "a-wrong-key") as eve:
        for _ in range(2):
            assert ann.chat.completions.create(**ASK).choices[0].message.content == "ok"
        with pytest.raises(openai.RateLimitError) as limited:
            ann.chat.completions.create(**ASK)
        assert 1 <= int(limited.value.response.headers["retry-after"]) <= 60
        assert limited.value.code == "rate_limit_exceeded"
        assert ben.chat.completions.create(**ASK).choices
        for call in (lambda: eve.chat.completions.create(**ASK), eve.models.list):
            with pytest.raises(openai.AuthenticationError) as refused:
                call()
            assert refused.value.code == "invalid_api_key"
        bare = httpx.get(f"{url}v1/models")
        assert (bare.status_code, bare.headers["www-authenticate"]) == (401, "Bearer")
    said = capsys.readouterr().err
    assert said.count('"key": "ann"') == 3
    assert said.count('"key": "ben"') == 1
    assert KEY not in said
    assert "wrong-key" not in said


def test_guessing_keys_ends_soon(serve: Serve, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(keys, "WRONG_KEYS", Limits(1000, 1000, 3))
    url = serve(host_of(FakeEngine(["ok"]), api_key=KEY))
    answers = [httpx.get(f"{url}v1/models", headers={"authorization": f"Bearer guess{n}"}) for n in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert int(answers[-1].headers["retry-after"]) > 60


def test_a_public_page_has_no_api_without_keys(serve: Serve):
    url = serve(host_of(FakeEngine(["ok"]), public=True, auth="none"))
    with OpenAI(base_url=f"{url}v1", api_key="x", max_retries=0) as client, pytest.raises(openai.NotFoundError) as off:
        client.chat.completions.create(**ASK)
    assert off.value.code == "api_off"


def test_a_key_is_enough_where_the_page_asks_for_a_sign_in(serve: Serve):
    url = serve(host_of(FakeEngine(["ok"]), auth=("me", "secret"), api_key=KEY))
    with client_of(url, KEY) as client:
        assert client.chat.completions.create(**ASK).choices[0].message.content == "ok"
    assert httpx.get(f"{url}config", headers={"authorization": f"Bearer {KEY}"}).status_code == 401
    assert httpx.get(f"{url}v1/models").status_code == 401


def test_another_sites_page_can_not_use_it(serve: Serve):
    url = serve(host_of(FakeEngine(["ok"])))
    path = f"{url}v1/chat/completions"
    assert httpx.post(path, json=ASK).status_code == 200
    cross = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert httpx.post(path, json=ASK, headers=cross).status_code == 403
    form = httpx.post(
        path, content=httpx.Request("POST", path, json=ASK).content, headers={"content-type": "text/plain"}
    )
    assert (form.status_code, form.json()["error"]["code"]) == (400, "invalid_content_type")
    asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    preflight = httpx.options(path, headers=asked)
    for answer in (preflight, httpx.get(f"{url}v1/models", headers={"origin": "https://evil.example"})):
        assert answer.headers.get("access-control-allow-origin") in (None, "")


@pytest.mark.parametrize(
    ("given", "served"),
    [
        ([], True),
        (["--no-api"], False),
        (["--host", "0.0.0.0"], False),
        (["--host", "0.0.0.0", "--api"], True),
        (["--auth", "me:secret"], False),
        (["--auth", "me:secret", "--api-key", KEY], True),
        (["--public"], False),
        (["--public", "--api-key", KEY], True),
        (["--public", "--api-key", KEY, "--no-api"], False),
        (["--share"], False),
    ],
)
def test_when_the_api_is_there(given: list[str], served: bool):
    assert read(given, {}).serves_api is served


@pytest.mark.parametrize(
    "given",
    [
        ["--public", "--api"],
        ["--auth", "me:secret", "--api"],
        ["--api-key", "short"],
        ["--api-key", "with blanks in it"],
        ["--api-keys-file", "/nowhere/keys"],
    ],
)
def test_what_can_not_be_is_told_at_the_start(given: list[str]):
    with pytest.raises(InvalidInput, match="--api"):
        read(given, {})


def test_keys_come_from_a_variable_and_a_file_and_are_in_no_repr(files: Path, tmp_path: Path):
    settings = read([], {"QWEN_UI_API_KEY": "from-a-variable", "QWEN_UI_API_KEYS_FILE": str(files)})
    assert settings.api_keys == (("key", "from-a-variable"), ("ann", KEY), ("ben", OTHER))
    assert KEY not in repr(settings)
    assert "from-a-variable" not in repr(settings)
    bare = tmp_path / "bare"
    bare.write_text(f"{KEY}\n{OTHER}\n")
    assert [name for name, _ in Settings(api_keys_file=bare).api_keys] == ["key1", "key2"]  # type: ignore[arg-type]
    bare.write_text("# none\n")
    with pytest.raises(InvalidInput, match="no key"):
        Settings(api_keys_file=bare)  # type: ignore[arg-type]
