"""The picker of adapters in the page's head."""

from pathlib import Path

from qwen_ui.adapters.store import AdapterStore
from qwen_ui.page.adapters import offered
from qwen_ui.sentences import ENGLISH
from tests.adapters.conftest import Make, make  # noqa: F401  a fixture


def test_it_offers_the_base_and_all_adapters_and_keeps_the_one_that_is_picked(tmp_path: Path, make: Make):  # noqa: F811
    store = AdapterStore(tmp_path / "adapters", tmp_path / "runs")
    assert not offered(store, ENGLISH.say, "").visible
    for name in ("films", "Base model"):
        make(store.folder / name)
    picker = offered(store, ENGLISH.say, "films")
    assert picker.visible
    assert picker.choices == [("Base model", ""), ("Base model", "Base model"), ("films", "films")]
    assert picker.value == "films"


def test_one_that_is_gone_gives_way_to_the_base(tmp_path: Path, make: Make):  # noqa: F811
    store = AdapterStore(tmp_path / "adapters", tmp_path / "runs")
    make(store.folder / "films")
    assert offered(store, ENGLISH.say, "gone").value == ""
