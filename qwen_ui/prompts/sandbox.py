"""The small, strict part of Jinja2 that prompt files may use.

Visitors can edit prompts while others chat, so a template must neither reach anything beyond its own values
nor grow without bound. There are variables, ``if``, ``for``, ``set``, and the filters and methods listed here;
what could blow up (powers, repeated strings, nested macros) is refused or counted.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn, Protocol

from jinja2 import StrictUndefined, nodes
from jinja2.exceptions import SecurityError, TemplateSyntaxError
from jinja2.filters import FILTERS, do_replace
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import pass_context, pass_eval_context
from jinja2.visitor import NodeTransformer

from qwen_ui.sentences import Sentence

MAX_RENDERED = 1_000_000
"""Characters that one section may render to."""
MAX_ITERATIONS = 10_000
"""Rounds of all loops of one section together."""

FILENAME = "<template>"
"""What Jinja2 calls the section in tracebacks."""

_FILTERS = (
    "abs capitalize count d default dictsort first float int items last length list lower map max min reject "
    "rejectattr reverse round select selectattr sort title trim truncate unique upper wordcount"
)
_METHODS = (
    "capitalize count endswith find get isdigit items keys lower lstrip rstrip split splitlines startswith strip "
    "title upper values"
)
_MARKS = re.compile(r"\{\{|\}\}|\{%|%\}|\{#|#\}")
_CLOSING = {"{{": "}}", "{%": "%}", "{#": "#}"}
_BLOCK = re.compile(r"innermost block that needs to be closed is '(\w+)'")
_LONGEST_QUOTED = 40
_ROUNDS = "rounds of this render's loops"  # no identifier, so that no template can name it


class Refused(SecurityError):
    """What a prompt may not do. The template is a literal where this is raised, as with the app's own errors."""

    lineno = 1
    """The line of the section, where it is refused before it runs."""

    def __init__(self, template: str, /, **values: Any) -> None:
        super().__init__(template)
        self.sentence = Sentence(template, **values)


class PromptEnvironment(ImmutableSandboxedEnvironment):
    """Compiles prompt sections. Undefined variables, lists printed raw and unsafe operations are errors."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=printable)
        self.filters = {name: FILTERS[name] for name in _FILTERS.split()}
        self.filters |= {"join": _join, "replace": _replace, "counted": _counted}
        self.globals = {"range": self.globals["range"]}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        _Guard().visit(tree)
        return tree

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Data may be read, of methods only the listed ones."""
        return super().is_safe_attribute(obj, attr, value) and (not callable(value) or attr in _METHODS.split())

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Computes ``left operator right`` where the result stays small."""
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if operator == "**":
            raise Refused("a prompt can't compute powers.")
        if operator in "*%" and not numbers:
            raise Refused("{operator!r} works on numbers only in a prompt.", operator=operator)
        result = super().call_binop(context, operator, left, right)
        if isinstance(result, int | float):
            if abs(result) > 1e15:
                raise Refused("a number grows beyond 1e15.")
        elif len(result) > MAX_RENDERED:
            raise _too_long()
        return result


class Compiled(Protocol):
    """A section that is ready to be rendered: Jinja2's template, or another like it."""

    def generate(self, values: dict[str, Any], /) -> Iterator[str]:
        """The text with the values, in pieces."""


def render(template: Compiled, values: Mapping[str, Any]) -> str:
    """The template's text with the values. Whatever goes wrong within it is raised as it is."""
    pieces, length = [], 0
    for piece in template.generate({**values, _ROUNDS: itertools.count(1)}):
        length += len(piece)
        if length > MAX_RENDERED:
            raise _too_long()
        pieces.append(piece)
    return "".join(pieces)


def describe(error: BaseException) -> Sentence:
    """What went wrong, for the template's author. What Jinja2 and PyYAML have to say stays in English."""
    if isinstance(error, Refused):
        return error.sentence
    if isinstance(error, RecursionError):
        return Sentence("it is nested too deeply.")
    return Sentence("{cause}.", cause=str(error).partition("\n")[0].rstrip(".") or type(error).__name__)


