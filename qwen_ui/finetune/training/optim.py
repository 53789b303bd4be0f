"""The optimizers by their names in the settings."""

from typing import Any

import torch

from qwen_ui.errors import InvalidInput
from qwen_ui.finetune.settings import TrainSettings


def make(groups: list[dict[str, Any]], settings: TrainSettings) -> torch.optim.Optimizer:
    """The optimizer over the groups, which have their rates and weight decays.

    Raises `InvalidInput` where bitsandbytes has no 8-bit AdamW for this machine.
    """
    rate = settings.learning_rate
    match settings.optimizer:
        case "adamw":
            return torch.optim.AdamW(groups, lr=rate)
        case "adam":
            return torch.optim.Adam(groups, lr=rate)
        case "sgd":
            return torch.optim.SGD(groups, lr=rate, momentum=settings.momentum)
        case "adafactor":
            return torch.optim.Adafactor(groups, lr=rate)
        case "adamw8bit":
            return _adamw8bit(groups, rate)


def _adamw8bit(groups: list[dict[str, Any]], rate: float) -> torch.optim.Optimizer:
    """Tried on a few numbers first: where it can be imported it may still have no code for this device."""
    device = groups[0]["params"][0].device
    try:
        import bitsandbytes  # noqa: PLC0415  fails to import where it is not supported

        trial = torch.nn.Parameter(torch.zeros(64, 64, device=device))
        trial.grad = torch.ones_like(trial)
        kind: Any = vars(bitsandbytes.optim)["AdamW8bit"]
        kind([trial], lr=rate).step()
    except (ImportError, OSError, RuntimeError, AttributeError, KeyError, NotImplementedError, ValueError) as error:
        raise InvalidInput(
            "8-bit AdamW does not work on this machine ({device}). Choose adamw or adafactor as the optimizer.",
            device=device.type,
        ) from error
    made: torch.optim.Optimizer = kind(groups, lr=rate)
    return made
