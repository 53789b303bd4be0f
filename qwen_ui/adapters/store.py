"""The adapters of a data folder: a folder each, in peft's format, with a card."""

import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from qwen_ui.adapters.card import CARD, Card
from qwen_ui.adapters.files import CONFIG, WEIGHTS, Base, parts
from qwen_ui.errors import InvalidInput, NotSaved

NAME = re.compile(r"\w[\w .\-]{0,62}\w|\w")
RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
"""Names that Windows keeps for itself."""
README = "README.md"
TAKEN_FROM_A_ZIP = (CONFIG, WEIGHTS, CARD, README)
MAX_ENTRIES = 10_000
MAX_UNPACKED = 4_000_000_000
"""Bytes; a small zip can unpack to anything."""
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter on disk."""

    name: str
    folder: Path

    @property
    def card(self) -> Card:
        return Card.read(self.folder)

    @property
    def stamp(self) -> tuple[int, ...]:
        """Changes with the files. Raises `InvalidInput` when they are gone."""
        try:
            found = [(self.folder / name).stat() for name in (CONFIG, WEIGHTS)]
        except OSError as error:
            raise InvalidInput("The adapter {name} is gone. Choose another one.", name=self.name) from error
        return tuple(number for stat in found for number in (stat.st_mtime_ns, stat.st_size, stat.st_ino))


class AdapterStore:
    """Finds, takes in, gives out, renames and deletes them. ``runs`` is where checkpoints of trainings are."""

    def __init__(self, folder: Path, runs: Path) -> None:
        self.folder = folder
        self._runs = runs

    def all(self) -> list[Adapter]:
        """Those that are there now, by name."""
        found = (file.parent for file in self.folder.glob(f"*/{CONFIG}"))
        return [Adapter(folder.name, folder) for folder in sorted(found) if not folder.name.startswith(".")]

    def get(self, name: str) -> Adapter:
        """The adapter of that name, or the checkpoint of a run: ``<run>@<step>``.

        Raises `InvalidInput`, naming those that are there.
        """
        if not isinstance(name, str):
            raise InvalidInput("The {name} must be text, not {kind}.", name="adapter", kind=type(name).__name__)
        found: list[Adapter] = [*self.all(), *(self._checkpoints() if "@" in name else ())]
        for adapter in found:
            if adapter.name == name:
                return adapter
        names = ", ".join(adapter.name for adapter in self.all())
        if not names:
            raise InvalidInput(
                "There is no adapter {name!r}, nor any other. Leave it empty for the model itself.", name=name
            )
        raise InvalidInput(
            "There is no adapter {name!r}. There are: {names}. Leave it empty for the model itself.",
            name=name,
            names=names,
        )

    def _checkpoints(self) -> Iterator[Adapter]:
        for file in self._runs.glob(f"*/checkpoints/step-*/{CONFIG}"):
            folder = file.parent
            step = folder.name.removeprefix("step-").lstrip("0") or "0"
            yield Adapter(f"{folder.parents[1].name}@{step}", folder)

    def add(self, file: Path, name: str, base: Base | None) -> Adapter:
        """Takes in a zip of an adapter's folder. ``base`` is the model that it has to fit, None while that is unknown.

        Raises `InvalidInput` for a name that can't be or is taken, for what is no zip of an adapter, and for an adapter
        that can't be used; `NotSaved` when it can't be written.
        """
        self.check_name(name)
        with self._making() as made:
            _unpack(file, made)
            if base is not None:
                parts(made, base)
            return self._place(made, name)

    def check_name(self, name: str) -> None:
        """Raises `InvalidInput` for a name that can't be a folder's everywhere, and for one that is taken."""
        if not NAME.fullmatch(name) or RESERVED.fullmatch(name):
            raise InvalidInput(
                "{name!r} can't be an adapter's name. Use up to 64 letters, digits, blanks, dots and hyphens.",
                name=name,
            )
        if any(adapter.name.casefold() == name.casefold() for adapter in self.all()):
            raise InvalidInput(
                "There is an adapter {name!r} already. Choose another name, or delete that one.", name=name
            )

    def publish(self, made: Path, name: str) -> Adapter:
        """Moves a finished folder, on the same disk, to its place. Raises like `add`."""
        self.check_name(name)
        return self._place(made, name)

    def zip(self, name: str, target: Path) -> Path:
        """Writes the adapter into a zip in the folder ``target``. Raises `InvalidInput` when there is none."""
        adapter = self.get(name)
        with _saving(), zipfile.ZipFile(target / f"{adapter.name}.zip", "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(adapter.folder.iterdir()):
                if file.name in TAKEN_FROM_A_ZIP:
                    archive.write(file, f"{adapter.name}/{file.name}")
        return target / f"{adapter.name}.zip"

    def rename(self, name: str, to: str) -> Adapter:
        """Raises `InvalidInput` when there is no such adapter, or the new name can't be."""
        adapter = self._own(name)
        self.check_name(to)
        with _saving():
            return Adapter(to, adapter.folder.rename(self.folder / to))

    def delete(self, name: str) -> None:
        """Raises `InvalidInput` when there is no such adapter."""
        adapter = self._own(name)
        with self._making() as gone:
            adapter.folder.rename(gone / "gone")

    def _own(self, name: str) -> Adapter:
        """An adapter of the folder, not a run's checkpoint."""
        adapter = self.get(name)
        if adapter.folder.parent != self.folder:
            raise InvalidInput("{name!r} is a checkpoint of a run; it goes with that.", name=name)
        return adapter

    @contextmanager
    def _making(self) -> Iterator[Path]:
        """A folder beside the adapters, gone afterwards: what is moved out of it is there at once, or not at all."""
        with _saving():
            self.folder.mkdir(parents=True, exist_ok=True)
            made = Path(tempfile.mkdtemp(prefix=".making-", dir=self.folder))
            try:
                yield made
            finally:
                shutil.rmtree(made, ignore_errors=True)

    def _place(self, made: Path, name: str) -> Adapter:
        with _saving():
            self.folder.mkdir(parents=True, exist_ok=True)
            return Adapter(name, made.rename(self.folder / name))


