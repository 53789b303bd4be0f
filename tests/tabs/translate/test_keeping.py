"""What the browser keeps of a translation, and what it may bring back."""

import json
from dataclasses import replace
from typing import Any

import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.prompts import Template
from qwen_ui.tabs.translate.files import read
from qwen_ui.tabs.translate.glossary import parse
from qwen_ui.tabs.translate.keeping import from_browser, to_browser
from qwen_ui.tabs.translate.translation import Translation, begin
from tests.tabs.translate.translator import PROMPTS, order, translation_of


def template(id: str) -> Template:
    return PROMPTS.load("translate", id)


def back(kept: Any) -> Translation:
    return from_browser(json.loads(json.dumps(kept)), template, 1_000_000)


def test_a_translation_comes_back_with_its_versions_edits_order_and_findings():
    before = translation_of("Pay 42.\n\nOne.", order("de", tone="formal", terms=parse("One = Eins")))
    again = replace(before.segments[0], translation="Zahle 42.", state="done")
    before.segments[0] = replace(again, translation="Zahle.").checked(before.order.terms).after(again)
    before.edit(1, "Zwei.")
    after = back(to_browser(before))
    assert after.segments == before.segments
    assert [finding.kind for _, finding in after.findings()] == ["number", "term"]
    assert (after.order.target, after.order.tone, after.order.terms.terms) == (
        before.order.target,
        "formal",
        before.order.terms.terms,
    )
    after.show(0, 0)
    assert after.file().decode() == "Zahle 42.\n\nZwei."


def test_what_was_put_back_is_still_told():
    before = translation_of("See https://a.b.")
    lost = replace(before.segments[0], translation="Voir.", state="done").mended()
    before.segments[0] = lost.checked(before.order.terms)
    after = back(to_browser(before))
    assert after.segments == before.segments
    assert [finding.restored for _, finding in after.findings()] == ["end"]
    assert not after.mendable
    after.edit(0, "Voir https://a.b.")
    assert after.findings() == []


def test_a_file_comes_back_with_its_columns_and_can_be_saved():
    document = read("menu.csv", b"id,dish\nx,Fish\n", ["dish"])
    before = begin(document, order())
    before.edit(0, "Poisson")
    after = back(to_browser(before))
    assert (after.document.name, after.file()) == ("menu.csv", b"id,dish\nx,Poisson\n")


def test_what_was_being_written_comes_back_stopped():
    before = translation_of("One.")
    before.segments[0] = replace(before.segments[0], translation="Ei", state="writing")
    assert back(to_browser(before)).segments[0].state == "stopped"


@pytest.mark.parametrize(
    "changed",
    [
        {"text": 5},
        {"segments": []},
        {"segments": [[0, ["x", "done"]]] * 2},
        {"segments": [[1, ["x", "done"]]]},
        {"segments": [[0, *[["x", "done"]] * 11]]},
        {"segments": [[0, ["x", "writing"]]]},
        {"segments": [[0, ["x" * 200_001, "done"]]]},
        {"segments": [[0, [5, "done"]]]},
        {"segments": [[0, ["x", "done", ["link", "x", "nowhere"]]]]},
        {"segments": [[0, ["x", "done", ["dragon", "x", "end"]]]]},
        {"segments": "x"},
        {"target": "xx-none"},
        {"template": 5},
        {"tone": "rude"},
        {"glossary": []},
        {"file": ["a.csv", "%%", None, ""]},
        {"file": ["a.csv", "YQ==" * 1_000_000, None, ""]},
        {"file": ["a.exe", "YQ==", None, ""]},
        {"file": [1, 2]},
    ],
)
def test_anything_else_is_refused(changed: dict[str, Any]):
    with pytest.raises(InvalidInput):
        back(to_browser(translation_of("One.")) | changed)


@pytest.mark.parametrize("kept", [None, [], "x", 5, {}])
def test_nothing_of_the_kind_is_refused(kept: Any):
    with pytest.raises(InvalidInput):
        back(kept)
