"""Temperature, top-k and top-p of every request in a batch, and the draw, in one pass."""

import random
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from transformers import GenerationConfig
from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessorList

from qwen_ui.engine.local.forms import Form

SEEDS = 2**64
FEW = 64
"""So many of the best scores are few."""


class Own:
    """What the draws of one request have to themselves: the form of its answer, its seed, or both."""

    def __init__(self, form: Form | None, seed: int | None) -> None:
        self.form = form
        self._random = random.Random(None if seed is None else seed % SEEDS)

    def rule_out(self, scores: torch.Tensor) -> None:
        """Takes out of a row of scores what the form does not let come."""
        if self.form is not None:
            self.form.rule_out(scores)

    def draw(self, probabilities: torch.Tensor) -> int:
        """A place among them; they need not sum up to 1."""
        sums = probabilities.double().cumsum(-1)
        return int(torch.searchsorted(sums, sums[-1:] * self._random.random(), right=True))

    def take(self, token: int) -> None:
        """The token was drawn."""
        if self.form is not None:
            self.form.take(token)


class RowSampler(ContinuousBatchingLogitsProcessorList):
    """transformers' three per-request processors, and before and after them what single requests have of their own.

    ``own`` may change at any time. Rows of other requests are drawn as ever, and a step without such requests is
    computed as if there were none. A step with some can't be a recorded CUDA graph: the tokens are needed here.
    """

    def __init__(self, model: Any, sampling: GenerationConfig, own: Mapping[str, Own]) -> None:
        super().__init__(model._get_logits_processor(sampling), per_request_processors=True)
        self._own = own
        self.rows: list[tuple[int, Own]] = []
        """Those of the step that is computed next."""

    def prepare_tensor_args(self, requests_in_batch: Any, arg_storage: torch.Tensor) -> torch.Tensor:
        """Also notes which row is whose: there is one for each request that gets a token in this step."""
        self.rows = list(self._rows(requests_in_batch)) if self._own else []
        return super().prepare_tensor_args(requests_in_batch, arg_storage)

    def _rows(self, requests_in_batch: Any) -> Iterator[tuple[int, Own]]:
        ids = (request.state.request_id for request in requests_in_batch if request.has_new_token)
        for row, request_id in enumerate(ids):
            if own := self._own.get(request_id):
                yield row, own

    def few(self, logits_processor_args: torch.Tensor) -> bool:
        """Whether the next tokens are drawn from so few of the best scores that no others are needed."""
        return False

    def rule_out(self, scores: torch.Tensor) -> None:
        """Takes out of the scores (rows, vocabulary) what can't come in the rows that have something of their own."""
        for row, own in self.rows:
            own.rule_out(scores[row])

    def __call__(
        self, input_ids: torch.LongTensor, scores: torch.Tensor, logits_processor_args: torch.Tensor
    ) -> torch.Tensor:
        """Scores (rows, vocabulary) to those to draw from; one token alone is left where its request drew it."""
        self.rule_out(scores)
        scores = super().__call__(input_ids, scores, logits_processor_args)
        for row, own in self.rows:
            token = own.draw(scores[row].softmax(-1))
            own.take(token)
            scores[row].fill_(-torch.inf)[token] = 0
        return scores


class FusedSampler(RowSampler):
    """Draws each row's next token from its few best scores, instead of sorting and drawing from a whole vocabulary.

    It holds transformers' three per-request processors and takes their arguments, so only the
    arithmetic is its own. The manager it serves must not sample itself (``do_sample=False``): it takes
    the argmax of what comes from here. With a vocabulary of 49,152 on two CPU cores that took sixteen
    streams from 124 to 220 tokens a second, and one stream from 29 to 34.
    """

    def few(self, logits_processor_args: torch.Tensor) -> bool:
        """Not where a form may rule out all of the best."""
        return int(logits_processor_args[1].max()) <= FEW and not any(own.form for _, own in self.rows)

    def __call__(
        self, input_ids: torch.LongTensor, scores: torch.Tensor, logits_processor_args: torch.Tensor
    ) -> torch.Tensor:
        """Scores (rows, vocabulary) to a 1 for the token drawn in each row and 0 for all others."""
        self.rule_out(scores)
        temperature, top_k, top_p = logits_processor_args[:3, : scores.size(0)].unsqueeze(-1)
        best, tokens = scores.topk(int(top_k.max()), dim=-1)
        best = best / temperature.view(torch.float32)
        best = best.masked_fill(torch.arange(best.size(-1), device=best.device) >= top_k, -torch.inf)
        probabilities = best.softmax(dim=-1)
        likelier = probabilities.cumsum(dim=-1) - probabilities  # mass of the better ones: 0 for the best
        probabilities = probabilities.masked_fill(likelier >= top_p.view(torch.float32), 0)
        places = probabilities.multinomial(1)
        for row, own in self.rows:
            order = tokens[row].argsort()  # other company in a batch may change which is better, not which comes first
            places[row] = order[own.draw(probabilities[row, order])]
            own.take(int(tokens[row, places[row]]))
        return torch.zeros_like(scores).scatter(-1, tokens.gather(-1, places), 1)
