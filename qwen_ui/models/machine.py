"""This computer as a place for a model: in what precision, where it fits, and what to try when it does not."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from qwen_ui.errors import InvalidInput, ModelError, ModelTooLarge
from qwen_ui.models.catalog import choose
from qwen_ui.models.estimate import Estimate, Packing, Size, estimate, gigabytes
from qwen_ui.models.hardware import Device
from qwen_ui.sentences import Sentence
from qwen_ui.settings import Settings

ALL: tuple[Packing, ...] = ("fp32", "bf16", "8bit", "4bit")
"""Every precision, the most bits first."""
UNPACKED: tuple[Packing, ...] = ("fp32", "bf16")
"""The ones that don't need bitsandbytes."""
SHORT_CONTEXT = 2048
"""Tokens that a chat can still be had with."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What this computer offers, as far as torch has to say it."""

    devices: tuple[Device, ...]
    """In the order of preference; the CPU is the last."""
    packing: Packing
    """The precision to load in."""
    packings: tuple[Packing, ...]
    """The precisions that work here, the most bits first."""
    size_of: Callable[[Path], Size]
    """A model's size, from the config.json in a folder."""
    convert: Callable[[Path, Path], None]
    """Turns a GGUF file into a folder like any other."""
    smaller: tuple[Packing, ...] = ()
    """What is tried where a model does not fit in that precision, and none was asked for."""

    @property
    def ways(self) -> tuple[Packing, ...]:
        """The precisions that a model may be loaded in, the best first."""
        return self.packing, *self.smaller


def wanted(settings: Settings, packings: tuple[Packing, ...], auto: Packing) -> Packing:
    """The precision that the settings ask for; ``auto`` when they leave it open.

    Raises `InvalidInput` when the one asked for does not work here.
    """
    if settings.precision == "auto":
        return auto
    if settings.precision not in packings:
        raise InvalidInput(
            "--precision {precision} needs bitsandbytes, which does not work here. "
            "Reinstall it (pip install --force-reinstall bitsandbytes), or set --precision bf16.",
            precision=settings.precision,
        )
    return settings.precision


def settle(settings: Settings, machine: Machine, packed: Packing | None, name: str, size: Size) -> Packing:
    """The precision to load in. Files that are ``packed`` already decide it; else it may be one that fits.

    Raises `InvalidInput` when the settings ask for another, `ModelError` when theirs does not work here.
    """
    if packed is None:
        return next((each for each in machine.ways if _fits(size, each, machine, settings)), machine.packing)
    if packed not in machine.packings:
        raise ModelError(
            "{name} is packed in {precision} by bitsandbytes, which does not work here. Choose another.",
            name=name,
            precision=packed,
        )
    if settings.precision not in {"auto", packed}:
        raise InvalidInput(
            "{name} is packed in {precision} already. Leave --precision out, or choose the model's plain form.",
            name=name,
            precision=packed,
        )
    return packed


def _fits(size: Size, packing: Packing, machine: Machine, settings: Settings) -> bool:
    return any(estimate(size, packing, device, settings).fits for device in machine.devices)


def place(
    name: str, size: Size, machine: Machine, settings: Settings, packing: Packing | None = None
) -> tuple[Device, Estimate]:
    """The first device that the model fits on, with the estimate there. ``packing`` if not the machine's.

    Raises `ModelTooLarge` with the numbers and a smaller choice when it fits nowhere.
    """
    packing = packing or machine.packing
    estimates = [(device, estimate(size, packing, device, settings)) for device in machine.devices]
    for device, needs in estimates:
        if needs.fits:
            return device, needs
    device, needs = max(estimates, key=lambda pair: pair[1].free)
    raise ModelTooLarge(
        "{name} in {precision} does not fit into the memory of the {device}: {needs}. Try {choice}.",
        name=name,
        precision=packing,
        device=device.name.replace("cpu", "CPU"),
        needs=needs,
        choice=_smaller(size, machine, settings, packing),
    )


def _smaller(size: Size, machine: Machine, settings: Settings, packing: Packing) -> Sentence:
    """What to try instead: a shorter context, fewer bits, a smaller model, or the embedded one."""
    short = replace(settings, max_context=min(SHORT_CONTEXT, settings.max_context))
    if _fits(size, packing, machine, short):
        return Sentence("--max-context {tokens}", tokens=short.max_context)
    for fewer in machine.packings[machine.packings.index(packing) + 1 :]:
        for device in machine.devices:
            if (needs := estimate(size, fewer, device, settings)).fits:
                return Sentence("--precision {precision} ({size})", precision=fewer, size=gigabytes(needs.total))
    packing = machine.packings[-1]
    if choice := choose(machine.devices, packing, settings):
        known, device = choice
        needs = estimate(known.size, packing, device, settings)
        return Sentence(
            "--model {model} in {precision} ({size})", model=known.id, precision=packing, size=gigabytes(needs.total)
        )
    return Sentence("--model embedded with a smaller --max-context and --max-concurrent")
