"""The ways in which code of each language may be read: whole or as a part, in one dialect or another.

What people are shown is often a part: a method without its class, statements without a function, code with something
left out. And a grammar doesn't know all that a language's users write: their macros, templates and newest syntax. So
each language has several readings, and what its grammar is known not to know is blanked before another try.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

Blank = Callable[[str], str]
"""Code with something replaced by as much white space, so that every place in it stays the same."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A grammar, and what is put around code that is a part of a file; the first line is the code's own."""

    grammar: str
    before: str = ""
    after: str = ""


_JS = (("", ""), ("class A { ", "\n}"), ("({ ", "\n})"), ("(", "\n)"), ("function* f() { ", "\n}"))


def _readings(grammar: str, *around: tuple[str, str]) -> tuple[Reading, ...]:
    return tuple(Reading(grammar, before, after) for before, after in (("", ""), *around))


READINGS: dict[str, tuple[Reading, ...]] = {
    "javascript": tuple(Reading("javascript", *around) for around in _JS),
    "typescript": tuple(Reading(grammar, *around) for around in _JS for grammar in ("typescript", "tsx")),
    "java": _readings("java", ("class A { ", "\n}"), ("class A { void f() { ", "\n}}"), ("enum A { ", "\n}")),
    "c": _readings("c", ("void f(void) { ", "\n}"), ("int a[] = ", "\n;")),
    "cpp": _readings("cpp", ("void f() { ", "\n}"), ("class A { public: ", "\n};")),
    "csharp": _readings("csharp", ("class A { ", "\n}"), ("class A { void F() { ", "\n}}")),
    "go": (
        Reading("go"),
        Reading("go", "package p; "),
        Reading("go", "package p; func f() { ", "\n}"),
        Reading("go", "package p; type T struct { ", "\n}"),
        Reading("go", "package p; var v = T{ ", "\n}"),
    ),
    "rust": _readings(
        "rust",
        *(("impl A { ", "\n}"), ("fn f() { ", "\n}"), ("async fn f() { match x { ", "\n}}"), ("struct A { ", "\n}")),
    ),
    "php": (Reading("php", "<?php "), Reading("php", "<?php class A { ", "\n}"), Reading("php", "<?php [ ", "\n];")),
    "ruby": _readings("ruby", ("class A; ", "\nend"), ("{ ", "\n}")),
    "kotlin": _readings("kotlin", ("class A { ", "\n}"), ("fun f() { ", "\n}"), ("fun f() { when (x) { ", "\n}}")),
    "swift": _readings("swift", ("class A { ", "\n}"), ("func f() { ", "\n}"), ("func f() { switch x { ", "\n}}")),
    "bash": _readings("bash", ("case x in ", "\nesac")),
    "r": _readings("r", ("f( ", "\n)")),
    "css": (Reading("css"), Reading("scss"), Reading("css", "a { ", "\n}"), Reading("scss", "a { ", "\n}")),
}
"""By the id of the language; the first one is for whole files. Where none is given: the grammar of that language."""


def _filled(pattern: str, flags: int, letter: str) -> Blank:
    """Puts the letter in the place of each that matches, so that all else stays where it is."""
    compiled = re.compile(pattern, flags)
    return lambda code: compiled.sub(lambda match: re.sub(r"[^\n]", letter, match[0]), code)


def blanked(pattern: str, flags: int = re.MULTILINE) -> Blank:
    """Blanks what matches."""
    return _filled(pattern, flags, " ")


def as_word(pattern: str, flags: int = re.MULTILINE) -> Blank:
    """Makes a word of as many letters of what matches: for what stands for a value or a name."""
    return _filled(pattern, flags, "x")


def _first_branches(code: str) -> str:
    """The code without the preprocessor's lines, and of its branches the first; what is for C++ alone goes too."""
    lines, skipping, within = [], [False], False
    for line in code.split("\n"):
        word = re.match(r"[ \t]*#[ \t]*(\w*)", line)
        directive = word[1] if word else ""
        if directive in {"if", "ifdef", "ifndef"}:
            skipping.append(skipping[-1] or "ifdef __cplusplus" in line)
        elif directive in {"elif", "elseif", "else"} and len(skipping) > 1:
            skipping[-1] = True
        elif directive == "endif" and len(skipping) > 1:
            skipping.pop()
        blank = word or within or skipping[-1]
        within = bool(word or within) and line.endswith("\\")
        lines.append(" " * len(line) if blank else line)
    return "\n".join(lines)


