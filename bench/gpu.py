"""Many users on a CUDA GPU, with a model of Qwen2.5-7B's shapes: its own weights where they are, else random ones.

Speed and memory do not depend on what the weights say, so random ones measure the same.
"""

import multiprocessing
import string
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench import users
from bench.report import Figure
from bench.users import LOCK, THREADS, Way
from bench.workers import engine_worker
from qwen_ui.models.catalog import CATALOG, CONTEXT, Known
from qwen_ui.models.hub import Hub
from qwen_ui.settings import Precision, Settings

SEVEN_B = CATALOG[0]
USERS: Mapping[int, int] = {1: 256, 4: 128, 16: 64, 64: 64}
PRECISIONS: tuple[Precision, ...] = ("4bit", "bf16")
GOALS: Mapping[Precision, Mapping[int, str]] = {"4bit": {1: "≥ 2.5", 64: "≥ 20"}}
ENGINES = (
    Way("engine with CUDA graphs", engine_worker, options={"cuda_graphs": True}),
    Way("engine without CUDA graphs", engine_worker, options={"cuda_graphs": False}),
)
MARKERS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def run(settings: Settings) -> list[Figure]:
    """The lines of the report: one that says so where there is no CUDA GPU."""
    import torch  # noqa: PLC0415  takes seconds

    if not torch.cuda.is_available():
        return [Figure(f"the shapes of {SEVEN_B.name} on a CUDA GPU", "not run", "", "torch sees no CUDA GPU here")]
    if (cached := Hub().cached(SEVEN_B.id)) is not None:
        return compare(replace(settings, model=str(cached)), USERS)
    with tempfile.TemporaryDirectory() as folder:
        making = multiprocessing.get_context("spawn").Process(target=make, args=(Path(folder), SEVEN_B, "cuda"))
        making.start()  # in a process of its own, which gives the GPU's memory back
        making.join()
        if making.exitcode:
            raise SystemExit(f"No model of {SEVEN_B.name}'s shapes could be made in {folder}: it takes 16 GB of disk.")
        return compare(replace(settings, model=folder), USERS)


def compare(settings: Settings, sizes: Mapping[int, int], precisions: Sequence[Precision] = PRECISIONS) -> list[Figure]:
    """The comparison in each precision. All users' answers are generated at once."""
    figures = []
    for precision in precisions:
        chosen = replace(settings, precision=precision, max_concurrent=max(sizes))
        comparison = users.run(chosen, (*ENGINES, LOCK, THREADS), sizes)
        lines = comparison.figures(GOALS.get(precision))
        figures += [replace(line, what=f"{precision}, {line.what}") for line in lines]
    return figures


def make(folder: Path, shape: Known, device: str) -> None:
    """Saves a model of that shape with random weights, and a tokenizer that knows as many tokens."""
    import torch  # noqa: PLC0415  takes seconds
    from transformers import AutoModelForCausalLM, Qwen2Config  # noqa: PLC0415

    config = Qwen2Config(
        vocab_size=shape.vocab,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=shape.tied,
        rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
        eos_token_id=MARKERS.index("<|im_end|>"),
        pad_token_id=MARKERS.index("<|endoftext|>"),
    )
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    _save_tokenizer(folder, shape.vocab)


def _save_tokenizer(folder: Path, size: int) -> None:
    """One token a byte, and made-up words for all that a random model says."""
    from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers  # noqa: PLC0415
    from tokenizers.models import BPE  # noqa: PLC0415
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415

    bytes_ = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = (f"Ġ{string.ascii_lowercase[number % 26]}{number}" for number in range(size))
    tokens = dict.fromkeys([*MARKERS, *bytes_, *words])
    bpe = Tokenizer(BPE(vocab={token: number for number, token in enumerate(list(tokens)[:size])}, merges=[]))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.add_special_tokens([AddedToken(marker, special=True) for marker in MARKERS])
    PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>").save_pretrained(
        folder
    )
