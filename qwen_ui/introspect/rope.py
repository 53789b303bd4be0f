"""Rotary positions (RoPE: Su et al. 2021, https://arxiv.org/abs/2104.09864) as the model's configuration has them."""

from typing import Any


def rope_parameters(config: Any) -> dict[str, Any]:
    """``rope_theta``, ``rope_type`` and more; empty for a model without. Of several kinds, those of full attention."""
    given = getattr(config, "rope_parameters", None) or {}
    return dict(given.get("full_attention", given))
