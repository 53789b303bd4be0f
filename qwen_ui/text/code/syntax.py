"""Checks the syntax of code without running it; run as a module, for `qwen_ui.text.code.checker`.

Code is wrong only where all ways to read it agree (see `readings`); what can't be told is not called wrong.
"""

import ast
import json
import re
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from qwen_ui.sentences import Sentence
from qwen_ui.text.code import grammar, markup, sql
from qwen_ui.text.code.found import NOT_CHECKED, Syntax
from qwen_ui.text.code.languages import BY_ID, LANGUAGES, Language, find
from qwen_ui.text.code.readings import READINGS, Reading, blanks, typed
from qwen_ui.text.confined import packed
from qwen_ui.text.kept import serve

_SIBLINGS = {"javascript": "typescript", "c": "cpp", "cpp": "c"}
"""Languages whose code is often given another's name."""
_FOREIGN_SHELL = re.compile(
    r"^\s*(?:set -[gxlU]|end\b|function \w+$|param\b)|\b[A-Z][a-z]+-[A-Z]\w+|\$\w+ ?= ?", re.MULTILINE
)
_SHELLS = (("fish", "fish"), ("powershell", "PowerShell"))


def check(code: str, language: Language) -> Syntax:
    """Where the first syntax error is, if there is one. Python's own parser decides for Python, tree-sitter else."""
    session = typed(code, language.id)
    try:
        if session is None:
            return _read(code, language)
        return _session(_read(session, language)) if session.strip() else NOT_CHECKED
    except grammar.TookTooLong:
        return Syntax(None, message=Sentence("It is not checked: that would take too long."))


def _read(code: str, language: Language) -> Syntax:
    if language.id in _OWN:
        return _OWN[language.id](code)
    if language not in LANGUAGES:
        return _other(code, language)
    return _tried(code, language)


def _session(syntax: Syntax) -> Syntax:
    """What was typed at a terminal is often cut; so it is never called wrong with certainty."""
    unsure = Sentence("It is a session in a terminal, of which only what was typed can be checked.")
    return Syntax(None, message=unsure) if syntax.valid is False else syntax


def _tried(code: str, language: Language) -> Syntax:
    """Read as it is, then without what the grammar doesn't know, then as a language that is often taken for it."""
    found = grammar.tried(code, READINGS[language.id], blanks(language.id))
    if found.valid:
        return found
    other = _SIBLINGS.get(language.id)
    if other and grammar.check(code, READINGS[other]).valid:
        return _reads_as(find(other).name)
    return found


def _reads_as(name: str) -> Syntax:
    return Syntax(None, message=Sentence("It reads as {language}.", language=name))


def _bash(code: str) -> Syntax:
    found = _tried(code, find("bash"))
    if found.valid is False:
        for shell, name in _SHELLS:
            if grammar.check(code, [Reading(shell)]).valid and _FOREIGN_SHELL.search(code):
                return _reads_as(name)
    return found


def _php(code: str) -> Syntax:
    """PHP, whose grammar takes all outside its tags for text."""
    return grammar.check(code, [Reading("php")]) if "<?" in code else _tried(code, find("php"))


_MAGIC = re.compile(r"^(?P<indent>[ \t]*)(?:%[^\n]*|![^\n]*|\?{1,2}[\w.]+|[\w.]+\?{1,2})[ \t]*$", re.MULTILINE)
_ASSIGNED_MAGIC = re.compile(r"^(?P<assigned>[ \t]*[\w., \t]+=[ \t]*)[!%][^\n]*$", re.MULTILINE)
_CELL = re.compile(r"\s*%%(?P<name>\w+)[^\n]*\n?")
_PYTHON_CELLS = "time timeit capture prun python python3 pypy debug memit mprun"
_BEFORE = {"except": "try: pass\n", "finally": "try: pass\n", "elif": "if 1: pass\n", "case ": "match x:\n"}
"""What goes before the part of a statement."""
_PYTHON_2 = re.compile(
    r"^\s*(?:print\b\s*(?:>>|[^(=\s.,)])|exec\b\s*[^(=\s.,)]|except\b[^:\n]*,\s*\w+\s*:|raise\s+\w+\s*,)"
    r"|<>|\b0\d+\b|\bur[\"']|`",
    re.MULTILINE,
)
_NEWER = {"type_alias_statement", "type_parameter"}
_NEWER_TEXT = re.compile(r"[fFtT][rR]?[\"']|\bexcept\*?\s+\w[\w.]*\s*,")


