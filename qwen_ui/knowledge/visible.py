"""Web pages without what their readers don't see."""

import re
from typing import Any

from bs4 import BeautifulSoup, Tag
from bs4.element import PreformattedString

_NEVER_SHOWN = (
    *("title", "script", "style", "noscript", "template", "meta", "link", "base", "datalist"),
    *("audio", "video", "canvas", "iframe", "noframes", "noembed"),  # their text is for browsers that don't know them
    *("svg desc", "svg metadata", "annotation", "annotation-xml"),
    *("input[type=hidden i]", "dialog:not([open])", "[popover]", '[hidden]:not([hidden="until-found" i])'),
)
_HIDING = {
    "display": {"none"},
    "visibility": {"hidden", "collapse"},
    "content-visibility": {"hidden"},
}
_DECLARATION = re.compile(r"([\w-]+)\s*:\s*([\w-]+)")
_APART = ("summary", "legend", "figcaption", "textarea", "option", "button")
"""Shown apart from what is beside them, which a converter to Markdown does not know."""
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS = {
    *("address", "article", "aside", "blockquote", "details", "div", "dl", "fieldset", "figure", "footer", "form"),
    *("header", "hr", "main", "menu", "nav", "ol", "p", "pre", "section", "table", "ul", *_HEADINGS),
}
_ENDED_BY = {
    "p": _BLOCKS,
    "li": {"li"},
    "dt": {"dt", "dd"},
    "dd": {"dt", "dd"},
    "tr": {"tr", "tbody", "tfoot"},
    "td": {"td", "th", "tr"},
    "th": {"td", "th", "tr"},
    "option": {"option", "optgroup"},
    **{heading: set(_HEADINGS) for heading in _HEADINGS},
}
"""What stands for the end tag of an element, where HTML lets it be left out."""
_DEEPEST = 200
"""Elements within each other; browsers have such a limit, too."""


def visible(html: str, *, titled: bool = True) -> str:
    """The page in HTML without scripts, comments, and what is hidden; ``titled``, with its title as a heading on top.

    What a click opens (`details`) stays. Style sheets are not looked at: what they hide, a script may show.
    """
    soup = _Page(_ended(html), "html.parser")
    title = soup.select_one("title:not(svg title)")
    heading = " ".join(title.get_text().split()) if title else ""
    for hidden in [*soup.select(",".join(_NEVER_SHOWN)), *soup.find_all(style=_hides)]:
        if not hidden.decomposed and hidden.name not in {"html", "body"}:  # a script shows those
            hidden.decompose()
    for comment in soup.find_all(string=lambda text: isinstance(text, PreformattedString)):
        comment.extract()
    for apart in soup.find_all(_APART):
        apart.name = "p"
    if titled and heading and all(" ".join(each.get_text().split()) != heading for each in soup.find_all(_HEADINGS)):
        (soup.body or soup).insert(0, soup.new_tag("h1", string=heading))
    return str(soup)


def _hides(style: str | None) -> bool:
    """Whether declarations of CSS hide what they are for; the last one of a property holds."""
    declared = {name.lower(): value.lower() for name, value in _DECLARATION.findall(style or "")}
    return any(declared.get(name) in values for name, values in _HIDING.items())


class _Page(BeautifulSoup):
    """Ends elements whose end tag was left out. What comes too deep stands beside that in which it would stand."""

    def handle_starttag(self, name: str, *arguments: Any, **more: Any) -> Tag | None:
        self.endData()
        while name in _ENDED_BY.get(self.tagStack[-1].name, ()) or len(self.tagStack) > _DEEPEST:
            self.popTag()
        return super().handle_starttag(name, *arguments, **more)


def _ended(html: str) -> str:
    """The page with comments and tags that stay open at its end as text: the parser would look for the end of each."""
    for sign, end in (("<!--", "-->"), ("<", ">")):
        at = html.rfind(end) + 1
        html = html[:at] + html[at:].replace(sign, sign.replace("<", "&lt;"))
    return html