@contextmanager
def _saving() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotSaved(
            "The adapter can't be written: {error}. Make room, or set --data-dir elsewhere.",
            error=error.strerror or error,
        ) from error


def _unpack(file: Path, target: Path) -> None:
    """The adapter's files, out of a zip with them at its top or in one folder. Nothing else is unpacked."""
    try:
        with zipfile.ZipFile(file) as archive:
            for entry in _entries(archive):
                with archive.open(entry) as source, (target / PurePosixPath(entry.filename).name).open("wb") as sink:
                    _copy(source, sink)
    except (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError) as error:  # encrypted ones too
        raise InvalidInput("This is no zip file that can be read: {error}.", error=error) from error


def _entries(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    infos = archive.infolist()
    if len(infos) > MAX_ENTRIES:
        raise InvalidInput("The zip has {count:,} entries. Zip the adapter's folder alone.", count=len(infos))
    for info in infos:
        path = PurePosixPath(info.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in info.filename:
            raise InvalidInput(
                "The zip has an entry that leads out of its folder: {name}. It is not taken.", name=info.filename[:100]
            )
    folders = {PurePosixPath(info.filename).parent for info in infos if PurePosixPath(info.filename).name == CONFIG}
    if len(folders) != 1:
        raise InvalidInput(
            "The zip must hold one adapter, with {config} and {weights}; this one holds {count}.",
            config=CONFIG,
            weights=WEIGHTS,
            count=len(folders),
        )
    (folder,) = folders
    wanted = {folder / name for name in TAKEN_FROM_A_ZIP}
    return [info for info in infos if PurePosixPath(info.filename) in wanted]


def _copy(source: IO[bytes], sink: IO[bytes]) -> None:
    """Whatever size the zip declares."""
    copied = 0
    while chunk := source.read(_CHUNK):
        copied += len(chunk)
        if copied > MAX_UNPACKED:
            raise InvalidInput("The zip unpacks to more than {limit} GB. It is not taken.", limit=MAX_UNPACKED // 10**9)
        sink.write(chunk)
