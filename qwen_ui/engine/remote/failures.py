"""What goes wrong with a remote server, each with its sentence."""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx2
import openai

from qwen_ui.errors import Busy, EngineFailed, InvalidInput, PromptTooLong, QwenUIError

log = logging.getLogger(__name__)

RETRY_SECONDS = 30.0
"""When to try again, where a server that is busy does not say."""
_TOO_LONG = re.compile(r"context|too long|maximum.{0,40}(length|token)|exceed", re.IGNORECASE)
"""In a refusal of a prompt that is too long: the code is the same as that of any other."""
_SHOWN = 200
"""Characters of what a server says that are shown."""


@contextmanager
def told(address: str, model: str) -> Iterator[None]:
    """Raises what goes wrong within it as errors that say what to do."""
    try:
        yield
    except QwenUIError:
        raise
    except (openai.OpenAIError, httpx2.HTTPError, json.JSONDecodeError, TimeoutError) as error:
        failure = _failure(error, address, model)
        log.warning("%s: %s", address, type(error).__name__)
        raise failure from error


def _failure(error: Exception, address: str, model: str) -> QwenUIError:
    if isinstance(error, openai.APIStatusError):
        return _refusal(error, address, model)
    if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException | TimeoutError):
        return EngineFailed(
            "The server at {address} has sent nothing for a while. Try again, or look at that server.", address=address
        )
    if isinstance(error, json.JSONDecodeError | openai.APIResponseValidationError):
        return EngineFailed(
            "The server at {address} has sent something that is no answer in OpenAI's form. Look at that server.",
            address=address,
        )
    if isinstance(error, openai.APIConnectionError | httpx2.ConnectError):
        return EngineFailed(
            "The server at {address} can't be reached. Start it, or try again when it is back.", address=address
        )
    if isinstance(error, openai.APIError):  # told within a stream
        return EngineFailed(
            "The server at {address} has failed in the middle of the answer: {message}",
            address=address,
            message=_shown(error.message),
        )
    return EngineFailed("The connection to the server at {address} broke. Try again.", address=address)


def _refusal(error: openai.APIStatusError, address: str, model: str) -> QwenUIError:
    status, message = error.status_code, _shown(_message(error))
    if status in {401, 403}:
        return EngineFailed(
            "The server at {address} does not take the key. Give the right one with --api-key-file or as "
            "QWEN_UI_REMOTE_KEY.",
            address=address,
        )
    if status == 404:
        return EngineFailed(
            "The server at {address} does not have the model {model} any more, or not this function: {message}",
            address=address,
            model=model,
            message=message,
        )
    if status in {429, 503}:
        return Busy(
            "The server at {address} has too much to do. Try again in {wait}.",
            address=address,
            wait=timedelta(seconds=_retry_after(error)),
        )
    if status >= 500:
        return EngineFailed("The server at {address} has failed: {message}", address=address, message=message)
    if _TOO_LONG.search(message):
        return PromptTooLong(
            "The text is too long for the model at {address}: {message} Shorten it, or ask for fewer new tokens.",
            address=address,
            message=message,
        )
    return InvalidInput("The server at {address} refuses this: {message}", address=address, message=message)


def _message(error: openai.APIStatusError) -> str:
    body = error.body
    inner = body.get("error", body) if isinstance(body, dict) else None
    said = inner.get("message") if isinstance(inner, dict) else None
    return str(said or error.message)


def _shown(message: str) -> str:
    message = " ".join(message.split())
    return message if len(message) <= _SHOWN else message[:_SHOWN] + "…"


def _retry_after(error: openai.APIStatusError) -> float:
    given = error.response.headers.get("retry-after", "")
    return max(1.0, min(float(given), 3600.0)) if given.isdecimal() else RETRY_SECONDS
