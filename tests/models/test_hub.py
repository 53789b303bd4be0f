"""The model hub: there, gone, silent, unwilling, or somebody else in its place."""

import shutil

import pytest

from qwen_ui.errors import HubUnreachable, ModelNotFound
from qwen_ui.models.folder import check
from qwen_ui.models.hub import Hub
from qwen_ui.models.progress import Progress

ID = "someone/tiny-chat"


@pytest.fixture
def hub(fake_hub, tiny, tmp_path):
    fake_hub.models[ID] = tiny
    return Hub(fake_hub.url, tmp_path / "cache")


def fetch(hub: Hub, seen: list[Progress]):
    return hub.download(ID, hub.look_up(ID), seen.append)


def test_a_model_is_fetched_once_and_then_cached(hub, fake_hub, tiny):
    assert hub.cached(ID) is None
    seen: list[Progress] = []
    path = fetch(hub, seen)
    assert check(path) == check(tiny)
    assert (path / "model.safetensors").read_bytes() == (tiny / "model.safetensors").read_bytes()
    asked = len(fake_hub.asked)
    assert hub.cached(ID) == path
    assert len(fake_hub.asked) == asked


def test_the_bytes_are_reported(hub, tiny):
    seen: list[Progress] = []
    fetch(hub, seen)
    assert {(progress.stage, progress.detail) for progress in seen} == {("fetching", ID)}
    assert [progress.done for progress in seen] == sorted(progress.done for progress in seen)
    assert all(progress.done <= progress.total for progress in seen)
    assert seen[0].total == (tiny / "model.safetensors").stat().st_size


def test_nothing_that_runs_code_is_fetched(hub, fake_hub, tiny_copy):
    fake_hub.models[ID] = tiny_copy
    for name in ("modeling_tiny.py", "pytorch_model.bin", "training_args.pt"):
        (tiny_copy / name).write_bytes(b"print('run')")
    names = {file.name for file in fetch(hub, []).iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= names
    assert not [name for name in names if name.endswith((".py", ".bin", ".pt"))]


def test_the_configuration_comes_alone(hub, fake_hub):
    assert (hub.config(ID) / "config.json").is_file()
    assert not [path for path in fake_hub.asked if path.endswith(".safetensors")]
    assert hub.cached(ID) is None


def test_a_download_that_broke_off_is_completed(hub):
    path = fetch(hub, [])
    (path / "model.safetensors").unlink()
    assert hub.cached(ID) is None
    assert fetch(hub, []) == path
    assert hub.cached(ID) == path


def test_an_unknown_model(hub):
    with pytest.raises(ModelNotFound, match="no model someone/else"):
        hub.look_up("someone/else")


@pytest.mark.parametrize("name", ["not an id", "a//b", "名字", "-a"])
def test_what_can_not_be_an_id(hub, name):
    assert hub.cached(name) is None
    with pytest.raises(ModelNotFound, match="nor a hub id"):
        hub.look_up(name)


def test_a_gated_model(hub, fake_hub):
    fake_hub.gated.add(ID)
    with pytest.raises(ModelNotFound, match=r"gated.*Accept its terms"):
        hub.config(ID)


@pytest.mark.parametrize("status", [403, 429, 500, 503])
def test_a_hub_that_refuses(hub, fake_hub, status):
    fake_hub.status = status
    with pytest.raises(HubUnreachable, match=str(status)):
        hub.look_up(ID)


def test_another_page_in_the_hubs_place(hub, fake_hub):
    fake_hub.status = 203  # a status of success, and HTML
    with pytest.raises(HubUnreachable, match="can't be reached"):
        hub.look_up(ID)


def test_nobody_there(closed_port, tmp_path):
    with pytest.raises(HubUnreachable, match=r"can't be reached .*--model embedded"):
        Hub(closed_port, tmp_path).look_up(ID)


def test_a_name_that_does_not_resolve(tmp_path):
    with pytest.raises(HubUnreachable, match="can't be reached"):
        Hub("http://hub.invalid", tmp_path).look_up(ID)


@pytest.mark.timeout(60)
def test_a_hub_that_never_answers(black_hole, tmp_path):
    with pytest.raises(HubUnreachable, match="can't be reached"):
        Hub(black_hole, tmp_path).look_up(ID)


def test_a_cache_that_lost_its_tokenizer_is_not_whole(hub, tmp_path):
    path = fetch(hub, [])
    (path / "tokenizer.json").unlink()
    assert hub.cached(ID) is None
    shutil.rmtree(tmp_path / "cache")
    assert hub.cached(ID) is None
