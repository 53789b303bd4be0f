"""Real loading: the tiny model in every precision, the embedded one, GGUF files, and damage that only shows there."""

import json
import logging
from functools import partial

import pytest
import torch

from qwen_ui.errors import InvalidInput, ModelDamaged, ModelError, ModelNotFound
from qwen_ui.models import load
from qwen_ui.models.catalog import CATALOG
from qwen_ui.models.estimate import weight_bytes
from qwen_ui.models.hardware import Device
from qwen_ui.models.hub import Hub
from qwen_ui.models.progress import Progress
from qwen_ui.settings import Settings
from tests.models.tiny import in_thread, make_gguf, make_tiny


def open_model(model, tmp_path, precision="auto", seen=None, **settings):
    chosen = Settings(model=str(model), precision=precision, data_dir=tmp_path / "data", **settings)
    return in_thread(lambda: load.open_model(chosen, (seen if seen is not None else []).append))


def generate(loaded, tokens=4):
    """The ids of a greedy answer."""

    def work():
        chat = [{"role": "user", "content": "你好 fox"}]
        inputs = loaded.tokenizer.apply_chat_template(
            chat, add_generation_prompt=True, return_tensors="pt", return_dict=True
        ).to(loaded.model.device)
        output = loaded.model.generate(**inputs, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False)
        return output[0, inputs["input_ids"].shape[1] :].tolist()

    return in_thread(work)


@pytest.mark.parametrize("precision", ["4bit", "8bit", "bf16", "fp32"])
def test_the_tiny_folder_in_every_precision(tiny, tmp_path, precision):
    loaded = open_model(tiny, tmp_path, precision)
    assert len(generate(loaded)) == 4
    assert (loaded.info.model, loaded.info.precision) == ("tiny-qwen2", precision)
    assert (loaded.info.engine, loaded.info.embedded) == ("transformers", False)
    assert loaded.info.context_length == 512
    number = 2 if precision == "bf16" or (precision != "fp32" and load._has_bf16()) else 4
    assert loaded.kv_bytes_per_token == 2 * 2 * 2 * 16 * number  # keys and values, layers, heads, numbers of a head
    assert loaded.cache_tokens == 16 * 2048
    assert not loaded.model.training
    assert loaded.model.config._attn_implementation == "sdpa"


@pytest.fixture
def quick_in_4_bits(monkeypatch):
    """A CPU for which bitsandbytes has a kernel, whichever this one is."""
    monkeypatch.setattr(load, "_has_bf16", lambda: True)


