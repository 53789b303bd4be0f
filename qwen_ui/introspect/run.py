"""Computes a look: the one place that knows all of them. Imported when the first one is asked for."""

from typing import Any, assert_never

import torch

from qwen_ui.engine.prompt import PromptEncoder
from qwen_ui.introspect import looks
from qwen_ui.introspect.anatomy import Anatomy
from qwen_ui.introspect.architecture import architecture
from qwen_ui.introspect.attention import attention
from qwen_ui.introspect.feedforward import feedforward
from qwen_ui.introspect.forward import forward
from qwen_ui.introspect.positions import positions
from qwen_ui.introspect.results import AnyResult
from qwen_ui.introspect.source import tokens_of
from qwen_ui.introspect.subject import Subject
from qwen_ui.introspect.words import Words


def subject_of(look: looks.Look, model: Any, tokenizer: Any, prompts: PromptEncoder, **known: Any) -> Subject:
    """What the look looks into; ``known`` are more of `Subject`'s fields. Raises `InvalidInput` for a text that can't be."""
    source = None if isinstance(look, looks.Architecture) else look.source
    ids = tokens_of(source, tokenizer, prompts) if source is not None else ()
    return Subject(Anatomy(model), Words(tokenizer), context_here=prompts.context, ids=ids, **known)


@torch.inference_mode()
def run(look: looks.Look, subject: Subject) -> AnyResult:
    """What the look sees, computed in parts, each within a pause. Raises `InvalidInput`, and what a pause raises."""
    match look:
        case looks.Architecture():
            return architecture(look, subject)
        case looks.Forward():
            return forward(look, subject)
        case looks.Attention():
            return attention(look, subject)
        case looks.Positions():
            return positions(look, subject)
        case looks.FeedForward():
            return feedforward(look, subject)
        case looks.Backward() | looks.Microscope() | looks.Compare():
            raise NotImplementedError
        case _:
            assert_never(look)
