"""Which adapters are in memory: loaded when a request names them, dropped when others need the room."""

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager

from qwen_ui.adapters.store import AdapterStore
from qwen_ui.engine.local.adapters import AdapterLayers
from qwen_ui.errors import Busy, InvalidInput
from qwen_ui.models.estimate import gigabytes


class ResidentAdapters:
    """Adapters by the numbers that they have in the batch. A file that changed is another adapter, with another number.

    A number is never given to another adapter: what the prefix cache holds for it stays true.
    ``budget`` is in bytes; ``pause`` lets nothing be computed while it lasts.
    """

    def __init__(
        self, store: AdapterStore, layers: AdapterLayers, budget: int, pause: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._store = store
        self._layers = layers
        self._budget = budget
        self._pause = pause
        self._numbers: dict[tuple[object, ...], int] = {}
        self._bytes: OrderedDict[int, int] = OrderedDict()
        """Of those in memory, the one that was used last at the end."""
        self._users = Counter[int]()
        self._loading = threading.Lock()
        self._counting = threading.Lock()

    @property
    def bytes(self) -> int:
        """What all that are in memory take."""
        return sum(self._bytes.values())

    def load(self, name: str) -> int:
        """The number of the adapter, which is in memory now. Blocks while it is read.

        Raises `InvalidInput` when there is none of that name, or when it can't be used; `Busy` when there is no room
        beside those that are in use.
        """
        adapter = self._store.get(name)
        with self._loading:
            number = self._numbers.setdefault((adapter.folder, *adapter.stamp), len(self._numbers) + 1)
            if number not in self._bytes:
                found = self._layers.parts(adapter.folder)
                needed = self._layers.bytes_of(found)
                self._make_room(needed)
                self._layers.load(number, adapter.folder, found)
                with self._counting:
                    self._bytes[number] = needed
        return number

    def take(self, number: int) -> bool:
        """Keeps the adapter in memory until it is given back. False when it has left in the meantime: load it again."""
        with self._counting:
            if number not in self._bytes:
                return False
            self._bytes.move_to_end(number)
            self._users[number] += 1
            return True

    def give_back(self, number: int) -> None:
        """The request that took it has ended."""
        with self._counting:
            self._users[number] -= 1

    def _make_room(self, needed: int) -> None:
        if needed > self._budget:
            raise InvalidInput(
                "The adapter takes {needed} of memory, and {budget} are kept for adapters. Start the app with a larger "
                "--max-adapters.",
                needed=gigabytes(needed),
                budget=gigabytes(self._budget),
            )
        while self.bytes + needed > self._budget:
            with self._counting:
                idle = next((number for number in self._bytes if not self._users[number]), None)
                if idle is None:
                    raise Busy("All room for adapters is in use by other requests. Try again in a minute.")
                del self._bytes[idle]
            with self._pause():
                self._layers.drop(idle)
