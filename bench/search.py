"""Passage search: how often it finds the right passage, how often it rightly finds nothing, and how fast it is."""

import itertools
import json
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import opencc

from bench.report import Figure
from qwen_ui.knowledge.passages import Passage
from qwen_ui.knowledge.source import Memory

_SEED = 20_250_101
_MANY = 100_000
_WORDS = 120
_VOCABULARY = 50_000
_QUESTIONS = 300
_QUESTION_WORDS = 8


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured. Shares are from 0 to 1, of all questions."""

    passages: int
    questions: int
    first: float
    """Questions whose passage is found first (recall at 1), with nothing held back."""
    first_five: float
    """The same for the first five (recall at 5)."""
    kept: float
    """Recall at 5 where a search that seems to find nothing relevant gives nothing, as the app does it."""
    traditional: float
    """Recall at 1 where the passages are put into traditional characters, and the questions stay simplified."""
    simplified: float
    """Recall at 1 the other way round."""
    refused: float
    """Questions that find nothing in a half of the passages without theirs."""
    build_seconds: float
    """To index 100,000 passages of 120 words."""
    milliseconds: float
    """Median of a search in those, with the passages read and judged."""

    def figures(self) -> list[Figure]:
        """The lines of the report."""
        on = f"{self.questions:,} questions, {self.passages} passages"
        many = f"{_MANY:,} made-up passages of {_WORDS} words"
        return [
            Figure("right passage first", f"{self.first:.1%}", "≥ 97%", on),
            Figure("right passage in the first five", f"{self.first_five:.1%}", "≥ 99%", on),
            Figure("… and taken to be relevant", f"{self.kept:.1%}", "", on),
            Figure("… of passages put into traditional characters", f"{self.traditional:.1%}", "", on),
            Figure("… for questions put into traditional characters", f"{self.simplified:.1%}", "", on),
            Figure(
                "“not in these documents” where it is not", f"{self.refused:.1%}", "", "each half asked of the other"
            ),
            Figure("one search, median", f"{self.milliseconds:.1f} ms", "< 5 ms", many),
            Figure("building that index", f"{self.build_seconds:.0f} s", "", many),
        ]


def run(data: Path) -> Result:
    """Measures on a file of passages and questions in SQuAD's format, and on made-up passages for the speed."""
    passages, questions = _squad(data)
    every = Memory(passages)
    ranks = [_found(every, question, 0) for question, _ in questions]
    other_passages = Memory(replace(passage, text=_traditional(passage.text)) for passage in passages)
    other_questions = [(_traditional(question), right) for question, right in questions]
    kept = [_found(every, question, None) for question, _ in questions]
    build_seconds, milliseconds = _speed()
    return Result(
        passages=len(passages),
        questions=len(questions),
        first=_first(ranks, questions),
        first_five=_recall(ranks, questions),
        kept=_recall(kept, questions),
        traditional=_first([_found(other_passages, question, 0) for question, _ in questions], questions),
        simplified=_first([_found(every, question, 0) for question, _ in other_questions], questions),
        refused=_refused(passages, questions),
        build_seconds=build_seconds,
        milliseconds=milliseconds,
    )


def _squad(data: Path) -> tuple[list[Passage], list[tuple[str, int]]]:
    articles = json.loads(data.read_text("utf-8"))["data"]
    paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
    passages = [_passage(id_, paragraph["context"]) for id_, paragraph in enumerate(paragraphs)]
    questions = [(qa["question"], id_) for id_, paragraph in enumerate(paragraphs) for qa in paragraph["qas"]]
    return passages, questions


def _passage(id_: int, text: str) -> Passage:
    return Passage(id_, document="", heading="", page=None, text=text, position=0)


def _found(source: Memory, question: str, relevant: float | None) -> list[int]:
    found = source.search(question) if relevant is None else source.search(question, relevant=relevant)
    return [each.passage.id for each in found]


@cache
def _taiwan() -> opencc.OpenCC:
    return opencc.OpenCC("s2twp")


def _traditional(text: str) -> str:
    """As Taiwan writes it, with its own words for some things (軟體 for 软件)."""
    return str(_taiwan().convert(text))


def _first(found: Sequence[list[int]], questions: Sequence[tuple[str, int]]) -> float:
    return statistics.mean(ids[:1] == [right] for ids, (_, right) in zip(found, questions, strict=True))


def _recall(found: Sequence[list[int]], questions: Sequence[tuple[str, int]]) -> float:
    return statistics.mean(right in ids for ids, (_, right) in zip(found, questions, strict=True))


def _refused(passages: Sequence[Passage], questions: Sequence[tuple[str, int]]) -> float:
    halves = [Memory(passages[0::2]), Memory(passages[1::2])]  # ids are places in the list: odd ones in the second
    asked = [(question, halves[1 - right % 2]) for question, right in questions if question]
    return statistics.mean(not half.search(question) for question, half in asked)


def _speed() -> tuple[float, float]:
    """Seconds to build, and median milliseconds of a search. Words are as frequent as Zipf's law has it."""
    dice = random.Random(_SEED)
    words = ["".join(letters) for letters in itertools.islice(itertools.product("aeioust", repeat=6), _VOCABULARY)]
    weights = list(itertools.accumulate(1 / rank for rank in range(1, _VOCABULARY + 1)))

    def say(count: int) -> str:
        return " ".join(dice.choices(words, cum_weights=weights, k=count))

    passages = [_passage(id_, say(_WORDS)) for id_ in range(_MANY)]
    start = time.perf_counter()
    many = Memory(passages)
    build_seconds = time.perf_counter() - start
    times = []
    for question in [say(_QUESTION_WORDS) for _ in range(_QUESTIONS)]:
        start = time.perf_counter()
        many.search(question, relevant=0)
        times.append(time.perf_counter() - start)
    return build_seconds, 1000 * statistics.median(times)
