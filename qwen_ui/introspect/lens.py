"""The logit lens: what the head reads in the residual stream between the layers (nostalgebraist 2020,
https://www.lesswrong.com/posts/AcKRB8wDpdaN6v6ru/interpreting-gpt-the-logit-lens).
"""

from dataclasses import dataclass

import torch

from qwen_ui.introspect.anatomy import Anatomy
from qwen_ui.introspect.passes import Pause

LOGITS = 6_000_000
"""Numbers that the head gives at once, a vocabulary's worth for each state: running streams wait for them.

Twice as many are slower: memory of such a size is taken anew from the system each time.
"""


@dataclass(frozen=True, slots=True)
class Lens:
    """The likeliest token of each state."""

    ids: torch.Tensor
    """(layers + 1, positions)"""
    probabilities: torch.Tensor
    """(layers + 1, positions)"""
    logits: torch.Tensor
    """(vocabulary,): of the last state at the last position, the model's own"""

    @property
    def leads(self) -> torch.Tensor:
        """(positions,): the first state from which on the final token leads, to the end."""
        wrong = (self.ids != self.ids[-1]).int()
        return len(self.ids) - wrong.flip(0).argmax(0).masked_fill(wrong.sum(0) == 0, len(self.ids))


def at_once(anatomy: Anatomy) -> int:
    """States that the head reads together."""
    return max(1, LOGITS // int(anatomy.config.vocab_size))


def read(anatomy: Anatomy, states: torch.Tensor, pause: Pause) -> Lens:
    """(layers + 1, positions, hidden) states, as the head reads each of them after the final norm."""
    rows, step = states.reshape(-1, states.shape[-1]), at_once(anatomy)
    ids, probabilities = [], []
    for start in range(0, len(rows), step):
        with pause():
            logits = anatomy.logits(rows[start : start + step])
            best = logits.softmax(dim=-1).max(dim=-1)  # on a CPU a quarter of the time that logsumexp takes
            ids.append(best.indices)
            probabilities.append(best.values)
            last = logits[-1]
    shape = states.shape[:2]
    return Lens(torch.cat(ids).view(shape), torch.cat(probabilities).view(shape), last)
