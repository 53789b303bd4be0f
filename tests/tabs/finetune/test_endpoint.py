"""/finetune and /runs as scripts call them, over a trainer that only replays what one tells."""

from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from qwen_ui.page import shell
from qwen_ui.settings import Settings
from tests.fakes import FakeEngine
from tests.pages import Serve, free_port, host_of, library_in, runs_in

FILE = "text,label\n" + "".join(f"film {row},{'good' if row % 2 else 'bad'}\n" for row in range(10))


@pytest.fixture(scope="module")
def client(serve_module: Serve) -> Client:
    return Client(serve_module(host_of(FakeEngine())), verbose=False)


@pytest.fixture
def films(tmp_path: Path) -> Any:
    (path := tmp_path / "films.csv").write_text(FILE, "utf-8")
    return handle_file(str(path))


def test_progress_streams_until_the_adapter_is_there_and_the_run_is_listed(client: Client, films: Any):
    job = client.submit(films, "films", settings={"rank": 4}, api_name="/finetune")
    job.result(timeout=60)
    events = job.outputs()
    kinds = [event["kind"] for event in events]
    assert kinds[:2] == ["queued", "state"]
    assert kinds[-2:] == ["result", "state"]
    assert kinds.count("step") == 12
    assert events[-2]["adapter"] == "films"
    (listed,) = [run for run in client.predict(api_name="/runs") if run["name"] == "films"]
    assert (listed["id"], listed["state"], listed["metrics"]["accuracy"]) == (events[0]["id"], "finished", 0.9)
    assert (listed["settings"]["rank"], listed["step"], listed["steps"]) == (4, 12, 12)
    (whole,) = client.predict(listed["id"], api_name="/runs")
    assert [event["kind"] for event in whole["events"]] == kinds[1:]


def test_a_run_that_fails_or_is_killed_ends_the_stream_with_its_state(client: Client, films: Any):
    for name, state in (("fails", "failed"), ("killed", "interrupted")):
        job = client.submit(films, name, api_name="/finetune")
        job.result(timeout=60)
        assert job.outputs()[-1]["state"] == state


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"name": ""}, "Give the adapter a name"),
        ({"name": "../climb"}, "can't be an adapter's name"),
        ({"name": 5}, "must be text"),
        ({"preset": "fast"}, "There is no preset 'fast'"),
        ({"settings": {"rank": 0}}, "Rank must be a whole number from 1 to 256"),
        ({"settings": {"rnk": 1}}, "There is no setting 'rnk'"),
        ({"file": {"path": "/etc/passwd"}}, "must be uploaded"),
        ({"file": "/etc/passwd"}, "must be uploaded"),
        ({"name": "huge"}, "takes about 900"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(client: Client, films: Any, arguments: dict[str, Any], says: str):
    given = {"file": films, "name": "other", **arguments}
    with pytest.raises(AppError, match=says):
        client.predict(**given, api_name="/finetune")
    assert not [run for run in client.predict(api_name="/runs") if run["name"] in ("other", "huge")]


def test_two_rows_are_told_as_too_few(client: Client, tmp_path: Path):
    (path := tmp_path / "two.csv").write_text("text,label\na,b\n", "utf-8")
    with pytest.raises(AppError, match=r"two\.csv has 2 rows; at least 3 are needed"):
        client.predict(handle_file(str(path)), "two", api_name="/finetune")


def test_an_unknown_run_is_told(client: Client):
    with pytest.raises(AppError, match="There is no run"):
        client.predict("20260101-000000-abcdef", api_name="/runs")


def test_in_public_mode_the_tab_is_not_there_and_its_endpoints_refuse(tmp_path: Path, films: Any):
    settings = Settings(port=free_port(), data_dir=tmp_path, public=True, auth="none")
    page = shell.build(
        host_of(FakeEngine(), public=True, auth="none"), settings, library_in(tmp_path), runs_in(tmp_path)
    )
    assert "finetune-file" not in str(page.config)
    try:
        client = Client(shell.launch(page, settings), verbose=False)
        with pytest.raises(AppError, match="in public mode it is off"):
            client.predict(films, "films", api_name="/finetune")
        with pytest.raises(AppError, match="in public mode it is off"):
            client.predict(api_name="/runs")
    finally:
        page.close(verbose=False)
    assert not (tmp_path / "runs").exists()
