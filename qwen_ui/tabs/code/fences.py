"""Mends the slips that models make with the fences of code, so that a Markdown parser finds what was meant."""

import re
from bisect import bisect_left

from qwen_ui.text.code.languages import known

# Without a block, lines are told apart by their looks.
_SENTENCE = re.compile(r"\s*(?:[-*•] |\d+[.)] )?[\"“*`(]*[A-Z一-鿿][^;{}]*[.!?:。：！？][\"”*`)]*\s*")
_BULLET = re.compile(r"\s*(?:[-*•]|\d+[.)]) ")
_CODE_SIGN = re.compile(
    r"\s+\S|.*[;{}()=<>\[\]$@]|[#/]|\s*(?:import|from|def|class|return|if|else|elif|for|while|end|fn|func|fun|let|var|"
    r"const|package|using|SELECT|INSERT|UPDATE|DELETE|CREATE|WITH|FROM|WHERE|JOIN|ORDER|GROUP|echo|cd|do|done|then|fi)\b"
)

_FENCE = re.compile(r"(?P<before>[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?)(?P<mark>`{3,}+|~{3,}+)(?P<info>[^\n`]*)")
_ONE_LINE = re.compile(r"(?P<indent>[ \t]*)(?P<mark>```+)(?P<tag>[\w+#.-]+)[ \t]+(?P<code>[^`]+)(?P=mark)[ \t]*")
_FENCE_BEHIND = re.compile(r"(?P<fence>`{3,}+[\w+#.:{}/ -]*+)\Z")
_PROSE = re.compile(r"[^\w\s{.]|\w+[^\w\s:=.{(]*(?:[ \t]+[^\s=:]+){2,}")
_QUOTE = re.compile(
    r"\"\"\"|'''|\"(?:[^\"\\]|\\.)*+(?:\"|\\?$)|'(?:[^'\\]|\\.)*+(?:'|\\?$)|(?:^|(?<=\s))/\*(?=[\s*]|$)|#.*|(?:^|(?<=\s))//.*"
)
_ENDS = {'"""': '"""', "'''": "'''", "/*": "*/"}
_WITHOUT_COMMENTS = ("bash", "markdown")
"""Languages in which a slash and a star are a path."""


def mended(text: str) -> str:
    """The text with each fence on a line of its own, each block opened, closed, and not closed by what is within it.

    A fence may stand in the middle of a line, have words behind it, or lack its opening; one within a string or a
    comment of the code does not end the block.
    """
    return _Mender(text.replace("\r\n", "\n")).text()


def looks_like_code(line: str) -> bool:
    """Whether a line by itself is rather code than prose."""
    if _BULLET.match(line) or (_SENTENCE.fullmatch(line) and len(line.split()) > 3):
        return False
    return bool(_CODE_SIGN.match(line)) and not re.search(r"[。！？：]\s*$", line)


