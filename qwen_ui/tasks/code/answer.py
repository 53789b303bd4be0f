"""Takes the code out of a model's answer, also while the answer is still growing."""

import re
import textwrap
from dataclasses import dataclass

from qwen_ui.tasks.code.languages import Language, known

_FENCE = re.compile(r"[ \t]*(?P<mark>`{3,}|~{3,})[ \t]*(?P<info>[^\n`]*)")

# Without a fence, lines are told apart by their looks.
_SENTENCE = re.compile(r"\s*(?:[-*•] |\d+[.)] )?[\"“*`(]*[A-Z一-鿿][^;{}]*[.!?:。：！？][\"”*`)]*\s*")
_BULLET = re.compile(r"\s*(?:[-*•]|\d+[.)]) ")
_CODE_SIGN = re.compile(
    r"\s+\S|.*[;{}()=<>\[\]$@]|[#/]|\s*(?:import|from|def|class|return|if|else|elif|for|while|end|fn|func|fun|let|var|"
    r"const|package|using|SELECT|INSERT|UPDATE|DELETE|CREATE|WITH|FROM|WHERE|JOIN|ORDER|GROUP|echo|cd|do|done|then|fi)\b"
)


@dataclass(frozen=True, slots=True)
class _Block:
    start: int
    end: int
    """Lines [start, end) of the answer, fences included."""
    tag: str
    code: str


def split_answer(text: str, language: Language | None = None) -> tuple[str, str]:
    """The code and the explanation of an answer, which may be cut off anywhere.

    Of several fenced blocks the longest in the wanted language is the code, else the longest without a
    language, else the longest; the others stay in the explanation. A fence that is not closed goes to
    the end. Without any fence the lines that look like code are it.
    """
    lines = text.split("\n")
    blocks = _blocks(lines)
    if not blocks:
        return _unfenced(lines)
    chosen = max(blocks, key=lambda block: (_fits(block.tag, language), len(block.code)))
    explanation = "\n".join([*lines[: chosen.start], *lines[chosen.end :]])
    return chosen.code, re.sub(r"\n{3,}", "\n\n", explanation).strip()


def _blocks(lines: list[str]) -> list[_Block]:
    blocks, index = [], 0
    while index < len(lines):
        opening = _FENCE.fullmatch(lines[index])
        if opening is None:
            index += 1
            continue
        end = next((at for at in range(index + 1, len(lines)) if _closes(lines[at], opening["mark"])), len(lines))
        blocks.append(_Block(index, end + 1, opening["info"], _inside(lines[index + 1 : end])))
        index = end + 1
    return blocks


def _closes(line: str, mark: str) -> bool:
    return (bare := line.strip()).startswith(mark) and not bare.strip(mark[0])


def _inside(lines: list[str]) -> str:
    if lines and lines[-1].strip() in {"`", "``", "~", "~~"}:  # the closing fence has only begun to arrive
        lines = lines[:-1]
    return textwrap.dedent("\n".join(lines)).strip("\n")


def _fits(tag: str, language: Language | None) -> int:
    words = tag.split()
    if language is not None and words and known(words[0].strip("{}.")) == language:
        return 2
    return 0 if words else 1


def _unfenced(lines: list[str]) -> tuple[str, str]:
    """The stretch from the first to the last line that looks like code, and what is around it."""
    marks = [index for index, line in enumerate(lines) if _looks_like_code(line)]
    if not marks:
        return "", "\n".join(lines).strip()
    start, end = marks[0], marks[-1] + 1
    around = ("\n".join(lines[:start]).strip(), "\n".join(lines[end:]).strip())
    return textwrap.dedent("\n".join(lines[start:end])), "\n\n".join(part for part in around if part)


def _looks_like_code(line: str) -> bool:
    if _BULLET.match(line) or (_SENTENCE.fullmatch(line) and len(line.split()) > 3):
        return False
    return bool(_CODE_SIGN.match(line)) and not re.search(r"[。！？：]\s*$", line)
