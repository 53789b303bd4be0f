"""Takes the code out of a model's answer, also while the answer is still growing."""

import re
import textwrap

from qwen_ui.tabs.code.languages import Language, known
from qwen_ui.text.markdown import CodeBlock, blocks

# Without a block, lines are told apart by their looks.
_SENTENCE = re.compile(r"\s*(?:[-*•] |\d+[.)] )?[\"“*`(]*[A-Z一-鿿][^;{}]*[.!?:。：！？][\"”*`)]*\s*")
_BULLET = re.compile(r"\s*(?:[-*•]|\d+[.)]) ")
_CODE_SIGN = re.compile(
    r"\s+\S|.*[;{}()=<>\[\]$@]|[#/]|\s*(?:import|from|def|class|return|if|else|elif|for|while|end|fn|func|fun|let|var|"
    r"const|package|using|SELECT|INSERT|UPDATE|DELETE|CREATE|WITH|FROM|WHERE|JOIN|ORDER|GROUP|echo|cd|do|done|then|fi)\b"
)


def split_answer(text: str, language: Language | None = None) -> tuple[str, str]:
    """The code and the explanation of an answer, which may be cut off anywhere.

    The code is the main block; the others stay in the explanation. Where there is no block, the lines that look like
    code are it.
    """
    block = main_block(text, language)
    if block is None:
        return _unfenced(text.split("\n"))
    return block.code, re.sub(r"\n{3,}", "\n\n", text[: block.start] + text[block.end :]).strip()


def main_block(text: str, language: Language | None = None) -> CodeBlock | None:
    """The longest of the blocks tagged with the language, else of those without a tag, else of all."""
    return max(blocks(text), key=lambda block: (_fits(block.tag, language), len(block.code)), default=None)


def _fits(tag: str, language: Language | None) -> int:
    if language is None:
        return 0
    return 2 if known(tag) == language else int(not tag)


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
