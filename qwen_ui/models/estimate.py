"""How much memory a model will take, told before it is loaded."""

from dataclasses import dataclass
from typing import Literal

from qwen_ui.models.hardware import Device
from qwen_ui.sentences import Sentence
from qwen_ui.settings import Settings

Packing = Literal["4bit", "8bit", "bf16", "fp32"]
"""A precision that is settled, "auto" no longer among them."""

BYTES_PER_LINEAR: dict[Packing, float] = {
    "fp32": 4,
    "bf16": 2,
    "8bit": 1,
    # NF4: half a byte a weight, one byte of scale a block of 64, and, as the scales are quantised in turn
    # (double quantisation), four bytes for 256 of them. QLoRA, arXiv 2305.14314, section 3.
    "4bit": 0.5 + 1 / 64 + 4 / (64 * 256),
}
TOKENS_PER_REQUEST = 2048
"""What a request is expected to hold in the cache, on the average."""
ADAPTER_RANK = 16
"""What an adapter has, usually."""
GPU_BASE, CPU_BASE = 1_000_000_000, 500_000_000
"""Bytes that the libraries and the activations of a batch take: on a GPU its context and workspaces count too."""


@dataclass(frozen=True, slots=True)
class Size:
    """What of a model's shape decides about memory."""

    linear: int
    """Parameters in linear layers, the ones that 4bit and 8bit pack."""
    other: int
    """All other parameters: embeddings, output head, norms, biases. They stay bf16 (or fp32)."""
    largest: int
    """Parameters of the largest tensor: it is held twice for a moment while it is loaded."""
    kv_values: int
    """Numbers that one token leaves in the key-value cache."""
    vocab: int
    context: int
    """Tokens that the model was made for."""
    sides: int = 0
    """Inputs and outputs of all linear layers: what an adapter of rank 1 has."""

    @property
    def parameters(self) -> int:
        return self.linear + self.other


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes, and what they are for."""

    weights: int
    kv_bytes_per_token: int
    cache_tokens: int
    headroom: int
    free: int
    adapters: int = 0

    @property
    def cache(self) -> int:
        return self.kv_bytes_per_token * self.cache_tokens

    @property
    def total(self) -> int:
        return self.weights + self.cache + self.adapters + self.headroom

    @property
    def fits(self) -> bool:
        return self.total <= self.free

    @property
    def sentence(self) -> Sentence:
        """The sum, for people."""
        return Sentence(
            "weights {weights} + cache {cache} ({tokens:,} tokens) + adapters {adapters} + headroom {headroom} "
            "= {total} of {free} free",
            weights=gigabytes(self.weights),
            cache=gigabytes(self.cache),
            tokens=self.cache_tokens,
            adapters=gigabytes(self.adapters),
            headroom=gigabytes(self.headroom),
            total=gigabytes(self.total),
            free=gigabytes(self.free),
        )

    def __str__(self) -> str:
        return str(self.sentence)


def gigabytes(count: int) -> str:
    """The bytes as "1.2 GB" (of 10^9 bytes)."""
    return f"{count / 1e9:.1f} GB"


def weight_bytes(size: Size, packing: Packing, device: Device) -> int:
    """What the loaded weights take."""
    return round(size.linear * BYTES_PER_LINEAR[packing]) + size.other * plain_bytes(packing, device)


def plain_bytes(packing: Packing, device: Device) -> int:
    """Bytes of one number outside the packed layers, the key-value cache included: 4 where it is fp32, else 2.

    Packed weights are computed with in bf16, or, on a device without bf16, in fp32: Qwen2.5's numbers become larger
    than fp16 can hold. Weights that are wanted in bf16 stay so.
    """
    packed = packing in {"4bit", "8bit"}
    return 4 if packing == "fp32" or (packed and not device.bf16) else 2


def estimate(size: Size, packing: Packing, device: Device, settings: Settings) -> Estimate:
    """What the model would take on that device, with the cache that it would be granted there.

    The cache holds about 2,000 tokens for each concurrent request, less where memory is short, but always
    one whole context: when even that does not fit, the estimate does not. Adapters stand in memory twice: each by
    itself, and side by side for a step that has several.
    """
    weights, number = weight_bytes(size, packing, device), plain_bytes(packing, device)
    logits = settings.max_concurrent * size.vocab * 16  # a row a request, in fp32, and its copies while it is sampled
    headroom = (GPU_BASE if device.kind == "cuda" else CPU_BASE) + size.largest * number + logits
    per_token = size.kv_values * number
    context = min(settings.max_context, size.context)
    wanted = max(context, settings.max_concurrent * TOKENS_PER_REQUEST)
    per_number = 4 if device.kind == "cpu" else number
    adapters = 2 * settings.max_adapters * ADAPTER_RANK * size.sides * per_number
    possible = (device.free - weights - headroom - adapters) // per_token
    return Estimate(weights, per_token, max(context, min(wanted, possible)), headroom, device.free, adapters)
