"""What people have in the place of a language model, told from names and the first bytes of files."""

import re
from pathlib import Path
from typing import Any

from qwen_ui.errors import ModelDamaged, ModelError, ModelNotFound
from qwen_ui.sentences import Sentence

LFS = b"version https://git-lfs"
"""How a file begins that Git has only a pointer to."""
HEAD_BYTES = 64
PICKLES = ("*.bin", "*.pth", "*.pt", "*.ckpt")
SEARCH = Sentence("searching (embeddings)")
SPLIT = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf", re.IGNORECASE)
"""How llama.cpp names the parts of a model."""


def beginning(file: Path) -> bytes:
    """The file's first bytes."""
    with file.open("rb") as stream:
        return stream.read(HEAD_BYTES)


def check_not_pointer(file: Path) -> None:
    """Raises `ModelDamaged` for what stands in a file's place when Git LFS did not fetch it."""
    if beginning(file).startswith(LFS):
        raise ModelDamaged(
            "{file} is not the file itself but a pointer of Git LFS to it. Run `git lfs pull` in {folder}, or fetch "
            "the file again.",
            file=file.name,
            folder=file.parent,
        )


def without_config(folder: Path, name: str) -> ModelError:
    """Why a folder without config.json is no model."""
    if (folder / "adapter_config.json").is_file():
        return adapter(name)
    if (folder / "model_index.json").is_file():
        return ModelDamaged("{name} makes images (diffusers), not text. Choose a model that generates text.", name=name)
    if ggufs := sorted(file.name for file in folder.glob("*.gguf")):
        names = ", ".join(ggufs[:5])
        return ModelNotFound("{name} holds GGUF files. Set --model to one of them: {names}.", name=name, names=names)
    return ModelNotFound(
        "{name} holds no model: it has no config.json. Set --model to a model's own folder.", name=name
    )


def adapter(name: str) -> ModelError:
    """What is said of an adapter."""
    return ModelDamaged(
        "{name} is an adapter: it holds what was changed of a model, not the model. Set --model to the model that it "
        "was trained on, or merge it into that first (peft's merge_and_unload) and choose the merged folder.",
        name=name,
    )


def purpose(config: dict[str, Any], architecture: str) -> Sentence | None:
    """What a model that is no causal language model is for, where that can be told."""
    has = config.keys()
    if {"audio_config", "audio_token_id", "num_mel_bins"} & has or re.search("Whisper|Audio|Speech|Wav2", architecture):
        return Sentence("sound")
    if {"vision_config", "image_token_id", "vision_tower"} & has or re.search("VL|Vision|Llava|CLIP", architecture):
        return Sentence("images")
    if "Classification" in architecture or "Reward" in architecture:
        return Sentence("judging texts")
    if "ConditionalGeneration" in architecture:
        return Sentence("turning one text into another")
    if architecture.endswith(("Model", "ForMaskedLM", "Embedding")):
        return SEARCH
    return None


def is_for_search(folder: Path) -> bool:
    """Whether the folder holds an embedding model, whatever its architecture: sentence-transformers' files tell."""
    return any((folder / name).is_file() for name in ("modules.json", "config_sentence_transformers.json"))


def without_weights(folder: Path) -> ModelError:
    """Why a folder without safetensors files is no model."""
    if (folder / "adapter_config.json").is_file():
        return adapter(str(folder))
    others = sorted(file.name for pattern in (*PICKLES, "*.onnx", "*.h5", "*.msgpack") for file in folder.glob(pattern))
    if others:
        return ModelDamaged(
            "{folder} has no weights in the safetensors format (model.safetensors), but in another: {names}. Such "
            "files can run code when they are opened, so they are not read. Fetch the model's .safetensors files, or "
            "load it elsewhere with transformers and save it anew with save_pretrained.",
            folder=folder,
            names=", ".join(others[:3]),
        )
    return ModelDamaged(
        "{folder} has no weights in the safetensors format (model.safetensors). "
        "Other formats can run code when they are opened, so they are not read.",
        folder=folder,
    )


