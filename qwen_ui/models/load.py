"""Loads the model that was chosen. Of this package, the only module that imports torch."""

import logging
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from gguf import GGUFReader
from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    GgufConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

from qwen_ui.adapters.files import Base
from qwen_ui.engine.base import EngineInfo
from qwen_ui.errors import InvalidInput, ModelDamaged, ModelError, ModelTooLarge
from qwen_ui.models import folder, heap, kinds, store
from qwen_ui.models.estimate import Packing, Size, gigabytes, plain_bytes
from qwen_ui.models.fingerprint import fingerprint
from qwen_ui.models.hardware import Device, cpu
from qwen_ui.models.hub import Hub
from qwen_ui.models.machine import ALL, UNPACKED, Machine, place, settle, wanted
from qwen_ui.models.progress import Progress
from qwen_ui.models.source import ModelFiles, find
from qwen_ui.sentences import Sentence
from qwen_ui.settings import Settings

log = logging.getLogger(__name__)

SLOW_IN_4_BITS: tuple[Packing, ...] = ("8bit", "fp32", "bf16", "4bit")
"""What suits a CPU whose 4-bit products take many times as long, the best first. Its bf16 ones are slow in batches."""
AMPERE = (8, 0)
"""The compute capability from which on NVIDIA's GPUs have bf16."""
LOCAL = {"local_files_only": True, "trust_remote_code": False}
CHATML = (
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""The chat format of the Qwen family, for a tokenizer that has its markers but no template."""
NOT_FOR_CHATS = ("tool_use", "rag")
"""Chat templates that some models have beside the one for chats."""


@dataclass(frozen=True)
class Loaded:
    """A model that is ready to compute, with what the engine has to know."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    info: EngineInfo
    base: Base
    kv_bytes_per_token: int
    cache_tokens: int
    """Tokens of key-value cache that the memory estimate granted."""
    adapter_bytes: int
    """Memory that it granted to adapters."""
    plain: Path | None = None
    """The folder of its weights as they are before any packing; None where they are packed there too."""


def open_model(
    settings: Settings, report: Callable[[Progress], None], hub: Hub | None = None, machine: Machine | None = None
) -> Loaded:
    """Chooses, fetches and loads the model that the settings name, by default for this machine as it is.

    Call it in a thread that ends afterwards: on the CPU, a second thread that has run torch slows down the one
    that generates. Raises `ModelError`, or `InvalidInput` for a precision that can't be had.
    """
    quiet()
    report(Progress("choosing", settings.model))
    machine = machine or this_machine(settings)
    files = find(settings, machine, hub or Hub(), report)
    packed = folder.packed(folder.check(files.folder), files.name)
    size = size_of(files.folder)
    packing = settle(settings, machine, packed, files.name, size)
    device, needs = place(files.name, size, machine, settings, packing)
    log.info("Memory: %s (%s in %s on %s)", needs, files.name, packing, device.name)
    report(Progress("loading", files.name))
    if packed or packing != "4bit" or device.kind != "cpu":
        model = read_weights(files.name, files.folder, packing, device, packed=bool(packed))
    else:
        model = _packed_once(files, device, settings)
    base = Base(files.name, fingerprint(files.folder), _linear_layers(model))
    info = _info(files, packing, device, model.config, settings, machine)
    return Loaded(
        model=model,
        tokenizer=read_tokenizer(files),
        info=replace(info, base=base),
        base=base,
        kv_bytes_per_token=needs.kv_bytes_per_token,
        cache_tokens=needs.cache_tokens,
        adapter_bytes=needs.adapters // 2,  # the other half is for those that stand side by side
        plain=None if packed else files.folder,
    )


def quiet() -> None:
    """The page and the log show the progress; bars on the terminal would come between the log's lines."""
    transformers.utils.logging.disable_progress_bar()
    # A hint to install optional kernels, and a line a layer at the first 8-bit step: neither is for our users.
    for name in ("bitsandbytes.backends.cpu.ops", "bitsandbytes.autograd._functions"):
        logging.getLogger(name).setLevel(logging.ERROR)


def this_machine(settings: Settings) -> Machine:
    """This computer, as torch sees it. Raises `InvalidInput` for a precision that does not work here."""
    devices = _devices()
    packings = ALL if _bitsandbytes_works(devices[0]) else UNPACKED
    ways = packings[-1:]
    if devices[0].kind == "cpu" and not _has_bf16():
        ways = tuple(each for each in SLOW_IN_4_BITS if each in packings)
    smaller = ways[1:] if settings.precision == "auto" else ()
    return Machine(devices, wanted(settings, packings, ways[0]), packings, size_of, convert, smaller)


def zero_gpu(settings: Settings) -> Machine:
    """A ZeroGPU Space, where the ``spaces`` package emulates CUDA until a worker process gets a GPU.

    The emulation holds for the thread that imported it, so not for those that transformers reads files with: a model
    is read into main memory and moved when it is whole. 4 bits are not offered: there is room for bf16, which
    generates faster, and every worker would have to move the packed weights' state as well.
    Raises `InvalidInput` for another precision than bf16 and fp32.
    """
    if settings.precision not in {"auto", *UNPACKED}:
        raise InvalidInput(
            "On ZeroGPU models run in bf16 or fp32, not in {precision}. Set --precision bf16.",
            precision=settings.precision,
        )
    name = f"{torch.cuda.get_device_name()} (ZeroGPU)"
    device = Device("cuda", name, torch.cuda.mem_get_info()[0], staged=True)
    return Machine((device,), wanted(settings, UNPACKED, "bf16"), UNPACKED, size_of, convert)


def _devices() -> tuple[Device, ...]:
    """The GPU with the most free memory, if there is one, then the CPU."""
    if not torch.cuda.is_available():
        return (_cpu(),)
    free = [torch.cuda.mem_get_info(index)[0] for index in range(torch.cuda.device_count())]
    best = free.index(max(free))
    bf16 = torch.cuda.get_device_capability(best) >= AMPERE  # torch's own question says yes to an emulation too
    return Device("cuda", torch.cuda.get_device_name(best), free[best], best, bf16), _cpu()


def _cpu() -> Device:
    return replace(cpu(), bf16=_has_bf16())


def _has_bf16() -> bool:
    """Whether this CPU multiplies bf16 numbers by itself.

    Where it does, bitsandbytes has a kernel for 4-bit products. Elsewhere it unpacks the weights for each of them.
    """
    try:
        from bitsandbytes import functional  # noqa: PLC0415  fails to import where it is not supported
    except (ImportError, OSError, RuntimeError, AttributeError):
        return False
    has_kernel: Callable[[], bool] = functional.has_avx512bf16
    return has_kernel()


def _bitsandbytes_works(device: Device) -> bool:
    """Tries it on a few numbers: on some platforms it can be imported and then has no code to run."""
    try:
        from bitsandbytes.functional import quantize_4bit  # noqa: PLC0415  fails to import where it is not supported

        numbers = torch.zeros(64, 64, dtype=torch.bfloat16, device=device.torch_name)
        quantize_4bit(numbers, quant_type="nf4", compress_statistics=True)
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        log.warning("bitsandbytes does not work here: %s", error)
        return False
    return True


def size_of(path: Path) -> Size:
    """The size of the model whose config.json is in that folder: its real shapes, with no memory taken for them."""
    _check_known(path)
    with _damaged(path):
        config = AutoConfig.from_pretrained(path, **LOCAL)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
        return _size(config, model)


def _check_known(path: Path) -> None:
    """Raises `ModelDamaged` for a model that transformers doesn't know, or only by code of the model's own."""
    with _damaged(path):
        config, _ = PretrainedConfig.get_config_dict(path, **LOCAL)
    kind = config.get("model_type")
    if kind in CONFIG_MAPPING:
        return
    if config.get("auto_map"):
        raise ModelDamaged(
            "{path} can't be loaded as a language model: it needs code of its own, which is never run here. Choose a "
            "model of an architecture that transformers knows; many have newer versions that need no code.",
            path=path,
        )
    raise ModelDamaged(
        "{path} can't be loaded as a language model: its kind (model_type {kind!r}) is not known to transformers "
        "{version}. Choose another model, or a newer version of this app.",
        path=path,
        kind=kind,
        version=transformers.__version__,
    )


def _size(config: PretrainedConfig, model: PreTrainedModel) -> Size:
    text, head = config.get_text_config(), model.get_output_embeddings()
    # bitsandbytes packs every linear layer but the output head.
    layers = [m for m in model.modules() if isinstance(m, torch.nn.Linear) and m is not head]
    linear = sum(m.weight.numel() for m in layers)
    numels = [parameter.numel() for parameter in model.parameters()]
    kv_heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    head_dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return Size(
        linear=linear,
        other=sum(numels) - linear,
        largest=max(numels),
        kv_values=2 * text.num_hidden_layers * kv_heads * head_dim,
        vocab=text.vocab_size,
        context=_context(config),
        sides=sum(m.in_features + m.out_features for m in layers),
    )


def _context(config: PretrainedConfig) -> int:
    """Tokens that the model was made for; unbounded where its configuration does not say."""
    return getattr(config.get_text_config(), "max_position_embeddings", None) or 2**31


def _packed_once(files: ModelFiles, device: Device, settings: Settings) -> PreTrainedModel:
    """The model in 4 bits on the CPU, where packing takes many times as long as reading: a packed copy is kept."""
    copy = store.packed_copy(settings, files.folder, bf16=device.bf16)
    if store.usable(copy):
        return read_weights(files.name, copy, "4bit", device, packed=True)
    model = read_weights(files.name, files.folder, "4bit", device)
    try:
        store.make_once(copy, lambda made, _: model.save_pretrained(made))
    except ModelError as error:
        log.warning("No 4-bit copy is kept, so the next start is as slow as this one: %s", error)
    return model


def read_weights(name: str, path: Path, packing: Packing, device: Device, packed: bool = False) -> PreTrainedModel:
    """The model in evaluation mode, every one of its weights read from the files in ``path``, packed ones or plain."""
    dtype = torch.float32 if plain_bytes(packing, device) == 4 else torch.bfloat16
    options: dict[str, Any] = {} if packed else {"quantization_config": _quantization(packing, dtype)}
    with _damaged(path), _out_of_memory(name, device), heap.returned():
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            path,
            dtype=dtype,
            attn_implementation="sdpa",
            device_map={"": "cpu" if device.staged else device.torch_name},
            use_safetensors=True,
            output_loading_info=True,
            **options,
            **LOCAL,
        )
    model = _whole(loaded, path)
    model.eval()
    if device.staged:
        torch.nn.Module.to(model, device.torch_name)
    return model


