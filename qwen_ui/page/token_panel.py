"""The panel in which an answer's tokens are looked at, the same in every tab."""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import gradio as gr

from qwen_ui.engine.base import Engine
from qwen_ui.messages import Message, TokenLook
from qwen_ui.page.app import App
from qwen_ui.page.events import Buttons, Events, Run, Values
from qwen_ui.page.status import line
from qwen_ui.page.token_view import TOP, looked, token_view
from qwen_ui.page.words import Say, label
from qwen_ui.sentences import Sentence

Asked = Callable[[Engine], Sequence[Message]]
"""The conversation whose last message is the answer, for the model that it is asked of."""


class TokenPanel:
    """The widgets, made where this is called; not there until something is looked at."""

    def __init__(self, app: App, elem_id: str) -> None:
        with gr.Column(visible=False, elem_id=elem_id, elem_classes="look-panel") as self._panel:
            with gr.Row(elem_classes="look-panel-head"):
                self._close = gr.Button(label("Close"), size="sm", scale=0, elem_id=f"{elem_id}-close")
                self._stop = gr.Button(label("Stop"), variant="stop", size="sm", scale=0, visible=False)
            self.view = token_view(elem_id=f"{elem_id}-tokens")
            self.more = gr.HTML(padding=False, elem_id=f"{elem_id}-more")
        self._status = gr.HTML(padding=False, elem_id=f"{elem_id}-status")
        self.events = Events(app, "look", self._status, Buttons([], self._stop))
        """Those that look: one at a time, in whichever tab."""

    @property
    def shown(self) -> list[Any]:
        """What changes when something is looked at."""
        return [self._panel, self.view, self.more]

    def wire(self) -> None:
        """Lets it be closed."""
        self.events.stop()
        done = self.events.stopped(self._close.click)
        self.events.on(done, lambda event: self.closed(), (), self.shown)

    def closed(self) -> Values:
        """Without anything to look at."""
        return {self._panel: gr.Column(visible=False), self.view: "", self.more: "", self._status: ""}

    def opened(self, said: str) -> Values:
        """Before there is anything to see; says what is being done."""
        return {self._panel: gr.Column(visible=True), self.view: "", self.more: "", self._status: line(said, "busy")}

    def looking(
        self, say: Say, asked: Asked, subject: str, note: Sentence, adapter: str = "", given: str = ""
    ) -> Run[list[TokenLook]]:
        """Looks at the tokens of an answer, but for those of what it was ``given`` to begin with."""

        async def look(engine: Engine) -> AsyncGenerator[list[TokenLook], None]:
            yield await engine.tokens(messages=asked(engine), top=TOP, adapter=adapter)

        def show(looks: list[TokenLook], running: bool) -> Values:
            return {} if running else {self.view: looked(looks, subject, say, note, given)}

        begun = self.opened(say("Looking at the tokens…"))
        return Run(look, show, lambda looks, running: "", bool, begun=begun, undone=self.closed())