def test_a_cpu_that_is_slow_in_4_bits_takes_8_computes_in_fp32_and_the_reason_says_so(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(load, "_has_bf16", lambda: False)
    loaded = open_model(tiny, tmp_path)
    assert loaded.info.precision == "8bit"
    assert {str(parameter.dtype) for parameter in loaded.model.parameters()} == {"torch.float32", "torch.int8"}
    assert str(loaded.info.reason).endswith("Its precision is 8bit: this CPU is slow in 4 bits.")
    assert open_model(tiny, tmp_path, "4bit").info.precision == "4bit"  # who asks for it gets it


@pytest.mark.usefixtures("quick_in_4_bits")
def test_files_that_are_in_8_bits_already_say_nothing_of_a_cpu_that_is_quick_in_4(tiny, tmp_path):
    packed, made = tmp_path / "packed", open_model(tiny, tmp_path, "8bit")
    made.model.save_pretrained(packed)
    made.tokenizer.save_pretrained(packed)
    loaded = open_model(packed, tmp_path)
    assert loaded.info.precision == "8bit"
    assert "slow" not in str(loaded.info.reason)


@pytest.mark.usefixtures("quick_in_4_bits")
def test_nf4_is_the_default_and_its_compute_is_bf16(tiny, tmp_path):
    loaded = open_model(tiny, tmp_path)
    settings = loaded.model.config.quantization_config
    assert loaded.info.precision == "4bit"
    assert (settings.bnb_4bit_quant_type, settings.bnb_4bit_use_double_quant) == ("nf4", True)
    assert str(settings.bnb_4bit_compute_dtype) == "torch.bfloat16"
    assert str(loaded.model.dtype) == "torch.bfloat16"


@pytest.mark.usefixtures("quick_in_4_bits")
def test_nf4_is_computed_in_fp32_where_there_is_no_bf16(tiny, tmp_path, monkeypatch):
    """As on a T4, never in fp16: Qwen2.5's numbers become too large for that."""
    monkeypatch.setattr(load, "_devices", lambda: (Device("cpu", "Tesla T4", 16 * 10**9, bf16=False),))
    loaded = open_model(tiny, tmp_path)
    assert len(generate(loaded)) == 4
    assert loaded.info.precision == "4bit"
    assert str(loaded.model.config.quantization_config.bnb_4bit_compute_dtype) == "torch.float32"
    assert {str(parameter.dtype) for parameter in loaded.model.parameters()} == {"torch.float32", "torch.uint8"}
    assert "fp32, as the Tesla T4 has no bf16" in str(loaded.info.reason)


@pytest.mark.parametrize(("capability", "bf16"), [((7, 5), False), ((8, 0), True), ((8, 6), True), ((9, 0), True)])
def test_bf16_is_asked_of_the_gpu_s_generation(monkeypatch, capability, bf16):
    cuda = torch.cuda
    monkeypatch.setattr(cuda, "is_available", lambda: True)
    monkeypatch.setattr(cuda, "device_count", lambda: 1)
    monkeypatch.setattr(cuda, "mem_get_info", lambda index: (16 * 10**9, 16 * 10**9))
    monkeypatch.setattr(cuda, "get_device_name", lambda index: "Some GPU")
    monkeypatch.setattr(cuda, "get_device_capability", lambda index: capability)
    assert load._devices()[0].bf16 == bf16


def test_zero_gpu_reads_into_main_memory_first_and_keeps_bf16(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H200")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (74 * 10**9, 74 * 10**9))
    moved = []
    monkeypatch.setattr(torch.nn.Module, "to", lambda module, device: moved.append((module.device.type, device)))
    settings = Settings(model=str(tiny), data_dir=tmp_path / "data")
    loaded = in_thread(lambda: load.open_model(settings, lambda _: None, machine=load.zero_gpu(settings)))
    assert moved == [("cpu", "cuda:0")]
    assert (loaded.info.precision, loaded.info.device) == ("bf16", "NVIDIA H200 (ZeroGPU)")


def test_zero_gpu_refuses_packed_weights():
    with pytest.raises(InvalidInput, match="--precision bf16"):
        load.zero_gpu(Settings(precision="4bit"))


def test_the_second_start_reads_the_packed_copy_and_answers_the_same(tiny, tmp_path):
    first = generate(open_model(tiny, tmp_path, "4bit"), 16)
    copies = list((tmp_path / "data/models").iterdir())
    assert [copy.name[:4] for copy in copies] == ["nf4-"]
    stamp = (copies[0] / "model.safetensors").stat().st_mtime_ns
    assert generate(open_model(tiny, tmp_path, "4bit"), 16) == first
    assert (copies[0] / "model.safetensors").stat().st_mtime_ns == stamp


def test_a_folder_that_is_packed_already(tiny, tmp_path):
    open_model(tiny, tmp_path, "4bit")
    (packed,) = (tmp_path / "data/models").iterdir()
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (packed / name).write_bytes((tiny / name).read_bytes())
    loaded = open_model(packed, tmp_path)
    assert loaded.info.precision == "4bit"
    assert len(generate(loaded)) == 4


def test_the_estimate_is_logged_before_loading(tiny, tmp_path, caplog):
    with caplog.at_level(logging.INFO, "qwen_ui.models.load"):
        open_model(tiny, tmp_path)
    assert any(message.startswith("Memory: weights 0.0 GB + cache") for message in caplog.messages)


def test_the_stages_are_reported(tiny, tmp_path):
    seen: list[Progress] = []
    open_model(tiny, tmp_path, seen=seen)
    assert [(progress.stage, progress.detail) for progress in seen] == [
        ("choosing", str(tiny)),
        ("loading", "tiny-qwen2"),
    ]


def test_no_folder(tmp_path):
    with pytest.raises(ModelNotFound, match="There is no folder"):
        open_model(tmp_path / "nothing", tmp_path)


def test_weights_that_are_not_all_there(tiny_copy, tmp_path):
    from safetensors.torch import load_file, save_file

    weights = load_file(tiny_copy / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, tiny_copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelDamaged, match=r"lacks 1 of the model's weights, model\.layers\.1\.mlp\.up_proj"):
        open_model(tiny_copy, tmp_path)


@pytest.mark.parametrize(
    "changes",
    [{"hidden_size": 128}, {"model_type": "no-such-type"}, {"num_attention_heads": 0}, {"vocab_size": "many"}],
)
def test_a_config_that_does_not_match(tiny_copy, tmp_path, changes):
    file = tiny_copy / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    with pytest.raises(ModelDamaged, match="can't be loaded as a language model"):
        open_model(tiny_copy, tmp_path, "bf16")


def test_a_damaged_tokenizer(tiny_copy, tmp_path):
    (tiny_copy / "tokenizer.json").write_text("{")
    with pytest.raises(ModelDamaged, match="can't be loaded"):
        open_model(tiny_copy, tmp_path, "bf16")


def test_code_in_the_folder_is_never_run(tiny_copy, tmp_path):
    trap = tmp_path / "trap"
    (tiny_copy / "modeling_trap.py").write_text(f"open({str(trap)!r}, 'w')")
    file = tiny_copy / "config.json"
    remote = {
        "model_type": "trap",
        "auto_map": {"AutoConfig": "modeling_trap.A", "AutoModelForCausalLM": "modeling_trap.B"},
    }
    file.write_text(json.dumps(json.loads(file.read_text()) | remote))
    with pytest.raises(ModelDamaged):
        open_model(tiny_copy, tmp_path)
    assert not trap.exists()


def test_a_model_without_a_chat_template_gets_chatml_if_it_knows_the_markers(tmp_path):
    loaded = open_model(make_tiny(tmp_path / "plain", chat_template=None), tmp_path)
    text = loaded.tokenizer.apply_chat_template(
        [{"role": "user", "content": "Hi"}], add_generation_prompt=True, tokenize=False
    )
    assert text == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"


def test_a_model_without_a_chat_template_and_markers_is_refused(tmp_path):
    plain = make_tiny(tmp_path / "plain", chat_template=None)
    file = plain / "tokenizer.json"
    file.write_text(file.read_text().replace("<|im_", "<|no_"))
    (plain / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    with pytest.raises(ModelDamaged, match="no chat template"):
        open_model(plain, tmp_path)


def test_a_gguf_file_answers_as_the_folder_it_was_made_from(tiny, tmp_path):
    file = make_gguf(tiny, tmp_path / "tiny.gguf")
    seen: list[Progress] = []
    loaded = open_model(file, tmp_path, "fp32", seen)
    assert loaded.info.model == "tiny"
    assert [progress.stage for progress in seen] == ["choosing", "converting", "loading"]
    assert generate(loaded, 16) == generate(open_model(tiny, tmp_path, "fp32"), 16)


@pytest.mark.parametrize("length", [0, 3, 100, 20_000, -100])
def test_a_gguf_file_that_is_cut_off(tiny, tmp_path, length):
    file = make_gguf(tiny, tmp_path / "tiny.gguf")
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(ModelDamaged, match="cut off or not a GGUF file"):
        open_model(file, tmp_path)
    assert list((tmp_path / "data/models").iterdir()) == []


def test_a_gguf_file_that_lacks_weights_is_refused_and_not_kept(tiny, tmp_path):
    file = make_gguf(tiny, tmp_path / "tiny.gguf", without="blk.1.")
    for _ in range(2):
        with pytest.raises(ModelDamaged, match=r"lacks 12 of the model's weights, model\.layers\.1\."):
            open_model(file, tmp_path)
    assert list((tmp_path / "data/models").iterdir()) == []


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"split.count": 3}, "one of 3 parts .*llama-gguf-split --merge"),
        ({"general.type": "adapter"}, "is an adapter"),
        ({"general.type": "mmproj"}, "looks at images"),
        ({"general.type": "imatrix"}, "measurements"),
        ({"qwen2.pooling_type": 3}, "made for searching"),
    ],
)
def test_a_gguf_file_that_is_no_language_model(tiny, tmp_path, fields, says):
    file = make_gguf(tiny, tmp_path / "tiny.gguf", fields=fields)
    with pytest.raises(ModelError, match=says):
        open_model(file, tmp_path)


