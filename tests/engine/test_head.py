"""The output head by its copy: the best scores are the head's own, and whoever needs all of them gets them."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from qwen_ui.engine.local.head import CANDIDATES, MOST_ROWS, NarrowHead


def made(dtype: torch.dtype = torch.float32) -> tuple[Any, NarrowHead]:
    torch.manual_seed(0)
    head = torch.nn.Linear(64, 8 * CANDIDATES, bias=False, dtype=dtype)
    return head, NarrowHead(SimpleNamespace(get_output_embeddings=lambda: head))


@torch.inference_mode()
@pytest.mark.parametrize("rows", range(1, MOST_ROWS + 1))
def test_the_best_scores_are_the_heads_own(rows):
    head, narrow = made()
    hidden = torch.randn(1, rows, 64)
    whole = head(hidden)
    with narrow.narrow(True):
        scores = head(hidden)
    assert scores.shape == whole.shape
    assert (scores > -torch.inf).sum() == rows * CANDIDATES
    best, tokens = whole.topk(64)
    assert torch.equal(scores.topk(64).indices, tokens)
    torch.testing.assert_close(scores.topk(64).values, best)


@torch.inference_mode()
@pytest.mark.parametrize(("dtype", "rows", "wanted"), [
    (torch.float32, 1, False),
    (torch.float32, MOST_ROWS + 1, True),
    (torch.bfloat16, 1, True),
])  # fmt: skip
def test_else_all_scores_are_there(dtype, rows, wanted):
    head, narrow = made(dtype)
    hidden = torch.randn(rows, 64, dtype=dtype)
    with narrow.narrow(wanted):
        assert torch.equal(head(hidden), torch.nn.functional.linear(hidden, head.weight))