def _whole(loaded: Any, path: Path) -> PreTrainedModel:
    """The model, once every one of its weights came from the file. Raises `ModelDamaged` when some did not."""
    model, info = loaded
    made = [*info["missing_keys"], *(key if isinstance(key, str) else key[0] for key in info["mismatched_keys"])]
    if made:
        raise ModelDamaged(
            "{folder} is not complete: it lacks {count:,} of the model's weights, {name} for one. "
            "Fetch the model again.",
            folder=path,
            count=len(made),
            name=min(made),
        )
    return cast(PreTrainedModel, model)


def _quantization(packing: Packing, dtype: torch.dtype) -> BitsAndBytesConfig | None:
    if packing == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    if packing == "4bit":
        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
    return None


def read_tokenizer(files: ModelFiles) -> PreTrainedTokenizerBase:
    """The tokenizer, with a chat template."""
    with _damaged(files.folder):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(files.folder, **LOCAL)
    if isinstance(tokenizer.chat_template, dict):
        tokenizer.chat_template = _chosen_template(tokenizer.chat_template, files.name)
    if not tokenizer.chat_template:
        if not {"<|im_start|>", "<|im_end|>"} <= tokenizer.get_vocab().keys():
            raise ModelDamaged(
                "{name} has no chat template, so it can't chat. Choose an Instruct or Chat model.", name=files.name
            )
        log.warning("%s has no chat template but knows the ChatML markers: ChatML is used.", files.name)
        tokenizer.chat_template = CHATML
    _try_template(tokenizer, files.name)
    return tokenizer


