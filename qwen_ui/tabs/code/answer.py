"""Takes the code out of a model's answer, also while the answer is still growing.

What stands in fences is what a Markdown parser finds there, after the slips that models make with fences are mended.
"""

import re
import textwrap
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from qwen_ui.tabs.code.fences import looks_like_code, mended
from qwen_ui.text.code.languages import Language, is_output, is_session, known, of_file
from qwen_ui.text.markdown import CodeBlock, blocks

_OUTPUT_BEFORE = re.compile(
    r"(?:(?:expected|sample|example|program|console|terminal|the)\s+)*(?:outputs?|results?|prints?|console)\b[^\n]{0,40}\Z"
    r"|[^\n]{0,20}(?:输出|运行结果|结果|输出结果)[^\n]{0,10}\Z",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?:[\w@.()\[\]-]+[/\\])*[\w@.()\[\]-]*\w\.?[\w-]*")
_TITLE = re.compile(r"(?:title|file|filename|name|path)\s*[=:]\s*[\"']?([^\"'\s}]+)", re.IGNORECASE)
_COMMENT = re.compile(
    r"\s*(?:#|//|--|;|%|/\*+|<!--|\"\"\")\s*(?:(?:file|filename|path|文件)\s*[:：]\s*)?([\w@./\\-]+)\s*(?:\*/|-->|\"\"\")?\s*\Z",
    re.IGNORECASE,
)
_LIBRARY = re.compile(
    r"(?i:node|next|vue|react|d3|three|express|nuxt|chart|p5|alpine|ember|backbone|moment|asp|vb)\.(?:js|net)\Z"
)
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|\Z)", re.IGNORECASE)
MAX_NAME = 120


@dataclass(frozen=True, slots=True)
class CodeFile:
    """A block of an answer as a file."""

    name: str
    """A relative path that is safe on any system; empty where the answer gives none."""
    language: Language | None
    """As its tag or its name tells."""
    code: str


@dataclass(frozen=True, slots=True)
class Parts:
    """An answer taken apart."""

    code: str
    explanation: str
    """With the other blocks in it."""
    main: CodeFile | None = None
    """The block of the code, where it came in one."""


def take_apart(text: str, language: Language | None = None) -> Parts:
    """The code and the explanation of an answer, which may be cut off anywhere.

    The code is the main block; the others stay in the explanation. Where there is no block, the lines that look like
    code are it.
    """
    text = mended(text)
    block = _main(text, language)
    if block is None:
        return Parts(*_unfenced(text.split("\n")))
    file = _file(text, block)
    explanation = re.sub(r"\n{3,}", "\n\n", text[: block.start] + text[block.end :]).strip()
    return Parts(file.code, explanation, file)


def files(text: str) -> list[CodeFile]:
    """All blocks of a text as files, but what programs gave: text that has no file's name."""
    text = mended(text)
    found = [(block, _file(text, block)) for block in blocks(text) if block.code.strip()]
    return [file for block, file in found if file.name or not _is_output(text, block)]


def named(main: CodeFile, explanation: str) -> list[CodeFile]:
    """The main block and those in the explanation, each with a name of its own."""
    taken: dict[str, int] = {}
    return [_with_name(file, taken) for file in (main, *files(explanation))]


def _with_name(file: CodeFile, taken: dict[str, int]) -> CodeFile:
    """The file with a name that is not taken yet, and now is; with each name the last number that was put to it."""
    extension = file.language.extension if file.language else ".txt"
    path = PurePosixPath(file.name or f"code{extension}")
    first = name = str(path)
    number = taken.get(first.lower(), 1)
    while name.lower() in taken:
        number += 1
        name = str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
    taken[first.lower()] = number
    taken.setdefault(name.lower(), 1)
    return replace(file, name=name)


def _main(text: str, language: Language | None) -> CodeBlock | None:
    """The longest of the blocks tagged with the language, else of those without a tag, else of those with code."""
    return max(blocks(text), key=lambda block: (_fits(text, block, language), len(block.code)), default=None)


