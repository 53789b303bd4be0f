"""How to show a text on a page that renders Markdown, without what is active in it.

Everything here takes time in proportion to the text, also for one that is made to take more.
"""

import re

from qwen_ui.text.markdown.code import spans

# What Markdown or HTML would take for more than itself: anywhere; and after "www" or a number, or at the start.
_ACTIVE = {ord(character): f"&#{ord(character):04};" for character in "\n\t&<*_`~|\\[]$@%"}
_ACTIVE_THERE = re.compile(r":(?=//)|(?<=www)\.|^[ #>=+-]|(?<=^\d)[.)]|(?<=^\d\d)[.)]", re.IGNORECASE)
# In a model's Markdown, outside code: what opens HTML (not <https://…>), an image, or a diagram in a list or a quote.
_FOREIGN = re.compile(r"<(?=[a-zA-Z/!?])(?!https?:)|!(?=\[)|m(?=ermaid)(?<=```m|~~~m)")
_FORMULAS = (("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"))
"""What begins and ends formulas, as page.scripts.LATEX lists them."""


def as_typed(text: str) -> str:
    """The text so that the chatbot, which renders Markdown, shows it exactly as it was typed.

    The page's script knows this four-digit form of entities and turns it back for copying and editing.
    """
    return _ACTIVE_THERE.sub(_entity, text.translate(_ACTIVE))


def harmless(text: str) -> str:
    """A model's Markdown with its HTML shown as text, its images as links and its diagrams as code.

    So nothing that a model writes is fetched or run, whatever the page's security policy catches.
    """
    if not _FOREIGN.search(text):
        return text
    code = (span for span in spans(_without_formulas(text), indented=True) if span.sure)
    span = next(code, None)
    parts, at = [], 0
    for match in _FOREIGN.finditer(text):
        while span and span.end <= match.start():
            span = next(code, None)
        if span and span.body <= match.start() and not (span.in_text and match[0] == "m"):
            continue
        parts += [text[at : match.start()], _disarmed(match)]
        at = match.end()
    return "".join([*parts, text[at:]])


def _without_formulas(text: str) -> str:
    """The text as the page reads it: without formulas, one kind taken out after the other, from code too."""
    for left, right in _FORMULAS:
        parts, at = [], 0
        while (start := text.find(left, at)) >= 0 and (end := text.find(right, start + len(left) + 1)) >= 0:
            end += len(right)
            parts += [text[at:start], "%" * (end - start)]
            at = end
        text = "".join([*parts, text[at:]])
    return text


def _disarmed(match: re.Match[str]) -> str:
    return " m" if match[0] == "m" else _entity(match)  # the space keeps a diagram from being drawn


def plain(shown: str) -> str:
    """The text itself, from what `as_typed` or `harmless` made of it."""
    return re.sub(r"&#(\d{4});", lambda match: chr(int(match[1])), shown)


def _entity(match: re.Match[str]) -> str:
    return f"&#{ord(match[0]):04};"
