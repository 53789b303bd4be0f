"""What the page says, in the reader's language: English in the code, Chinese in gettext files beside it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.i18n import I18nData

from qwen_ui.sentences import ENGLISH, Language, in_context, read_catalogue, without_context

if TYPE_CHECKING:
    from qwen_ui.page.tab import Tab

Say = Callable[..., str]
"""Tells a template with its values in the reader's language: see `qwen_ui.sentences`."""

CATALOGUE = "zh.po"
CHINESE = ("zh-CN", "zh-TW")  # the Chinese that Gradio's front end knows, so that both halves agree
MARK = "\u2063"
"""Begins the keys of what stands on the page: Gradio's front end looks up whatever it shows, a user's column named
"Text" too. It is not seen where a translation is missing."""


def label(english: str, context: str = "") -> Any:
    """A text that stands on the page from its start: the browser picks its language. It has no values.

    ``context`` tells two meanings of the same English word apart, as gettext's ``msgctxt`` does.
    """
    return I18nData(MARK + in_context(english, context))


class Words:
    """The texts of the page and its tabs."""

    def __init__(self, tabs: Sequence["Tab"]) -> None:
        package = Path(__file__).parents[1] / CATALOGUE
        self.chinese: dict[str, str] = read_catalogue(package)
        for tab in tabs:
            self.chinese |= _of(tab)
        self._languages = {"en": ENGLISH, "zh": Language("zh", self.chinese)}

    def speaker(self, request: gr.Request) -> Say:
        """For the sentences that the server makes: they come in the browser's first language."""
        return self._languages[locale_of(request)].say

    def i18n(self) -> gr.I18n:
        """What the browser needs to translate labels."""
        english = {MARK + text: without_context(text) for text in self.chinese}
        chinese = {MARK + text: translated for text, translated in self.chinese.items()}
        return gr.I18n(en=english, **dict.fromkeys(CHINESE, chinese))


def _of(tab: "Tab") -> Mapping[str, str]:
    file = tab.folder / CATALOGUE
    return {**(read_catalogue(file) if file.exists() else {}), **tab.chinese}


def reads_chinese(request: gr.Request) -> bool:
    """Whether the browser's first language is Chinese."""
    first = request.headers.get("accept-language", "").split(",")[0].split(";")[0].strip()
    return first.lower() in {code.lower() for code in CHINESE}


def locale_of(request: gr.Request) -> str:
    """The language that the reader is spoken to in."""
    return "zh" if reads_chinese(request) else "en"
