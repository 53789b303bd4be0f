"""Settings from flags and variables."""

import re
from dataclasses import FrozenInstanceError, fields, replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from qwen_ui import __version__, settings_page
from qwen_ui.errors import InvalidInput
from qwen_ui.settings import PROJECT, SETTINGS, Settings, flag_of, read


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
    (tmp_path / "key").write_text("secret")
    flags = {
        "model": "Qwen/Qwen2.5-0.5B-Instruct",
        "model-name": "qwen",
        "api-key-file": str(tmp_path / "key"),
        "precision": "8bit",
        "host": "0.0.0.0",
        "port": "8000",
        "auth": "me:pass:word",
        "api-key": "a-key-of-ours",
        "api-keys-file": str(tmp_path / "keys"),
        "prompts-dir": str(tmp_path),
        "data-dir": str(tmp_path / "data"),
        "max-context": "4096",
        "max-concurrent": "4",
        "max-adapters": "2",
        "log-level": "debug",
        "grace": "0",
        "trusted-proxy": "127.0.0.1, 10.0.0.0/8,::1",
        "allowed-host": "Chat.example.com, *.example.org",
        "requests-per-minute": "5",
        "running-per-visitor": "1",
        "tokens-per-hour": "900",
        "upload-mb": "7",
        "keep-hours": "2",
        "metrics-port": "9100",
        "metrics-host": "0.0.0.0",
    }
    (tmp_path / "keys").write_text("ann another-key\n")
    switches = {"share", "public", "log_text", "api", "mcp"}
    without_flag = {name for name, setting in SETTINGS.items() if not setting.on_command_line}
    flagged = {field.name for field in fields(Settings)} - without_flag
    assert {name.replace("-", "_") for name in flags} | switches == flagged
    by_flag = read([word for name, value in flags.items() for word in (f"--{name}", value)], {})
    by_variable = read([], {f"QWEN_UI_{name.upper().replace('-', '_')}": value for name, value in flags.items()})
    assert by_flag == by_variable
    assert by_flag.auth == ("me", "pass:word")
    assert (by_flag.max_context, by_flag.max_concurrent, by_flag.data_dir) == (4096, 4, tmp_path / "data")
    assert by_flag.trusted_proxy == (ip_network("127.0.0.1"), ip_network("10.0.0.0/8"), ip_network("::1"))
    assert by_flag.api_keys == (("key", "a-key-of-ours"), ("ann", "another-key"))
    assert by_flag.allowed_host == ("chat.example.com", "*.example.org")
    assert (by_flag.grace, by_flag.upload_limit_mb, by_flag.metrics_port) == (0, 7, 9100)


@pytest.mark.parametrize(
    ("argv", "environ", "public"),
    [
        ([], {}, False),
        (["--share"], {}, True),
        (["--public"], {}, True),
        (["--share", "--no-public"], {}, False),
        ([], {"SPACE_ID": "someone/qwen-ui"}, True),
        ([], {"SPACE_ID": "someone/qwen-ui", "QWEN_UI_PUBLIC": "no"}, False),
        (["--no-public"], {"QWEN_UI_PUBLIC": "yes"}, False),
    ],
)
def test_a_page_that_strangers_reach_is_public_unless_said_otherwise(argv, environ, public):
    settings = read(argv, environ)
    assert settings.is_public is public
    assert settings.upload_limit_mb == (10 if public else 50)


@pytest.mark.parametrize(
    ("variables", "host", "port"),
    [
        ({}, "127.0.0.1", 7860),
        ({"SPACE_ID": "someone/qwen-ui"}, "0.0.0.0", 7860),
        ({"SPACE_ID": "someone/qwen-ui", "GRADIO_SERVER_NAME": "10.0.0.1"}, "10.0.0.1", 7860),
        ({"GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_SERVER_PORT": "7001"}, "0.0.0.0", 7001),
        ({"GRADIO_SERVER_NAME": "0.0.0.0", "QWEN_UI_HOST": "127.0.0.1"}, "127.0.0.1", 7860),
    ],
)
def test_gradios_and_spaces_variables_are_honoured(variables: dict[str, str], host: str, port: int):
    settings = read([], variables)
    assert (settings.host, settings.port) == (host, port)
    assert read(["--host", "::1"], variables).host == "::1"