def _chosen_template(templates: dict[str, str], name: str) -> str:
    """Of several chat templates the one for chats: "default", or the only one that is not for something else."""
    others = [key for key in templates if key not in NOT_FOR_CHATS]
    if "default" not in templates and len(others) != 1:
        raise ModelDamaged(
            "{name} has several chat templates ({names}) and none that is the default. Call the one for chats "
            '"default" in its tokenizer_config.json.',
            name=name,
            names=", ".join(templates),
        )
    return templates.get("default") or templates[others[0]]


def _try_template(tokenizer: PreTrainedTokenizerBase, name: str) -> None:
    """Raises `ModelDamaged` for a chat template that fails, or loses what is said: better now than at each message."""
    said = "qwertz"
    try:
        chat = [{"role": "user", "content": said}]
        text = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    except Exception as error:  # whatever the template's own code raises
        raise ModelDamaged(
            "The chat template of {name} does not work: {error}. "
            "Choose another model, or mend its chat_template.jinja.",
            name=name,
            error=_line(error),
        ) from error
    if said not in text:
        raise ModelDamaged(
            "The chat template of {name} leaves out what is said: it is made for another kind of messages. "
            "Choose a model for text.",
            name=name,
        )


def _info(
    files: ModelFiles, packing: Packing, device: Device, config: PretrainedConfig, settings: Settings, machine: Machine
) -> EngineInfo:
    reason = files.reason
    if device.staged:
        reason = Sentence(
            "{reason} Its weights are {packing}: ZeroGPU has the memory for them.", reason=reason, packing=packing
        )
    elif settings.precision == "auto" and "4bit" not in machine.packings:
        reason = Sentence(
            "{reason} Its weights are {packing}, as bitsandbytes, which packs them into 4 bits, does not work here.",
            reason=reason,
            packing=packing,
        )
    elif settings.precision == "auto" and device.kind == "cpu" and not device.bf16 and packing != "4bit":
        reason = Sentence(
            "{reason} Its precision is {packing}: this CPU is slow in 4 bits.", reason=reason, packing=packing
        )
    if packing == "4bit" and not device.bf16:
        reason = Sentence(
            "{reason} It computes in fp32, as the {device} has no bf16.", reason=reason, device=device.name
        )
    if device != machine.devices[0]:
        reason = Sentence(
            "{reason} It does not fit on the {device}, so it runs on the CPU.",
            reason=reason,
            device=machine.devices[0].name,
        )
    return EngineInfo(
        model=files.name,
        precision=packing,
        device=device.name,
        engine="transformers",
        context_length=min(settings.max_context, _context(config)),
        reason=reason,
        embedded=files.embedded,
    )


