"""Texts → labels with calibrated probabilities, by the engine's scores. No widgets here."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from qwen_ui.engine.base import Engine
from qwen_ui.prompts import Template
from qwen_ui.server.metering import EngineSource
from qwen_ui.tasks.sentiment import Classified, Scoring, build, classify, references

TASK = "sentiment"
KEPT = 64

Judging = Callable[["Order", Sequence[str]], Awaitable[list[Classified]]]
"""Judges texts as ordered."""
Scores = list[list[float]]
"""A row a text, a column a label."""


@dataclass(frozen=True, slots=True)
class Order:
    """How texts are to be judged."""

    template: Template
    labels: tuple[str, ...]
    calibrated: bool = True

    @property
    def references(self) -> tuple[str, ...]:
        """The texts that the result is calibrated against; none when it isn't."""
        return references(self.template) if self.calibrated else ()


class Judge:
    """Judges texts by an engine's scores. Keeps the reference scores of the orders that came last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, tuple[str, ...]], list[Scores]] = OrderedDict()

    async def __call__(self, source: EngineSource, order: Order, texts: Sequence[str]) -> list[Classified]:
        """A result for each text.

        Raises `InvalidInput` for a text that can't be judged, `TemplateError` for a broken template, and what
        the engine's ``score`` raises: `PromptTooLong` among it.
        """
        engine = source.engine
        scorings = build(order.template, texts, order.labels)
        return classify(await scores(engine, scorings), order.labels, await self._references(engine, order))

    async def _references(self, engine: Engine, order: Order) -> list[Scores]:
        """The reference texts' scores: computed when a template, as it is in its file now, first meets the labels."""
        if not order.references:
            return []
        key = (order.template.source, order.labels)
        if key not in self._kept:
            self._kept[key] = await scores(engine, build(order.template, order.references, order.labels))
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


async def scores(engine: Engine, scorings: Sequence[Scoring]) -> list[Scores]:
    """The engine's scores for each of the scorings that `build` gave."""
    return [await engine.score(scoring.prompts, scoring.candidates) for scoring in scorings]
