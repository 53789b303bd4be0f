"""Citations that are proven: how often they name the right passage, and what the proof costs beside the answer."""

import asyncio
import json
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.report import Figure
from qwen_ui.engine.base import Engine
from qwen_ui.knowledge.passages import Part, Passage, cut
from qwen_ui.knowledge.proof import Proven
from qwen_ui.knowledge.source import Memory, SearchHit, Source
from qwen_ui.prompts import PromptStore, Template
from qwen_ui.server.host import EngineHost
from qwen_ui.settings import PROJECT, Settings
from qwen_ui.tabs.ask.proof import prove
from qwen_ui.tabs.ask.task import Result, ask, build

_SEED = 20_250_101
_QUESTIONS = 200


@dataclass(frozen=True, slots=True)
class Question:
    """A question, its answer, and the passages that hold that answer where it was asked."""

    text: str
    gold: str
    right: frozenset[int]


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a question."""

    question: Question
    result: Result
    seconds: float
    """From the question to the end of the answer."""
    extra: float
    """From there to the proof."""
    withheld: Proven | None
    """What the sentence with the gold answer rests on where the right passages are not among those it is weighed with.
    """

    @property
    def passages(self) -> Sequence[SearchHit]:
        return self.result.passages or ()

    @property
    def telling(self) -> Proven | None:
        """The sentence with the gold answer, or that it begins in."""
        return telling(self.result.answer.text, self.question.gold, self.result.proof)

    @property
    def could_be_right(self) -> bool:
        return any(hit.passage.id in self.question.right for hit in self.passages)

    def is_right(self, number: int | None) -> bool:
        """Whether the passage of that number holds the answer."""
        return number is not None and self.passages[number - 1].passage.id in self.question.right


def telling(answer: str, gold: str, proof: Sequence[Proven]) -> Proven | None:
    """The sentence in which the gold answer begins; None where it is not in what was weighed."""
    at = answer.find(gold)
    return next((each for each in proof if each.start <= at < each.end), None) if at >= 0 else None


def by_words(answer: str, passages: Sequence[SearchHit]) -> int:
    """The number of the passage that a search for the sentence finds first: what words alone would cite."""
    found = Memory(hit.passage for hit in passages).search(answer, 1, relevant=0)
    numbers = {hit.passage.id: number for number, hit in enumerate(passages, 1)}
    return numbers[found[0].passage.id] if found else 1


def figures(asked: Sequence[Asked]) -> list[Figure]:
    """The lines of the report."""
    on = f"{len(asked)} questions"
    told = [each for each in asked if each.telling is not None]
    proven = [each for each in told if each.telling and each.telling.number is not None]
    right = [each for each in told if each.telling and each.is_right(each.telling.number)]
    words = [each for each in told if each.telling and each.is_right(by_words(_text(each), each.passages))]
    first = [each for each in told if each.is_right(1)]
    weighed = [each for each in told if each.withheld is not None]
    caught = [each for each in weighed if each.withheld and each.withheld.number is None]
    every = [sentence for each in asked for sentence in each.result.proof]
    lonely = [sentence for sentence in every if sentence.number is None]
    of = f"{len(told)} answers that contain the gold answer"
    return [
        Figure("answers that contain the gold answer", f"{len(told) / len(asked):.1%}", "", on),
        Figure("the passage cited for it is the right one", _share(right, told), "≥ 90%", of),
        Figure("… where one is cited", _share(right, proven), "", f"{len(proven)} of them"),
        Figure("… if the passage that the search puts first were cited", _share(first, told), "", of),
        Figure("… if the passage with most of its words were cited", _share(words, told), "", of),
        Figure("“no passage supports this” without the right one", _share(caught, weighed), "", "the same sentences"),
        Figure("sentences that no passage supports", _share(lonely, every), "", f"{len(every)} sentences"),
        Figure(
            "extra time ÷ the answer's own, median",
            f"{statistics.median(each.extra / each.seconds for each in asked):.2f}",
            "≤ 1",
            f"{statistics.median(each.extra for each in asked):.1f} s and "
            f"{statistics.median(each.seconds for each in asked):.1f} s",
        ),
        Figure(
            "extra time ÷ the answers' own, all together",
            f"{sum(each.extra for each in asked) / sum(each.seconds for each in asked):.2f}",
            "≤ 1",
            on,
        ),
    ]


def _text(asked: Asked) -> str:
    assert asked.telling
    return asked.result.answer.text[asked.telling.start : asked.telling.end]


def _share(some: Sequence[object], of: Sequence[object]) -> str:
    return f"{len(some) / len(of):.1%}" if of else "–"


def read(data: Path) -> tuple[list[Passage], list[Question]]:
    """The passages of a file in SQuAD's format, cut as the app cuts documents, and its questions."""
    passages: list[Passage] = []
    questions: list[Question] = []
    for number, paragraph in enumerate(_paragraphs(data), 1):
        own = cut([Part(paragraph["context"])], f"CMRC {number}")
        own = [Passage(len(passages) + each.id, each.document, "", None, each.text, each.position) for each in own]
        passages += own
        for qa in paragraph["qas"]:
            gold = qa["answers"][0]["text"]
            right = frozenset(each.id for each in own if gold in each.text)
            if qa["question"].strip() and right:
                questions.append(Question(qa["question"], gold, right))
    return passages, questions


def _paragraphs(data: Path) -> Iterator[dict[str, Any]]:
    for article in json.loads(data.read_text("utf-8"))["data"]:
        yield from article["paragraphs"]


async def measure(engine: Engine, template: Template, source: Source, questions: Sequence[Question]) -> list[Asked]:
    """Asks them one after the other, as the app does."""
    return [await _asked(engine, template, source, each) for each in questions]


async def _asked(engine: Engine, template: Template, source: Source, question: Question) -> Asked:
    started = time.perf_counter()
    answered, result = started, Result()
    async for result in ask(engine, template, question.text, lambda: source):
        if not (result.proof or result.unproven):
            answered = time.perf_counter()
    ended = time.perf_counter()
    asked = Asked(question, result, answered - started, ended - answered, None)
    if asked.telling is None:
        return asked
    others = [hit for hit in asked.passages if hit.passage.id not in question.right]
    ask_with = partial(build, template, question.text)
    proof = await prove(engine, ask_with, result.answer.text, others) if others else ()
    withheld = telling(result.answer.text, question.gold, proof)
    return Asked(question, result, asked.seconds, asked.extra, withheld)


def run(settings: Settings, data: Path) -> list[Figure]:
    """The lines of the report, measured on the model that the settings name."""
    passages, questions = read(data)
    chosen = random.Random(_SEED).sample(questions, min(_QUESTIONS, len(questions)))
    template = PromptStore(PROJECT / "prompts").load("ask", "brief-zh")
    host = EngineHost(settings)
    host.start()
    host.wait()
    return asyncio.run(_measured(host, template, Memory(passages), chosen))


async def _measured(
    host: EngineHost, template: Template, source: Source, questions: Sequence[Question]
) -> list[Figure]:
    try:
        await measure(host.engine, template, source, questions[:1])  # warm
        return figures(await measure(host.engine, template, source, questions))
    finally:
        await host.close()
