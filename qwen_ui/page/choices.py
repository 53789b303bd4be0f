"""Lists to choose from that are filled while the page is open."""

from typing import Any, TypeVar

from gradio.components import Component

T = TypeVar("T", bound=Component)


def as_held(chooser: T) -> T:
    """Lets the component give what the browser holds.

    Gradio refuses a choice that it does not know, with an error of its own; and when the server has forgotten the page,
    after a restart, it knows none of those that it had offered. Whoever takes the choice looks it up anyway, and says
    what is wrong with it.
    """

    def give(payload: Any) -> Any:
        return payload

    chooser.preprocess = give  # type: ignore[method-assign]  # of this one; where the page is known, Gradio makes others
    return chooser
