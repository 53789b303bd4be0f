"""What is computed on the 16-bit weights, in a process of its own: see `beside`. On the CPU: a GPU's memory serves."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from qwen_ui.errors import ModelTooLarge
from qwen_ui.introspect.anatomy import Anatomy
from qwen_ui.introspect.passes import states
from qwen_ui.models import load
from qwen_ui.models.estimate import Packing, gigabytes
from qwen_ui.models.hardware import cpu

BESIDE = 1_000_000_000
"""Bytes that it takes beside weights: Python, torch, and what one layer of 512 tokens needs."""
ADAM_EPSILON = 1e-8

Made = dict[str, Any]


def last_states(job: Made) -> Made:
    """(positions, hidden): the last states of the text, computed in 16 bits as the weights are."""
    anatomy = Anatomy(_read(Path(job["model"]), "bf16"))
    with torch.inference_mode():
        last = states(anatomy, job["ids"], torch.inference_mode)[-1]
    return {"states": last.float().numpy()}


def step(job: Made) -> Made:
    """An answer's losses and gradients, and its losses after one step.

    Computed in fp32 from the 16-bit weights, as small steps are lost on 16-bit numbers. A parameter takes its step as
    soon as its gradient is there, which is let go then: so there is never more than one of them.
    """
    model: Any = _read(Path(job["model"]), "fp32")
    anatomy, tape = Anatomy(model), Tape(job["optimizer"], job["rate"])
    model.requires_grad_(True)
    for name, parameter in model.named_parameters():
        parameter.register_post_accumulate_grad_hook(tape.hook(name))
    embedded: list[torch.Tensor] = []
    hook = anatomy.embedding.register_forward_hook(lambda module, args, output: _keep(output, embedded))
    losses = _losses(model, job["ids"], job["prompt"])
    hook.remove()
    losses.mean().backward()
    with torch.inference_mode():
        after = _losses(model, job["ids"], job["prompt"])
    gradient: Any = embedded[0].grad
    modules, gradients, others = tape.table(anatomy)
    return {
        "losses": losses.detach().numpy(),
        "losses_after": after.numpy(),
        "saliency": (gradient * embedded[0].detach())[0].sum(dim=-1).numpy(),
        "modules": np.array(modules),
        "gradients": gradients,
        "others": np.array([name for name, _ in others]),
        "other_gradients": np.array([length for _, length in others]),
    }


class Tape:
    """Notes each parameter's gradient, and has it take its step.

    SGD: w − rate · g. Adam (Kingma & Ba 2014, https://arxiv.org/abs/1412.6980): at its first step both of its means,
    corrected, are the gradient and its square, so w − rate · g / (|g| + ε).
    """

    def __init__(self, optimizer: str, rate: float) -> None:
        self._adam = optimizer == "adam"
        self._rate = rate
        self._squares: dict[str, float] = {}
        """Of each parameter's gradient, summed"""

    def hook(self, name: str) -> Any:
        """To be called once the parameter's gradient is whole."""

        def take(parameter: torch.Tensor) -> None:
            gradient: Any = parameter.grad
            self._squares[name] = float(gradient.double().square().sum())
            with torch.no_grad():
                change = gradient / (gradient.abs() + ADAM_EPSILON) if self._adam else gradient
                parameter.sub_(change, alpha=self._rate)
            parameter.grad = None

        return take

    def table(self, anatomy: Anatomy) -> tuple[list[str], Any, list[tuple[str, float]]]:
        """Kinds of modules, lengths by layer and kind (nan: there is none), and those of what is in no layer."""
        places = {name: anatomy.place(name.rpartition(".")[0]) for name in self._squares}
        kinds = list(dict.fromkeys(inner.rpartition(".")[2] for layer, inner in places.values() if layer is not None))
        order = {name: number for number, name in enumerate(kinds)}
        squares = np.full((len(anatomy.layers), len(kinds)), np.nan)
        others: dict[str, float] = {}
        for name, (layer, inner) in places.items():
            if layer is None:
                others[inner] = others.get(inner, 0.0) + self._squares[name]
            else:
                at = layer, order[inner.rpartition(".")[2]]
                squares[at] = np.nansum([squares[at], self._squares[name]])
        return (
            kinds,
            np.sqrt(squares).astype(np.float32),
            [(name, float(value) ** 0.5) for name, value in others.items()],
        )


def _keep(output: torch.Tensor, embedded: list[torch.Tensor]) -> None:
    output.retain_grad()
    embedded.append(output)


def _losses(model: Any, ids: Sequence[int], prompt: int) -> torch.Tensor:
    """(answer tokens,): −log p of each token of the answer after all before it, in nats."""
    tokens = torch.tensor([ids])
    kept = torch.arange(prompt - 1, len(ids) - 1)
    logits = model(tokens, use_cache=False, logits_to_keep=kept).logits[0].float()
    return torch.nn.functional.cross_entropy(logits, tokens[0, prompt:], reduction="none")


def _read(folder: Path, packing: Packing) -> Any:
    """The weights in main memory. Raises `ModelTooLarge` where they would not fit, `ModelError`."""
    load.quiet()
    size, place = load.size_of(folder), cpu()
    width = 4 if packing == "fp32" else 2
    needed = width * (size.linear + size.other + 2 * size.largest) + BESIDE
    if needed > place.free:
        raise ModelTooLarge(
            "The 16-bit weights take {needed} of memory beside the server, and {free} are free. Close other programs, "
            "or choose a smaller model.",
            needed=gigabytes(needed),
            free=gigabytes(place.free),
        )
    return load.read_weights(folder.name, folder, packing, place)
