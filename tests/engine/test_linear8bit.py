"""8-bit layers on the CPU compute what their weights say, for a few tokens and for many."""

from typing import Any

import pytest
import torch
from bitsandbytes.functional import int8_vectorwise_dequant
from bitsandbytes.nn.modules import Linear8bitLt

from qwen_ui.engine.local import linear8bit
from qwen_ui.engine.local.linear8bit import MOST_TOKENS, speed_up

COLUMNS, ROWS = 128, 80


def layer_of(columns: int = COLUMNS, *, bias: bool, dtype: torch.dtype, used: bool) -> Any:
    torch.manual_seed(0)
    linear = torch.nn.Linear(columns, ROWS, bias=bias, dtype=dtype)
    packed: Any = Linear8bitLt(columns, ROWS, bias=bias, has_fp16_weights=False)
    packed.load_state_dict(linear.state_dict())
    packed = packed.to("cpu").to(dtype).eval()
    if used:
        with torch.inference_mode():
            packed(torch.zeros(1, columns, dtype=dtype))
    return packed


@pytest.mark.parametrize("used", [True, False], ids=["used", "new"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_both_ways_multiply_by_the_weights(monkeypatch, dtype, bias, used):
    monkeypatch.setattr(linear8bit, "_PART", 30 * COLUMNS)  # several parts, the last one shorter
    layer = layer_of(bias=bias, dtype=dtype, used=used)
    scales = layer.state.SCB if used else layer.weight.SCB
    weights = int8_vectorwise_dequant(layer.weight.data, scales)
    assert speed_up(torch.nn.Sequential(layer)) == 1
    for tokens in (1, MOST_TOKENS, MOST_TOKENS + 1):
        x = torch.randn(1, tokens, COLUMNS, dtype=dtype)
        with torch.inference_mode():
            product = layer(x)
        expected = torch.nn.functional.linear(x.float(), weights.float(), layer.bias.float() if bias else None)
        assert product.dtype == dtype
        torch.testing.assert_close(product.float(), expected, rtol=0.02, atol=0.02)


def test_columns_that_the_kernel_would_die_of_never_reach_it():
    layer = layer_of(100, bias=False, dtype=torch.float32, used=False)
    weights = int8_vectorwise_dequant(layer.weight.data, layer.weight.SCB)
    speed_up(torch.nn.Sequential(layer))
    x = torch.randn(1, 100)
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), torch.nn.functional.linear(x, weights.float()), rtol=1e-4, atol=1e-4)


def test_other_layers_are_left_alone():
    assert speed_up(torch.nn.Sequential(torch.nn.Linear(4, 4))) == 0
