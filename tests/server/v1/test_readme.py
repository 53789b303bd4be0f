"""What README.md tells under "Use it from other programs", run as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from openai import OpenAI

from qwen_ui.settings import PROJECT
from tests.fakes import INFO
from tests.server.v1.conftest import Served

SECTION = (PROJECT / "README.md").read_text("utf-8").partition("## Use it from other programs")[2].partition("\n## ")[0]


def written(language: str, served: Served) -> str:
    """The only example in that language, for the server of this test."""
    (text,) = re.findall(rf"```{language}\n(.*?)```", SECTION, re.DOTALL)
    return str(text).replace("http://127.0.0.1:7860/", served.url).replace("MODEL", INFO.model)


def test_python(served: Served, tmp_path: Path):
    served.says("Light ", "scatters.")
    (script := tmp_path / "script.py").write_text(written("python", served))
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=120)
    assert run.stdout == "Light scatters.\n"


def test_curl(served: Served):
    served.says("there ", "was.")
    script = "set -e\n" + written("sh", served).replace("curl ", "curl -sS --fail ")
    run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert f'"id":"{INFO.model}"' in run.stdout
    assert '"text":"there was."' in run.stdout


def test_an_editors_settings(served: Served):
    served.says("ok")
    (settings,) = yaml.safe_load(written("yaml", served))["models"]
    with OpenAI(base_url=settings["apiBase"], api_key=settings["apiKey"], max_retries=0) as client:
        answer = client.chat.completions.create(model=settings["model"], messages=[{"role": "user", "content": "hi"}])
    assert answer.choices[0].message.content == "ok"


@pytest.mark.parametrize("name", ["--api-keys-file", "QWEN_UI_API_KEY"])
def test_the_settings_that_it_names_are_there(name: str):
    assert name in SECTION
    assert name in (PROJECT / "docs" / "settings.md").read_text("utf-8")
