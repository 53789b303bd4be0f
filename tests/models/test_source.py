"""What --model says, and which model that comes to on which machine. Nothing is loaded here."""

from pathlib import Path

import pytest

from qwen_ui.errors import HubUnreachable, ModelDamaged, ModelNotFound, ModelTooLarge
from qwen_ui.models import embedded
from qwen_ui.models.catalog import CATALOG
from qwen_ui.models.hardware import Device
from qwen_ui.models.hub import Hub
from qwen_ui.models.machine import ALL, Machine
from qwen_ui.models.progress import Progress
from qwen_ui.models.source import find
from qwen_ui.settings import Settings

GB = 10**9
CPU, GPU = Device("cpu", "cpu", 16 * GB), Device("cuda", "Test GPU", 24 * GB)
SEVEN, HALF = CATALOG[0].id, CATALOG[-1].id


def copy_as_model(file: Path, target: Path) -> None:
    target.mkdir()
    (target / "made-from").write_bytes(file.read_bytes())


def machine(*devices: Device, size=CATALOG[-1].size) -> Machine:
    return Machine(devices, "4bit", ALL, lambda folder: size, copy_as_model)


@pytest.fixture
def data(tmp_path):
    """A data folder where the embedded model is already."""
    (tmp_path / "data/models" / f"{Path(embedded.GGUF).stem}-{embedded.GGUF_SHA256[:12]}").mkdir(parents=True)
    return tmp_path / "data"


def run(model, place, data, hub, seen=None):
    return find(Settings(model=model, data_dir=data), place, hub, (seen if seen is not None else []).append)


def test_auto_on_a_gpu_fetches_the_largest_that_fits(fake_hub, tiny, data, tmp_path):
    fake_hub.models[SEVEN] = tiny
    seen: list[Progress] = []
    found = run("auto", machine(GPU, CPU), data, Hub(fake_hub.url, tmp_path / "cache"), seen)
    assert found.name == "Qwen2.5-7B-Instruct"
    assert "fits on the Test GPU" in str(found.reason)
    assert {progress.stage for progress in seen} == {"fetching"}


def test_auto_without_a_gpu_fetches_the_smallest(fake_hub, tiny, data, tmp_path):
    fake_hub.models[HALF] = tiny
    found = run("auto", machine(CPU), data, Hub(fake_hub.url, tmp_path / "cache"))
    assert (found.name, found.embedded) == ("Qwen2.5-0.5B-Instruct", False)
    assert "No GPU here" in str(found.reason)


def test_auto_asks_nobody_for_what_is_cached(fake_hub, tiny, data, tmp_path, closed_port):
    fake_hub.models[HALF] = tiny
    first = run("auto", machine(CPU), data, Hub(fake_hub.url, tmp_path / "cache"))
    assert run("auto", machine(CPU), data, Hub(closed_port, tmp_path / "cache")) == first


def test_auto_without_the_hub_takes_the_best_that_is_cached(fake_hub, tiny, data, tmp_path, closed_port):
    fake_hub.models[HALF] = tiny
    run("auto", machine(CPU), data, Hub(fake_hub.url, tmp_path / "cache"))
    found = run("auto", machine(GPU, CPU), data, Hub(closed_port, tmp_path / "cache"))
    assert found.name == "Qwen2.5-0.5B-Instruct"
    assert "for Qwen2.5-7B-Instruct, the model hub can't be reached" in str(found.reason)


@pytest.mark.parametrize("devices", [(CPU,), (GPU, CPU)])
def test_auto_without_hub_and_cache_takes_the_embedded_model(devices, data, tmp_path, closed_port):
    found = run("auto", machine(*devices), data, Hub(closed_port, tmp_path / "cache"))
    assert found.embedded
    assert "hub can't be reached, so the embedded model runs: SmolLM2-135M, tiny and English-first" in str(found.reason)
    assert "With a connection, start again for Qwen2.5-" in str(found.reason)


def test_auto_with_a_hub_that_lacks_the_model_takes_the_embedded_one(fake_hub, data, tmp_path):
    found = run("auto", machine(CPU), data, Hub(fake_hub.url, tmp_path / "cache"))
    assert found.embedded
    assert "the hub does not give it" in str(found.reason)


