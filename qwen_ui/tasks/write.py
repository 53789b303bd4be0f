"""Write: continue a text or write one from instructions, and go on from where it stopped."""

import re

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message
from qwen_ui.prompts import Template

MAX_WORDS = 10_000
_GO_ON = "Go on exactly where your text stopped, in the same style. Write only what comes next; repeat nothing."
_NO_SPACES = re.compile(r"[　-〿぀-ヿ㐀-鿿豈-﫿＀-￯]")
_SHORTEST_REPEAT = 12


def build(
    template: Template, text: str, *, words: int | None = None, draft: str = "", ended: bool = True
) -> list[Message]:
    """The messages that ask for the text.

    ``words`` is the wanted length in words (in characters for Chinese), None for any. With a ``draft``, what
    was written so far, the model goes on from there: within the same breath or, if it had ``ended`` there, because
    it is asked to; the template may say how under ``go_on``.
    Raises `InvalidInput` when there is no text or the length makes no sense.
    """
    if not text.strip():
        raise InvalidInput("Write something first: the beginning of a text, or what it should be about.")
    if words is not None and not 1 <= words <= MAX_WORDS:
        raise InvalidInput(f"The length must be from 1 to {MAX_WORDS:,} words, not {words:,}.")
    messages = template.render(text=text, words=words or 0)
    if not draft.strip():
        return messages
    if messages[-1].role == "assistant":
        draft = messages.pop().content + draft
    written = [*messages, Message("assistant", draft)]
    return [*written, Message("user", _go_on(template))] if ended else written


def continues(template: Template) -> bool:
    """Whether the template has the model continue the text itself: it ends with an assistant section."""
    return template.sections[-1].role == "assistant"


def tokens_for(words: int, language: str) -> int:
    """Tokens that comfortably hold so many words of English, or characters of Chinese, and the end of the sentence."""
    return 32 + words * (1 if language.startswith("zh") else 2)


def join(draft: str, more: str) -> str:
    """The draft with its continuation, without what the model repeated of its end."""
    limit = min(len(draft), len(more))
    repeat = next((size for size in range(limit, _SHORTEST_REPEAT - 1, -1) if draft.endswith(more[:size])), 0)
    more = more[repeat:]
    if not draft or not more or repeat or draft[-1].isspace() or more[0].isspace():
        return draft + more
    opens = more[0].isalnum() or more[0] in "\"'“‘(["
    spaced = opens and draft[-1] not in "-—–/([“‘" and not _NO_SPACES.match(draft[-1]) and not _NO_SPACES.match(more[0])
    return f"{draft} {more}" if spaced else draft + more


def _go_on(template: Template) -> str:
    sentence = template.extra.get("go_on", _GO_ON)
    if not isinstance(sentence, str) or not sentence.strip():
        raise template.fault("go_on", "go_on must be a text.")
    return sentence
