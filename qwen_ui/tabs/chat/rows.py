"""Reads conversations that are kept as messages in a row."""

import html
from collections.abc import Mapping
from typing import Any

from qwen_ui.errors import InvalidInput
from qwen_ui.tabs.chat import content
from qwen_ui.tabs.chat.content import text_of
from qwen_ui.tabs.chat.transcript import Item, Transcript, is_list, items_of, list_of, mapping, string


def messages(value: Any, transcript: Transcript) -> None:
    """Messages as OpenAI has them, and Gradio, Ollama, this app and many others."""
    entries = value
    if isinstance(value, Mapping):
        entries = value["messages"]
        transcript.title = string(value.get("title") or value.get("name") or value.get("chatTitle"))
        transcript.record("system", string(value.get("system") or value.get("systemPrompt") or value.get("prompt")))
    for number, entry in enumerate(entries, 1):
        content.in_entry(number, entry, lambda entry: _message(entry, transcript))


def _message(entry: Any, transcript: Transcript) -> None:
    if not isinstance(entry, Mapping):
        raise InvalidInput('It must be an object with "role" and "content".')
    if "role" not in entry and isinstance(entry.get("type"), str) and "content" not in entry:
        transcript.leave_out(content.kind_of(entry["type"]))  # calls of tools among the messages, as of late
        return
    if "role" not in entry or not {"content", "parts", "tool_calls", "function_call"} & entry.keys():
        raise InvalidInput('It must be an object with "role" and "content".')
    calls = entry.get("tool_calls") or ([entry["function_call"]] if entry.get("function_call") else [])
    files = content.marks(entry.get("images"), content.IMAGES, transcript.left_out)
    files += content.marks(entry.get("files") or entry.get("attachments"), content.FILES, transcript.left_out)
    said = entry.get("content", entry.get("parts"))
    if said is None and not calls and not files and not entry.get("refusal"):
        raise InvalidInput("A message's content must be text, not {kind}.", kind="null")
    transcript.add(entry["role"], said if said is not None else entry.get("refusal"), "\n".join(files))
    transcript.leave_out(content.TOOL_CALLS, len(calls) if is_list(calls) else 1)
    transcript.leave_out(content.THOUGHTS, int(bool(entry.get("reasoning_content") or entry.get("reasoning"))))


def pairs(value: Any, transcript: Transcript) -> None:
    """Questions and answers side by side, as Gradio had them."""
    for number, pair in enumerate(list_of(value), 1):
        content.in_entry(number, pair, lambda pair: _pair(pair, transcript))


def _pair(pair: Any, transcript: Transcript) -> None:
    if not is_list(pair) or len(pair) < 2:
        raise InvalidInput("It must be a pair of a question and an answer.")
    for role, said in zip(("user", "assistant"), pair, strict=False):
        transcript.record(role, content.text_in_pair(said, transcript.left_out))


def sharegpt(value: Any, transcript: Transcript) -> None:
    """A row of a data set in ShareGPT's form, for training."""
    transcript.title = string(value.get("title"))
    transcript.record("system", string(value.get("system") or value.get("system_prompt")))
    turns = items_of(value.get("conversations") or value.get("conversation") or value.get("items"))
    sharegpt_turns(turns, transcript)
    for key in ("images", "videos", "audios"):
        content.marks(value.get(key), content.kind_of(key), transcript.left_out)
    if "rejected" in value:
        transcript.add(*_turn(mapping(value.get("chosen"))))
        transcript.leave_out(content.OTHERS)


def sharegpt_turns(value: Any, transcript: Transcript) -> None:
    """The turns of such a row."""
    for number, turn in enumerate(value, 1):
        content.in_entry(number, turn, lambda turn: transcript.add(*_turn(turn)))


_TURNS = (("from", "value"), ("role", "content"), ("from", "content"), ("from", "text"), ("role", "value"))


def _turn(turn: Any) -> tuple[Any, Any]:
    """Role and content of a turn."""
    for role, said in _TURNS:
        if isinstance(turn, Mapping) and {role, said} <= turn.keys():
            return turn[role], turn[said]
    raise InvalidInput('It must be an object with "from" and "value".')


