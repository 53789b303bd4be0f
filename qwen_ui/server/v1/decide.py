"""POST /v1/decide: which of some options fits a text. OpenAI has no such route; its shape is that of embeddings."""

from typing import Literal

from pydantic import BaseModel

from qwen_ui.decisions.deciding import Asked, Decisions
from qwen_ui.decisions.options import Kind
from qwen_ui.engine.base import Engine
from qwen_ui.errors import PromptTooLong
from qwen_ui.server.v1.errors import ApiError
from qwen_ui.server.v1.requests import DecideRequest


class Decision(BaseModel):
    """The answer for one text."""

    object: Literal["decision"]
    index: int
    answer: str | int
    """The option; of a score the number."""
    probabilities: dict[str, float]
    expected: float = 0
    """Of a score alone: what it is on average."""


class DecisionList(BaseModel):
    """The answers for all texts."""

    object: Literal["list"]
    data: list[Decision]
    model: str
    type: Kind
    calibrated: Literal["batch", "reference", "none"]


class Decide:
    """One request."""

    def __init__(self, asked: DecideRequest, decisions: Decisions, adapter: str) -> None:
        self._asked = asked
        self._decisions = decisions
        self._adapter = adapter

    async def whole(self, engine: Engine) -> DecisionList:
        """The answers. Raises like `Decisions.decide`, and `ApiError` for a text that is too long."""
        asked = self._asked
        wanted = Asked(asked.question, asked.text, asked.options, asked.template, asked.calibration)
        try:
            decided = await self._decisions.decide(engine, wanted, self._adapter)
        except PromptTooLong as error:
            raise ApiError(400, str(error), "context_length_exceeded", "text") from error
        data = [Decision(object="decision", index=index, **told) for index, told in enumerate(decided.told())]
        return DecisionList(object="list", data=data, model=asked.model, type=decided.kind, calibrated=decided.way)
