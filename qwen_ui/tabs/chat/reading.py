"""Files, read to be attached: by the library's own readers, which keep nothing of them."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace

from qwen_ui.engine.base import Engine
from qwen_ui.engine.prompt import BYTES_PER_TOKEN
from qwen_ui.errors import InvalidInput
from qwen_ui.knowledge.library import Library, Upload, name_of
from qwen_ui.knowledge.passages import Part
from qwen_ui.messages import Message
from qwen_ui.sentences import Sentence
from qwen_ui.tabs.chat.attachments import Attachment, Attachments, check, is_image, no_image
from qwen_ui.text.decode import UncertainEncoding


@dataclass(frozen=True, slots=True)
class Waiting:
    """An attachment of the next message."""

    attachment: Attachment
    tokens: int


@dataclass(frozen=True, slots=True)
class Reading:
    """How far the reading of files is."""

    done: tuple[Waiting, ...] = ()
    """What was read so far."""
    current: str = ""
    """The file that is being read."""
    told: tuple[Sentence, ...] = ()
    """Why files were refused, and what is missing in those that were not."""
    uncertain: tuple[tuple[Upload, UncertainEncoding], ...] = ()
    """Those whose encoding somebody has to choose."""


Count = Callable[[str], int]
"""Tokens of a text. It may take a second."""


async def read(
    library: Library,
    uploads: Sequence[Upload],
    visitor: str,
    before: Attachments,
    count: Count,
    stopped: Callable[[], bool],
) -> AsyncGenerator[Reading, None]:
    """Reads the files one after the other, to be attached beside those ``before``.

    Once it is ``stopped``, the one in work is still finished.
    """
    reading = Reading()
    for upload in uploads:
        if stopped():
            break
        reading = replace(reading, current=name_of(upload))
        yield reading
        reading = await _with(reading, library, upload, visitor, before, count)
    yield replace(reading, current="")


async def _with(
    reading: Reading, library: Library, upload: Upload, visitor: str, before: Attachments, count: Count
) -> Reading:
    """What comes of one more file."""
    name = name_of(upload)
    if is_image(name):
        return replace(reading, told=(*reading.told, no_image(name)))
    try:
        parts = await library.read_upload(upload, visitor)
        done = (*reading.done, await asyncio.to_thread(counted, name, parts, count))
        check([*before, *(each.attachment for each in done)])
    except UncertainEncoding as error:
        return replace(reading, uncertain=(*reading.uncertain, (upload, error)))
    except InvalidInput as error:
        return replace(reading, told=(*reading.told, error.sentence))
    notes = [part.note for part in parts if part.note]
    return replace(reading, done=done, told=(*reading.told, *notes))


def counted(name: str, parts: Sequence[Part], count: Count) -> Waiting:
    """A text as an attachment. Raises `InvalidInput` for one that is too long, before it is counted."""
    attachment = Attachment(name, tuple(Part(part.text, part.page) for part in parts))
    check([attachment])
    return Waiting(attachment, count("\n\n".join(part.text for part in parts)))


def tokens_of(engine: Engine | None, text: str) -> int:
    """Tokens of a text; about as many where there is no model yet."""
    if engine is None:
        return len(text.encode()) // BYTES_PER_TOKEN
    return engine.count_tokens([Message("user", text)])
