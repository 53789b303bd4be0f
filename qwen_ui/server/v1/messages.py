"""From messages as OpenAI has them to the engine's."""

import json
from collections.abc import Sequence

from qwen_ui.messages import Message, Role, ToolCall
from qwen_ui.server.v1.errors import ApiError
from qwen_ui.server.v1.requests import Called, Part, Said


def conversation(said: Sequence[Said]) -> list[Message]:
    """The messages, results in the order of their calls: models and other servers know them by that alone.

    Raises `ApiError` for content that is no text, and `InvalidInput` like `Message`.
    """
    return [_message(said[at], f"messages.{at}") for at in _in_order(said)]


def _in_order(said: Sequence[Said]) -> list[int]:
    """The messages' places. A result that names no call before it comes after those that do."""
    asked, calls = 0, dict[str, int]()
    places: list[tuple[int, int]] = []
    for at, each in enumerate(said):
        if each.role == "tool":
            places.append((asked, calls.get(each.tool_call_id or "", len(calls))))
        else:
            asked, calls = at, {call.id: number for number, call in enumerate(each.tool_calls or ())}
            places.append((asked, -1))
    return sorted(range(len(said)), key=places.__getitem__)


def _message(said: Said, where: str) -> Message:
    role: Role = "system" if said.role == "developer" else said.role
    calls = [_call(call, f"{where}.tool_calls.{at}") for at, call in enumerate(said.tool_calls or ())]
    if calls and role != "assistant":
        raise ApiError(400, "Only the assistant calls tools.", "invalid_value", f"{where}.tool_calls")
    if said.content is None and not calls:
        raise ApiError(400, "The message has no content.", "invalid_value", f"{where}.content")
    return Message(role, _text(said.content or "", f"{where}.content"), calls=tuple(calls))


def _text(content: str | list[Part], where: str) -> str:
    if isinstance(content, str):
        return content
    if other := next((part.type for part in content if part.type not in {"text", "refusal"}), None):
        raise ApiError(400, f"The model reads text alone: it can't take {other!r}.", "invalid_value", where)
    return "\n".join(part.text for part in content)


def _call(call: Called, where: str) -> ToolCall:
    try:
        arguments = json.loads(call.function.arguments or "{}")
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        raise ApiError(400, "A call's arguments must be a JSON object.", "invalid_value", f"{where}.function.arguments")
    return ToolCall(call.function.name, json.dumps(arguments, ensure_ascii=False))
