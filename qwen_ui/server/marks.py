"""The cookie that a browser's documents are known by: nobody but this server can make one."""

import hmac
import secrets
from pathlib import Path

from filelock import FileLock
from starlette.datastructures import MutableHeaders
from starlette.requests import cookie_parser

from qwen_ui.errors import NotSaved
from qwen_ui.server.visitors import COOKIE

KEY_BYTES = 32
YEAR = 365 * 24 * 3600


def key_in(folder: Path) -> bytes:
    """The key that cookies are signed with: made once in the data folder, for its owner's eyes. Raises `NotSaved`."""
    path = folder / "visitors.key"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "visitors.lock"):
            if not path.exists():
                fresh = path.with_suffix(".new")  # a process that ends half-way leaves no half a key
                fresh.unlink(missing_ok=True)
                fresh.touch(0o600, exist_ok=False)
                fresh.write_bytes(secrets.token_bytes(KEY_BYTES))
                fresh.replace(path)
            return path.read_bytes()
    except OSError as error:
        raise NotSaved.within(folder, error) from error


class Marks:
    """Makes cookies, and knows its own."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def settle(self, headers: MutableHeaders) -> bool:
        """Takes from a request all such cookies but one made here; whether there is one."""
        pairs = [pair.strip() for line in headers.getlist("cookie") for pair in line.split(";")]
        others = [pair for pair in pairs if pair and pair.partition("=")[0].strip() != COOKIE]
        given = cookie_parser("; ".join(pairs)).get(COOKIE, "")
        known = self._is_ours(given)
        if len(others) < len(pairs):
            headers["cookie"] = "; ".join([*others, f"{COOKIE}={given}"] if known else others)
        return known

    def fresh(self, secure: bool) -> str:
        """A new visitor's cookie, for ``Set-Cookie``.

        Within the frame that Spaces shows a page in, only such a cookie comes back as an encrypted way allows for.
        """
        token = secrets.token_urlsafe(24)
        site = "SameSite=None; Secure; Partitioned" if secure else "SameSite=Lax"
        return f"{COOKIE}={token}.{self._signature(token)}; Path=/; HttpOnly; Max-Age={YEAR}; {site}"

    def _is_ours(self, cookie: str) -> bool:
        token, _, signature = cookie.rpartition(".")
        return hmac.compare_digest(signature.encode(), self._signature(token).encode())

    def _signature(self, token: str) -> str:
        return hmac.digest(self._key, token.encode(), "sha256").hex()
