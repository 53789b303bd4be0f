"""The conversations in a file, whichever chat program wrote it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message
from qwen_ui.tabs.chat.content import LeftOut
from qwen_ui.tabs.chat.conversation import MAX_BYTES, fits
from qwen_ui.tabs.chat.formats import Reader, conversations
from qwen_ui.tabs.chat.nodes import Chat
from qwen_ui.tabs.chat.transcript import Transcript
from qwen_ui.text.decode import decode

MAX_FILE_BYTES = 50_000_000
MAX_VALUES = 3_000_000
"""Lists and objects in a JSON file: each takes twenty times the memory of its bytes."""
MAX_LISTED = 5_000
"""Conversations that a list to choose from may have."""
TITLE_LENGTH = 80

_BLANKS = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Opened:
    """A conversation of a file."""

    title: str
    chat: Chat
    system: str
    left_out: LeftOut
    about: Mapping[str, Any] = field(default_factory=dict)
    """What else a file of this app says of it: see `formats.ABOUT`."""
    error: InvalidInput | None = None
    """Why it can't be opened, if it can't."""


def opened(data: bytes) -> list[Opened]:
    """The conversations in a file, those that nothing was said in left out.

    Raises `InvalidInput`, saying what to open instead, when there is none.
    """
    found = []
    for number, (read, value) in enumerate(conversations(_values(_text(data))), 1):
        if number > MAX_LISTED:
            raise InvalidInput(
                "It holds more than {limit:,} conversations. Split it into several files.", limit=MAX_LISTED
            )
        one = _opened(read, value)
        if one.error or one.chat.nodes or one.system:
            found.append(one)
    if not found:
        raise InvalidInput("It holds no conversation with any messages.")
    if all(one.error for one in found) and found[0].error:
        raise found[0].error
    return found


def _opened(read: Reader, value: Any) -> Opened:
    transcript = Transcript()
    try:
        read(value, transcript)
    except InvalidInput as error:
        return Opened(_title(transcript), Chat(), "", transcript.left_out, error=error)
    chat = transcript.chat or Chat.of(transcript.messages)
    too_large = None if fits(chat) else _too_large()
    system = "\n\n".join(transcript.system)
    return Opened(_title(transcript), chat, system, transcript.left_out, transcript.about, too_large)


def _title(transcript: Transcript) -> str:
    """What the conversation is called; without a title, how it begins."""
    said = [*transcript.messages, *(Message("system", text) for text in transcript.system)]
    title = transcript.title or next((message.content for message in said), "")
    title = " ".join(title[: 5 * TITLE_LENGTH].encode(errors="replace").decode().split())
    return title if len(title) <= TITLE_LENGTH else title[: TITLE_LENGTH - 1] + "…"


def _too_large() -> InvalidInput:
    return InvalidInput("It is larger than {limit} MB. Open a shorter conversation.", limit=MAX_BYTES // 1_000_000)


def _text(data: bytes) -> str:
    if data.startswith(b"PK\x03\x04"):
        raise InvalidInput("It is a ZIP archive. Unpack it and open the .json file with the conversations in it.")
    if len(data) > MAX_FILE_BYTES:
        raise InvalidInput("It is larger than {limit} MB. Split it into several files.", limit=MAX_FILE_BYTES // 10**6)
    try:
        text = decode(data)
    except InvalidInput as error:
        raise _no_json() from error
    if text.lstrip()[:1] == "<":
        raise InvalidInput(
            "It is a web page. Open the .json file of the same export: conversations.json of ChatGPT's, for one."
        )
    if sum(map(text.count, "[{")) > MAX_VALUES:
        raise InvalidInput(
            "It holds more than {limit:,} lists and objects. Split it into several files.", limit=MAX_VALUES
        )
    return text


def _no_json() -> InvalidInput:
    return InvalidInput(
        "It is not a JSON file. Open one that was saved here as JSON, or another program's export as JSON."
    )


def _values(text: str) -> Iterator[Any]:
    """The file's values: the entries of a list, the lines of JSON lines, or its one value.

    One by one: memory holds the values of one conversation at a time, and others may compute in between.
    """
    decoder = json.JSONDecoder()
    listed = re.match(r"\s*\[", text)
    place = listed.end() if listed else 0
    first = True
    while (place := _after_blanks(text, place)) < len(text):
        if listed and text[place] == "]" and not _rest(text, place + 1):
            return
        if listed and not first:
            if text[place] != ",":
                raise _no_json()
            place = _after_blanks(text, place + 1)
        try:
            value, place = decoder.raw_decode(text, place)
        except RecursionError as error:
            raise InvalidInput(
                "It is nested too deeply. Export it anew, without messages that are nested within others "
                "(in LibreChat, without “recursive”)."
            ) from error
        except ValueError as error:
            raise _no_json() from error
        yield value
        first = False
    if listed or first:
        raise _no_json()


def _after_blanks(text: str, place: int) -> int:
    blanks = _BLANKS.match(text, place)
    return blanks.end() if blanks else place


def _rest(text: str, place: int) -> bool:
    return _after_blanks(text, place) < len(text)
