"""Write: continue a text or write one from instructions, in versions side by side; go on from where they stopped."""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace

from qwen_ui.engine.base import Engine, Stream
from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Answer, Chunk, Message, Sampling
from qwen_ui.prompts import Template

MAX_WORDS = 10_000
MAX_VERSIONS = 4
_GO_ON = "Go on exactly where your text stopped, in the same style. Write only what comes next; repeat nothing."
_NO_SPACES = re.compile(r"[　-〿぀-ヿ㐀-鿿豈-﫿＀-￯]")
_SHORTEST_REPEAT, _LONGEST_REPEAT = 12, 400


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be written. Every version of it comes from the same order, also when it goes on later.

    Raises `InvalidInput` where it makes no sense.
    """

    text: str
    template: str
    """The id of the prompt file."""
    words: int | None = None
    """The wanted length in words, in characters for Chinese; None is any."""
    temperature: float | None = None
    """None: what the template says."""
    versions: int = 1
    max_new_tokens: int | None = None
    """None: what the wanted length needs, or the template says."""

    def __post_init__(self) -> None:
        if not Message("user", self.text).content.strip():
            raise InvalidInput("Write something first: the beginning of a text, or what it should be about.")
        if self.words is not None and not 1 <= self.words <= MAX_WORDS:
            limit, words = MAX_WORDS, self.words
            raise InvalidInput("The length must be from 1 to {limit:,} words, not {words:,}.", limit=limit, words=words)
        if not isinstance(self.versions, int) or not 1 <= self.versions <= MAX_VERSIONS:
            raise InvalidInput("There can be 1 to {limit} versions.", limit=MAX_VERSIONS)
        if self.temperature == 0 and self.versions > 1:
            raise InvalidInput(
                "At temperature 0 all versions are the same. Raise the temperature, or ask for one version."
            )


@dataclass(frozen=True, slots=True)
class Draft:
    """A version to write, or to go on with."""

    version: int
    """Counted from 0."""
    text: str = ""
    """What it holds so far."""
    ended: bool = False
    """Whether the model had come to an end of its own there."""
    begun: tuple[int, ...] = ()
    """The ids that it is to begin with in place of a text: those of the opening that the template writes come first."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version as far as it is written."""

    number: int
    """Counted from 0."""
    text: str
    answer: Answer
    """What the model has added to it."""
    error: Exception | None = None
    """What it broke off with."""

    @property
    def ended(self) -> bool:
        """Whether the model came to an end of its own."""
        return self.answer.usage is not None and self.answer.usage.ended == "stop"


async def write(
    engine: Engine, template: Template, order: Order, drafts: Sequence[Draft]
) -> AsyncGenerator[tuple[Version, ...], None]:
    """Writes all the drafts at the same time: how far each is, after each piece of news. They begin all, or none.

    A version that breaks off keeps its error, and the others go on. Raises like `Engine.stream` and `build`.
    """
    sampling = sampling_for(template, order)
    async with AsyncExitStack() as stack:
        begun = [
            engine.stream(build(template, order, draft), sampling, template.adapter, draft.begun) for draft in drafts
        ]
        streams = [await stack.enter_async_context(stream) for stream in begun]
        versions = [Version(draft.version, draft.text, Answer()) for draft in drafts]
        yield tuple(versions)
        opened = opening(template, order)
        async with aclosing(_together(streams)) as news:
            async for place, piece in news:
                versions[place] = _grown(versions[place], drafts[place], piece, opened)
                yield tuple(versions)


def build(template: Template, order: Order, draft: Draft) -> list[Message]:
    """The messages that ask for the text.

    With a draft the model goes on from there: within the same breath or, if it had ended there, because it is asked to;
    the template may say how under ``go_on``. Raises `TemplateError` for a template that is broken.
    """
    messages = template.render(text=order.text, words=order.words or 0)
    if draft.begun:
        return asked(messages)
    if not draft.text.strip():
        return messages
    opening = messages.pop().content if messages[-1].role == "assistant" else ""
    written = [*messages, Message("assistant", opening + draft.text)]
    return [*written, Message("user", _go_on(template))] if draft.ended else written