def _fits(text: str, block: CodeBlock, language: Language | None) -> int:
    """How likely the block is the code that was asked for."""
    if not block.code.strip() or _is_output(text, block):
        return 0
    tag, found = block.info, _file(text, block).language
    if language is not None and found == language:
        return 4 if is_session(tag) else 5
    if is_session(tag):
        return 1
    if language is None:
        return 3 if tag else 2
    return 2 if tag else 3


def _is_output(text: str, block: CodeBlock) -> bool:
    if block.info:
        return is_output(block.info)
    return bool(_OUTPUT_BEFORE.match(_line_before(text, block).strip().strip("#*_>- :：").strip()))


def _line_before(text: str, block: CodeBlock) -> str:
    """The last line of text before the block."""
    return text[max(0, block.start - 300) : block.start].rstrip().rpartition("\n")[2]


def _file(text: str, block: CodeBlock) -> CodeFile:
    info, code = block.info, block.code
    first, _, rest = code.partition("\n")
    if not info and rest and re.fullmatch(r"[a-z][a-z0-9+#]+", first.strip()) and known(first):
        info, code = first.strip(), rest.strip("\n")  # the tag slipped into the next line
    name = _name_at_fence(info) or _name_before(text, block) or _name_within(code)
    return CodeFile(safe(name), known(info) or of_file(name), code)


def _name_at_fence(info: str) -> str:
    titled = _TITLE.search(info)
    if titled:
        return str(titled[1])
    word = info.strip("{}").split(" ")[0]
    path = word.rpartition(":")[2] if ":" in word else word
    tag_alone = path == word and not re.search(r"[./A-Z]", path)
    return path if _is_file(path) and not tag_alone and not _LIBRARY.match(path) else ""


def _name_before(text: str, block: CodeBlock) -> str:
    """A file's name in the line before: marked, or the last thing in it."""
    line = _line_before(text, block)
    if len(line) > 200:
        return ""
    for marked in re.findall(r"`([^`\n]+)`|\*\*([^*\n]+)\*\*", line):
        name = str(next(filter(None, marked))).strip("` :：")
        if _is_file(name):
            return name
    words = [word.strip("`*_\"'“”()[],:：") for word in line.split()]
    return next((word for word in reversed(words) if _is_file(word) and not _LIBRARY.match(word)), "")


def _name_within(code: str) -> str:
    """A file's name in a comment on the first line, or on the second after a ``#!``."""
    lines = code.split("\n", 2)
    line = lines[1] if lines[0].startswith("#!") and len(lines) > 1 else lines[0]
    comment = _COMMENT.match(line[:200])
    return str(comment[1]) if comment and _is_file(comment[1]) else ""


def _is_file(name: str) -> bool:
    return (
        len(name) <= MAX_NAME
        and bool(_NAME.fullmatch(name))
        and not name.startswith("..")
        and (of_file(name) is not None or bool(re.search(r"\w\.(?:txt|csv|lock|log|rst|service|gitignore)\Z", name)))
    )


def safe(name: str) -> str:
    """A relative path that is safe on any system; empty where nothing is left of the name."""
    parts = []
    for part in re.split(r"[/\\]", name[-MAX_NAME:]):
        kept = re.sub(r"[^\w.@()\[\]+ -]", "_", part).rstrip(" .").lstrip()
        if kept.strip("."):
            parts.append(f"_{kept}" if _RESERVED.match(kept) else kept)
    return "/".join(parts)


def _unfenced(lines: list[str]) -> tuple[str, str]:
    """The stretch from the first to the last line that looks like code, and what is around it."""
    marks = [index for index, line in enumerate(lines) if looks_like_code(line)]
    if not marks:
        return "", "\n".join(lines).strip()
    start, end = marks[0], marks[-1] + 1
    around = ("\n".join(lines[:start]).strip(), "\n".join(lines[end:]).strip())
    return textwrap.dedent("\n".join(lines[start:end])), "\n\n".join(part for part in around if part)
