"""Computes a look: the one place that knows all of them. Imported when the first one is asked for."""

from collections.abc import Callable
from typing import Any

import torch

from qwen_ui.engine.prompt import PromptEncoder
from qwen_ui.introspect import looks
from qwen_ui.introspect.anatomy import Anatomy
from qwen_ui.introspect.architecture import architecture
from qwen_ui.introspect.attention import attention
from qwen_ui.introspect.backward import backward
from qwen_ui.introspect.compare import compare
from qwen_ui.introspect.feedforward import feedforward
from qwen_ui.introspect.forward import forward
from qwen_ui.introspect.microscope import microscope
from qwen_ui.introspect.positions import positions
from qwen_ui.introspect.results import AnyResult
from qwen_ui.introspect.source import answered, tokens_of
from qwen_ui.introspect.subject import Subject
from qwen_ui.introspect.words import Words

COMPUTED_BY: dict[type[looks.Look], Callable[[Any, Subject], AnyResult]] = {
    looks.Architecture: architecture,
    looks.Forward: forward,
    looks.Attention: attention,
    looks.Positions: positions,
    looks.FeedForward: feedforward,
    looks.Backward: backward,
    looks.Microscope: microscope,
    looks.Compare: compare,
}


def subject_of(look: looks.Look, model: Any, tokenizer: Any, prompts: PromptEncoder, **known: Any) -> Subject:
    """What the look looks into; ``known`` are more of `Subject`'s fields. Raises `InvalidInput` for no such text."""
    known |= {"context_here": prompts.context}
    if not isinstance(look, looks.Architecture):
        known["ids"] = tokens_of(look.source, tokenizer, prompts)
    if isinstance(look, looks.Backward):
        known["prompt_tokens"] = len(known["ids"])
        known["ids"] = answered(known["ids"], look, tokenizer, prompts)
    return Subject(Anatomy(model), Words(tokenizer), **known)


@torch.inference_mode()
def run(look: looks.Look, subject: Subject) -> AnyResult:
    """What the look sees, computed in parts, each within a pause. Raises `InvalidInput`, and what a pause raises."""
    return COMPUTED_BY[type(look)](look, subject)
