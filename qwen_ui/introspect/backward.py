"""The loss of an answer, its gradients, and one step, computed on the 16-bit weights beside the server."""

import time
from dataclasses import replace

import numpy as np

from qwen_ui.errors import InvalidInput
from qwen_ui.introspect import beside
from qwen_ui.introspect.looks import Backward
from qwen_ui.introspect.results import BackwardResult
from qwen_ui.introspect.subject import Subject


def backward(look: Backward, subject: Subject) -> BackwardResult:
    """Losses, gradients, saliency, and the losses after a step. Raises like `beside.compute`.

    The text's tokens end with the answer's: see `source.tokens_of`.
    """
    if subject.origin.adapter:
        raise InvalidInput("Gradients are those of the model itself. Choose no adapter for them.")
    started = time.monotonic()
    job = {
        "kind": "backward",
        "ids": subject.ids,
        "prompt": subject.prompt_tokens,
        "optimizer": look.optimizer,
        "rate": look.rate,
    }
    made = beside.compute(subject, job)
    return BackwardResult(
        look=look,
        origin=replace(subject.origin, precision="16bit"),
        pieces=subject.pieces,
        prompt_tokens=subject.prompt_tokens,
        losses=made["losses"],
        losses_after=made["losses_after"],
        loss_before=float(made["losses"].mean()),
        loss_after=float(made["losses_after"].mean()),
        saliency=made["saliency"],
        modules=tuple(made["modules"].tolist()),
        gradients=made["gradients"],
        other_gradients=tuple(zip(made["others"].tolist(), made["other_gradients"].tolist(), strict=True)),
        gradient=float(np.sqrt(np.nansum(made["gradients"] ** 2) + (made["other_gradients"] ** 2).sum())),
        seconds=time.monotonic() - started,
    )
