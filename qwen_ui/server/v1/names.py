"""The models by their names, as programs see them."""

import time

from openai.types import Model

from qwen_ui.engine.threads import in_thread
from qwen_ui.errors import InvalidInput
from qwen_ui.server.offer import Offer, Picked
from qwen_ui.server.v1.errors import ApiError


class Names:
    """Which models there are now. All raise `NotReady` while none is there."""

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._since = int(time.time())

    async def all(self) -> list[Model]:
        """The default first."""
        return [self._model(name) for name in await in_thread(lambda checkpoint: self._offer.all())]

    async def one(self, name: str) -> Model:
        """The model of that name. Raises `ApiError` when there is none."""
        _ = (await self.find(name)).model.info  # it is there
        return self._model(name)

    async def find(self, name: str) -> Picked:
        """What a model's name means. Raises `ApiError` for a name that there is not."""
        try:
            return await in_thread(lambda checkpoint: self._offer.named(name))
        except InvalidInput as error:
            message = f"The model {name[:200]!r} does not exist. GET /v1/models tells those that do."
            raise ApiError(404, message, "model_not_found", "model") from error

    def _model(self, name: str) -> Model:
        return Model(id=name, created=self._since, object="model", owned_by="qwen-ui")
