"""4-bit layers on the CPU give what they gave, for a few tokens and for many."""

from typing import Any

import pytest
import torch
from bitsandbytes.nn.modules import Linear4bit

from qwen_ui.engine.local.linear4bit import DEQUANTIZE_TOKENS, speed_up

COLUMNS, ROWS = 128, 96


@pytest.fixture(params=[True, False], ids=["nested", "plain"])
def layer(request: pytest.FixtureRequest) -> Any:
    """A layer as in a model that is loaded: repacked by its first use, where the CPU is of the kind."""
    torch.manual_seed(0)
    linear = torch.nn.Linear(COLUMNS, ROWS, dtype=torch.bfloat16)
    packed: Any = Linear4bit(
        COLUMNS, ROWS, compute_dtype=torch.bfloat16, compress_statistics=request.param, quant_type="nf4"
    )
    packed.load_state_dict(linear.state_dict())
    packed = packed.to("cpu").eval()
    with torch.inference_mode():
        packed(torch.zeros(1, COLUMNS, dtype=torch.bfloat16))
    if not getattr(packed.weight.quant_state, "packing_format_for_cpu", False):
        pytest.skip("bitsandbytes does not repack weights for this CPU")
    return packed


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_gemv_and_dequantize_agree_with_bitsandbytes(layer, dtype):
    tokens = torch.randn(2, DEQUANTIZE_TOKENS, COLUMNS, dtype=dtype)
    with torch.inference_mode():
        theirs, their_gemv = layer(tokens), layer(tokens[:, :5])
        assert speed_up(torch.nn.Sequential(layer)) == 1
        dequantized, gemv = layer(tokens), layer(tokens[:, :5])
    torch.testing.assert_close(dequantized, theirs, rtol=0.02, atol=0.02)
    assert dequantized.dtype == dtype
    assert torch.equal(gemv, their_gemv)


def test_a_kernel_that_reads_the_bytes_otherwise_is_left_alone(layer):
    kernel = layer.forward
    layer.forward = lambda tokens: kernel(tokens).flip(-1)
    other = layer.forward
    assert speed_up(torch.nn.Sequential(layer)) == 0
    assert layer.forward is other


def test_a_model_that_is_not_packed_is_left_alone():
    assert speed_up(torch.nn.Sequential(torch.nn.Linear(4, 4))) == 0
