"""Tools: what the model is told of them, and its calls as they come in an answer."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from qwen_ui.messages import TOOL_CALL, Message, ToolCall
from qwen_ui.server.v1.errors import ApiError
from qwen_ui.server.v1.requests import ChatRequest, Function, NamedTool
from qwen_ui.text.growing import unfinished

OPEN, CLOSE = TOOL_CALL
BEGUN = f"{OPEN}\n"


@dataclass(frozen=True, slots=True)
class Call:
    """A call with the id that its result comes back under."""

    id: str
    called: ToolCall


def with_tools(messages: Sequence[Message], asked: ChatRequest, required: bool) -> list[Message]:
    """The conversation, with the tools that the model may call, for its chat template to write.

    Where it has to call one, the answer has begun with what opens a call: what follows has the form of one.
    """
    if not asked.tools or asked.tool_choice == "none":
        return list(messages)
    tools = tuple(tool.model_dump_json(exclude_unset=True) for tool in asked.tools)
    rest = list(messages)
    system = rest.pop(0) if rest[0].role == "system" else Message("system", "")
    told = [replace(system, tools=tools), *rest]
    if required:
        if messages[-1].role == "assistant":
            message = "A call can't be required after an answer that has begun: end with another message."
            raise ApiError(400, message, "invalid_value", "tool_choice")
        told.append(Message("assistant", BEGUN))
    return told


def called_form(asked: ChatRequest) -> str:
    """The JSON schema of the call that the answer has to be; empty where it need not be one."""
    if not asked.tools or asked.tool_choice in ("none", "auto"):
        return ""
    functions = [tool.function for tool in asked.tools]
    if isinstance(asked.tool_choice, NamedTool):
        functions = [each for each in functions if each.name == asked.tool_choice.function.name]
        if not functions:
            raise ApiError(400, "There is no tool of the name in 'tool_choice'.", "invalid_value", "tool_choice")
    return json.dumps({"anyOf": [_form_of(each) for each in functions]}, ensure_ascii=False)


def _form_of(function: Function) -> dict[str, Any]:
    """Its parameters have an address of their own, which what refers to a place within them starts from."""
    arguments = {"$id": f"tool:{function.name}", "type": "object"} | function.parameters
    called = {"name": {"const": function.name}, "arguments": arguments}
    return {"type": "object", "properties": called, "required": list(called), "additionalProperties": False}


class CallReader:
    """Takes an answer as it comes and tells text from calls. What is no call after all is text."""

    def __init__(self, begun: str = "", several: bool = True) -> None:
        """Only the first call is told unless there may be several."""
        self._held = begun
        self._several = several
        self._looked = 0
        """How much of a call has been looked through for its end."""
        self.called = False

    def take(self, text: str) -> tuple[str, list[Call]]:
        """The next piece: what is sure to be text, and the calls that are whole with it."""
        self._held += text
        said, calls = "", list[Call]()
        while True:
            before, opened, rest = self._held.partition(OPEN)
            if not opened:
                sure = len(before) - unfinished(before, OPEN)
                self._held = before[sure:]
                return said + before[:sure], calls
            end = rest.find(CLOSE, self._looked)
            if end < 0:
                self._looked = max(0, len(rest) - len(CLOSE) + 1)
                self._held = opened + rest
                return said + before, calls
            said += before
            said += self._read(rest[:end], opened + rest[: end + len(CLOSE)], calls)
            self._held, self._looked = rest[end + len(CLOSE) :], 0

    def finish(self) -> tuple[str, list[Call]]:
        """What is left at the end of the answer. A call needs no mark at its end there."""
        calls: list[Call] = []
        held, self._held = self._held, ""
        if held.startswith(OPEN):
            return self._read(held.removeprefix(OPEN), held, calls), calls
        return held, calls

    def _read(self, inner: str, whole: str, calls: list[Call]) -> str:
        """Adds the call; gives the whole text of what is none."""
        if (call := _call(inner)) is None:
            return whole
        if self._several or not self.called:
            calls.append(call)
        self.called = True
        return ""


def _call(text: str) -> Call | None:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        return None
    arguments = given.get("arguments", {})
    if not isinstance(arguments, dict):
        return None
    return Call(f"call_{uuid.uuid4().hex[:24]}", ToolCall(given["name"], json.dumps(arguments, ensure_ascii=False)))
