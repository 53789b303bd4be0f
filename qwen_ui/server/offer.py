"""What can answer, by name: each model, and the one that runs here with each of its adapters."""

from contextlib import suppress
from dataclasses import dataclass

from qwen_ui.adapters.store import AdapterStore
from qwen_ui.errors import InvalidInput, NotReady
from qwen_ui.server.host import EngineHost
from qwen_ui.server.hosted import Hosted


@dataclass(frozen=True, slots=True)
class Picked:
    """What is to answer."""

    model: Hosted
    adapter: str = ""
    """Empty is the model itself."""


class Offer:
    """All that can be picked now."""

    def __init__(self, host: EngineHost, adapters: AdapterStore) -> None:
        self._host = host
        self._adapters = adapters

    def all(self) -> dict[str, Picked]:
        """By name: the models that are there, and behind the one that runs here what it is with an adapter.

        Raises `NotReady` while there is none.
        """
        offered: dict[str, Picked] = {}
        for name, model in self._host.names.items():
            if model.ready:
                offered[name] = Picked(model)
                adapters = self._adapters.all() if model.is_local else []
                offered |= {f"{name}:{each.name}": Picked(model, each.name) for each in adapters}
        if not offered:
            _ = self._host.engine  # says why
        return offered

    def adapted(self, adapter: str) -> str:
        """The name of the model that runs here with the adapter. Raises `NotReady` while that is not there."""
        _ = self._host.engine_of(self._host.local or self._host.default)  # says why
        return next(name for name, each in self.all().items() if each.adapter == adapter)

    def find(self, name: str = "", adapter: str = "") -> Picked:
        """What a name means, empty for the default, and an adapter by its own name: of the model that runs here.

        Raises `InvalidInput` for what there is not, and `NotReady` for what may still come.
        """
        picked = self.named(name) if name else Picked(self._host.default)
        if not adapter:
            return picked
        own = Picked(self._host.local or picked.model, self._adapters.get(adapter).name)
        if name and picked not in (own, Picked(own.model)):
            raise InvalidInput(
                "The adapter {adapter!r} can't be used with the model {name}. Leave one of the two out.",
                adapter=adapter,
                name=name,
            )
        return own

    def named(self, name: str) -> Picked:
        """What a name means. Raises like `find`."""
        if not isinstance(name, str):
            raise InvalidInput("The {name} must be text, not {kind}.", name="model", kind=type(name).__name__)
        for each, model in self._host.names.items():
            if name == each:
                return Picked(model)
            if model.is_local and model.ready and name.startswith(f"{each}:"):
                with suppress(InvalidInput):  # which speaks of adapters alone
                    return Picked(model, self._adapters.get(name.removeprefix(f"{each}:")).name)
        names = ", ".join(self.all())
        if not self._host.wait(0):
            raise NotReady(
                "There is no model {name} yet. There are: {names}. Others are still being prepared.",
                name=name,
                names=names,
            )
        raise InvalidInput("There is no model {name}. There are: {names}.", name=name, names=names)
