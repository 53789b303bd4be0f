"""What of a conversation goes to a server whose tokenizer is not here: sizes are estimated, on the safe side."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from qwen_ui.engine.prompt import BYTES_PER_TOKEN, MAX_CHARACTERS_PER_TOKEN, MESSAGE_TOKENS, ends, starts_within
from qwen_ui.errors import PromptTooLong
from qwen_ui.messages import Message, ToolCall
from qwen_ui.text.control import disarmed_all


def count(messages: Sequence[Message]) -> int:
    """About as many tokens as the conversation has."""
    return sum(len(message.whole.encode()) // BYTES_PER_TOKEN + MESSAGE_TOKENS + 1 for message in messages)


def fit(messages: Sequence[Message], max_new_tokens: int, context: int) -> tuple[list[Message], int]:
    """The messages to send, no text of them a marker, and how many of the oldest ones were left out.

    What goes, goes in quarters of the room, as in `PromptEncoder.fit`, so that the server's own cache stays good.
    Raises `InvalidInput` for an empty conversation and `PromptTooLong` for what can't fit by any count.
    """
    head, last = ends(messages)
    room = context - max_new_tokens
    needed = [*messages[:head], *messages[last:]]
    if room <= 0 or sum(len(message.whole) for message in needed) > room * MAX_CHARACTERS_PER_TOKEN:
        raise PromptTooLong(
            "The text is too long for a context of {context:,} tokens with {count:,} new ones in it. Shorten it, or "
            "ask for fewer new tokens.",
            context=context,
            count=max_new_tokens,
        )
    turns, left = messages[head:last], room - count(needed)
    latest = [0, *accumulate(count([message]) for message in reversed(turns))]  # sizes of the last 0, 1, 2… of them
    starts = starts_within(turns, room - count(messages[:head]))
    start = next((start for start in starts if latest[len(turns) - start] <= left), len(turns)) if turns else 0
    kept = [*messages[:head], *messages[head + start :]]
    return [_disarmed(each) for each in kept], start


def _disarmed(message: Message) -> Message:
    """A text is a program's, whose markers count."""
    if message.role == "text":
        return message
    calls = tuple(ToolCall(disarmed_all(call.name), disarmed_all(call.arguments)) for call in message.calls)
    tools = tuple(map(disarmed_all, message.tools))
    return replace(message, content=disarmed_all(message.content), calls=calls, tools=tools)
