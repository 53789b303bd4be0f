"""What the events of the Chat tab do: values of widgets in, values of widgets out."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import gradio as gr

from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.messages import Sampling
from qwen_ui.server.host import EngineHost
from qwen_ui.ui.conversation import Chat, from_browser, from_json, shown, to_browser, to_json, to_markdown
from qwen_ui.ui.statistics import line, statistics
from qwen_ui.ui.streaming import Answer, Running
from qwen_ui.ui.texts import Say, speaker
from qwen_ui.ui.turns import TAB, Attempt, Turn, editing, failed, respond, retrying, sending
from qwen_ui.ui.visitors import visit

Page = tuple[Any, ...]
"""Values for: chatbot, kept conversation, status, message box, Send, Stop."""


def page(turn: Turn) -> Page:
    """The turn as values for the widgets."""
    kept = turn.chat.answered(turn.answer, turn.chat.usage) if turn.answer else turn.chat
    return (
        shown(turn.chat, turn.answer),
        to_browser(kept) if turn.keep else gr.skip(),
        turn.status,
        gr.skip() if turn.text is None else turn.text,
        gr.Button(visible=not turn.running),
        gr.Button(visible=turn.running),
    )


class Handlers:
    """The tab's handlers, with what they need at hand. Nothing of a visitor is kept here but running streams."""

    def __init__(self, host: EngineHost, running: Running) -> None:
        self._host = host
        self._running = running

    async def send(
        self, request: gr.Request, text: str | None, kept: Any, *controls: Any
    ) -> AsyncGenerator[Page, None]:
        """Answers the message in the box; an untouched box is None."""
        async with aclosing(self._answer(request, kept, controls, lambda c, s: sending(c, text or "", s))) as pages:
            async for values in pages:
                yield values

    async def example(
        self, request: gr.Request, chosen: gr.SelectData, kept: Any, *controls: Any
    ) -> AsyncGenerator[Page, None]:
        """Answers a clicked example."""
        text = chosen.value["text"]
        async with aclosing(self._answer(request, kept, controls, lambda c, s: sending(c, text, s))) as pages:
            async for values in pages:
                yield values

    async def retry(self, request: gr.Request, kept: Any, *controls: Any) -> AsyncGenerator[Page, None]:
        """Answers the last message again."""
        async with aclosing(self._answer(request, kept, controls, retrying)) as pages:
            async for values in pages:
                yield values

    async def edit(
        self, request: gr.Request, edited: gr.EditData, kept: Any, *controls: Any
    ) -> AsyncGenerator[Page, None]:
        """Answers an earlier message in its new words."""
        place, text = int(edited.index), str(edited.value)  # type: ignore[arg-type]  # pairs were for older formats
        async with aclosing(self._answer(request, kept, controls, lambda c, s: editing(c, place, text, s))) as pages:
            async for values in pages:
                yield values

    async def _answer(
        self, request: gr.Request, kept: Any, controls: tuple[Any, ...], begin: Callable[[Chat, Say], Attempt]
    ) -> AsyncGenerator[Page, None]:
        say, session = speaker(request), request.session_hash or ""
        chat = Chat()
        try:
            chat = from_browser(kept)
            if self._running.busy(session, TAB):
                raise InvalidInput(say("still_writing"))
            attempt = begin(chat, say)
            system, sampling = read_controls(*controls)
        except QwenUIError as error:
            yield page(failed(Attempt(chat, chat), Answer(), str(error), say))
            return
        turns = respond(visit(self._host, request, TAB), self._running, session, attempt, system, sampling, say)
        async with aclosing(turns):
            async for turn in turns:
                yield page(turn)

    async def stop(self, request: gr.Request) -> None:
        """Ends the answer that is being written; what there is of it stays."""
        self._running.stop(request.session_hash or "", TAB)

    async def undo(self, kept: Any, text: str | None) -> Page:
        """Takes the last message and its answer back; the message goes into the box, before what is there."""
        chat = from_browser(kept)
        place = chat.last_question
        if place is None:
            return page(Turn(chat))
        typed = "\n\n".join(part for part in (chat.messages[place].content, text) if part and part.strip())
        return page(Turn(chat.up_to(place), text=typed))

    async def new_chat(self) -> Page:
        """Empties the conversation."""
        return page(Turn(Chat()))

    async def open(self, request: gr.Request, data: bytes, kept: Any, system: str) -> Page:
        """Opens a saved conversation: the page's values, and the system prompt."""
        say = speaker(request)
        try:
            chat, saved_system = from_json(data)
        except InvalidInput as error:
            status = line(say("not_opened", error=error), "error")
            return (*page(Turn(from_browser(kept), status=status, keep=False)), system)
        return (*page(Turn(chat, status=line(say("opened", count=len(chat.messages))))), saved_system)

    async def as_markdown(self, request: gr.Request, kept: Any, system: str | None) -> str:
        """The conversation as a Markdown document."""
        say = speaker(request)
        return to_markdown(from_browser(kept), system or "", say("you"), say("model"))

    async def as_json(self, kept: Any, system: str | None) -> str:
        """The conversation as a JSON document."""
        return to_json(from_browser(kept), system or "")

    async def restore(self, request: gr.Request, kept: Any) -> tuple[Any, ...]:
        """Shows the conversation that the browser kept: chatbot and status."""
        say = speaker(request)
        try:
            chat = from_browser(kept)
        except InvalidInput as error:
            return [], line(say("not_restored", error=error), "error")
        return shown(chat), statistics(chat.usage, say) if chat.usage else ""


def read_controls(
    system: str | None, temperature: Any, top_p: Any, top_k: Any, max_new_tokens: Any
) -> tuple[str, Sampling]:
    """The system prompt and how to sample, from the widgets' values. Raises `InvalidInput` for what can't work."""
    return system or "", Sampling(max_new_tokens, temperature, top_p, top_k)
