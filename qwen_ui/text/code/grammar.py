"""Reads code with tree-sitter's grammars and tells its first error."""

import time
from collections.abc import Iterator, Sequence

import tree_sitter
from tree_sitter_language_pack import get_parser

from qwen_ui.sentences import Sentence
from qwen_ui.text.code.found import Syntax
from qwen_ui.text.code.readings import Blank, Reading

_SECONDS = 1.0
"""For one parse."""
_CHUNK = 65_536  # bytes; a parser can be stopped only where it reads in chunks


class TookTooLong(Exception):
    """The parser was stopped: some texts take some grammars time with the square of their length, or worse."""


def parse(code: str, grammar: str) -> tree_sitter.Node:
    """The root of the code's tree. Raises `TookTooLong`."""
    data, end = code.encode(errors="replace"), time.monotonic() + _SECONDS
    parser = get_parser(grammar)  # type: ignore[arg-type]  # a Literal
    try:
        tree = parser.parse(
            lambda at, point: data[at : at + _CHUNK], progress_callback=lambda at, failed: time.monotonic() > end
        )
    except ValueError as error:  # so it says that the callback stopped it
        raise TookTooLong from error
    return tree.root_node


def check(code: str, readings: Sequence[Reading]) -> Syntax:
    """Valid if it is in one of the readings; else the error in that which has least against it."""
    best, least = Syntax(True), -1
    for reading in readings:
        source = reading.before + code + reading.after
        root = parse(source, reading.grammar)
        if not root.has_error:
            return Syntax(True)
        weight = sum(1 if node.is_missing else node.end_byte - node.start_byte + 1 for node in errors(root))
        if least < 0 or weight < least:
            best, least = error_in(root, code, len(reading.before)), weight
    return best


def tried(code: str, readings: Sequence[Reading], blanks: Sequence[Blank]) -> Syntax:
    """Like `check`, and valid if it is so without what the grammar is known not to know."""
    found = check(code, readings)
    blanked = code
    for blank in blanks:
        if found.valid:
            break
        before, blanked = blanked, blank(blanked)
        if blanked != before and check(blanked, readings).valid:
            return Syntax(True)
    return found


def errors(root: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    """What the grammar could not read, and what it missed: the outermost nodes."""
    pending = [root]
    while pending:
        node = pending.pop()
        if node.is_error or node.is_missing:
            yield node
        elif node.has_error:
            pending.extend(reversed(node.children))


def nodes(root: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    """All nodes in reading order."""
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(node.children))


def error_in(root: tree_sitter.Node, code: str, before: int = 0) -> Syntax:
    """The first error in a tree that has one. So many bytes were put before the code."""
    node = _first_error(root)
    return located(node, code, _message(node), before)


def located(node: tree_sitter.Node, code: str, message: Sentence, before: int = 0) -> Syntax:
    """An error at the beginning of a node."""
    row, byte = node.start_point
    lines = code.split("\n")
    if row >= len(lines):  # in what was put behind the code
        return Syntax(False, len(lines), len(lines[-1]) + 1, Sentence("unexpected end"))
    if row == 0:
        byte = max(byte - before, 0)
    column = len(lines[row].encode(errors="replace")[:byte].decode(errors="replace")) + 1
    return Syntax(False, row + 1, column, message)


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
