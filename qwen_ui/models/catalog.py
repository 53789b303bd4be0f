"""The Qwen2.5-Instruct models that ``--model auto`` chooses from, and the choice."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from qwen_ui.models.estimate import Packing, Size, estimate
from qwen_ui.models.hardware import Device
from qwen_ui.settings import Settings

CONTEXT = 32_768


@dataclass(frozen=True, slots=True)
class Known:
    """A Qwen2 model's id on the hub and its shape, as in the config.json there."""

    id: str
    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    vocab: int
    tied: bool
    """Whether the output head is the embedding matrix once more."""

    @property
    def name(self) -> str:
        """The id without its owner."""
        return self.id.rpartition("/")[2]

    @property
    def size(self) -> Size:
        """Parameter counts of the Qwen2 architecture: queries, keys and values have biases, nothing else has."""
        head = self.hidden // self.heads
        kv = self.kv_heads * head
        attention = 2 * self.hidden * self.hidden + 2 * self.hidden * kv
        biases, norms = self.hidden + 2 * kv, 2 * self.hidden
        embedding = self.vocab * self.hidden
        return Size(
            linear=self.layers * (attention + 3 * self.hidden * self.intermediate),
            other=self.layers * (biases + norms) + self.hidden + embedding * (1 if self.tied else 2),
            largest=embedding,
            kv_values=2 * self.layers * kv,
            vocab=self.vocab,
            context=CONTEXT,
            sides=self.layers * (9 * self.hidden + 2 * kv + 3 * self.intermediate),
        )


CATALOG = (
    Known("Qwen/Qwen2.5-7B-Instruct", 3584, 18944, 28, 28, 4, 152_064, tied=False),
    Known("Qwen/Qwen2.5-3B-Instruct", 2048, 11008, 36, 16, 2, 151_936, tied=True),
    Known("Qwen/Qwen2.5-1.5B-Instruct", 1536, 8960, 28, 12, 2, 151_936, tied=True),
    Known("Qwen/Qwen2.5-0.5B-Instruct", 896, 4864, 24, 14, 2, 151_936, tied=True),
)
"""Largest first."""


def choose(
    devices: Sequence[Device], packing: Packing, settings: Settings, among: Collection[Known] = CATALOG
) -> tuple[Known, Device] | None:
    """The model to run and where: the largest that fits on a GPU, else the smallest on the CPU. None when none fits.

    ``devices`` come in the order of preference. The CPU gets the smallest, since larger ones answer there
    slower than people read.
    """
    for device in devices:
        for known in CATALOG if device.kind == "cuda" else reversed(CATALOG):
            if known in among and estimate(known.size, packing, device, settings).fits:
                return known, device
    return None
