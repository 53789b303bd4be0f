"""Adapters and merged models as files to take away."""

import asyncio
import shutil
import zipfile
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path

from qwen_ui.errors import InvalidInput, NotSaved
from qwen_ui.finetune.command import Command


def packed(folder: Path, target: Path) -> Path:
    """The folder's files as a zip, not compressed: weights can't be. Raises `InvalidInput` for one that is not there,
    `NotSaved`."""
    if not folder.is_dir():
        raise InvalidInput("There is no adapter {name!r} any more.", name=folder.name)
    try:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(folder.rglob("*")):
                if file.is_file() and not file.is_symlink():
                    archive.write(file, Path(folder.name) / file.relative_to(folder))
    except OSError as error:
        target.unlink(missing_ok=True)
        raise NotSaved.within(target.parent, error) from error
    return target


@dataclass(frozen=True, slots=True)
class Exported:
    """A zip that holds a model."""

    file: Path
    megabytes: float


async def exported(
    command: Command, name: str, folder: Path, stopped: Callable[[], bool]
) -> AsyncGenerator[str | Exported, None]:
    """Merges the adapter into its base: what the command says meanwhile, and at the end the zip with the model.

    What is left in the folder is the zip alone. Raises `InvalidInput` when it fails or is stopped, `NotSaved`.
    """
    out, target, said = folder / name, folder / f"{name}.zip", ""
    yield said
    process = command.merge(name, out)
    try:
        assert process.stdout is not None
        while line := await asyncio.to_thread(process.stdout.readline):
            if stopped():
                raise InvalidInput("The export was stopped.")
            said = line.decode(errors="replace").strip() or said
            yield said
        if await asyncio.to_thread(process.wait):
            raise InvalidInput("The model was not exported: {cause}", cause=said)
        await asyncio.to_thread(packed, out, target)
        yield Exported(target, target.stat().st_size / 1e6)
    finally:
        process.kill()
        await asyncio.to_thread(process.communicate)  # what is left of what it said, and its end
        await asyncio.to_thread(shutil.rmtree, out, ignore_errors=True)