def test_no_password_can_be_said_aloud():
    assert (read(["--auth", "none"], {}).auth, read(["--auth", "none"], {}).credentials) == ("none", None)
    assert (read([], {}).auth, read([], {}).credentials) == (None, None)
    assert read(["--auth", "me:secret"], {}).credentials == ("me", "secret")


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
        (["--trusted-proxy", "proxy.example"], {}, "--trusted-proxy must be IP .* 'proxy.example' is none"),
        (["--trusted-proxy", "10.0.0.1/8"], {}, "'10.0.0.1/8' is none"),
        (
            ["--allowed-host", "http://chat.example.com"],
            {},
            "--allowed-host must be names .* 'http://chat.example.com'",
        ),
        (["--allowed-host", "*"], {}, "--allowed-host must be names"),
        (["--requests-per-minute", "0"], {}, "--requests-per-minute must be from 1"),
        (["--tokens-per-hour", "many"], {}, "--tokens-per-hour must be a whole number"),
        (["--upload-mb", "0"], {}, "--upload-mb must be from 1"),
        (["--grace", "-1"], {}, "--grace must be from 0"),
        (["--metrics-port", "70000"], {}, "--metrics-port must be from 0 to 65535"),
        (["--metrics-port", "7860"], {}, "--metrics-port must not be the page's port, 7860"),
        ([], {"QWEN_UI_LOG_TEXT": "2"}, "QWEN_UI_LOG_TEXT must be true or false"),
        ([], {"QWEN_UI_SHARE": "perhaps"}, "QWEN_UI_SHARE must be true or false"),
        ([], {"QWEN_UI_MAX_CONCURRENT": "0"}, "--max-concurrent must be from 1"),
    ],
)
def test_what_cannot_work_is_refused_with_the_flags_name(argv, environ, says):
    with pytest.raises(InvalidInput, match=says):
        read(argv, environ)


def test_settings_made_in_code_are_read_and_checked_as_well(tmp_path: Path):
    with pytest.raises(InvalidInput, match="--port must be from 1 to 65535, not 0"):
        Settings(port=0)
    with pytest.raises(InvalidInput, match=r"The prompts folder /no/such/folder does not exist\. Set --prompts-dir"):
        replace(Settings(), prompts_dir=Path("/no/such/folder"))
    settings = Settings(auth=("me", "secret"), trusted_proxy=(ip_network("10.0.0.0/8"),), data_dir=tmp_path)
    assert replace(settings) == settings
    with pytest.raises(FrozenInstanceError):
        settings.port = 7861  # type: ignore[misc]


def test_the_password_is_not_printed():
    assert "hunter2" not in repr(Settings(auth=("me", "hunter2")))


def test_a_servers_key_has_no_flag_and_is_shown_nowhere(tmp_path: Path):
    settings = read([], {"QWEN_UI_REMOTE_KEY": "hunter2", "QWEN_UI_MODEL": "http://127.0.0.1:8080/v1"})
    assert settings.is_remote
    assert settings.remote_secret == "hunter2"
    assert "hunter2" not in repr(settings)
    (tmp_path / "key").write_text("from-the-file\n")
    assert replace(settings, api_key_file=tmp_path / "key").remote_secret == "from-the-file"
    with pytest.raises(InvalidInput, match="holds no key"):
        replace(settings, api_key_file=tmp_path / "none")


def test_help_names_every_flag_with_its_default(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "1000")  # so that no line is broken
    with pytest.raises(SystemExit) as caught:
        read(["--help"], {})
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for name, setting in SETTINGS.items():
        if not setting.on_command_line:
            assert flag_of(name) not in text
            continue
        entry = rf"{flag_of(name)}\b[^(]* {re.escape(setting.help)} {re.escape(f'({setting.default})')}"
        assert re.search(entry, text), name


def test_the_page_of_settings_is_what_the_table_gives():
    assert settings_page.PAGE.read_text("utf-8") == settings_page.page(), "Run: make docs"


def test_version(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        read(["--version"], {})
    assert caught.value.code == 0
    assert __version__ in capsys.readouterr().out
