"""Adapters for tests, made by peft: with weights by chance, large enough that every answer is another."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tests.models.tiny import in_thread

T = TypeVar("T")


def make_adapter(model: Any, folder: Path, seed: int, scale: float = 0.02, **config: Any) -> Path:
    """Saves one for the model, as peft does."""
    from peft import LoraConfig, get_peft_model

    options = {"r": 8, "lora_alpha": 16, "target_modules": "all-linear", "task_type": "CAUSAL_LM", **config}

    def make(adapted: Any) -> None:
        adapted.save_pretrained(folder)

    with_adapter(model, lambda: get_peft_model(model, LoraConfig(**options)), seed, scale, make)
    return folder


def with_adapter(model: Any, adapt: Callable[[], Any], seed: int, scale: float, use: Callable[[Any], T]) -> T:
    """What ``use`` gives for the adapted model; the model is as before then."""
    import torch

    def run() -> T:
        generator = torch.Generator().manual_seed(seed)
        adapted = adapt()
        try:
            for name, parameter in adapted.named_parameters():
                if "lora_B" in name or (scale and "lora_A" in name):
                    parameter.data = torch.randn(parameter.shape, generator=generator) * scale
                if "magnitude" in name:
                    parameter.data *= 1 + 0.1 * torch.rand(parameter.shape, generator=generator)
            return use(adapted)
        finally:
            adapted.unload()

    return in_thread(run)