def alpaca(value: Any, transcript: Transcript) -> None:
    """A row of a data set in Alpaca's form, for training."""
    transcript.record("system", string(value.get("system")))
    if value.get("history"):
        pairs(value["history"], transcript)
    asked = [string(value.get(key)).strip() for key in ("instruction", "prompt", "question", "input")]
    transcript.record("user", "\n".join(text for text in asked if text))
    keys = ("output", "response", "completion", "answer", "chosen")
    answer = next((value[key] for key in keys if key in value), "")
    answers = answer if is_list(answer) else [answer]
    transcript.record("assistant", text_of(answers[0] if answers else "", transcript.left_out))
    transcript.leave_out(content.OTHERS, len(answers) - 1 + ("rejected" in value))


def web_ui(value: Any, transcript: Transcript) -> None:
    """text-generation-webui: what the model got, or where that is missing, what was shown."""
    internal, visible = (list_of(value.get(key) or value.get(old)) for key, old in _WEB_UI)
    rows = internal or [[html.unescape(string(said)) for said in list_of(row)] for row in visible]
    begun = "<|BEGIN-VISIBLE-CHAT|>"
    pairs([["" if said == begun else said for said in row] if is_list(row) else row for row in rows], transcript)


_WEB_UI = (("internal", "data"), ("visible", "data_visible"))


def silly_tavern(value: Any, transcript: Transcript) -> None:
    """SillyTavern: JSON lines, the first of which tells who speaks."""
    transcript.title = string(value[0].get("character_name") or value[0].get("name"))
    for item in items_of(value):
        if "mes" not in item:
            continue
        extra = mapping(item.get("extra"))
        if item.get("is_system"):
            transcript.leave_out(content.HIDDEN)
            continue
        images = content.marks([extra["image"]] if extra.get("image") else [], content.IMAGES, transcript.left_out)
        transcript.record("user" if item.get("is_user") else "assistant", *images, string(item["mes"]))
        transcript.leave_out(content.THOUGHTS, int(bool(extra.get("reasoning"))))


def gemini(value: Any, transcript: Transcript) -> None:
    """Google AI Studio's prompts, and requests to Gemini."""
    system = value.get("systemInstruction") or value.get("system_instruction")
    transcript.record("system", _gemini_text(system, transcript))
    gemini_turns(value.get("contents") or mapping(value.get("chunkedPrompt")).get("chunks") or [], transcript)


def gemini_turns(value: Any, transcript: Transcript) -> None:
    """The turns of such a prompt."""
    for item in items_of(value):
        if item.get("isThought"):
            transcript.leave_out(content.THOUGHTS)
        else:
            transcript.record(item.get("role", "user"), _gemini_text(item, transcript))


def _gemini_text(item: Any, transcript: Transcript) -> str:
    if isinstance(item, str):
        return item
    parts = items_of(mapping(item).get("parts") or [])
    texts = [
        text_of(part, transcript.left_out) if "text" in part else _gemini_other(part, transcript) for part in parts
    ]
    return "\n".join(text for text in [string(mapping(item).get("text")), *texts] if text)


def _gemini_other(part: Item, transcript: Transcript) -> str:
    return content.mark(content.kind_of(" ".join(part)), "", transcript.left_out)


def lm_studio(value: Any, transcript: Transcript) -> None:
    """LM Studio: of each message its versions, and which of them is shown."""
    transcript.title = string(value.get("name"))
    transcript.record("system", string(value.get("systemPrompt")))
    for item in items_of(value["messages"]):
        versions = items_of(item.get("versions") or [])
        chosen = item.get("currentlySelected")
        place = chosen if isinstance(chosen, int) and 0 <= chosen < len(versions) else -1
        transcript.leave_out(content.OTHERS, len(versions) - 1)
        for version in versions[place:][:1]:
            steps = items_of(version.get("steps") or [version])
            texts = [text_of(step.get("content"), transcript.left_out) for step in steps if "content" in step]
            transcript.record(version.get("role"), *texts)
