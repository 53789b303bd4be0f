"""Settings from flags and variables."""

from pathlib import Path

import pytest

from qwen_ui import __version__
from qwen_ui.config import PROJECT, Settings, read
from qwen_ui.errors import InvalidInput


def test_the_defaults_need_nothing():
    settings = read([], {})
    assert (settings.model, settings.precision, settings.host, settings.port) == ("auto", "auto", "127.0.0.1", 7860)
    assert settings.prompts_dir == PROJECT / "prompts"
    assert not settings.share
    assert settings.auth is None


def test_a_flag_wins_over_its_variable_and_that_over_the_default():
    environ = {"QWEN_UI_PORT": "7900", "QWEN_UI_MODEL": "embedded", "QWEN_UI_SHARE": "true", "QWEN_UI_HOST": ""}
    settings = read(["--port", "7861"], environ)
    assert (settings.port, settings.model, settings.share, settings.host) == (7861, "embedded", True, "127.0.0.1")


def test_every_flag_is_a_variable(tmp_path: Path):
    flags = {
        "model": "Qwen/Qwen2.5-0.5B-Instruct",
        "precision": "8bit",
        "host": "0.0.0.0",
        "port": "8000",
        "auth": "me:pass:word",
        "prompts-dir": str(tmp_path),
        "data-dir": str(tmp_path / "data"),
        "max-context": "4096",
        "max-concurrent": "4",
        "log-level": "debug",
    }
    by_flag = read([word for name, value in flags.items() for word in (f"--{name}", value)], {})
    by_variable = read([], {f"QWEN_UI_{name.upper().replace('-', '_')}": value for name, value in flags.items()})
    assert by_flag == by_variable
    assert by_flag.auth == ("me", "pass:word")
    assert (by_flag.max_context, by_flag.max_concurrent, by_flag.data_dir) == (4096, 4, tmp_path / "data")


@pytest.mark.parametrize(
    ("argv", "environ", "says"),
    [
        (["--port", "seven"], {}, "--port must be a whole number, not 'seven'"),
        (["--port", "0"], {}, "--port must be from 1 to 65535"),
        (["--precision", "2bit"], {}, "--precision must be one of auto, 4bit"),
        (["--log-level", "loud"], {}, "--log-level must be one of"),
        (["--model", " "], {}, "--model must not be empty"),
        (["--auth", "me"], {}, "--auth must be user:password"),
        (["--auth", "me:"], {}, "--auth must be user:password"),
        (["--max-context", "10"], {}, "--max-context must be from 256"),
        (["--prompts-dir", "/no/such/folder"], {}, "/no/such/folder does not exist"),
        ([], {"QWEN_UI_SHARE": "perhaps"}, "QWEN_UI_SHARE must be true or false"),
        ([], {"QWEN_UI_MAX_CONCURRENT": "0"}, "--max-concurrent must be from 1"),
    ],
)
def test_what_cannot_work_is_refused_with_the_flags_name(argv, environ, says):
    with pytest.raises(InvalidInput, match=says):
        read(argv, environ)


def test_the_password_is_not_printed():
    assert "hunter2" not in repr(Settings(auth=("me", "hunter2")))


def test_version(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        read(["--version"], {})
    assert caught.value.code == 0
    assert __version__ in capsys.readouterr().out