def wrong_file(file: Path) -> ModelError:
    """What is said of a file that is not named .gguf."""
    if beginning(file).startswith(b"GGUF"):
        return ModelNotFound("{file} is a GGUF file. Give it a name that ends in .gguf.", file=file)
    if file.suffix.lower() in {".safetensors", ".json", ".bin", ".pth", ".pt"}:
        return ModelNotFound(
            "{file} is one file of a model. Set --model to the folder that holds all of them: {folder}.",
            file=file.name,
            folder=file.parent,
        )
    return ModelNotFound(
        "{file} is no model. Set --model to a folder with safetensors, a .gguf file, or a hub id.", file=file
    )


def check_gguf_file(file: Path) -> None:
    """Raises `ModelDamaged` for a file that is named .gguf and is something else, or a part of one."""
    head = beginning(file)
    check_not_pointer(file)
    if head.lstrip()[:1] == b"<":
        raise ModelDamaged("{file} is a web page, not a model: a download went wrong. Fetch it again.", file=file)
    if head[:4] in (b"lmgg", b"tjgg", b"fmgg", b"algg"):
        raise ModelDamaged("{file} is in the old GGML format. Choose a GGUF file of the model.", file=file)
    if part := SPLIT.fullmatch(file.name):
        raise one_of_several(file, int(part["count"]))


def one_of_several(file: Path, count: int) -> ModelError:
    """What is said of a part of a model: which others are missing, and how to put them together."""
    named = SPLIT.fullmatch(file.name)
    if named is None:
        return ModelDamaged(
            "{file} is one of {count} parts of a model. Merge them into one file first, with llama.cpp's "
            "`llama-gguf-split --merge FIRST_PART WHOLE.gguf`, and set --model to that.",
            file=file.name,
            count=count,
        )
    names = [f"{named['stem']}-{number:05}-of-{count:05}.gguf" for number in range(1, count + 1)]
    missing = [name for name in names if not (file.parent / name).is_file()]
    whole = f"{named['stem']}.gguf"
    if missing:
        return ModelDamaged(
            "{file} is one of {count} parts of a model, and of the others these are missing: {missing}. Fetch them "
            "too, then merge all with llama.cpp's `llama-gguf-split --merge {first} {whole}`, and set --model to "
            "that file.",
            file=file.name,
            count=count,
            missing=", ".join(missing[:5]) + (", …" if len(missing) > 5 else ""),
            first=names[0],
            whole=whole,
        )
    return ModelDamaged(
        "{file} is one of {count} parts of a model. All are here: merge them with llama.cpp's `llama-gguf-split "
        "--merge {first} {whole}`, and set --model to that file.",
        file=file.name,
        count=count,
        first=names[0],
        whole=whole,
    )


def gguf_kind(file: Path, fields: dict[str, Any]) -> ModelError | None:
    """Why a GGUF file with these fields is no language model; None for one that may be."""
    architecture, kind = str(fields.get("general.architecture", "")), str(fields.get("general.type", "model"))
    if isinstance(count := fields.get("split.count"), int) and count > 1:
        return one_of_several(file, count)
    if kind == "adapter":
        return adapter(file.name)
    if kind == "mmproj" or architecture == "clip":
        return ModelDamaged(
            "{file} is the part of a model that looks at images (mmproj), not the one that writes. "
            "Set --model to the model's own GGUF file.",
            file=file.name,
        )
    if kind == "imatrix":
        return ModelDamaged(
            "{file} holds measurements of a model (imatrix), not the model. Choose that.", file=file.name
        )
    if architecture.endswith("bert") or f"{architecture}.pooling_type" in fields:
        return ModelDamaged(
            "{file} is made for searching (embeddings), not for writing. Choose a model that generates text.",
            file=file.name,
        )
    return None