def _respelt(pattern: str, spelling: str) -> Blank:
    """What matches in another spelling of the same length."""
    compiled = re.compile(pattern, re.MULTILINE)
    return lambda code: compiled.sub(lambda match: spelling.ljust(len(match[0])), code)


_LEFT_OUT = blanked(r"^[ \t]*(?:\.\.\.|…)[ \t]*[;,]?[ \t]*$|(?<=[{(\[])[ \t]*(?:\.\.\.|…)[ \t]*(?=[})\]])")
_MACROS = (
    blanked(r"^[ \t]*[A-Z][A-Z0-9_]{2,}(?:\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\))?[ \t]*$"),
    blanked(
        r"\b(?:[A-Z][A-Z0-9]*_(?:API|EXPORT|EXPORTS|DLL|INLINE|NOEXCEPT|DEPRECATED)|__declspec\([^()\n]*\)|emit)\b"
    ),
    blanked(r"(?<=[a-z])[ \t]+(?:slots|Q_SLOTS)(?=[ \t]*:)|^[ \t]*(?:signals|Q_SIGNALS)[ \t]*:"),
    blanked(r"^(?:[ \t]*(?:export[ \t]+)?(?:module|import)\b[^\n;(){}=]*;|[ \t]*export(?=[ \t]+\w))"),
    blanked(r"\b__(?!asm)\w+__\b(?![ \t]*\()|(?<=\()[A-Z]{3,}[ \t]*(?=\*)"),
    blanked(r"__attribute__[ \t]*\(\((?:[^()\n]|\([^()\n]*\))*+\)\)|<<<[^<>\n]*>>>|[ \t]\.\.\.[ \t]*\w+(?=[ \t]*:)"),
    blanked(r"^[ \t]*[A-Z][A-Z0-9_]{3,}\([^()\n]*\)(?=[ \t]*\{)|(?<=\w|\))\.\.\.(?=;)"),
    blanked(r"\b[A-Z][A-Z0-9_]{3,}[ \t]+(?=[\w:]+[ \t*&]+[\w:~]+)"),
    blanked(r"(?<=[\w*])[ \t]+[A-Z][A-Z0-9_]{3,}(?=[ \t]+[\w:~]+[ \t]*\()"),
    _first_branches,
)
_AT_RULES = (
    "media import charset namespace supports page font keyframes layer container property use forward mixin include "
    "function return if else each for while extend at-root debug warn error apply tailwind screen view counter scope "
    "starting -"
)
_NOT_CSS = rf"(?!(?:{'|'.join(_AT_RULES.split())})\b)"