def asked(messages: Sequence[Message]) -> list[Message]:
    """The messages without the answer's opening, if they end with one."""
    return list(messages[:-1] if messages[-1].role == "assistant" else messages)


def opening(template: Template, order: Order) -> str:
    """What the template has the answer begin with, such as the text that is to be continued."""
    last = template.render(text=order.text, words=order.words or 0)[-1]
    return last.content if last.role == "assistant" else ""


def to_look_at(template: Template, order: Order, text: str, tokens: Sequence[int] = ()) -> list[Message]:
    """A version as the answer that it is, to look at its tokens; their ids count where the answer has no opening."""
    messages = build(template, order, Draft(0))
    opened = opening(template, order)
    return [*asked(messages), Message("assistant", opened + text, () if opened else tuple(tokens))]


def sampling_for(template: Template, order: Order) -> Sampling:
    """How to write it: a wanted length sets the new tokens, else the template does."""
    tokens = order.max_new_tokens
    if tokens is None and order.words:
        tokens = tokens_for(order.words, template.language)
    return template.sampling(temperature=order.temperature, max_new_tokens=tokens)


def continues(template: Template) -> bool:
    """Whether the template has the model continue the text itself: it ends with an assistant section."""
    return template.sections[-1].role == "assistant"


def tokens_for(words: int, language: str) -> int:
    """Tokens that comfortably hold so many words of English, or characters of Chinese, and the end of the sentence."""
    return 32 + words * (1 if language.startswith("zh") else 2)


def join(draft: str, more: str) -> str:
    """The draft with its continuation, without what the model repeated of its end."""
    limit = min(len(draft), len(more), _LONGEST_REPEAT)
    repeat = next((size for size in range(limit, _SHORTEST_REPEAT - 1, -1) if draft.endswith(more[:size])), 0)
    more = more[repeat:]
    if not draft or not more or repeat or draft[-1].isspace() or more[0].isspace():
        return draft + more
    opens = more[0].isalnum() or more[0] in "\"'“‘(["
    spaced = opens and draft[-1] not in "-—–/([“‘" and not _NO_SPACES.match(draft[-1]) and not _NO_SPACES.match(more[0])
    return f"{draft} {more}" if spaced else draft + more


async def _together(streams: Sequence[Stream]) -> AsyncGenerator[tuple[int, Chunk | Exception], None]:
    """The chunks of all the streams as they come, each with its stream's place; an error is the last of its stream."""
    inbox: asyncio.Queue[tuple[int, Chunk | Exception | None]] = asyncio.Queue()

    async def read(place: int, stream: Stream) -> None:
        try:
            async for chunk in stream:
                inbox.put_nowait((place, chunk))
        except Exception as error:  # noqa: BLE001  crosses over to whoever reads
            inbox.put_nowait((place, error))
        finally:
            inbox.put_nowait((place, None))

    readers = [asyncio.create_task(read(place, stream)) for place, stream in enumerate(streams)]
    try:
        for _ in readers:
            while True:
                place, piece = await inbox.get()
                if piece is None:
                    break
                yield place, piece
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)


def _grown(version: Version, draft: Draft, piece: Chunk | Exception, opened: str) -> Version:
    if isinstance(piece, Exception):
        return replace(version, error=piece)
    answer = version.answer.grown(piece)
    if draft.begun:
        return replace(version, text=answer.text.removeprefix(opened), answer=answer)
    # Within a sentence the model itself writes the space.
    text = join(draft.text, answer.text) if draft.ended else draft.text + answer.text
    return replace(version, text=text, answer=answer)


def _go_on(template: Template) -> str:
    sentence = template.extra.get("go_on", _GO_ON)
    if not isinstance(sentence, str) or not sentence.strip():
        raise template.fault("go_on", "go_on must be a text.")
    return sentence