def test_parts_of_a_gguf_file(tiny, tmp_path):
    first = make_gguf(tiny, tmp_path / "tiny-00001-of-00002.gguf")
    with pytest.raises(ModelDamaged, match=r"missing: tiny-00002-of-00002\.gguf\."):
        open_model(first, tmp_path)
    (tmp_path / "tiny-00002-of-00002.gguf").write_bytes(b"GGUF")
    merge = r"All are here: .*--merge tiny-00001-of-00002\.gguf tiny\.gguf"
    for part in sorted(tmp_path.glob("*.gguf")):
        with pytest.raises(ModelDamaged, match=merge):
            open_model(part, tmp_path)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.gguf", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("a.gguf", b"<!doctype html><html>", "web page"),
        ("a.gguf", b"tjgg" + b"\0" * 60, "old GGML format"),
        ("a.gguf", b"PK\x03\x04" + b"\0" * 60, "cut off or not a GGUF file"),
        ("a.bin", b"GGUF", r"ends in \.gguf"),
        ("model.safetensors", b"", "one file of a model"),
        ("notes.txt", b"", "is no model"),
    ],
)
def test_files_of_other_kinds(tmp_path, name, data, says):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ModelError, match=says):
        open_model(tmp_path / name, tmp_path)


def test_sentences_for_unknown_kinds_and_code_of_its_own(tiny_copy, tmp_path):
    file = tiny_copy / "config.json"
    before = json.loads(file.read_text())
    file.write_text(json.dumps(before | {"model_type": "nope"}))
    with pytest.raises(ModelDamaged, match=r"its kind \(model_type 'nope'\) is not known to transformers"):
        open_model(tiny_copy, tmp_path)
    file.write_text(json.dumps(before | {"model_type": "nope", "auto_map": {"AutoConfig": "x.A"}}))
    with pytest.raises(ModelDamaged, match="code of its own, which is never run here"):
        open_model(tiny_copy, tmp_path)
    file.write_text(json.dumps(before | {"auto_map": {"AutoModelForCausalLM": "x.A"}}))
    assert open_model(tiny_copy, tmp_path, "bf16").model  # transformers knows it without the code


