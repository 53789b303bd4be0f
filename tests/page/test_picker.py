"""The picker in the page's head, and how what it holds finds its model."""

import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.page.picker import offered
from qwen_ui.sentences import ENGLISH
from tests.fakes import INFO, FakeEngine
from tests.pages import adapter_in, app_of, apps_of

LOCAL, FAR = "some/model", "http://far:8000/v1#other/Big-7B"


def test_it_offers_the_base_and_all_adapters_and_keeps_the_one_that_is_picked():
    app = app_of(FakeEngine())
    assert not offered(app, ENGLISH.say, "").visible
    films, odd = adapter_in(app, "films"), adapter_in(app, "Base model")
    picker = offered(app, ENGLISH.say, films)
    assert picker.visible
    assert picker.choices == [("Base model", ""), ("Base model", odd), ("films", films)]
    assert picker.value == films
    assert offered(app, ENGLISH.say, "gone").value == ""


def test_it_offers_all_models_by_the_ends_of_their_names():
    app = apps_of({LOCAL: FakeEngine(), FAR: FakeEngine(model="other/Big-7B")})
    films = adapter_in(app, "films")
    picker = offered(app, ENGLISH.say, "other/Big-7B")
    assert picker.choices == [("Echo-1B", ""), ("films", films), ("Big-7B", "other/Big-7B")]
    assert picker.value == "other/Big-7B"


def test_a_model_that_is_there_is_picked_where_the_default_one_is_not():
    app = apps_of({LOCAL: InvalidInput("It is broken."), FAR: FakeEngine(model="other/Big-7B")})
    picker = offered(app, ENGLISH.say, "")
    assert (picker.value, picker.visible) == ("other/Big-7B", False)


def test_a_name_and_an_adapter_find_the_model():
    app = apps_of({FAR: FakeEngine(model="other/Big-7B"), LOCAL: FakeEngine()})
    films = adapter_in(app, "films")
    far, local = app.host.models
    find = app.offer.find
    assert find().model is find("other/Big-7B").model is far
    assert (find(films).model, find(films).adapter) == (local, "films")
    assert find("", "films") == find(INFO.model, "films") == find(films, "films") == find(films)
    with pytest.raises(InvalidInput, match="adapter 'films' can't be used with the model other/Big-7B"):
        find("other/Big-7B", "films")
    for gone in ("gone", f"{INFO.model}:gone", "other/Big-7B:films"):
        with pytest.raises(InvalidInput, match=f"no model {gone}. There are: other/Big-7B, {INFO.model}, {films}"):
            find(gone)