BLANKS: dict[str, tuple[Blank, ...]] = {
    "c": (_LEFT_OUT, *_MACROS),
    "cpp": (_LEFT_OUT, *_MACROS),
    "csharp": (
        _LEFT_OUT,
        blanked(r",[ \t]*allows[ \t]+ref[ \t]+struct\b"),
        blanked(r"^[ \t]*#(?!if|elif|else|endif)[^\n]*$"),
        _first_branches,
    ),
    "rust": (_LEFT_OUT, blanked(r"\b(?:safe|gen)(?=[ \t]+fn\b)|(?<=&)raw[ \t]+(?:const|mut)\b")),
    "typescript": (_LEFT_OUT, blanked(r"(?<=[<,])[ \t]*in(?=[ \t]+out\b)")),
    "kotlin": (
        _LEFT_OUT,
        blanked(r"\bfun[ \t]+(?=interface\b)"),
        blanked(r"^[ \t]*context[ \t]*\([^()\n]*\)"),
        blanked(r"(?<=\w)[ \t]+if\b[^\n{}]*?(?=->)"),
        blanked(r"\$+(?=\"\"\")"),
        _respelt(r"\.\.<", ".. "),
        _respelt(r"^[ \t](?=[ \t]*!?in\b)", ";"),  # not the operand of the line before
        _respelt(r"(?<=[^\s{;])[ \t](?=[ \t]*\})", ";"),  # the grammar wants an end to each statement
    ),
    "swift": (
        _LEFT_OUT,
        _first_branches,
        blanked(r"~(?=Copyable|Escapable)|\b(?:consuming|borrowing|sending|package|nonisolated\(unsafe\))(?=[ \t]+\w)"),
        blanked(r"\bthrows(?=\()\([^()\n]*\)"),
    ),
    "bash": (
        as_word(r"<[A-Za-z][\w .:/-]*>(?!\()|[!?*+@]\([^()\s|]*(?:\|[^()\s|]*)+\)"),
        _respelt(r";&", ";;"),
        blanked(r"^[ \t]*coproc\b"),
        blanked(r"\([a-zA-Z.@/*^,-]{1,9}[NDnoOL0-9]*\)(?=[ \t]*(?:;|$))|(?<=\balias) -[gs]"),
    ),
    "css": (
        as_word(r"\((?=[^()\n]*[<>])[^()\n]*\)(?=[^;{}\n]*\{)"),
        _respelt(r"@container(?:[ \t]+[\w-]+)?(?=[ \t]*\()", "@media"),
        _respelt(r"&(?![\w-])", "*"),
        _respelt(r"(?<=@extend )%", "x"),
        _respelt(r"\.\d+%(?=[ \t]*[{,])", "%"),
        blanked(r";(?=[ \t]*;)"),
        _respelt(rf"@{_NOT_CSS}(?=[a-zA-Z])", "$"),
        _respelt(r"(?<=[\w)])[ \t](?=!default|!global)", ";"),
        _LEFT_OUT,
    ),
    "sql": (as_word(r"\.\.\.|<[A-Za-z][\w .-]*>|\{\{?[^{}\n]*\}?\}"), blanked(r"\{%[^\n]*?%\}")),
}
"""By the id of the language: what its grammar is known not to know, blanked one after the other."""


def blanks(language: str) -> tuple[Blank, ...]:
    """What is to be blanked, one after the other, where the code can't be read as it is."""
    return BLANKS.get(language, (_LEFT_OUT,))


_PROMPTS = {
    "bash": re.compile(r"(?:[\w.-]+@[\w.-]+[:~ ][^\n$#%]{0,99})?[$#%❯] |[$❯]$"),
    "python": re.compile(r">>> ?|In \[\d+\]: ?"),
    "r": re.compile(r"> ?"),
    "ruby": re.compile(r"(?:irb\([^)\n]*\)|\[\d+\] pry\([^)\n]*\))[^>\n]{0,20}> ?|>> "),
    "javascript": re.compile(r"> "),
    "sql": re.compile(r"(?:mysql|sqlite|MariaDB \[[^\]\n]*\]|[\w-]+[=-][#>])>? ?"),
}
_CONTINUED = {
    "bash": re.compile(r"> "),
    "python": re.compile(r"\.\.\. ?| *\.\.\.: ?"),
    "r": re.compile(r"\+ ?"),
    "javascript": re.compile(r"\.\.\. ?"),
    "sql": re.compile(r" *-> ?|[\w-]+[-(][#>] ?"),
}


def typed(code: str, language: str) -> str | None:
    """What was typed in a session at a terminal, without what came out; None where the code is no session."""
    prompt, continued = _PROMPTS.get(language), _CONTINUED.get(language)
    first = next((line for line in code.split("\n") if line.strip()), "")
    if prompt is None or not prompt.match(first):
        return None
    lines: list[str] = []
    within = False
    for line in code.split("\n"):
        start = prompt.match(line)
        if start is None and within and continued is not None:
            start = continued.match(line)
        after_backslash = bool(lines) and within and lines[-1].endswith("\\")
        within = start is not None or after_backslash
        lines.append(line[start.end() :] if start else line if after_backslash else "")
    return "\n".join(lines)
