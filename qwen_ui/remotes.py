"""Models on other servers: their addresses as ``--model`` takes them, and the keys for them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from qwen_ui.errors import InvalidInput

_ADDRESS = re.compile(r"(?:^|(?<=[\s,]))(https?://[^\s,]+)")


def is_address(model: str) -> bool:
    """Whether the model runs on another server."""
    return model.startswith(("http://", "https://"))


def named(texts: Iterable[str]) -> list[str]:
    """The models that the texts name.

    Blanks and commas part an address from what stands beside it; in what is none, such as a file's name, they are text.
    """
    parts = (part.strip(" \t\r\n,") for text in texts for line in text.splitlines() for part in _ADDRESS.split(line))
    return [part for part in parts if part]


@dataclass(frozen=True, slots=True)
class Remote:
    """A model on another server."""

    url: str
    """Where that server has its API."""
    name: str
    """Which of its models; empty is its only one."""

    @classmethod
    def of(cls, address: str) -> "Remote":
        """From ``http://host:8000/v1#name``. Raises `InvalidInput` for what is no address, or holds a password."""
        url, _, name = address.partition("#")
        try:
            parts = urlsplit(url)
            there = bool(parts.hostname and parts.port != 0)  # a port that is no number raises
        except ValueError:
            there = False
        if not there:
            raise InvalidInput(
                "--model: {address} is no server's address. Give one such as http://127.0.0.1:8080/v1.",
                address=url.rpartition("@")[2],
            )
        if "@" in parts.netloc:
            raise InvalidInput(
                "--model: the address of {server} must be without user and password, as it is shown to people. Give "
                "the server's key with --api-key-file or as QWEN_UI_REMOTE_KEY.",
                server=parts.netloc.rpartition("@")[2],
            )
        return cls(url.rstrip("/"), unquote(name))

    @property
    def place(self) -> str:
        """The server's name and port: what people are shown of it."""
        return urlsplit(self.url).netloc


def keys(text: str) -> dict[str, str]:
    """The keys in a file by the servers' addresses; the empty address is that of all others.

    Each line is an address and a key, or a key alone. Raises `InvalidInput` without what is in the line: it may be one.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        address = Remote.of(words[0]).url if len(words) == 2 and is_address(words[0]) else ""
        if (len(words) > 1 and not address) or address in found:
            raise InvalidInput(
                "--api-key-file: line {number} must be a server's address and its key, for one that has no line yet, "
                "or, once in the file, a key alone.",
                number=number,
            )
        found[address] = words[-1]
    return found
