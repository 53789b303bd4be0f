"""The Chat tab: its layout, and what answers to what."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message, Sampling
from qwen_ui.page.app import App
from qwen_ui.page.events import QUIET, Buttons, Event, Events, Run, Values
from qwen_ui.page.scripts import LATEX, WIDE, kept_by_browser
from qwen_ui.page.sending import Entrance, Exit, send_to
from qwen_ui.page.status import statistics
from qwen_ui.page.tab import Parts, Tab
from qwen_ui.page.words import label
from qwen_ui.sentences import marked
from qwen_ui.tabs.chat import shelf, task
from qwen_ui.tabs.chat.answering import Answering
from qwen_ui.tabs.chat.attaching import Attaching
from qwen_ui.tabs.chat.content import history_of
from qwen_ui.tabs.chat.conversation import editing, from_browser, retrying, sending
from qwen_ui.tabs.chat.files import ChatFiles
from qwen_ui.tabs.chat.looks import Looks
from qwen_ui.tabs.chat.nodes import Chat
from qwen_ui.tabs.chat.settings import ChatSettings
from qwen_ui.tabs.chat.writing import Writing

EXAMPLES = (
    "Explain why the sky is blue, as to a ten-year-old.",
    "Write a Python function that tells whether a word is a palindrome.",
    "用三句话介绍一下杭州。",
    "帮我写一封请假半天的邮件，语气礼貌。",
)


class ChatTab:
    """The tab, laid out where this is made."""

    def __init__(self, app: App, page: gr.Blocks) -> None:
        self._kept, self._before = shelf.keeping(elem_id="chat-kept"), kept_by_browser("chat")
        kept_settings = kept_by_browser("chat-settings")
        with gr.Row(elem_id="chat", elem_classes="dialogue-page"):
            self._list = shelf.listing(elem_id="chats")
            with gr.Column(elem_id="chat-side"):
                self._side = gr.Accordion(label("Assistant and settings"), open=False, elem_id="chat-settings")
                with self._side:
                    self._settings = ChatSettings(app)
            with gr.Column(elem_id="chat-main", elem_classes="dialogue-main"):
                with gr.Row(elem_id="chat-head"):
                    self._title = gr.HTML(elem_id="chat-title", padding=False)
                    self._new = gr.Button(label("New chat"), size="sm", scale=0, elem_id="new-chat")
                    self._files = ChatFiles(self._kept, self._settings)
                self._files.choice()
                self._lay_out_conversation(app)
        self._events = Events(app, TAB.id, self._status, Buttons([self._send], self._stop))
        self._settings.wire(self._events, page, kept_settings, self._kept)
        self._wire(page)

    @property
    def parts(self) -> Parts:
        exits = [Exit(self._send_to, [self._kept], lambda event: from_browser(event[self._kept]).last_answer)]
        return Parts([self._send], exits, Entrance(self._box), [self._attaching.kept.box], typed=[self._box])

    def _lay_out_conversation(self, app: App) -> None:
        self._chatbot = gr.Chatbot(
            label=label("Conversation"),
            container=False,
            height="100%",
            layout="bubble",
            editable="user",
            buttons=["copy"],
            latex_delimiters=LATEX,
            placeholder=label("What can I help with?"),
            examples=[{"text": text} for text in EXAMPLES],
            group_consecutive_messages=False,
            allow_tags=False,
            elem_id="conversation",
            elem_classes="dialogue",
        )
        self._looks = Looks(app, self._settings)
        self._status = gr.HTML(elem_id="chat-status", padding=False)
        self._attaching = Attaching(app, self._settings.max_new_tokens)
        self._attaching.above()
        with gr.Row(elem_id="chat-input", elem_classes="dialogue-box"):
            self._attaching.button()
            self._box = gr.Textbox(
                label=label("Message"),
                container=False,
                placeholder=label("Write a message…"),
                lines=1,
                max_lines=10,
                autofocus=True,
                scale=1,
                elem_id="message",
                elem_classes="dialogue-input",
            )
            self._send = gr.Button(
                label("Send"),
                variant="primary",
                interactive=False,
                scale=0,
                elem_id="send",
                elem_classes="dialogue-button",
            )
            self._stop = gr.Button(
                label("Stop"), variant="stop", visible=False, scale=0, elem_id="stop", elem_classes="dialogue-button"
            )
        with gr.Row(elem_id="chat-foot"):
            gr.Markdown(label("Enter to send, Shift + Enter for a new line"), elem_id="message-hint")
            self._send_to = send_to(elem_id="chat-send-to")
        self._answers = Answering(app, self._settings, self._kept, self._chatbot, self._status, self._box)

    def _wire(self, page: gr.Blocks) -> None:
        events, answers, looks = self._events, self._answers, self._looks
        asked, view = [self._kept, *self._settings.inputs], answers.view
        attached, attaching = self._attaching.kept.box, self._attaching.shown
        sent = [self._box.submit, self._send.click]
        events.run(sent, self._sending, [self._box, attached, *asked], [*view, *attaching])
        events.run(self._chatbot.example_select, self._example, asked, view)
        events.run(self._chatbot.retry, self._retrying, asked, view)
        events.run(self._chatbot.edit, self._editing, asked, view)
        events.run(looks.panel.view.submit, answers.branching, asked, view, join=answers.branching_too)
        events.stop()
        events.run(answers.turns.retry, self._retrying, asked, view)
        events.run(answers.turns.apply, answers.continuing, asked, view)
        events.on([answers.turns.select, self._kept.click], answers.turned, [self._kept], view)
        events.on(answers.turns.delete, answers.pruned, [self._kept], view)
        events.on(answers.turns.copy, answers.forked, asked, view)
        undone = [self._kept, self._box, attached, self._settings.max_new_tokens]
        events.on(self._chatbot.undo, self._undo, undone, [*view, *attaching])
        self._attaching.wire(page, self._box)
        begun = events.stopped([self._new.click, self._chatbot.clear])
        events.on(begun, lambda event: answers.show(event, Chat()), (), view)
        for other in (begun, self._kept.select):  # what is looked at is of the conversation that was open
            looks.panel.events.on(other, lambda event: looks.panel.closed(), (), looks.panel.shown)
        looks.wire(answers.turns, self._kept, answers.chat)
        self._files.wire(events, self._status, view, answers.show)
        events.stopped(self._kept.release).then(None, None, None, js="() => window.qwenChats.wanted()", **QUIET)
        events.on(
            self._kept.select,
            self._restore,
            [self._kept, self._before],
            [*view, self._before],
            refused=marked("The conversation kept in this browser could not be read, so this is a new one: {error}"),
        )
        events.on(page.load, self._furnish, (), [self._list, self._title])
        wide = gr.Checkbox(visible=False)
        events.on(page.load, lambda event: {self._side: gr.Accordion(open=event[wide])}, [wide], [self._side], js=WIDE)

    def _sending(self, event: Event) -> Run[Writing]:
        attaching = self._attaching
        attachments = attaching.ready(event)
        return self._answers.answering(
            event,
            lambda chat: sending(chat, event[self._box] or "", attachments),
            attaching.none(event.say),
            attaching.again(event, ()),
        )

    def _example(self, event: Event) -> Run[Writing]:
        return self._answers.answering(event, lambda chat: sending(chat, event.data.value["text"]))

    def _retrying(self, event: Event) -> Run[Writing]:
        return self._answers.answering(event, retrying)

    def _editing(self, event: Event) -> Run[Writing]:
        place, text = int(event.data.index), str(event.data.value)
        return self._answers.answering(event, lambda chat: editing(chat, place, text))

    def _undo(self, event: Event) -> Values:
        """Takes the last message and its answer back, where they stay as a version of what is asked next.

        The message goes into the box, before what is there, and so does what was attached to it.
        """
        chat, text = from_browser(event[self._kept]), event[self._box]
        question = chat.last_question
        if question is None:
            return self._answers.show(event, chat)
        asked = chat.nodes[question]
        typed = "\n\n".join(part for part in (asked.message.content, text) if part and part.strip())
        attached = self._attaching.again(event, asked.attachments) if asked.attachments else {}
        return self._answers.show(event, chat.up_to(question)) | {self._box: typed} | attached

    def _restore(self, event: Event) -> Values:
        """Shows what the browser opens; what it kept before it had a list is taken over, once."""
        kept = event[self._kept]
        if not (kept or event[self._before]) or (isinstance(kept, Mapping) and "show" not in kept):
            return {}  # nothing, or what somebody who was quicker has written by now
        chat = from_browser(kept or event[self._before])
        taken = {} if kept else {self._before: None}
        if kept and isinstance(sought := kept["show"], int):
            chat = chat.showing(sought)
        values = self._answers.show(event, chat) | taken
        if chat.usage:
            values[self._status] = statistics(chat.usage, event.say)
        return values

    def _furnish(self, event: Event) -> Values:
        return {self._list: shelf.shelf(event.say), self._title: shelf.title(event.say)}


def endpoints(app: App) -> Sequence[Callable[..., Any]]:
    """/chat, as scripts call it."""

    async def chat(  # noqa: PLR0913, PLR0917  the contract's
        message: str,
        request: gr.Request,
        history: list[Any] = [],  # noqa: B006  part of the contract, and never changed
        system: str = "",
        max_new_tokens: int = 512,
        temperature: float = 0.7,
        top_p: float = 0.8,
        top_k: int = 20,
        adapter: str = "",
        model: str = "",
    ) -> AsyncIterator[str]:
        """Has the model answer a message, after what was said before.

        Parameters:
            message: What to answer.
            history: What was said before, oldest first: [{"role": "user" or "assistant", "content": text}], or pairs.
            system: Instructions for the whole conversation.
            max_new_tokens: Where the answer is cut at the latest.
            temperature: From 0, always the most likely word, to 5, the most various.
            top_p: The share of likely words to choose from, above 0 and up to 1.
            top_k: How many words to choose from; 0 is all.
        Returns:
            the answer's text, streamed as it grows.
        """
        messages = [*history_of(history), _question(message)]
        sampling = Sampling(max_new_tokens, temperature, top_p, top_k)
        opening = Message("system", system).content
        reply = partial(task.reply, messages=messages, system=opening, sampling=sampling)
        async for answer in app.serve(request, TAB.id, reply, adapter, model):
            yield answer.text

    return [chat]


def _question(text: Any) -> Message:
    message = Message("user", text)
    if not text.strip():
        raise InvalidInput("The message is empty. Write something.")
    return message


TAB = Tab("chat", marked("Chat"), Path(__file__).parent, lambda app, page, place: ChatTab(app, page).parts, endpoints)
