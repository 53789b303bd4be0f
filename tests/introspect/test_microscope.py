"""NF4 against bitsandbytes, and gradients against plain autograd."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.introspect.looks import Backward, Microscope, Source
from tests.introspect.models import IDS, ask, make
from tests.models.tiny import in_thread, make_tiny

SOURCE = Source(ids=IDS)
LAYER = "model.layers.1.mlp.up_proj"


def test_levels_codes_and_weights_are_those_of_bitsandbytes():
    import torch
    from bitsandbytes.functional import dequantize_4bit, get_4bit_type, quantize_4bit

    from qwen_ui.introspect import nf4

    def compute() -> None:
        weights = torch.randn(128, 192, generator=torch.Generator().manual_seed(0))
        packed, state = quantize_4bit(weights, quant_type="nf4", blocksize=64)
        ours = nf4.pack(weights)
        torch.testing.assert_close(nf4.levels(), get_4bit_type("nf4", device="cpu"), atol=1e-6, rtol=0)
        torch.testing.assert_close(ours.weights, dequantize_4bit(packed, state), atol=1e-6, rtol=1e-5)
        pairs = ours.codes.view(-1, 2)
        assert (pairs[:, 0] * 16 + pairs[:, 1]).tolist() == packed.flatten().tolist()

    in_thread(compute)


def test_a_layer_that_is_not_packed_is_packed_for_the_look():
    model = make("Qwen2")
    result = ask(model, Microscope(SOURCE, LAYER, block=5))
    weights = model.model.layers[1].mlp.up_proj.weight.detach().numpy()
    assert (result.shape, result.resident, result.block_size) == ((128, 64), False, 64)
    assert "does not run in 4 bits" in result.missing
    np.testing.assert_allclose(result.original, weights.reshape(-1, 64)[5], rtol=1e-6)
    np.testing.assert_allclose(result.unpacked, result.levels[result.codes] * result.scale, rtol=1e-6)
    assert result.scale == pytest.approx(np.abs(result.original).max())
    assert result.counts.sum() == result.used.sum() == weights.size
    assert 0 < result.weight_error < 0.2
    assert result.output_error.shape == (len(IDS),)
    assert 0 < result.output_error.mean() < 0.2


@pytest.mark.parametrize("look", [Microscope(SOURCE, "model.layers.9.mlp.up_proj"), Microscope(SOURCE, LAYER, 128)])
def test_layers_and_blocks_that_are_not_there_are_refused(look: Any):
    with pytest.raises(InvalidInput):
        ask(make("Qwen2"), look)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_losses_gradients_and_the_step_are_those_of_autograd(optimizer: str, tmp_path: Path):
    import torch

    from qwen_ui.introspect import steps

    folder, ids, prompt, rate = make_tiny(tmp_path), IDS[:12], 7, 1e-3
    job = {"model": str(folder), "ids": ids, "prompt": prompt, "optimizer": optimizer, "rate": rate}
    made = in_thread(lambda: steps.step(job))

    def plainly() -> tuple[Any, ...]:
        from transformers import Qwen2ForCausalLM

        model = Qwen2ForCausalLM.from_pretrained(folder, dtype=torch.float32)
        embedded = model.get_input_embeddings()(torch.tensor([ids])).detach().requires_grad_(True)

        def losses(**given: Any) -> Any:
            logits = model(**given).logits[0, prompt - 1 : -1]
            return torch.nn.functional.cross_entropy(logits, torch.tensor(ids[prompt:]), reduction="none")

        losses(inputs_embeds=embedded).mean().backward()
        model.zero_grad()
        before = losses(input_ids=torch.tensor([ids]))
        before.mean().backward()
        length = float(model.model.layers[1].mlp.up_proj.weight.grad.norm())
        whole = float(torch.cat([each.grad.flatten() for each in model.parameters() if each.grad is not None]).norm())
        make_step = torch.optim.SGD if optimizer == "sgd" else torch.optim.Adam
        make_step(model.parameters(), lr=rate).step()
        after = losses(input_ids=torch.tensor([ids]))
        saliency = (embedded.grad * embedded)[0].sum(dim=-1)
        return (*(each.detach().numpy() for each in (before, after, saliency)), length, whole)

    before, after, saliency, length, whole = in_thread(plainly)
    np.testing.assert_allclose(made["losses"], before, rtol=1e-4)
    np.testing.assert_allclose(made["losses_after"], after, rtol=1e-3)
    np.testing.assert_allclose(made["saliency"], saliency, rtol=1e-3, atol=1e-7)
    assert saliency[-1] == 0
    up = made["modules"].tolist().index("up_proj")
    assert made["gradients"][1, up] == pytest.approx(length, rel=1e-3)
    squares = np.nansum(made["gradients"].astype(float) ** 2) + (made["other_gradients"] ** 2).sum()
    assert squares**0.5 == pytest.approx(whole, rel=1e-3)


def test_a_backward_pass_runs_in_a_process_of_its_own(tmp_path: Path):
    folder = make_tiny(tmp_path)
    look = Backward(Source(text="The quick brown fox"), " jumps over", "sgd", 0.05)
    result = ask(make("Qwen2"), look, plain=folder)
    assert len(result.pieces) == result.prompt_tokens + len(result.losses)
    assert "".join(piece.token for piece in result.pieces) == "The quick brown fox jumps over"
    assert result.loss_after < result.loss_before
    assert result.gradients.shape == (2, len(result.modules))
    assert dict(result.other_gradients).keys() == {"model.embed_tokens", "model.norm"}
    assert result.seconds > 0


def test_a_process_that_nobody_waits_for_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import subprocess

    started: list[Any] = []
    popen = subprocess.Popen

    def start(*args: Any, **options: Any) -> Any:
        started.append(popen(*args, **options))
        return started[0]

    def nobody() -> None:
        raise TimeoutError("nobody waits")

    monkeypatch.setattr("qwen_ui.introspect.beside.subprocess.Popen", start)
    with pytest.raises(TimeoutError, match="nobody waits"):
        ask(make("Qwen2"), Backward(SOURCE, " jumps"), plain=make_tiny(tmp_path), checkpoint=nobody)
    assert started[0].returncode is not None


def test_gradients_need_the_16_bit_weights(tmp_path: Path):
    with pytest.raises(InvalidInput, match="16-bit weights"):
        ask(make("Qwen2"), Backward(SOURCE, " jumps"))
    with pytest.raises(InvalidInput, match="Shorten it"):
        ask(make("Qwen2"), Backward(SOURCE, "a " * 600), plain=tmp_path)