def _linear_layers(model: PreTrainedModel) -> dict[str, tuple[int, int]]:
    """Outputs and inputs of each, but for the output head: there only some of a step's tokens arrive."""
    head = model.get_output_embeddings()
    linear = ((name, module) for name, module in model.named_modules() if isinstance(module, torch.nn.Linear))
    return {name: (module.out_features, module.in_features) for name, module in linear if module is not head}


def convert(gguf: Path, target: Path) -> None:
    """Turns a GGUF file into a folder of bf16 safetensors with its tokenizer.

    Raises `ModelDamaged` for a file that is cut off, garbled or of an unknown architecture, `ModelTooLarge`
    when unpacking it would not fit into memory.
    """
    parameters = _check_gguf(gguf)
    if (needed := 4 * parameters) > (free := cpu().free):  # each weight twice in bf16: as read and as placed
        raise ModelTooLarge(
            "Unpacking {file} takes {needed} of memory and {free} are free. "
            "Choose a smaller model, or the same one from the hub.",
            file=gguf.name,
            needed=gigabytes(needed),
            free=gigabytes(free),
        )
    source = {"gguf_file": gguf.name, **LOCAL}
    with _damaged(gguf), heap.returned():
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, **source)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            gguf.parent,
            quantization_config=GgufConfig(dequantize=True),
            dtype=torch.bfloat16,
            output_loading_info=True,
            **source,
        )
    model = _whole(loaded, gguf)
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)


def _check_gguf(gguf: Path) -> int:
    """How many parameters the file holds, once it is whole and of a kind that can be loaded. Raises `ModelError`."""
    try:
        reader = GGUFReader(gguf)
        fields = {name: field.contents() for name, field in reader.fields.items() if len(field.data) == 1}
        parameters = sum(int(tensor.n_elements) for tensor in reader.tensors)
    except (ValueError, LookupError, ArithmeticError, struct.error) as error:
        raise ModelDamaged(
            "{file} is cut off or not a GGUF file: {error}. Fetch it again.", file=gguf, error=_line(error)
        ) from error
    if refused := kinds.gguf_kind(gguf, fields):
        raise refused
    if fields.get("general.architecture") not in GGUF_SUPPORTED_ARCHITECTURES:
        raise ModelDamaged(
            "{file} can't be loaded: models of the architecture {architecture} can't be read from GGUF here. "
            "Choose the model's safetensors, or another model.",
            file=gguf.name,
            architecture=fields.get("general.architecture"),
        )
    if not parameters:
        raise ModelDamaged("{file} holds a vocabulary without a model. Choose the model's file.", file=gguf.name)
    return parameters


@contextmanager
def _damaged(path: Path) -> Iterator[None]:
    """Turns what the libraries raise about broken files into one sentence."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # each library has kinds of its own for a file with the wrong content
        raise ModelDamaged(
            "{path} can't be loaded as a language model: {error}", path=path, error=_line(error)
        ) from error


@contextmanager
def _out_of_memory(name: str, device: Device) -> Iterator[None]:
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise ModelTooLarge(
            "The memory of the {device} ran out while {name} was loaded: something else took it meanwhile. "
            "Close other programs and start again, or choose a smaller model.",
            device=device.name,
            name=name,
        ) from error


def _line(error: Exception) -> str | Sentence:
    """The error's first line that says anything."""
    if isinstance(error, KeyError):  # says nothing but the key
        return Sentence("{name} is missing, or not known", name=error.args[0] if error.args else "?")
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
