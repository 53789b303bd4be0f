"""How to show a text on a page that renders Markdown, without what is active in it.

Everything here takes time in proportion to the text, also for one that is made to take more.
"""

import re

# What Markdown or HTML would take for more than itself: anywhere; and after "www" or a number, or at the start.
_ACTIVE = {ord(character): f"&#{ord(character):04};" for character in "\n\t&<*_`~|\\[]$@%"}
_ACTIVE_THERE = re.compile(r":(?=//)|(?<=www)\.|^[ #>=+-]|(?<=^\d)[.)]|(?<=^\d\d)[.)]", re.IGNORECASE)
MARK = "\u2060"
"""Put after what would open more than text. It takes no room, and the page's script takes it away."""
# What opens HTML (not <https://…>), an image, or a diagram.
_OPENS = rf"<(?={MARK}*+[a-zA-Z/!?])(?!https?:)|!(?={MARK}*+\[)|```(?={MARK}*+mermaid)"
_UNMARKED = re.compile(_OPENS)
FORMULA = "\u2061"
"""Put within the two signs of a formula like $x$, so that no sum of money is taken for one. It takes no room either."""
# No spaces in it, or what sums of money and variables of a shell have not; no number where money ends.
_IN_DOLLARS = re.compile(
    r"\$(?<![A-Za-z0-9_\\$]\$)(?=[^\s$])([^\s$]{1,80}+|(?=[^$\n]{0,300}[\\^_]|(?!\d[\d.,]*+\s)[^$\n]{0,300}[=<>+])[^$\n]{1,300}+)"
    r"(?<![\s\\])\$(?![A-Za-z0-9_$])"
)
_MARKED = re.compile(f"({_OPENS}){MARK}")


def as_typed(text: str) -> str:
    """The text so that the chatbot, which renders Markdown, shows it exactly as it was typed.

    The page's script knows this four-digit form of entities and turns it back for copying and editing.
    """
    return _ACTIVE_THERE.sub(_entity, text.translate(_ACTIVE))


def harmless(text: str) -> str:
    """A model's Markdown so that its HTML is shown as text, its images as links and its diagrams as code.

    So nothing that a model writes is fetched or run, whatever the page's security policy catches. All that would open
    one of them is marked, wherever it stands: what of it is code needn't be known, which each reader of Markdown
    sees in its own way. The page's script takes the marks out of what is shown, where text is only text.
    Formulas within single dollar signs are marked as well, to be set as such.
    """
    return _IN_DOLLARS.sub(rf"${FORMULA}\1{FORMULA}$", _UNMARKED.sub(rf"\g<0>{MARK}", text))


def plain(shown: str) -> str:
    """The text itself, from what `harmless` made of it."""
    return _MARKED.sub(r"\1", shown).replace(f"${FORMULA}", "$").replace(f"{FORMULA}$", "$")


def _entity(match: re.Match[str]) -> str:
    return f"&#{ord(match[0]):04};"