def test_auto_with_too_little_memory_takes_the_embedded_model(data, tmp_path, closed_port):
    found = run("auto", machine(Device("cpu", "cpu", GB)), data, Hub(closed_port, tmp_path / "cache"))
    assert found.embedded
    assert "too little memory" in str(found.reason)


def test_a_hub_id(fake_hub, tiny, data, tmp_path, closed_port):
    fake_hub.models["someone/tiny-chat"] = tiny
    found = run("someone/tiny-chat", machine(CPU), data, Hub(fake_hub.url, tmp_path / "cache"))
    assert found.name == "tiny-chat"
    again = run("someone/tiny-chat", machine(CPU), data, Hub(closed_port, tmp_path / "cache"))
    assert again == found


def test_a_hub_id_without_the_hub(data, tmp_path, closed_port):
    with pytest.raises(HubUnreachable, match="someone/tiny-chat"):
        run("someone/tiny-chat", machine(CPU), data, Hub(closed_port, tmp_path / "cache"))


def test_a_model_that_will_not_fit_is_refused_before_it_is_fetched(fake_hub, tiny, data, tmp_path):
    fake_hub.models["someone/tiny-chat"] = tiny
    small = machine(Device("cpu", "cpu", 4 * GB), size=CATALOG[0].size)
    with pytest.raises(ModelTooLarge, match="tiny-chat in 4bit does not fit"):
        run("someone/tiny-chat", small, data, Hub(fake_hub.url, tmp_path / "cache"))
    assert not [path for path in fake_hub.asked if path.endswith(".safetensors")]


def test_another_kind_of_model_is_refused_before_it_is_fetched(fake_hub, tiny_copy, data, tmp_path):
    (tiny_copy / "config.json").write_text('{"architectures": ["BertModel"]}')
    fake_hub.models["someone/tiny-bert"] = tiny_copy
    with pytest.raises(ModelDamaged, match="BertModel"):
        run("someone/tiny-bert", machine(CPU), data, Hub(fake_hub.url, tmp_path / "cache"))
    assert not [path for path in fake_hub.asked if path.endswith(".safetensors")]


def test_a_repository_without_a_configuration(fake_hub, tiny_copy, data, tmp_path):
    (tiny_copy / "config.json").unlink()
    fake_hub.models["someone/only-gguf"] = tiny_copy
    with pytest.raises(ModelNotFound, match="someone/only-gguf holds no model"):
        run("someone/only-gguf", machine(CPU), data, Hub(fake_hub.url, tmp_path / "cache"))


@pytest.mark.parametrize("name", ["./nothing", "/nothing/here", "~/nothing", "a/b/c", "models/"])
def test_what_looks_like_a_path_is_not_asked_of_the_hub(name, data, tmp_path, fake_hub):
    assert run(name, machine(CPU), data, Hub(fake_hub.url, tmp_path / "cache")).folder == Path(name).expanduser()
    assert not fake_hub.asked


def test_a_gguf_file_is_converted_once(data, tmp_path, closed_port):
    file = tmp_path / "My Model.GGUF"
    file.write_bytes(b"first")
    hub = Hub(closed_port, tmp_path / "cache")
    seen: list[Progress] = []
    found = run(str(file), machine(CPU), data, hub, seen)
    assert found.name == "My Model"
    assert (found.folder / "made-from").read_bytes() == b"first"
    assert [progress.stage for progress in seen] == ["converting"]
    (found.folder / "made-from").write_text("not made again")
    assert (run(str(file), machine(CPU), data, hub).folder / "made-from").read_text() == "not made again"
    file.write_bytes(b"second")
    assert (run(str(file), machine(CPU), data, hub).folder / "made-from").read_bytes() == b"second"


def test_a_gguf_file_that_is_not_there(data, tmp_path, closed_port):
    with pytest.raises(ModelNotFound, match="There is no file"):
        run("nothing.gguf", machine(CPU), data, Hub(closed_port, tmp_path / "cache"))


def test_the_embedded_model_by_name_asks_no_hub(data, tmp_path, fake_hub):
    found = run("embedded", machine(CPU), data, Hub(fake_hub.url, tmp_path / "cache"))
    assert found.embedded
    assert found.name == embedded.NAME
    assert not fake_hub.asked