def misspelt(error: TemplateSyntaxError, text: str) -> tuple[int, Sentence]:
    """The line of a text that Jinja2 can't read, and the cause: what is not closed there, else what Jinja2 says."""
    if (mark := _unclosed(text)) is not None:
        quoted = text[mark.start() :].partition("\n")[0][:_LONGEST_QUOTED].rstrip()
        cause = Sentence("`{tag}` has no closing `{mark}`.", tag=quoted, mark=_CLOSING[mark[0]])
        return text.count("\n", 0, mark.start()) + 1, cause
    if block := _BLOCK.search(str(error)):
        tag, mark_ = f"{{% {block[1]} … %}}", f"{{% end{block[1]} %}}"
        return error.lineno, Sentence("`{tag}` has no closing `{mark}`.", tag=tag, mark=mark_)
    return error.lineno, describe(error)


def _unclosed(text: str) -> re.Match[str] | None:
    """The first mark that opens something which does not end before the next one, or at all."""
    opened: re.Match[str] | None = None
    for mark in _MARKS.finditer(text):
        if opened is None:
            opened = mark if mark[0] in _CLOSING else None
        elif mark[0] == _CLOSING[opened[0]]:
            opened = None
        elif mark[0] in _CLOSING and opened[0] != "{#":
            break
    return opened


class _Guard(NodeTransformer):
    """Refuses what a prompt has no use for, and bounds loops and ``~``."""

    def visit_For(self, node: nodes.For) -> nodes.Node:
        if node.recursive:
            self._refuse_node(node)
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, "counted", [], [], None, None, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        parts = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(parts, "join", [], [], None, None, lineno=node.lineno)

    def visit_List(self, node: nodes.List | nodes.Tuple) -> nodes.Node:
        # Lists of lists of variables double with every line: 2**40 items in forty lines.
        if getattr(node, "ctx", "load") == "load" and not all(isinstance(item, nodes.Const) for item in node.items):
            raise _at(node, Refused("a list in a prompt may hold only constants."))
        return node

    visit_Tuple = visit_List

    def _refuse_node(self, node: nodes.Node) -> NoReturn:
        raise _at(node, Refused("a prompt can't use this part of Jinja2 ({part}).", part=type(node).__name__))

    visit_Macro = visit_CallBlock = visit_Block = visit_FilterBlock = visit_AssignBlock = _refuse_node
    visit_Include = visit_Import = visit_FromImport = visit_Extends = visit_Dict = _refuse_node


def _at(node: nodes.Node, refused: Refused) -> Refused:
    refused.lineno = node.lineno
    return refused


def _too_long() -> Refused:
    return Refused("the prompt grows beyond {limit:,} characters.", limit=MAX_RENDERED)


def printable(value: Any) -> Any:
    """The value, if it is one that a prompt may show. Raises `Refused` for lists and the like."""
    if isinstance(value, Undefined):
        return str(value)  # raises: it is strict
    if not isinstance(value, str | int | float):
        raise Refused("a {kind} can't be printed in a prompt; print its parts.", kind=type(value).__name__)
    return value


def _join(value: Iterable[Any], d: str = "", attribute: str | None = None) -> str:
    """Jinja2's ``join`` for texts and numbers, bounded."""
    items = [getattr(item, attribute) if attribute and attribute.isidentifier() else item for item in value]
    texts = [str(printable(item)) for item in items]
    if sum(map(len, texts)) + len(d) * len(texts) > MAX_RENDERED:
        raise _too_long()
    return d.join(texts)


@pass_eval_context
def _replace(eval_ctx: nodes.EvalContext, s: str, old: str, new: str) -> str:
    """Jinja2's ``replace``, bounded."""
    if len(s) + s.count(old) * len(new) > MAX_RENDERED:
        raise _too_long()
    return do_replace(eval_ctx, s, old, new)


@pass_context
def _counted(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    """The items, as long as this render's loops have rounds left."""
    for item in items:
        if next(context[_ROUNDS]) > MAX_ITERATIONS:
            raise Refused("the loops take more than {limit:,} rounds.", limit=MAX_ITERATIONS)
        yield item
