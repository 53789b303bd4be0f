"""A two-layer Qwen2 with its tokenizer, made in a moment, and a thread for torch to work in."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

T = TypeVar("T")

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEXT = ["The quick brown fox jumps over the lazy dog.", "user system assistant", "今天天气很好，我们去公园。"] * 20


def in_thread(work: Callable[[], T]) -> T:
    """Runs it in a thread that ends: torch in the tests' own thread would slow down the engine's tests."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def make_tiny(folder: Path, chat_template: str | None = CHATML) -> Path:
    """Saves the model and its tokenizer into the folder."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    tokenizer = make_tokenizer(chat_template)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )

    def make() -> None:
        torch.manual_seed(0)
        Qwen2ForCausalLM(config).bfloat16().save_pretrained(folder)

    in_thread(make)
    tokenizer.save_pretrained(folder)
    return folder


def make_tokenizer(chat_template: str | None):
    """A byte-level BPE with the ChatML markers, trained on a few sentences."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    markers = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(
        TEXT,
        trainers.BpeTrainer(vocab_size=320, special_tokens=markers, initial_alphabet=alphabet, show_progress=False),
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=markers[2], pad_token=markers[0])
    tokenizer.chat_template = chat_template
    return tokenizer


def make_gguf(
    folder: Path, target: Path, without: str = "no tensor", fields: Mapping[str, str | int] = MappingProxyType({})
) -> Path:
    """Writes the model of that folder as an unquantised GGUF file, but for the tensors that begin like ``without``.

    ``fields`` are more of its fields.
    """
    import gguf
    from transformers import AutoTokenizer, Qwen2ForCausalLM

    model, tokenizer = Qwen2ForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    config: Any = model.config
    writer: Any = gguf.GGUFWriter(target, "qwen2")
    writer.add_name("tiny")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    bpe = json.loads((folder / "tokenizer.json").read_text())
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokenizer.convert_ids_to_tokens(list(range(len(tokenizer)))))
    writer.add_token_types([3 if index < 3 else 1 for index in range(len(tokenizer))])  # 3: control, 1: normal
    writer.add_token_merges([" ".join(pair) for pair in bpe["model"]["merges"]])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_chat_template(tokenizer.chat_template)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN2, config.num_hidden_layers)
    for name, tensor in model.named_parameters():
        place = names.get_name(name, try_suffixes=(".weight", ".bias"))
        assert place is not None
        if not place.startswith(without):
            writer.add_tensor(place, tensor.detach().float().numpy())
    for name, value in fields.items():
        add = writer.add_uint32 if isinstance(value, int) else writer.add_string
        add(name, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target
