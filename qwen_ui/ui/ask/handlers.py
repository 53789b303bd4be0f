"""What the events of the Ask tab do: values of widgets in, values of widgets out."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import gradio as gr

from qwen_ui.errors import InvalidInput, QwenUIError
from qwen_ui.knowledge.library import Library
from qwen_ui.prompts import PromptStore, Template
from qwen_ui.server.host import EngineHost
from qwen_ui.ui.ask import show
from qwen_ui.ui.ask.dialogue import TAB, Dialogue, Moment, Wish, asking, asking_again, respond
from qwen_ui.ui.ask.examples import with_question
from qwen_ui.ui.ask.sources import Basis, Kind
from qwen_ui.ui.statistics import line
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import Say, speaker
from qwen_ui.ui.visitors import owner, visit

Page = tuple[Any, ...]
"""Values for: chatbot, dialogue, status, question, Ask, Stop, the last answer as text, and the buttons below it."""

Begin = Callable[[Basis, Template, int], Wish]


def page(moment: Moment, say: Say) -> Page:
    """The moment as values for the widgets."""
    last = moment.dialogue[-1] if moment.dialogue else None
    return (
        show.shown(moment.dialogue, say),
        moment.dialogue,
        moment.status,
        gr.skip() if moment.question is None else moment.question,
        gr.Button(visible=not moment.running),
        gr.Button(visible=moment.running),
        gr.skip() if moment.running else show.plain(last, say) if last else "",
        gr.update(visible=last is not None and not moment.running),
    )


class Handlers:
    """The tab's handlers, with what they need at hand. Nothing of a visitor is kept here but running streams."""

    def __init__(self, host: EngineHost, library: Library, prompts: PromptStore, running: Running) -> None:
        self._host = host
        self._library = library
        self._prompts = prompts
        self._running = running

    async def send(
        self, request: gr.Request, question: str, dialogue: Dialogue, *controls: Any
    ) -> AsyncGenerator[Page, None]:
        """Answers the question in the box."""

        def begin(basis: Basis, template: Template, max_new_tokens: int) -> Wish:
            return asking(dialogue, question, basis, template, max_new_tokens)

        async with aclosing(self._answer(request, dialogue, question, controls, begin)) as pages:
            async for values in pages:
                yield values

    async def retry(self, request: gr.Request, dialogue: Dialogue, *controls: Any) -> AsyncGenerator[Page, None]:
        """Answers the last question again, from what is chosen now."""
        say = speaker(request)

        def begin(basis: Basis, template: Template, max_new_tokens: int) -> Wish:
            return asking_again(dialogue, basis, template, max_new_tokens, say)

        async with aclosing(self._answer(request, dialogue, None, controls, begin)) as pages:
            async for values in pages:
                yield values

    async def _answer(
        self, request: gr.Request, dialogue: Dialogue, typed: str | None, controls: tuple[Any, ...], begin: Begin
    ) -> AsyncGenerator[Page, None]:
        say, session = speaker(request), request.session_hash or ""
        try:
            if self._running.busy(session, TAB):
                raise InvalidInput(say("still_writing"))
            wish = begin(*self._read(request, *controls))
        except QwenUIError as error:
            yield page(Moment(dialogue, line(say("not_sent", error=error), "error"), typed), say)
            return
        moments = respond(visit(self._host, request, TAB), self._library, self._running, session, wish, say)
        async with aclosing(moments):
            async for moment in moments:
                yield page(moment, say)

    def _read(
        self,
        request: gr.Request,
        kind: Kind,
        text: str | None,
        collection: str | None,
        template: str | None,
        max_new_tokens: float,
    ) -> tuple[Basis, Template, int]:
        """What the widgets of `Fields.controls` say. Raises `InvalidInput` or `TemplateError` for what can't work."""
        say = speaker(request)
        basis = Basis(kind, text or "", collection, say("ask_pasted_name"), owner(self._host, request))
        return basis, self._prompts.load(TAB, template or ""), int(max_new_tokens)

    async def example(
        self,
        request: gr.Request,
        chosen: gr.SelectData,
        dialogue: Dialogue,
        kind: Kind,
        text: str | None,
        *controls: Any,
    ) -> AsyncGenerator[Page, None]:
        """Answers a clicked example: the page's values, and what the example says of the source and its text."""
        example, say = with_question(chosen.value["text"]), speaker(request)
        if example.text and text and text.strip() not in ("", example.text):
            yield *page(Moment(dialogue, line(say("ask_example_text"), "note")), say), gr.skip(), gr.skip()
            return
        filled = ("text", example.text) if example.text else ("model", text)

        def begin(basis: Basis, template: Template, max_new_tokens: int) -> Wish:
            return asking(dialogue, example.question, basis, template, max_new_tokens)

        async with aclosing(self._answer(request, dialogue, example.question, (*filled, *controls), begin)) as pages:
            async for values in pages:
                yield *values, *filled

    async def stop(self, request: gr.Request) -> None:
        """Ends the answer that is being written; what there is of it stays."""
        self._running.stop(request.session_hash or "", TAB)

    async def clear(self, request: gr.Request) -> Page:
        """Begins a new dialogue."""
        return page(Moment(()), speaker(request))

    async def as_markdown(self, request: gr.Request, dialogue: Dialogue) -> str:
        """The dialogue as a Markdown document."""
        return show.markdown(dialogue, speaker(request))
