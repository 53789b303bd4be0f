import json
import subprocess
import sys
from pathlib import Path

import pytest

from qwen_ui.finetune import cli
from qwen_ui.finetune.__main__ import main
from qwen_ui.finetune.settings import choices
from qwen_ui.settings import PROJECT, Settings
from tests.finetune.test_training import adapter_of
from tests.finetune.training import Told, add, rows, settings
from tests.models.tiny import in_thread


@pytest.fixture
def films(tmp_path: Path) -> Path:
    file = tmp_path / "films.csv"
    file.write_bytes(rows(12))
    return file


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """The exit status and what is on stderr."""
    status = main([str(each) for each in arguments])
    return status, capsys.readouterr().err


def test_help_names_every_setting_in_its_section():
    text = cli.parser().format_help()
    for name, choice in choices().items():
        assert f"--{name.replace('_', '-')}" in text
        assert " ".join(choice.help.split()[:3]) in " ".join(text.split())
    assert "exit status" in text and "what is trained:" in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Name a file of examples"),
        (["no.csv"], "There is no file no.csv."),
        (["films.csv", "--rank", "0"], "Rank must be a whole number from 1 to 256, not 0."),
        (["films.csv", "--optimizer", "best"], "Optimizer must be one of adamw"),
        (["films.csv", "--name", "../x"], "'../x' can't be an adapter's name."),
        (["films.csv", "--rank", "many"], "invalid int value"),
        (["films.csv", "--depth", "3"], "--depth"),
        (["--run", "nowhere"], "There is no run in nowhere."),
        (["--merge", "films"], "Name a folder for the merged model with --out."),
    ],
)
def test_what_must_be_changed_is_one_sentence_and_status_2(capsys, monkeypatch, films, arguments, sentence):
    monkeypatch.chdir(films.parent)
    status, error = said(capsys, *arguments, "--data-dir", films.parent)
    assert status == 2 and sentence in error and len(error.splitlines()) == 1
    assert not (films.parent / "runs").exists()


def test_presets_and_what_is_given_beside_them():
    given = cli.parser().parse_args(["a.csv", "--preset", "careful", "--rank", "4", "--rslora", "--pin", "Hi"])
    request = cli.request_of(vars(given))
    assert (request.settings.rank, request.settings.schedule, request.settings.rslora) == (4, "cosine", True)
    assert (request.name, request.file, request.pinned) == ("a", "a.csv", ("Hi",))


def test_a_name_that_is_taken_is_refused_at_once(capsys, trained: Told, films: Path):
    status, error = said(capsys, films, "--name", "films", "--data-dir", trained.run.folder.parents[1])
    assert status == 2 and "There is an adapter 'films' already." in error


def test_plan_is_one_json_object(capsys, tiny: Path, tmp_path: Path):
    run = add(tmp_path, tiny, settings())
    assert in_thread(lambda: main(["--plan", str(run.folder)])) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["estimate"]["fits"] and plan["estimate"]["steps"] == 6 and plan["estimate"]["seconds"] > 0
    assert plan["preview"]
    assert not list(run.events())


def test_plan_tells_bad_input_as_json(capsys, tiny: Path, tmp_path: Path):
    run = add(tmp_path, tiny, settings(), b"text,label\na,good\nb,good\nc,good\nd,good\ne,good")
    assert main(["--plan", str(run.folder)]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["text"] and error["template"] and isinstance(error["values"], dict)


def test_the_merged_export_says_what_the_adapter_says(trained: Told, tiny: Path, tmp_path: Path):
    data_dir, out = trained.run.folder.parents[1], tmp_path / "merged"
    arguments = ["--merge", "films", "--out", str(out), "--model", str(tiny), "--data-dir", str(data_dir)]
    assert in_thread(lambda: main(arguments)) == 0
    assert "films.csv (32 rows, labels negative, positive)" in (out / "README.md").read_text()

    def differ() -> float:
        import torch
        from peft import PeftModel
        from transformers import AutoModelForCausalLM

        ids = torch.tensor([[5, 6, 7, 8]])
        merged = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32)
        base = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
        with torch.inference_mode():
            plain = base(ids).logits
            adapted = PeftModel.from_pretrained(base, adapter_of(trained.run))(ids).logits
            return float((merged(ids).logits - adapted).abs().max() / (plain - adapted).abs().max())

    assert in_thread(differ) < 0.2  # rounded to 16 bits


def test_the_command_trains_the_embedded_model(embedded_settings: Settings, films: Path, tmp_path: Path):
    (tmp_path / "models").symlink_to(embedded_settings.data_dir / "models")
    arguments = f"{films} --model embedded --input text --target label --name films --data-dir {tmp_path} --steps 1"
    command = [sys.executable, "-m", "qwen_ui.finetune", *arguments.split(), "--nice", "0", "--threads", "1"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "adapters" / "films" / "adapter_model.safetensors").is_file()
    config = json.loads((tmp_path / "adapters" / "films" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert "step 1 " in done.stdout and "Adapter films" in done.stdout
