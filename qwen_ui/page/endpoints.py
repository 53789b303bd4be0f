"""What scripts call. Names, parameters and results of the endpoints are a contract."""

import asyncio
import copy
import functools
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, cast, get_args

import gradio as gr
from gradio.blocks import Block
from gradio.events import api

from qwen_ui.page.events import told
from qwen_ui.server.sessions import RunningRequests

log = logging.getLogger(__name__)

LONGEST = 300
"""Characters of what Gradio says of values that it does not take, for it quotes them."""


class Page(gr.Blocks):
    """What Gradio does with events and calls, where it has to be otherwise."""

    running: RunningRequests
    """All that run for the page's visitors."""
    endpoints: dict[str, Callable[..., Any]]
    """What scripts call, by name."""

    async def call_function(self, block_fn: Any, *given: Any, **named: Any) -> dict[str, Any]:
        """Gradio's own call, a step of what streams. However the event is left, what it began to stream is closed.

        Gradio closes only what it has shown something of: who cancels before that would leave a request running.
        """
        result: dict[str, Any] = await super().call_function(block_fn, *given, **named)
        if (stream := result["iterator"]) is not None and stream not in self._streams:
            self._streams.add(stream)
            event = cast(asyncio.Task[Any], asyncio.current_task())
            event.add_done_callback(lambda _: asyncio.ensure_future(self._end(stream)))
        return result

    async def process_api(self, *given: Any, **named: Any) -> dict[str, Any]:
        """Gradio's own way through a step of an event or call. It would print what goes wrong, with what was sent."""
        try:
            return await super().process_api(*given, **named)
        except gr.Error as error:
            if not error.print_exception:
                raise
            log.info("Gradio does not take the values of an event")
            raise gr.Error(str(error.message)[:LONGEST], print_exception=False) from error
        except Exception as error:
            raise gr.Error(str(told(error)), print_exception=False) from error

    async def postprocess_data(self, block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        """Gradio's own. What a handler leaves as it is costs nothing: Gradio would make each such component anew."""
        if not (isinstance(predictions, dict) and any(isinstance(each, Block) for each in predictions)):
            return await super().postprocess_data(block_fn, predictions, state)
        named = {
            each: value for each, value in predictions.items() if not (isinstance(value, dict) and value == gr.skip())
        }
        given = {each._id for each in named}
        some = copy.copy(block_fn)
        some.outputs = [output for output in block_fn.outputs if output._id in given]
        values = iter(await super().postprocess_data(some, named, state) if given else [])
        return [next(values) if output._id in given else gr.skip() for output in block_fn.outputs]

    @functools.cached_property
    def _streams(self) -> set[Any]:
        """All that run or are being closed."""
        return set()

    async def _end(self, stream: Any) -> None:
        try:
            await stream.aclose()
        finally:
            self._streams.discard(stream)

    def validate_inputs(self, block_fn: Any, inputs: list[Any]) -> None:
        """Gradio's own check. Before it the values that are left out at the end are filled in.

        Gradio's own clients fill them in; other callers by plain HTTP give values by position, and go on when a
        parameter is added at the end.
        """
        if block_fn.api_visibility == "public":
            for component in block_fn.inputs[len(inputs) :]:
                if (default := getattr(component, "value", None)) is None:
                    break
                inputs.append(default)
        super().validate_inputs(block_fn, inputs)


def publish(endpoint: Callable[..., Any], name: str = "") -> None:
    """Adds a function to the API of the page that is being built, under its own name unless another is given.

    An async iterator streams its results. What it raises reaches the caller as a sentence.
    """
    published: Callable[..., Any] = endpoint
    if inspect.isasyncgenfunction(endpoint):

        @functools.wraps(endpoint)
        async def published(*given: Any, **named: Any) -> AsyncIterator[Any]:
            with _errors_told():
                async with aclosing(endpoint(*given, **named)) as results:
                    async for result in results:
                        yield result

        (update,) = get_args(endpoint.__annotations__["return"])
        published.__annotations__ = endpoint.__annotations__ | {"return": update}  # what the API's page says of it
    elif inspect.iscoroutinefunction(endpoint):

        @functools.wraps(endpoint)
        async def published(*given: Any, **named: Any) -> Any:
            with _errors_told():
                return await endpoint(*given, **named)

    described = inspect.getdoc(endpoint)  # of itself Gradio leaves out what is said of parameters and results
    api(published, api_name=name or endpoint.__name__, api_description=described, concurrency_limit=None)


@contextmanager
def _errors_told() -> Iterator[None]:
    """Lets only errors meant for users reach the caller, as `gr.Error`; others go to the log."""
    try:
        yield
    except Exception as error:
        raise gr.Error(str(told(error)), print_exception=False) from error
