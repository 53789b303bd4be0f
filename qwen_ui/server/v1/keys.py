"""Who may use /v1."""

import hashlib
import hmac
from collections.abc import Sequence

from starlette.requests import Request

from qwen_ui.server.limits import Limits, RateLimiter
from qwen_ui.server.v1.errors import ApiError
from qwen_ui.server.visitors import address_of
from qwen_ui.settings import Key, Network

WRONG_KEYS = Limits(requests_per_minute=1_000_000, running=1_000_000, tokens_per_hour=100)
"""From one address; each wrong key is counted as a token."""


class Keys:
    """The keys that there are, by their names. Only what is made of a key is kept, so that none can get into a log."""

    def __init__(self, keys: Sequence[Key], trusted: Sequence[Network] = ()) -> None:
        self._keys = [(name, _digest(key)) for name, key in keys]
        self._trusted = trusted
        self._wrong = RateLimiter(WRONG_KEYS)

    def name(self, request: Request) -> str:
        """The name of the key that the request shows; empty where nobody is asked for one.

        Raises `ApiError` for a request without a key of ours, `TooMany` for an address that has shown too many.
        """
        if not self._keys:
            return ""
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not shown.strip():
            message = "You didn't provide an API key. Send it in the header Authorization: Bearer YOUR_KEY."
            raise ApiError(401, message, "invalid_api_key")
        with self._wrong.admit(address_of(request, self._trusted)) as spending:
            shown_digest = _digest(shown.strip())
            # All are compared, each in the same time, so that the time tells nothing of a key.
            found = [name for name, digest in self._keys if hmac.compare_digest(digest, shown_digest)]
            spending.tokens = int(not found)
        if not found:
            raise ApiError(401, "Incorrect API key provided.", "invalid_api_key")
        return found[0]


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="replace")).digest()
