"""What the content of a message holds, in the shapes that chat programs give it: its text, and what is no text."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, TypeVar

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message, Role, said
from qwen_ui.sentences import Sentence, marked

T = TypeVar("T")

IMAGES = marked("{count:,} {count:image|images}")
SOUNDS = marked("{count:,} {count:sound recording|sound recordings}")
VIDEOS = marked("{count:,} {count:video|videos}")
FILES = marked("{count:,} {count:attached file|attached files}")
TOOL_CALLS = marked("{count:,} {count:tool call|tool calls}")
TOOL_RESULTS = marked("{count:,} {count:result of a tool|results of tools}")
THOUGHTS = marked("{count:,} {count:thought before an answer|thoughts before answers}")
HIDDEN = marked("{count:,} {count:message that was hidden|messages that were hidden}")
OTHERS = marked("{count:,} {count:message of another version|messages of other versions}")
UNKNOWN = marked("{count:,} {count:part of an unknown kind|parts of unknown kinds}")

LeftOut = Counter[str]
"""How much there is of what can't be shown, by kind: the templates above."""

_MARKS = {IMAGES: "image", SOUNDS: "sound", VIDEOS: "video", FILES: "file"}
"""What stands in the text for what people said with something else."""
_WORDS = (
    ("tool_result", TOOL_RESULTS),
    ("tool_response", TOOL_RESULTS),
    ("call_output", TOOL_RESULTS),
    ("tool", TOOL_CALLS),
    ("function", TOOL_CALLS),
    ("think", THOUGHTS),
    ("thought", THOUGHTS),
    ("reason", THOUGHTS),
    ("image", IMAGES),
    ("audio", SOUNDS),
    ("voice", SOUNDS),
    ("video", VIDEOS),
    ("file", FILES),
    ("document", FILES),
    ("attachment", FILES),
)
"""Words in the names that programs give to kinds of parts; the first that is met decides."""
_SUFFIXES = {
    IMAGES: {".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".svg"},
    SOUNDS: {".wav", ".mp3", ".ogg", ".flac", ".m4a"},
    VIDEOS: {".mp4", ".webm", ".mov", ".mkv"},
}
_TEXTS = {"", "text", "input_text", "output_text", "refusal", "audio_transcription", "markdown"}


def told(left_out: LeftOut) -> list[Sentence]:
    """How much was left out of each kind."""
    return [Sentence(kind, count=count) for kind, count in left_out.items() if count]


def text_of(content: Any, left_out: LeftOut) -> str:
    """The text of a message's content: a string, a part, or a list of parts.

    For an image, a sound or a file it says ``[image: its name]``. What is left out is counted.
    Raises `InvalidInput` for content of no known shape.
    """
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if isinstance(content, Mapping):
        return _part(content, left_out)
    if not isinstance(content, Sequence):
        raise InvalidInput("A message's content must be text, not {kind}.", kind=type(content).__name__)
    parts = (part if isinstance(part, str) else _part(part, left_out) for part in content if part is not None)
    return "\n".join(part for part in parts if part)


def text_in_pair(content: Any, left_out: LeftOut) -> str:
    """The same in a pair of question and answer, where a list of texts is a file: its path, and what it is called."""
    if isinstance(content, list | tuple) and content and all(isinstance(part, str) for part in content):
        return mark(_kind_of_file(content[0], FILES), _name(content[0]), left_out)
    return text_of(content, left_out)


def kind_of(name: str) -> str:
    """What a part of that kind is, as one of the templates above."""
    lower = name.lower()
    return next((kind for word, kind in _WORDS if word in lower), UNKNOWN)


def mark(kind: str, name: Any, left_out: LeftOut) -> str:
    """What stands in the text for an image, a sound or a file; nothing for another kind."""
    left_out[kind] += 1
    if kind not in _MARKS:
        return ""
    short = PurePath(name.replace("\\", "/")).name[:100] if isinstance(name, str) and "data:" not in name else ""
    return f"[{_MARKS[kind]}: {short}]" if short else f"[{_MARKS[kind]}]"


def marks(items: Any, kind: str, left_out: LeftOut) -> list[str]:
    """What stands in the text for the files or images that a message lists beside its content."""
    if not isinstance(items, Sequence) or isinstance(items, str):
        return []
    found = [mark(_kind_of_file(item, kind), _name(item), left_out) for item in items]
    return [each for each in found if each]


def _part(part: Any, left_out: LeftOut) -> str:
    if not isinstance(part, Mapping):
        raise InvalidInput("A message's content must be text, not {kind}.", kind=type(part).__name__)
    kind = part.get("type") or part.get("content_type")
    kind = kind if isinstance(kind, str) else ""
    text = part.get("text", part.get("refusal"))
    if isinstance(text, Mapping):  # as OpenAI's assistants have it, and programs after them
        text = text.get("value")
    if isinstance(text, str) and kind in _TEXTS:
        return text
    found = FILES if not kind and _is_file(part) else kind_of(kind)
    return mark(_kind_of_file(part, found), _name(part), left_out)


def _is_file(part: Mapping[str, Any]) -> bool:
    return any(key in part for key in ("path", "url", "file", "file_name", "image", "image_url"))


def _kind_of_file(item: Any, kind: str) -> str:
    """The kind, or what the file's type or name tells of it where that is just a file."""
    if kind != FILES:
        return kind
    if isinstance(item, Mapping):
        for told_type in (item.get("type"), item.get("mime_type"), _inner(item).get("mime_type")):
            found = kind_of(str(told_type or ""))
            if found in _SUFFIXES:
                return found
    suffix = PurePath(_name(item)).suffix.lower()
    return next((kind for kind, suffixes in _SUFFIXES.items() if suffix in suffixes), FILES)


def _inner(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The file within a part."""
    inner = item.get("file")
    return inner if isinstance(inner, Mapping) else {}


def _name(item: Any) -> str:
    """What a file is called, empty if it isn't said."""
    if isinstance(item, str):  # or the file itself, in base64
        return item if PurePath(item[-200:]).suffix else ""
    if not isinstance(item, Mapping):
        return ""
    keys = ("name", "file_name", "filename", "orig_name", "path", "alt_text")
    names = (holder.get(key) for holder in (item, _inner(item)) for key in keys)
    return next((name for name in names if isinstance(name, str) and name), "")


def history_of(value: Any) -> list[Message]:
    """The messages of a history in Gradio's shapes: ``{"role", "content"}`` objects, or pairs of texts.

    Content may be a text or a list of parts that hold text. Raises `InvalidInput`, naming the place in the list, for
    another shape, and for what is no text: it could only be lost here.
    """
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise InvalidInput('The history must be a list of {{"role", "content"}} objects.')
    return [message for number, entry in enumerate(value, 1) for message in in_entry(number, entry, _said)]


def in_entry(number: int, entry: Any, read: Callable[[Any], T]) -> T:
    """What is read of an entry of a history; errors tell its number."""
    try:
        return read(entry)
    except InvalidInput as error:
        raise InvalidInput("Entry {number:,} of the history: {error}", number=number, error=error) from error


def _said(entry: Any) -> list[Message]:
    left_out = LeftOut()
    if isinstance(entry, Sequence) and not isinstance(entry, str) and len(entry) == 2:
        pair: list[tuple[Role, Any]] = [("user", entry[0]), ("assistant", entry[1])]
        messages = [Message(role, text_in_pair(content, left_out)) for role, content in pair if content is not None]
    elif isinstance(entry, Mapping) and {"role", "content"} <= entry.keys():
        if entry["content"] is None:
            raise InvalidInput("A message's content must be text, not {kind}.", kind="null")
        messages = [said(entry["role"], text_of(entry["content"], left_out))]
    else:
        raise InvalidInput('It must be an object with "role" and "content".')
    if left_out:
        raise InvalidInput("It holds {what}, and this model reads text alone. Leave that out.", what=told(left_out)[0])
    return messages