def _python(code: str) -> Syntax:
    found = _parsed(code)
    if found.valid is not False:
        return found
    cell = _CELL.match(code)
    if cell and cell["name"] not in _PYTHON_CELLS.split():
        return Syntax(None, message=Sentence("A notebook's cell for {name} is not checked.", name=cell["name"]))
    shorn = _MAGIC.sub(lambda magic: f"{magic['indent']}pass", code)
    shorn = _ASSIGNED_MAGIC.sub(lambda magic: f"{magic['assigned']}0", shorn)
    start = shorn.lstrip().partition("\n")[0]
    before = next((whole for word, whole in _BEFORE.items() if start.startswith(word)), "")
    readings = [shorn, f"if 1:\n{shorn}", before + shorn, *([f"class A:\n{shorn}"] if code[:1] in " \t" else [])]
    if any(_parsed(reading).valid for reading in readings if reading != code):
        return Syntax(True)
    return _another_python(shorn, found) if grammar.check(shorn, [Reading("python")]).valid else found


def _another_python(code: str, found: Syntax) -> Syntax:
    """What is to be said of code that this Python's parser refuses, and a lenient one doesn't."""
    reason = found.message
    if _PYTHON_2.search(code):
        unsure = Sentence("It reads as Python 2; Python 3 would refuse it: {reason}.", reason=reason)
        return Syntax(None, message=unsure)
    if _is_newer(code):
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        unsure = Sentence(
            "It may be of a newer Python than this server's {version}: {reason}.", version=version, reason=reason
        )
        return Syntax(None, message=unsure)
    return found


def _is_newer(code: str) -> bool:
    """Whether something in it came with a newer version than that of the parser at hand."""
    if any(node.type in _NEWER for node in grammar.nodes(grammar.parse(code, "python"))):
        return True
    return bool(_NEWER_TEXT.search(code))


def _parsed(code: str) -> Syntax:
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


def _other(code: str, language: Language) -> Syntax:
    """Languages that come beside the chosen one: right where a grammar reads them, and never wrong with certainty."""
    if language.id == "json":
        return _json(code)
    if not language.grammar or not grammar.check(code, [Reading(language.grammar)]).valid:
        return Syntax(None, message=Sentence("{language} is not checked here.", language=language.name))
    return Syntax(True)


def _json(code: str) -> Syntax:
    """JSON, as it is or with the comments and commas that many programs take; several values too."""
    try:
        json.loads(code)
    except (ValueError, RecursionError) as error:
        found = grammar.check(code, [Reading("javascript", "(", "\n)"), Reading("json")])
        return Syntax(True) if found.valid else _json_error(error, found)
    return Syntax(True)


def _json_error(error: Exception, found: Syntax) -> Syntax:
    if isinstance(error, json.JSONDecodeError):
        return Syntax(False, error.lineno, error.colno, error.msg)
    return found


def _go(code: str) -> Syntax:
    """Go, whose grammar takes a brace on the next line, where the language has ended the statement."""
    found = _tried(code, find("go"))
    brace = re.search(r"^[ \t]*(?:if|for|func|switch)\b[^\n{]*\n[ \t]*\{[ \t]*$", code, re.MULTILINE)
    if found.valid and brace:
        line = code.count("\n", 0, brace.end()) + 1
        column = brace[0].rpartition("\n")[2].index("{") + 1
        return Syntax(False, line, column, Sentence("unexpected {token!r}", token="{"))
    return found


def _ruby(code: str) -> Syntax:
    """Ruby, whose grammar takes an end too many for a name."""
    found = _tried(code, find("ruby"))
    if found.valid and re.search(r"^\s*end\b", code, re.MULTILINE):
        for node in grammar.nodes(grammar.parse(code, "ruby")):
            if node.type == "identifier" and node.text == b"end":
                return grammar.located(node, code, Sentence("unexpected {token!r}", token="end"))
    return found


_OWN = {"ruby": _ruby, "go": _go, "python": _python, "php": _php, "bash": _bash, "html": markup.check, "sql": sql.check}


def _answer(question: Sequence[str]) -> dict[str, Any]:
    """What `qwen_ui.text.code.checker` is told of some code and the id of its language."""
    code, language = question
    found = asdict(check(code, BY_ID[language]))
    return found | ({"message": packed(found["message"])} if isinstance(found["message"], Sentence) else {})


if __name__ == "__main__":
    serve(_answer)
