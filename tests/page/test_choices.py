"""Lists that are filled while the page is open, after the server has forgotten the page."""

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from qwen_ui.page import shell
from qwen_ui.page.choices import as_held
from tests.fakes import FakeEngine
from tests.pages import host_of, library_in, runs_in


@pytest.mark.parametrize(("kind", "held"), [(gr.Dropdown, "story"), (gr.CheckboxGroup, [3, 5]), (gr.Radio, "story")])
def test_a_choice_that_the_server_does_not_know_any_more_is_given_as_the_browser_holds_it(kind: Any, held: Any):
    with pytest.raises(gr.Error):
        kind([]).preprocess(held)
    assert as_held(kind([])).preprocess(held) == held


def test_every_list_that_is_filled_later_gives_what_the_browser_holds(tmp_path: Path):
    host = host_of(FakeEngine(), data_dir=tmp_path)
    page = shell.build(host, host.settings, library_in(tmp_path), runs_in(tmp_path))
    asked = {id(widget): widget for function in page.fns.values() for widget in function.inputs}
    filled = {id(widget): widget for function in page.fns.values() for widget in function.outputs}
    lists = [widget for at, widget in asked.items() if at in filled and getattr(widget, "choices", None) == []]
    assert len(lists) > 10
    for widget in lists:
        assert isinstance(widget, gr.components.Component)
        assert widget.preprocess("unknown") == "unknown", widget.elem_id