def with_templates(folder, templates):
    file = folder / "tokenizer_config.json"
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"chat_template": templates}))


def named(*names):
    return [{"name": name, "template": f"{name}: " + "{{ messages[0].content }}"} for name in names]


@pytest.mark.parametrize(
    ("templates", "chosen"),
    [
        (named("tool_use", "default"), "default"),
        (named("tool_use", "rag", "chat"), "chat"),
        (named("only"), "only"),
    ],
)
def test_of_several_chat_templates_the_one_for_chats(tiny_copy, tmp_path, templates, chosen):
    with_templates(tiny_copy, templates)
    tokenizer = open_model(tiny_copy, tmp_path, "bf16").tokenizer
    text = tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False)
    assert text == f"{chosen}: Hi"


@pytest.mark.parametrize(
    ("templates", "says"),
    [
        (named("tool_use", "rag"), r"several chat templates \(tool_use, rag\)"),
        (named("a", "b"), r"several chat templates \(a, b\)"),
        ("{{ messages[0].content", "does not work"),
        ("{{ raise_exception('never') }}", "does not work: never"),
        ("{% for part in messages[0].content %}{{ part.text }}{% endfor %}", "leaves out what is said"),
    ],
)
def test_chat_templates_that_can_t_be_used_are_refused_at_the_start(tiny_copy, tmp_path, templates, says):
    with_templates(tiny_copy, templates)
    with pytest.raises(ModelDamaged, match=says):
        open_model(tiny_copy, tmp_path, "bf16")


def test_chat_templates_in_files_of_their_own(tiny_copy, tmp_path):
    (tiny_copy / "additional_chat_templates").mkdir()
    (tiny_copy / "additional_chat_templates" / "rag.jinja").write_text("rag")
    tokenizer = open_model(tiny_copy, tmp_path, "bf16").tokenizer
    assert "<|im_start|>" in tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False)


def test_a_gguf_file_of_another_kind(tiny, tmp_path):
    file = make_gguf(tiny, tmp_path / "tiny.gguf")
    file.write_bytes(file.read_bytes().replace(b"qwen2", b"qwenX"))
    with pytest.raises(ModelDamaged, match="can't be loaded: models of the architecture qwenX"):
        open_model(file, tmp_path)


@pytest.mark.parametrize("precision", ["4bit", "8bit", "bf16", "fp32"])
def test_the_estimate_is_what_the_embedded_model_really_takes(embedded_settings, precision):
    settings = Settings(model="embedded", precision=precision, data_dir=embedded_settings.data_dir)
    loaded = in_thread(lambda: load.open_model(settings, lambda progress: None))
    (folder,) = (settings.data_dir / "models").glob("SmolLM2*")
    size = in_thread(lambda: load.size_of(folder))
    assert size.parameters == 134_515_008
    assert weight_bytes(size, precision, load._cpu()) == pytest.approx(loaded.model.get_memory_footprint(), rel=0.05)
    assert (loaded.info.embedded, loaded.info.context_length) == (True, 8192)


def test_the_catalog_agrees_with_the_real_shapes(tmp_path):
    from transformers import Qwen2Config

    for known in CATALOG:
        Qwen2Config(
            vocab_size=known.vocab,
            hidden_size=known.hidden,
            intermediate_size=known.intermediate,
            num_hidden_layers=known.layers,
            num_attention_heads=known.heads,
            num_key_value_heads=known.kv_heads,
            tie_word_embeddings=known.tied,
            max_position_embeddings=32_768,
        ).save_pretrained(tmp_path / known.name)
        assert in_thread(partial(load.size_of, tmp_path / known.name)) == known.size


def test_without_the_hub_the_embedded_model_runs_and_says_why(embedded_settings, closed_port, tmp_path):
    settings = Settings(model="auto", data_dir=embedded_settings.data_dir)
    seen: list[Progress] = []
    loaded = in_thread(lambda: load.open_model(settings, seen.append, Hub(closed_port, tmp_path)))
    assert loaded.info.embedded
    assert "can't be reached, so the embedded model runs" in str(loaded.info.reason)
    assert loaded.cache_tokens == 32_768
    assert [progress.stage for progress in seen] == ["choosing", "loading"]  # made already: nothing is fetched
    assert generate(loaded)
