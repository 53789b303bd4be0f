"""Tools, between the engine's messages and OpenAI's."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from qwen_ui.messages import TOOL_CALL, Message

OPEN, CLOSE = TOOL_CALL


def asked(messages: Sequence[Message]) -> tuple[list[Any], list[Any]]:
    """The messages as OpenAI has them, and the tools that may be called. A call's result bears the call's number."""
    tools = [json.loads(tool) for message in messages for tool in message.tools]
    told: list[Any] = []
    called = answered = 0
    for message in messages:
        one: dict[str, Any] = {"role": message.role, "content": message.content}
        if message.calls:
            answered = called  # what comes next answers these
            one["tool_calls"] = [
                {
                    "id": f"call_{number}",
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for number, call in enumerate(message.calls, called)
            ]
            called += len(message.calls)
        if message.role == "tool":
            one["tool_call_id"] = f"call_{answered}"
            answered += 1
        if message.content or message.role != "system":  # an empty one only holds the tools
            told.append(one)
    return told, tools


class Calls:
    """Puts the calls of an answer together, which come in pieces."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._arguments: dict[int, str] = {}

    def take(self, delta: Mapping[str, Any]) -> bool:
        """What came of them with a piece of the answer; whether anything did."""
        pieces = delta.get("tool_calls") or ()
        for call in pieces:
            index, function = call.get("index", len(self._names)), call.get("function") or {}
            self._names[index] = self._names.get(index, "") + (function.get("name") or "")
            self._arguments[index] = self._arguments.get(index, "") + (function.get("arguments") or "")
        return bool(pieces)

    @property
    def text(self) -> str:
        """All of them, as Qwen2.5 writes them in an answer."""
        return "".join(
            f'{OPEN}\n{{"name": {json.dumps(name)}, "arguments": {self._arguments[index] or "{}"}}}\n{CLOSE}'
            for index, name in self._names.items()
        )
