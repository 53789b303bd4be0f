"""The syntax of HTML with what stands in it: styles, scripts, and what template engines fill in."""

import re

import tree_sitter

from qwen_ui.sentences import Sentence
from qwen_ui.text.code import grammar
from qwen_ui.text.code.found import Syntax
from qwen_ui.text.code.readings import READINGS, blanked, blanks

_COMPONENTS = ("vue", "svelte", "astro")
_TEMPLATES = (
    blanked(r"\{\{(?:[^{}]|\{[^{}]*\})*+\}?\}\}|\{%(?:[^%]|%(?!\}))*+%\}|\{#(?:[^#]|#(?!\}))*+#\}"),
    blanked(r"<%(?:[^%]|%(?!>))*+%>|<\?(?:[^?]|\?(?!>))*+(?:\?>|\Z)"),
)
"""Jinja, Django, Twig, Liquid, Handlebars, Vue, Angular; ERB, EJS, JSP, PHP."""
_SVELTE = blanked(r"\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*+\})*+\}")
_NEEDS_NO_END = (
    "html head body p li dt dd rt rp option optgroup colgroup caption thead tbody tfoot tr td th "
    "area base br col embed hr img input link meta param source track wbr"
)
"""Elements whose end tag may be left out, or that have none."""
_DATA = re.compile(
    rb"\btype\s*=\s*[\"']?(?!module\b|text/(?:javascript|babel|css|typescript)|application/javascript)", re.IGNORECASE
)
_TYPED = re.compile(rb"\blang\s*=\s*[\"']?tsx?\b")
_OTHER_STYLE = re.compile(rb"\blang\s*=\s*[\"']?(?:sass|stylus)\b")


def check(code: str) -> Syntax:
    """Where the first error is. Bare rules are CSS or SCSS."""
    if "<" not in re.sub(r"(?:\"[^\"\n]*+\"|'[^'\n]*+'|/\*(?:[^*]|\*(?!/))*+\*/|@[^{;\n]*+|\([^()\n]*+\))", "", code):
        return grammar.tried(code, READINGS["css"], blanks("css"))
    plain = code
    for blank in _TEMPLATES:
        plain = blank(plain)
    found = _page(plain, "html")
    if found.valid is False and any(_page(code, component).valid for component in _COMPONENTS):
        return Syntax(True)
    if found.valid is False and "{" in code and _page(_SVELTE(plain), "html").valid:
        return Syntax(True)
    return found


def _page(code: str, reader: str) -> Syntax:
    """The elements, then the styles and the scripts in them."""
    root = grammar.parse(code, reader)
    if root.has_error:
        return grammar.error_in(root, code)
    for node in grammar.nodes(root):
        if node.type == "element" and _stays_open(node):
            return grammar.located(node, code, Sentence("{token!r} is missing", token=f"</{_name(node)}>"))
        part = _embedded(node)
        if part.valid is False:
            return part
    return Syntax(True)


def _stays_open(element: tree_sitter.Node) -> bool:
    types = {child.type for child in element.children}
    opened = "start_tag" in types and "end_tag" not in types
    return opened and _name(element).lower() not in _NEEDS_NO_END.split()


def _name(element: tree_sitter.Node) -> str:
    tag = next((child for child in element.children if child.type == "start_tag"), None)
    name = next((child for child in tag.children if child.type == "tag_name"), None) if tag else None
    return (name.text or b"").decode(errors="replace") if name else ""


def _embedded(node: tree_sitter.Node) -> Syntax:
    """The check of a style or script element; valid where it is none, or of something else."""
    raw = next((child for child in node.children if child.type == "raw_text"), None)
    if node.type not in {"style_element", "script_element"} or raw is None or not raw.text:
        return Syntax(True)
    tag = node.children[0].text or b""
    if _DATA.search(tag) or _OTHER_STYLE.search(tag):
        return Syntax(True)
    language = "css" if node.type == "style_element" else "typescript" if _TYPED.search(tag) else "javascript"
    code = raw.text.decode(errors="replace")
    part = grammar.tried(code, READINGS[language][:2], blanks(language))
    if part.valid is not False:
        return part
    row, byte = raw.start_point
    column = part.column + byte if part.line == 1 else part.column
    return Syntax(False, part.line + row, column, part.message)
