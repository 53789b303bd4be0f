"""Adapters on disk: taken in, given out, renamed, deleted; and zips that are something else."""

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from qwen_ui.adapters import store as module
from qwen_ui.adapters.card import Card
from qwen_ui.adapters.files import CONFIG, WEIGHTS, parts
from qwen_ui.adapters.store import AdapterStore
from qwen_ui.errors import InvalidInput, NotSaved
from tests.adapters.conftest import BASE, Make


@pytest.fixture
def store(tmp_path: Path) -> AdapterStore:
    return AdapterStore(tmp_path / "adapters", tmp_path / "runs")


def zipped(folder: Path, inside: str = "", extra: Mapping[str, bytes] | None = None) -> Path:
    file = folder.with_suffix(".zip")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in folder.iterdir():
            archive.write(each, inside + each.name)
        for name, data in (extra or {}).items():
            archive.writestr(name, data)
    return file


def left_over(store: AdapterStore) -> list[Path]:
    return [path for path in store.folder.glob("*") if path.name.startswith(".")] if store.folder.exists() else []


@pytest.mark.parametrize("inside", ["", "films/", "outer/films/"])
def test_what_is_given_out_can_be_taken_in_again(store: AdapterStore, make: Make, tmp_path: Path, inside: str):
    file = zipped(make(card={"data": "films.csv"}), inside, {"films/optimizer.pt": b"not wanted", "README.md": b"Hi"})
    added = store.add(file, "影评 films", BASE)
    assert parts(added.folder, BASE)
    assert added.card.data == "films.csv"
    assert {path.name for path in added.folder.iterdir()} <= {CONFIG, WEIGHTS, "card.json", "README.md"}
    given = store.zip("影评 films", tmp_path)
    store.delete("影评 films")
    assert store.all() == []
    assert store.add(given, "again", BASE).card.data == "films.csv"
    assert not left_over(store)


def test_one_made_by_hand_in_the_folder_is_there(store: AdapterStore, make: Make):
    make(store.folder / "by-hand")
    assert [adapter.name for adapter in store.all()] == ["by-hand"]
    assert store.get("by-hand").card == Card()


def test_a_card_that_is_none_is_an_empty_one(store: AdapterStore, make: Make):
    for card in ([1], {"labels": 3}, {"rows": "x", "other": 1}, "text"):
        assert isinstance(Card.read(make(card=card)), Card)


def test_a_runs_checkpoint_is_found_by_run_and_step(store: AdapterStore, make: Make, tmp_path: Path):
    make(tmp_path / "runs/20261127-1/checkpoints/step-000040")
    assert store.get("20261127-1@40").folder.name == "step-000040"
    assert store.all() == []
    for change in (lambda: store.delete("20261127-1@40"), lambda: store.rename("20261127-1@40", "mine")):
        with pytest.raises(InvalidInput, match="checkpoint of a run"):
            change()


def test_renaming_keeps_it_and_refuses_a_name_that_is_taken(store: AdapterStore, make: Make):
    for name in ("a", "b"):
        make(store.folder / name)
    assert store.rename("a", "c").name == "c"
    with pytest.raises(InvalidInput, match="adapter 'B' already"):
        store.rename("c", "B")
    assert [adapter.name for adapter in store.all()] == ["b", "c"]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../up", "a/b", "a\\b", "con", "NUL.txt", "a ", ".hidden", "a" * 65, "x@3"]
)
def test_names_that_can_be_no_folder_everywhere_are_refused(store: AdapterStore, make: Make, name: str):
    with pytest.raises(InvalidInput, match="can't be an adapter's name"):
        store.add(zipped(make()), name, BASE)
    assert store.all() == []


@pytest.mark.parametrize("name", ["../../evil.txt", "/etc/evil", "a/../../evil", "..\\evil", "C:\\evil"])
def test_a_zip_that_climbs_out_of_its_folder_is_refused_whole(store: AdapterStore, make: Make, name: str):
    with pytest.raises(InvalidInput, match="leads out of its folder"):
        store.add(zipped(make(), extra={name: b"x"}), "films", BASE)
    assert store.all() == []
    assert not left_over(store)


def test_links_in_a_zip_are_files_with_a_path_in_them(store: AdapterStore, make: Make, tmp_path: Path):
    folder = make()
    (folder / CONFIG).unlink()
    file = zipped(folder)
    link = zipfile.ZipInfo(CONFIG)
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(InvalidInput, match=f"{CONFIG} can't be read"):
        store.add(file, "films", BASE)


def test_a_zip_that_unpacks_to_too_much_is_refused(store: AdapterStore, make: Make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MAX_UNPACKED", 100)
    with pytest.raises(InvalidInput, match="unpacks to more"):
        store.add(zipped(make()), "films", BASE)
    assert not left_over(store)


def test_what_is_no_zip_of_one_adapter_is_refused(store: AdapterStore, make: Make, tmp_path: Path):
    (tmp_path / "no.zip").write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(InvalidInput, match="no zip file"):
        store.add(tmp_path / "no.zip", "films", BASE)
    folder = make()
    with pytest.raises(InvalidInput, match="this one holds 2"):
        store.add(zipped(folder, extra={f"second/{CONFIG}": b"{}"}), "films", BASE)
    (folder / CONFIG).unlink()
    with pytest.raises(InvalidInput, match="this one holds 0"):
        store.add(zipped(folder), "films", BASE)


def test_one_of_another_model_is_refused_before_it_is_there(store: AdapterStore, make: Make):
    with pytest.raises(InvalidInput, match="trained on another model"):
        store.add(zipped(make(base_model_name_or_path="Qwen/Qwen2.5-7B-Instruct")), "films", BASE)
    assert store.all() == []
    assert not left_over(store)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_can_not_be_written_to_is_told(store: AdapterStore, make: Make):
    file = zipped(make())
    store.folder.mkdir()
    store.folder.chmod(0o500)
    with pytest.raises(NotSaved, match="--data-dir"):
        store.add(file, "films", BASE)


def test_a_full_disk_leaves_nothing_half_done(store: AdapterStore, make: Make, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_copy", full)
    with pytest.raises(NotSaved, match="No space left"):
        store.add(zipped(make()), "films", BASE)
    assert store.all() == []
    assert not left_over(store)
