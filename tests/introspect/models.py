"""Small models with weights by chance, and what a plain transformers model says of a text."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from qwen_ui.introspect import looks
from qwen_ui.introspect.results import AnyResult, Origin
from tests.models.tiny import in_thread, make_tokenizer

SIZES = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.2,  # large enough that heads differ
}
IDS = (*range(40, 60), *range(44, 60), 7)


def make(kind: str, **options: Any) -> Any:
    """A model of that kind in fp32, tied unless the options say otherwise."""
    import torch
    import transformers

    config = getattr(transformers, f"{kind}Config")
    sizes = {**SIZES, "vocab_size": len(TOKENIZER), "tie_word_embeddings": True, **options}

    def build() -> Any:
        torch.manual_seed(0)
        return transformers.AutoModelForCausalLM.from_config(config(**sizes)).eval()

    return in_thread(build)


TOKENIZER = make_tokenizer("{{ messages }}")


def ask(model: Any, look: looks.Look, precision: str = "fp32", **known: Any) -> Any:
    """The look's result, on the model alone."""
    from qwen_ui.engine.prompt import PromptEncoder
    from qwen_ui.introspect.run import run, subject_of

    def compute() -> AnyResult:
        prompts = PromptEncoder(TOKENIZER, 512)
        given = {"origin": Origin("tiny", precision), "pause": nullcontext, **known}
        return run(look, subject_of(look, model, TOKENIZER, prompts, **given))

    return in_thread(compute)


def plain(model: Any, ids: Sequence[int]) -> Any:
    """What transformers itself gives, with attention in plain products."""
    import torch

    def compute() -> Any:
        before = model.config._attn_implementation
        model.set_attn_implementation("eager")
        try:
            with torch.inference_mode():
                return model(torch.tensor([ids]), output_hidden_states=True, output_attentions=True)
        finally:
            model.set_attn_implementation(before)

    return in_thread(compute)
