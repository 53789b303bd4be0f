"""The models by their names: the base, and the base with an adapter."""

import time

from openai.types import Model

from qwen_ui.adapters.store import AdapterStore
from qwen_ui.engine.threads import in_thread
from qwen_ui.errors import InvalidInput
from qwen_ui.server.host import EngineHost
from qwen_ui.server.v1.errors import ApiError


class Names:
    """Which models there are now. All raise `NotReady` while none is loaded."""

    def __init__(self, host: EngineHost, adapters: AdapterStore) -> None:
        self._host = host
        self._adapters = adapters
        self._since = int(time.time())

    async def all(self) -> list[Model]:
        """The base first."""
        base = self._host.info.model
        adapters = await in_thread(lambda checkpoint: [each.name for each in self._adapters.all()])
        return [self._model(name) for name in (base, *(f"{base}:{adapter}" for adapter in adapters))]

    async def one(self, name: str) -> Model:
        """The model of that name. Raises `ApiError` when there is none."""
        await self.adapter(name)
        return self._model(name)

    async def adapter(self, name: str) -> str:
        """The adapter that a model's name means, empty for the base. Raises `ApiError` for a name that there is not."""
        base = self._host.info.model
        if name == base:
            return ""
        adapter = name.removeprefix(f"{base}:")
        if adapter in ("", name):
            raise _not_found(name)
        try:
            await in_thread(lambda checkpoint: self._adapters.get(adapter))
        except InvalidInput as error:
            raise _not_found(name) from error
        return adapter

    def _model(self, name: str) -> Model:
        return Model(id=name, created=self._since, object="model", owned_by="qwen-ui")


def _not_found(name: str) -> ApiError:
    message = f"The model {name[:200]!r} does not exist. GET /v1/models tells those that do."
    return ApiError(404, message, "model_not_found", "model")
