"""Checks the syntax of code without running it."""

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import tree_sitter
from tree_sitter_language_pack import get_parser

from qwen_ui.sentences import Sentence
from qwen_ui.tabs.code.languages import Language

MAX_CHARACTERS = 200_000


@dataclass(frozen=True, slots=True)
class Syntax:
    """What a check found. ``valid`` is None when it could not be told; line and column count from 1."""

    valid: bool | None
    line: int = 0
    column: int = 0
    message: Sentence | str = ""
    """What is wrong, or why it could not be told; Python's parser has its own words."""


NOT_CHECKED = Syntax(None)


def check(code: str, language: Language) -> Syntax:
    """Where the first syntax error is, if there is one. Python's own parser decides for Python, tree-sitter else."""
    if not code.strip():
        return NOT_CHECKED
    if len(code) > MAX_CHARACTERS:
        limit = Sentence("Code of more than {limit:,} characters is not checked.", limit=MAX_CHARACTERS)
        return Syntax(None, message=limit)
    if language.id == "python":
        return _python(code)
    if language.id == "php" and "<?" not in code:  # else the grammar takes it all for text between PHP tags
        return _tree(f"<?php\n{code}", language.grammar, lines_before=1)
    if language.id == "html":
        return _html(code)
    return _tree(code, language.grammar)


def _python(code: str) -> Syntax:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "invalid escape sequence" is no error, and not ours
            ast.parse(code)
    except SyntaxError as error:
        return Syntax(False, error.lineno or 1, max(error.offset or 1, 1), error.msg)
    except (ValueError, RecursionError, MemoryError) as error:
        reason = str(error) or type(error).__name__
        return Syntax(None, message=Sentence("Python's parser gave up on it: {reason}.", reason=reason))
    return Syntax(True)


def _tree(code: str, grammar: str, lines_before: int = 0) -> Syntax:
    source = code.encode(errors="replace")
    root = get_parser(grammar).parse(source).root_node  # type: ignore[arg-type]  # its names are a Literal
    if not root.has_error:
        return Syntax(True)
    node = _first_error(root)
    row, byte = node.start_point
    column = len(source.split(b"\n")[row][:byte].decode(errors="replace")) + 1
    return Syntax(False, row + 1 - lines_before, column, _message(node))


def _first_error(root: tree_sitter.Node) -> tree_sitter.Node:
    """The first error in reading order: the innermost, as the outer one often begins far before it."""
    node = root
    while True:
        inner = next((child for child in node.children if child.has_error or child.is_missing), None)
        if inner is None:
            return node
        node = inner


def _message(node: tree_sitter.Node) -> Sentence:
    if node.is_missing:
        return Sentence("{token!r} is missing", token=node.type)
    lines = (node.text or b"").decode(errors="replace").strip().splitlines()
    return Sentence("unexpected {token!r}", token=lines[0][:40]) if lines else Sentence("unexpected end")


def _html(code: str) -> Syntax:
    """HTML with its style and script elements; bare rules are CSS."""
    if "<" not in code:
        return _tree(code, "css")
    page = _tree(code, "html")
    if not page.valid:
        return page
    for grammar, row, inner in _embedded(code):
        part = _tree(inner, grammar)
        if not part.valid:
            return Syntax(False, part.line + row, part.column, part.message)
    return page


def _embedded(code: str) -> Iterator[tuple[str, int, str]]:
    """Grammar, first row and text of each style and script element."""
    pending = [get_parser("html").parse(code.encode(errors="replace")).root_node]
    while pending:
        node = pending.pop()
        grammar = {"style_element": "css", "script_element": "javascript"}.get(node.type)
        raw = next((child for child in node.children if child.type == "raw_text"), None)
        if grammar and raw and raw.text and b"type=" not in (node.children[0].text or b""):
            yield grammar, raw.start_point[0], raw.text.decode(errors="replace")
        pending.extend(reversed(node.children))