class _Mender:
    """Goes through a text line by line, once."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._fences = [(at, fence) for at, line in enumerate(self._lines) if (fence := _FENCE.fullmatch(line))]
        self._last = {
            end: max((at for at, line in enumerate(self._lines) if end in line), default=-1) for end in _ENDS.values()
        }
        self._out: list[str] = []
        self._opening: re.Match[str] | None = None
        self._opened_at = 0
        self._language = ""
        self._nested = 0
        self._quote = ""
        """What ends the string or the comment that the code is in."""

    def text(self) -> str:
        """The whole text, mended."""
        for at, line in enumerate(self._lines):
            fence = _FENCE.fullmatch(line)
            if self._opening is None:
                self._outside(at, line, fence)
            else:
                self._within(at, line, fence)
        return "\n".join(self._out)

    def _outside(self, at: int, line: str, fence: re.Match[str] | None) -> None:
        if fence and self._closes_nothing(at, fence):
            self._out = [*_opened(self._out, fence["mark"]), fence["mark"]]
        elif fence:
            self._open(fence, line)
        elif (one := _ONE_LINE.fullmatch(line)) and known(one["tag"]):
            indent, mark = one["indent"], one["mark"]
            self._out += [f"{indent}{mark}{one['tag']}", indent + one["code"].strip(), f"{indent}{mark}"]
        elif (midline := _behind(line)) and self._opens(at, midline[1]) and (opening := _FENCE.fullmatch(midline[1])):
            self._out += [midline[0], ""]
            self._open(opening, midline[1])
        else:
            self._out.append(line)

    def _within(self, at: int, line: str, fence: re.Match[str] | None) -> None:
        if fence and self._is_end(at, fence):
            self._close(fence["info"].strip())
            return
        midline = None if fence or self._quote else _behind(line)
        ends = midline and not midline[1].strip("` \t") and self._language != "markdown"
        if midline and ends and not self._has_end_after(at):
            self._out.append(midline[0])
            self._close()
            return
        if self._language == "markdown" and fence:
            self._nested += 1 if fence["info"].strip() else -1
        self._out.append(line)
        self._quote = _quote_after(line, self._quote, self._language)

    def _open(self, fence: re.Match[str], line: str) -> None:
        language = known(fence["info"])
        self._opening, self._opened_at = fence, len(self._out)
        self._language, self._nested, self._quote = language.id if language else "", 0, ""
        self._out.append(line)

    def _is_end(self, at: int, fence: re.Match[str]) -> bool:
        """Whether a fence ends the block, rather than being a part of its code."""
        assert self._opening is not None
        info = fence["info"].strip()
        bare = not info or (bool(_PROSE.match(info)) and known(info) is None)
        if not fence["mark"].startswith(self._opening["mark"]) or not bare or fence["before"].strip():
            return False
        if self._nested > 0:
            return False
        deep = _width(fence["before"]) >= _width(self._opening["before"]) + 4
        if deep or (self._quote and at < self._last[self._quote]):
            return not self._has_end_after(at)
        return True

    def _has_end_after(self, at: int) -> bool:
        """Whether the next fence may end the block instead."""
        following = self._next(at)
        return following is not None and not following["info"].strip()

    def _close(self, words: str = "") -> None:
        """Ends the block with a fence that the code can't have closed; words that stood behind it come after."""
        assert self._opening is not None
        mark = self._opening["mark"]
        inner = (_FENCE.fullmatch(line) for line in self._out[self._opened_at + 1 :])
        longest = max((len(each["mark"]) for each in inner if each and each["mark"][0] == mark[0]), default=0)
        longer = mark[0] * max(longest + 1, len(mark)) if longest else mark
        before = self._opening["before"]
        self._out[self._opened_at] = f"{before}{longer}{self._opening['info']}"
        self._out.append(re.sub(r"\S", " ", before) + longer)
        self._out += [words] if words else []
        self._opening = None

    def _closes_nothing(self, at: int, fence: re.Match[str]) -> bool:
        """Whether the first fence of the text ends code whose opening fence is missing."""
        if fence["info"].strip() or fence["before"].strip() or at != self._fences[0][0] or self._has_end_after(at):
            return False
        before = next((line for line in reversed(self._out) if line.strip()), "")
        after = next((line for line in self._lines[at + 1 :] if line.strip()), "")
        return looks_like_code(before) and not looks_like_code(after)

    def _opens(self, at: int, fence: str) -> bool:
        """Whether a fence behind words opens a block: it names a language, or the next fence is there to close it."""
        info = fence.lstrip("`").strip()
        if self._has_end_after(at):
            return not info or known(info) is not None
        return known(info) is not None and self._next(at) is None

    def _next(self, at: int) -> re.Match[str] | None:
        """The next fence after a line."""
        index = bisect_left(self._fences, at + 1, key=lambda fence: fence[0])
        return self._fences[index][1] if index < len(self._fences) else None


def _behind(line: str) -> tuple[str, str] | None:
    """The words of a line and the fence behind them, where that is how it ends."""
    at = line.find("`")
    fence = _FENCE_BEHIND.match(line, at) if at > 0 and line[:at].strip(" \t>*+-") else None
    return (line[:at].rstrip(), fence["fence"]) if fence else None


def _opened(lines: list[str], mark: str) -> list[str]:
    """The lines with a fence before those that are code; a language's name just before is its tag."""
    start = next(index for index, line in enumerate(lines) if looks_like_code(line))
    tagged = start > 0 and known(lines[start - 1]) is not None and len(lines[start - 1].split()) == 1
    tag = lines[start - 1].strip() if tagged else ""
    return [*lines[: start - 1 if tagged else start], mark + tag, *lines[start:]]


def _quote_after(line: str, quote: str, language: str) -> str:
    """What ends the string or the comment over several lines that is open behind the line; empty where none is."""
    at = 0
    while True:
        if quote:
            end = line.find(quote, at)
            if end < 0:
                return quote
            at, quote = end + len(quote), ""
        found = _QUOTE.search(line, at)
        if found is None:
            return ""
        at = found.end()
        if found[0] != "/*" or language not in _WITHOUT_COMMENTS:
            quote = _ENDS.get(found[0], "")


def _width(before: str) -> int:
    return len(before.expandtabs(4))
