"""The handlers' border to the widgets: what an untouched page gives."""

from qwen_ui.messages import Message, Sampling
from qwen_ui.ui.chat_handlers import Handlers, page, read_controls
from qwen_ui.ui.conversation import Chat, to_browser
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.turns import Turn
from tests.fakes import FakeEngine
from tests.ui.test_turns import BEFORE, host_of


def handlers() -> Handlers:
    return Handlers(host_of(FakeEngine()), Running())


def test_an_untouched_system_prompt_is_empty():
    assert read_controls(None, 0.7, 0.8, 20, 512) == ("", Sampling())


async def test_undo_puts_the_message_before_what_is_in_the_box():
    chatbot, kept, _, text, *_ = await handlers().undo(to_browser(BEFORE), "more")
    assert [len(chatbot), len(kept["messages"]), text] == [2, 2, "second\n\nmore"]
    assert (await handlers().undo(to_browser(BEFORE), None))[3] == "second"
    assert (await handlers().undo(None, None))[1] == to_browser(Chat())


def test_an_unfinished_answer_is_kept_with_its_question():
    chat = Chat((Message("user", "why?"),))
    assert page(Turn(chat, "becau", running=True))[1] == to_browser(chat.answered("becau"))
