"""Work of a tab that the browser keeps over reloads and restarts of the server, which holds none of it.

A tab makes its `Kept` where it is laid out, and gives it to the page as one of `Parts.kept`::

    self._kept = Kept(TAB.id)
    ...
    self._kept.wire(self._events, self._restore, [self._work, self._box])

    def _show(self, event: Event, work: Work) -> Values:  # when something is finished, not with each token
        return {self._work: work, self._box: work.text} | self._kept.keep(to_browser(work))

    def _restore(self, event: Event, kept: Any) -> Values:
        return self._show(event, from_browser(kept))

What comes back is the visitor's to change: ``from_browser`` checks it as it does any input, and raises `not_kept`.
An event that gives ``keep`` names `Kept.box` among its outputs. Keeping None forgets.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.events import Dependency

from qwen_ui.errors import InvalidInput
from qwen_ui.page.events import Event, Events, Values
from qwen_ui.sentences import marked

MAX_BYTES = 3_000_000
"""Of one tab's work, as JSON: it comes and goes with a single call, as conversations do."""
_TOO_MUCH = "too much"
GIVE = "() => window.qwenKept.give()"
"""Has all tabs get what was kept, once the page is there: see style/kept.html."""
_BOX = """
const name = %s;
let given = null;
watch("value", async () => {
  if (typeof props.value !== "string" || props.value === given) return;
  given = props.value;
  const much = given === "%s";
  try {
    await window.qwenKept.save(name, much ? "" : given);
    if (much) trigger("stop"); // Gradio has no event of a better name
  } catch (error) {
    console.error(error);
    trigger("stop");
  }
});
window.qwenKept.boxes[name] = async () => {
  given = await window.qwenKept.load(name);
  if (!given) return;
  props.value = given;
  trigger("select");
};
"""


class Kept:
    """Passes a tab's work to the browser and back."""

    def __init__(self, name: str) -> None:
        self.box = gr.HTML(
            None,
            html_template="",
            js_on_load=_BOX % (json.dumps(name), _TOO_MUCH),
            visible="hidden",
            padding=False,
            render=False,  # within a tab that is not open it would not be there: the page renders it
        )

    def keep(self, work: Any) -> Values:
        """Has the browser keep this, which JSON can hold. Says so where it is too much; None forgets."""
        if work is None:
            return {self.box: ""}
        text = json.dumps(work, ensure_ascii=False)
        if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            return {self.box: _TOO_MUCH}
        return {self.box: text.replace("<", "\\u003c")}  # Gradio warns of what looks like a script

    def now(self, event: Event) -> Any:
        """What is kept, of an event that has the box among its inputs; None where nothing is."""
        return _read(event[self.box]) if event[self.box] else None

    def wire(
        self,
        events: Events,
        restore: Callable[[Event, Any], Values],
        outputs: Iterable[Block],
    ) -> Dependency:
        """Gives ``restore`` what was kept, once the page is there; what it raises becomes the status line.

        More may follow: see `Events.on`.
        """

        def restored(event: Event) -> Values:
            return restore(event, _read(event[self.box]))

        def failed(event: Event) -> Values:
            raise InvalidInput("The browser has no room for it. Save it as a file before you leave the page.")

        refused = marked("What this browser kept could not be read: {error}")
        done = events.on(self.box.select, restored, [self.box], [*outputs, self.box], refused=refused)
        events.on(self.box.stop, failed, refused=marked("Not kept: {error}"))
        return done


def not_kept() -> InvalidInput:
    """What is said of anything else than what was kept."""
    return InvalidInput("It is not what this page kept.")


def _read(text: Any) -> Any:
    """The work that was kept. Raises `InvalidInput` for anything else."""
    if not isinstance(text, str) or len(text) > MAX_BYTES:
        raise not_kept()
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise not_kept() from error
