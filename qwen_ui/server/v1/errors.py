"""Errors of /v1, in OpenAI's shape and with its codes."""

import logging
import math
from datetime import timedelta
from typing import Any

from pydantic import ValidationError
from starlette.responses import JSONResponse

from qwen_ui.engine.base import Ability, Engine
from qwen_ui.errors import Busy, InvalidInput, NotReady, PromptTooLong, QwenUIError, TooMany

log = logging.getLogger(__name__)

SOON = 5
"""Seconds after which to try again where nothing says how long it takes."""


class ApiError(Exception):
    """What a program is told. ``param`` is the field of the request that has to change."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.retry_after = retry_after

    @property
    def body(self) -> dict[str, Any]:
        """As OpenAI has it."""
        kind = {401: "invalid_request_error", 429: "rate_limit_error"}.get(self.status)
        kind = kind or ("server_error" if self.status >= 500 else "invalid_request_error")
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}

    @property
    def response(self) -> JSONResponse:
        """The whole answer."""
        headers = {"retry-after": str(self.retry_after)} if self.retry_after is not None else {}
        if self.status == 401:
            headers["www-authenticate"] = "Bearer"
        return JSONResponse(self.body, self.status, headers)


def unsupported(param: str, why: str) -> ApiError:
    """For what a request asks for and can't have here."""
    return ApiError(400, f"Unsupported parameter: '{param}'. {why}", "unsupported_parameter", param)


def check_able(engine: Engine, ability: Ability, param: str, what: str) -> None:
    """Refuses what the engine has not the ability for."""
    if ability not in engine.info.abilities:
        raise unsupported(param, f"This engine can't {what}.")


def told(error: Exception) -> ApiError:
    """What a program is told of any error; one that is a bug goes to the log."""
    match error:
        case ApiError():
            return error
        case ValidationError():
            return _invalid(error)
        case QwenUIError():
            return _of_ours(error)
    log.error("A program's request failed", exc_info=error)
    return ApiError(500, "The server had an error while it worked on this request.", "internal_error")


def _of_ours(error: QwenUIError) -> ApiError:
    message = str(error)
    match error:
        case PromptTooLong():
            return ApiError(400, message, "context_length_exceeded", "messages")
        case InvalidInput():
            return ApiError(400, message, "invalid_value")
        case TooMany():
            return ApiError(429, message, "rate_limit_exceeded", retry_after=_wait(error))
        case Busy() | NotReady():
            return ApiError(503, message, "server_overloaded", retry_after=SOON)
    return ApiError(500, message, "engine_failed", retry_after=SOON)


def _wait(error: TooMany) -> int:
    """Whole seconds until the visitor may ask again."""
    wait = error.sentence.values.get("wait")
    return math.ceil(wait.total_seconds()) if isinstance(wait, timedelta) else 1


def _invalid(error: ValidationError) -> ApiError:
    """The first thing that is wrong with a request."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    if first["type"] == "json_invalid":
        return ApiError(400, "The body of the request is no valid JSON.", "invalid_json")
    if first["type"] == "missing":
        return ApiError(400, f"Missing required parameter: '{where}'.", "missing_required_parameter", where)
    if first["type"] == "extra_forbidden":
        return ApiError(400, f"Unrecognized request argument supplied: {where}", "unknown_parameter", where)
    message = first["msg"].removeprefix("Value error, ")
    return ApiError(400, f"Invalid value for '{where}': {message}", "invalid_value", where)
