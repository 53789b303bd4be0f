"""Folders that hold no model, half a model or another kind of model: one clear sentence each."""

import json

import pytest

from qwen_ui.errors import ModelDamaged, ModelError, ModelNotFound
from qwen_ui.models.folder import check, packed


def change(file, **values):
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_a_whole_folder_passes(tiny):
    assert check(tiny)["model_type"] == "qwen2"


def test_no_folder(tmp_path):
    with pytest.raises(ModelNotFound, match="There is no folder"):
        check(tmp_path / "nothing")


def test_an_empty_folder(tmp_path):
    with pytest.raises(ModelNotFound, match=r"no config\.json"):
        check(tmp_path)


@pytest.mark.parametrize("content", ["not json", "[1]", ""])
def test_a_config_that_is_not_one(tiny_copy, content):
    (tiny_copy / "config.json").write_text(content)
    with pytest.raises(ModelDamaged, match=r"config\.json.*JSON"):
        check(tiny_copy)


@pytest.mark.parametrize("kind", ["BertModel", "Qwen2ForSequenceClassification", "T5ForConditionalGeneration"])
def test_another_kind_of_model(tiny_copy, kind):
    change(tiny_copy / "config.json", architectures=[kind])
    with pytest.raises(ModelDamaged, match=f"{kind}, not a causal language model"):
        check(tiny_copy)


def test_a_config_that_does_not_say_what_it_is(tiny_copy):
    change(tiny_copy / "config.json", architectures=None)
    with pytest.raises(ModelDamaged, match="unknown kind"):
        check(tiny_copy)


@pytest.mark.parametrize("length", [0, 7, 20, 5000, -1])
def test_weights_that_are_cut_off(tiny_copy, length):
    file = tiny_copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(ModelDamaged, match=r"model\.safetensors.*damaged"):
        check(tiny_copy)


@pytest.mark.parametrize("start", [b"\xff" * 8, b"\x10" + b"\0" * 7 + b"{not json at all"])
def test_weights_with_a_garbled_header(tiny_copy, start):
    file = tiny_copy / "model.safetensors"
    file.write_bytes(start + file.read_bytes()[len(start) :])
    with pytest.raises(ModelDamaged, match="header"):
        check(tiny_copy)


def test_a_missing_shard(tiny_copy):
    (tiny_copy / "model.safetensors").rename(tiny_copy / "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (tiny_copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    with pytest.raises(ModelDamaged, match=r"model-00002-of-00002\.safetensors is missing"):
        check(tiny_copy)


def test_pickled_weights_alone(tiny_copy):
    (tiny_copy / "model.safetensors").rename(tiny_copy / "pytorch_model.bin")
    with pytest.raises(ModelDamaged, match="can run code"):
        check(tiny_copy)


def test_no_tokenizer(tiny_copy):
    (tiny_copy / "tokenizer.json").unlink()
    with pytest.raises(ModelDamaged, match="no tokenizer"):
        check(tiny_copy)


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 988097824\n"


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_pointer_of_git_lfs(tiny_copy, name):
    (tiny_copy / name).write_text(POINTER)
    with pytest.raises(ModelDamaged, match=rf"{name} is not the file itself .*git lfs pull"):
        check(tiny_copy)


def test_an_adapter(tmp_path, tiny_copy):
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"is an adapter.*merge"):
        check(tmp_path)
    (tiny_copy / "adapter_config.json").write_text("{}")
    check(tiny_copy)  # a whole model, with what it was trained by beside it
    (tiny_copy / "model.safetensors").rename(tiny_copy / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="is an adapter"):
        check(tiny_copy)


def test_a_folder_of_gguf_files_names_them(tmp_path):
    (tmp_path / "a.Q4_K_M.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelNotFound, match=r"--model to one of them: a\.Q4_K_M\.gguf"):
        check(tmp_path)


def test_a_model_that_makes_images(tmp_path):
    (tmp_path / "model_index.json").write_text("{}")
    with pytest.raises(ModelDamaged, match="makes images"):
        check(tmp_path)


@pytest.mark.parametrize(
    ("config", "purpose"),
    [
        ({"architectures": ["Qwen2_5_VLForConditionalGeneration"], "vision_config": {}}, "images"),
        ({"architectures": ["LlavaForConditionalGeneration"]}, "images"),
        ({"architectures": ["WhisperForConditionalGeneration"]}, "sound"),
        ({"architectures": ["Qwen2AudioForConditionalGeneration"], "audio_config": {}}, "sound"),
        ({"architectures": ["BertModel"]}, r"searching \(embeddings\)"),
        ({"architectures": ["Qwen2ForSequenceClassification"]}, "judging texts"),
        ({"architectures": ["T5ForConditionalGeneration"]}, "turning one text into another"),
    ],
)
def test_another_kind_of_model_says_what_it_is_for(tiny_copy, config, purpose):
    change(tiny_copy / "config.json", **config)
    with pytest.raises(ModelDamaged, match=f"made for {purpose}"):
        check(tiny_copy)


def test_an_embedding_model_of_a_causal_architecture(tiny_copy):
    (tiny_copy / "modules.json").write_text("[]")
    with pytest.raises(ModelDamaged, match="made for searching"):
        check(tiny_copy)


def test_several_missing_shards_and_a_broken_index(tiny_copy):
    index = tiny_copy / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}))
    with pytest.raises(ModelDamaged, match=r"2 of 2 files of weights are missing, 1\.safetensors"):
        check(tiny_copy)
    wrong: list[object] = [None, [], {"a": 5}, {"a": "../x.safetensors"}]
    for places in wrong:
        index.write_text(json.dumps({"weight_map": places}))
        with pytest.raises(ModelDamaged, match="lists no files"):
            check(tiny_copy)


def test_other_formats_of_weights_are_named(tiny_copy):
    (tiny_copy / "model.safetensors").rename(tiny_copy / "consolidated.00.pth")
    with pytest.raises(ModelDamaged, match=r"consolidated\.00\.pth.*save_pretrained"):
        check(tiny_copy)


@pytest.mark.parametrize(("name", "method"), [("quantize_config.json", "gptq"), ("quant_config.json", "awq")])
def test_weights_packed_by_older_tools(tiny_copy, name, method):
    (tiny_copy / name).write_text("{}")
    with pytest.raises(ModelError, match=f"packed with {method}"):
        check(tiny_copy)


def test_a_tokenizer_that_needs_a_library(tiny_copy, monkeypatch):
    (tiny_copy / "tokenizer.json").rename(tiny_copy / "tokenizer.model")
    monkeypatch.setattr("qwen_ui.models.folder.find_spec", lambda name: None)
    with pytest.raises(ModelDamaged, match=r"tokenizer\.json.*sentencepiece"):
        check(tiny_copy)


def test_files_that_are_quantised_already():
    assert packed({}, "m") is None
    assert packed({"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}}, "m") == "4bit"
    assert packed({"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}}, "m") == "8bit"
    with pytest.raises(ModelError, match="MLX"):
        packed({"quantization": {"bits": 4}, "quantization_config": {"bits": 4}}, "m")
    with pytest.raises(ModelError, match="gptq"):
        packed({"quantization_config": {"quant_method": "gptq"}}, "m")
