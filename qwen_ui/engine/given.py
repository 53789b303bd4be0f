"""An answer that is given to several conversations: what an engine does around its passes over it."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from qwen_ui.engine.prompt import PromptEncoder
from qwen_ui.engine.threads import Checkpoint
from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Message


@dataclass(frozen=True, slots=True)
class Given:
    """The tokens of the prompts, and of an answer's parts."""

    prompts: list[list[int]]
    parts: list[list[int]]

    @property
    def answer(self) -> list[int]:
        """The tokens of all parts."""
        return [token for part in self.parts for token in part]

    def means(self, values: Sequence[float]) -> list[float]:
        """Of a value for each of the answer's tokens the mean in each part."""
        found, at = [], 0
        for part in self.parts:
            found.append(fmean(values[at : at + len(part)]))
            at += len(part)
        return found


def given_to(
    prompts: PromptEncoder,
    conversations: Sequence[Sequence[Message]],
    parts: Sequence[str],
    checkpoint: Checkpoint = lambda: None,
) -> Given:
    """The tokens of the conversations and of the answer: raises like `Engine.likelihoods`.

    Each part is encoded by itself: where a sentence ends, a token does.
    """
    if not conversations or not parts:
        raise InvalidInput("Give conversations and an answer to them.")
    answer = [prompts.encode_answer(part) for part in parts]
    if not all(answer):
        raise InvalidInput("A part of the answer is empty.")
    length = sum(map(len, answer))
    return Given([prompts.fit(each, length, checkpoint).tokens for each in conversations], answer)
