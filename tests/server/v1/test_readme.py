"""README.md, "Use it from other programs" and "Use another engine": every example there is run as it stands."""

import asyncio
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from openai import OpenAI

from qwen_ui.engine.remote import open_server
from qwen_ui.messages import Message
from qwen_ui.remotes import Remote, is_address
from qwen_ui.settings import PROJECT, read
from tests.engine.conftest import read as heard
from tests.engine.remote_server import StandIn
from tests.engine.remote_server import served as standing_in
from tests.fakes import INFO
from tests.server.v1.conftest import Served

CHINESE = {"Use it from other programs": "在其他程序中使用", "Use another engine": "使用其他引擎"}
HOME = "http://127.0.0.1:7860/"
"""Where the examples look for the app."""


def section(title: str, file: str = "README.md") -> str:
    text = (PROJECT / file).read_text("utf-8")
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def examples(title: str, file: str = "README.md") -> list[tuple[str, str]]:
    """Language and text of each."""
    found: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", section(title, file), re.DOTALL | re.MULTILINE)
    return found


def of(language: str, title: str = "Use it from other programs") -> list[str]:
    return [text for each, text in examples(title) if each == language]


def pointed(text: str, served: Served) -> str:
    """The example, for the server of this test."""
    assert HOME in text
    return text.replace(HOME, served.url).replace("MODEL", INFO.model)


@pytest.mark.parametrize("text", of("python"))
def test_python(served: Served, tmp_path: Path, text: str):
    served.says("Light ", "scatters.")
    (script := tmp_path / "script.py").write_text(pointed(text, served))
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=120)
    assert run.stdout == "Light scatters.\n"


@pytest.mark.parametrize("text", of("sh"))
def test_curl(served: Served, text: str):
    served.says("there ", "was.")
    script = "set -e\n" + pointed(text, served).replace("curl ", "curl -sS --fail ")
    run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert f'"id":"{INFO.model}"' in run.stdout
    assert '"text":"there was."' in run.stdout


@pytest.mark.parametrize("text", of("yaml"))
def test_an_editors_settings(served: Served, text: str):
    served.says("ok")
    (settings,) = yaml.safe_load(pointed(text, served))["models"]
    with OpenAI(base_url=settings["apiBase"], api_key=settings["apiKey"], max_retries=0) as client:
        answer = client.chat.completions.create(model=settings["model"], messages=[{"role": "user", "content": "hi"}])
    assert answer.choices[0].message.content == "ok"


ENGINES = [line for text in of("sh", "Use another engine") for line in text.splitlines()]


@pytest.mark.parametrize("command", ENGINES)
async def test_another_engine(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The app is not started for it: make tells what it would run, and the engine is opened by that."""
    (tmp_path / "key.txt").write_text("a-secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    dry = ["bash", "-c", command.replace("make ", "make --dry-run ")]
    told = await asyncio.to_thread(subprocess.run, dry, cwd=PROJECT, capture_output=True, text=True, check=True)
    arguments = shlex.split(told.stdout.splitlines()[-1].partition("python app.py ")[2])
    settings = read(arguments, {})
    for given in filter(is_address, settings.models):
        name = settings.model_name or Remote.of(given).name or "stand-in"
        key = replace(settings, model=given).remote_secret
        assert bool(key) == ("--api-key-file" in command)
        with standing_in(StandIn(models=[{"id": name, "object": "model"}], key=key)) as address:
            one = replace(settings, model=re.sub(r"https?://[^/]+/v1", address, given))
            engine = await asyncio.to_thread(open_server, one, lambda progress: None)
            text, _ = await heard(engine, [Message("user", "Count.")], temperature=0)
            await engine.close()
        assert (engine.info.model, text) == (name, "One two three four five.")


def test_the_languages_have_the_same_examples():
    for title, chinese in CHINESE.items():
        assert examples(title)
        assert bare(examples(chinese, "README.zh-CN.md")) == bare(examples(title))


def bare(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The examples without what is said in them to people."""
    said = re.compile(r'\s+#.*$|(?<="content": ")[^"]+', re.MULTILINE)
    return [(language, said.sub("", text)) for language, text in found]


@pytest.mark.parametrize("name", ["--api-keys-file", "QWEN_UI_API_KEY"])
def test_the_settings_that_it_names_are_there(name: str):
    assert name in section("Use it from other programs")
    assert name in (PROJECT / "docs" / "settings.md").read_text("utf-8")
