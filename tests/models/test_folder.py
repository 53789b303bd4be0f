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


def test_files_that_are_quantised_already():
    assert packed({}, "m") is None
    assert packed({"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}}, "m") == "4bit"
    assert packed({"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}}, "m") == "8bit"
    with pytest.raises(ModelError, match="gptq"):
        packed({"quantization_config": {"quant_method": "gptq"}}, "m")
