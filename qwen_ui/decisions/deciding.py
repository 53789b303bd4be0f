"""A decision: a question, one text or many, and the options. Sentiment is one such, with a question of its own."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args

from qwen_ui.adapters.store import AdapterStore
from qwen_ui.decisions.judging import FIRST_BATCH, Calibration, Classified, Scores, decide, next_size, score
from qwen_ui.decisions.options import YES_NO, YES_NO_CHINESE, Kind, kind_of, parse_options
from qwen_ui.decisions.prompt import Order, one_line
from qwen_ui.engine.base import Engine
from qwen_ui.errors import InvalidInput, PromptTooLong
from qwen_ui.messages import Message
from qwen_ui.prompts import PromptStore, Template
from qwen_ui.settings import Settings
from qwen_ui.text.languages import HAN

Way = Literal["batch", "reference", "none"]
"""What scores are calibrated against: all the texts that are asked about; the template's own; nothing."""

TASK = "decide"
"""The folder of its prompts, and its name in the log and the metrics."""
MAX_TEXTS = 256
MAX_QUESTION = 500
"""Characters."""
FEWEST_OF_BATCH = 16
"""Texts that are calibrated against each other; fewer say too little of what the model likes to answer."""
DEFAULT, DEFAULT_CHINESE = "question", "question-zh"
"""The templates for those who name none."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be decided, as programs give it: nothing of it is checked yet."""

    question: str
    texts: str | Sequence[str]
    options: str | Sequence[str] = ""
    """Empty for the template's own labels, or yes and no."""
    template: str = ""
    """One of prompts/decide by its name, or of another task as task/name; empty for that in the question's language."""
    calibration: str = "auto"
    """A `Way`, or auto for the best that there is."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of it."""

    kind: Kind
    way: Way
    results: tuple[Classified, ...]
    """One a text."""

    def told(self) -> list[dict[str, Any]]:
        """Each result as programs get it: of a score the number, and what it is on average."""
        return [self._told(result) for result in self.results]

    def _told(self, result: Classified) -> dict[str, Any]:
        shares: Mapping[str, float] = dict(result.probabilities)
        if self.kind != "score":
            return {"answer": result.label, "probabilities": shares}
        mean = sum(int(option) * share for option, share in shares.items())
        return {"answer": int(result.label), "probabilities": shares, "expected": mean}


class Decisions:
    """Decides by the prompt files that there are now."""

    def __init__(self, prompts: PromptStore, adapters: AdapterStore) -> None:
        self._prompts = prompts
        self._adapters = adapters
        self._calibration = Calibration()

    @staticmethod
    def of(settings: Settings, adapters: AdapterStore) -> "Decisions":
        """By those of the settings' folder."""
        return Decisions(PromptStore(settings.prompts_dir), adapters)

    async def decide(self, engine: Engine, asked: Asked, adapter: str = "") -> Decided:
        """An answer for each text, by the adapter of that name, or the one that the prompt file names.

        Raises `InvalidInput` for what can't be decided, before any work is done for it, and like `Engine.score`.
        """
        order, texts, way = await asyncio.to_thread(self._checked, asked, adapter)
        try:
            scores = await _scored(engine, order, texts)
        except PromptTooLong as error:
            raise PromptTooLong("A text is longer than the model's context. Shorten it.") from error
        against = scores if way == "batch" else await self._calibration.scores(engine, order)
        results = await asyncio.to_thread(decide, scores, order.labels, against)
        return Decided(kind_of(order.labels), way, tuple(results))

    def _checked(self, asked: Asked, adapter: str) -> tuple[Order, list[str], Way]:
        """How to judge, what, and how to calibrate."""
        question, texts = _question(asked.question), _texts(asked.texts)
        template = self._template(asked, question)
        labels = _labels(asked.options, template, question)
        named = adapter or template.adapter
        order = Order(template, labels, question=question, adapter=self._adapters.get(named) if named else None)
        way = _way(asked.calibration, len(texts), bool(order.calibration_texts))
        return replace(order, calibrated=way == "reference"), texts, way

    def _template(self, asked: Asked, question: str) -> Template:
        """Raises `InvalidInput` for one that there is not, and for a question that it does not go with."""
        if not isinstance(asked.template, str):
            raise InvalidInput(
                "The {name} must be text, not {kind}.", name="template", kind=type(asked.template).__name__
            )
        chinese = HAN.search(f"{question} {asked.options}")
        task, _, id = (asked.template or (DEFAULT_CHINESE if chinese else DEFAULT)).rpartition("/")
        template = self._prompts.load(task or TASK, id)
        asks = "question" in template.variables
        if asks and not question:
            raise InvalidInput("The question is empty. Ask something of the text, such as: Is this a complaint?")
        if question and not asks:
            raise InvalidInput("The template {name} has its own question. Leave yours out.", name=template.name)
        return template


async def _scored(engine: Engine, order: Order, texts: Sequence[str]) -> list[Scores]:
    """All the scores, computed in batches: others get their turn in between."""
    scores: list[list[Sequence[float]]] = []
    done, size = 0, FIRST_BATCH
    while done < len(texts):
        if engine.stopped:
            raise InvalidInput("The request was stopped.")
        began, batch = time.monotonic(), texts[done : done + size]
        found = await score(engine, order, batch)
        scores = [[*before, *new] for before, new in zip(scores or [[]] * len(found), found, strict=True)]
        done, size = done + len(batch), next_size(len(batch), time.monotonic() - began)
    return [*scores]


def _question(given: Any) -> str:
    question = " ".join(Message("user", given).content.split())
    if len(question) > MAX_QUESTION:
        raise InvalidInput(
            "The question has {count:,} characters; the limit is {limit:,}. Shorten it.",
            count=len(question),
            limit=MAX_QUESTION,
        )
    return question


def _texts(given: Any) -> list[str]:
    texts = given if isinstance(given, list | tuple) else [given]
    if not 1 <= len(texts) <= MAX_TEXTS:
        raise InvalidInput("Give 1 to {most} texts, not {count:,}.", most=MAX_TEXTS, count=len(texts))
    return [one_line(Message("user", text).content) for text in texts]


def _labels(options: str | Sequence[str], template: Template, question: str) -> tuple[str, ...]:
    """The given options, else the template's own labels, else yes and no in the question's language."""
    if options:
        return parse_options(options)
    own = template.extra.get("labels")
    if own is None:
        return YES_NO_CHINESE if HAN.search(question) else YES_NO
    try:
        return parse_options(own)
    except InvalidInput as error:
        raise template.fault("labels", "{error}", error=error) from error


def _way(wanted: Any, texts: int, references: bool) -> Way:
    """Raises `InvalidInput` for a way that there is not here."""
    if wanted not in ("auto", *get_args(Way)):
        raise InvalidInput("The calibration must be auto, batch, reference or none, not {given!r}.", given=wanted)
    if wanted == "batch" and texts < FEWEST_OF_BATCH:
        raise InvalidInput(
            "Calibration against the texts themselves takes {fewest} of them at least, not {count}.",
            fewest=FEWEST_OF_BATCH,
            count=texts,
        )
    if wanted == "reference" and not references:
        raise InvalidInput("This template has no reference texts to calibrate against.")
    best: Way = "batch" if texts >= FEWEST_OF_BATCH else "reference" if references else "none"
    return best if wanted == "auto" else cast(Way, wanted)
