"""Addresses of models on other servers, and the keys for them."""

from dataclasses import replace
from pathlib import Path

import pytest

from qwen_ui import remotes
from qwen_ui.errors import InvalidInput
from qwen_ui.remotes import Remote
from qwen_ui.settings import read

A, B = "http://a:8000/v1", "https://b/v1#Qwen2.5-7B"


@pytest.mark.parametrize(
    ("given", "models"),
    [
        (f"embedded {A},{B}", ("embedded", A, B)),
        (f"{A}\n{B} , auto", (A, B, "auto")),
        ("/my models/a, b.gguf", ("/my models/a, b.gguf",)),  # as one could always write
        (f"/my models/a, b.gguf {A}", ("/my models/a, b.gguf", A)),
    ],
)
def test_several_models_are_named_by_the_variable_or_by_flags(given: str, models: tuple[str, ...]):
    by_variable = read([], {"QWEN_UI_MODEL": given})
    assert by_variable.models == models
    assert read([word for model in models for word in ("--model", model)], {}) == by_variable
    assert replace(by_variable) == by_variable


def test_which_of_them_runs_here():
    settings = read(["--model", A, "--model", "embedded"], {})
    assert not settings.is_remote
    assert read(["--model", A, "--model", B], {}).is_remote


def test_an_address_names_the_model_behind_it():
    assert read(["--model", B], {}).remote == Remote("https://b/v1", "Qwen2.5-7B")
    assert read(["--model", A, "--model-name", "big"], {}).remote == Remote(A, "big")
    assert Remote.of("http://a:8000/v1/#one%20model") == Remote(A, "one model")
    assert Remote.of(A).place == "a:8000"


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--model", "embedded", "--model", "auto"], "one model at most can run here, not both embedded and auto"),
        (["--model", f"embedded {A} auto"], "not both embedded and auto"),
        (["--model", A, "--model", f"{A}/"], f"{A} is there twice"),
        (["--model", A, "--model", B, "--model-name", "big"], "--model-name is for one server"),
        (["--model", "http://"], "is no server's address"),
        (["--model", "http://a:port/v1"], "http://a:port/v1 is no server's address"),
        (["--model", "http://me:hunter2@a:8000/v1"], "a:8000 must be without user and password.*--api-key-file"),
        (["--model", "http://me:hunter2@a:port/v1"], "is no server's address"),
    ],
)
def test_what_cannot_work_is_said_without_a_password(argv: list[str], says: str):
    with pytest.raises(InvalidInput, match=says) as caught:
        read(argv, {})
    assert "hunter2" not in str(caught.value)


def test_each_server_has_its_key(tmp_path: Path):
    file = tmp_path / "keys"
    file.write_text(f"# ours\n{A}/ key-a\nkey-of-others\n")
    settings = read(["--model", A, "--model", B, "--api-key-file", str(file)], {})
    assert [replace(settings, model=model).remote_secret for model in (A, B)] == ["key-a", "key-of-others"]
    file.write_text(f"{A} key-a\n")
    assert replace(settings, model=B).remote_secret == ""  # read anew, and one server's key is not told to another
    assert replace(settings, model=B, remote_key="of-others").remote_secret == "of-others"


@pytest.mark.parametrize("text", ["one two", f"{A} key more", "key\nother", f"{A} one\n{A} two", f"\n{A} http://b key"])
def test_a_line_that_is_no_key_is_told_by_its_number(text: str):
    with pytest.raises(InvalidInput, match=r"line \d") as caught:
        remotes.keys(text)
    assert not any(secret in str(caught.value) for secret in ("two", "more", "other", "http://b"))
