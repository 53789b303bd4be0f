"""A conversation while it is read from another program's file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import ROLES, Message
from qwen_ui.tabs.chat import content
from qwen_ui.tabs.chat.content import LeftOut, text_of
from qwen_ui.tabs.chat.nodes import Chat

TOOL_ROLES = {
    **dict.fromkeys(("tool", "function", "observation", "function_response", "tool_response", "ipython"), 1),
    **dict.fromkeys(("function_call", "tool_call"), 0),
}
"""Roles of what is said between model and tools: 0 for calls, 1 for results."""


Item = Mapping[str, Any]


@dataclass(slots=True)
class Transcript:
    """A conversation while it is read."""

    title: str = ""
    system: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    left_out: LeftOut = field(default_factory=LeftOut)
    chat: Chat | None = None
    """The messages with their branches, where the file has those."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What else a file of this app says of it."""
    _broken: bool = False
    """Whether something between model and tools was left out after the last message."""

    def record(self, role: Any, *parts: str) -> None:
        """Adds a message of those parts that there are, unless it is blank.

        Raises `InvalidInput` for an unknown role.
        """
        text = "\n\n".join(part for part in parts if part)
        known: Any = ROLES.get(role.lower(), role) if isinstance(role, str) else role  # checked by the next line
        message = Message(known, text)
        if not text.strip():
            return
        if message.role == "system":
            self.system.append(text)
        elif self._broken and self.messages and self.messages[-1].role == message.role:
            self.messages[-1] = Message(message.role, f"{self.messages[-1].content}\n\n{text}")
        else:
            self.messages.append(message)
        self._broken = False

    def leave_out(self, kind: str, count: int = 1) -> None:
        """Counts what is not shown. An answer that goes on after it stays one message."""
        if count > 0:
            self.left_out[kind] += count
            self._broken = True

    def add(self, role: Any, value: Any, beside: str = "") -> None:
        """Adds a message of that role with that content and what is said before it.

        What tools have to do with it is left out.
        """
        tool = TOOL_ROLES.get(role.lower()) if isinstance(role, str) else None
        if tool is not None:
            self.leave_out((content.TOOL_CALLS, content.TOOL_RESULTS)[tool])
        else:
            self.record(role, beside, text_of(value, self.left_out))


def is_list(value: Any) -> bool:
    """Whether it is a list: JSON has no other sequences but texts."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def list_of(value: Any) -> Sequence[Any]:
    """A list, empty for nothing. Raises `InvalidInput` for something else."""
    if value is not None and not is_list(value):
        raise InvalidInput("It is damaged: where its messages should be, there is something else.")
    return value or []


def items_of(value: Any) -> list[Item]:
    """A list of objects. Raises `InvalidInput` for something else."""
    items = list(value.values()) if isinstance(value, Mapping) else value
    if not is_list(items) or not all(isinstance(item, Mapping) for item in items):
        raise InvalidInput("It is damaged: where its messages should be, there is something else.")
    return cast(list[Item], items)


def mapping(value: Any) -> Item:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def string(value: Any) -> str:
    """The value if it is a text, else an empty one."""
    return value if isinstance(value, str) else ""
