"""Lists that are filled while the page is open, after the server has forgotten the page."""

from typing import Any

import gradio as gr
import pytest

from qwen_ui.page.choices import as_held


@pytest.mark.parametrize(("kind", "held"), [(gr.Dropdown, "story"), (gr.CheckboxGroup, [3, 5]), (gr.Radio, "story")])
def test_a_choice_that_the_server_does_not_know_any_more_is_given_as_the_browser_holds_it(kind: Any, held: Any):
    with pytest.raises(gr.Error):
        kind([]).preprocess(held)
    assert as_held(kind([])).preprocess(held) == held
