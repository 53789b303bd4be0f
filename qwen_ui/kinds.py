"""The kinds of settings: how each is read from text, which values can work, and how that is said."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal, Protocol

from qwen_ui.errors import InvalidInput

Network = IPv4Network | IPv6Network
Auth = tuple[str, str] | Literal["none"]


def flag_of(name: str) -> str:
    """The setting's flag: ``--max-context`` for ``max_context``."""
    return f"--{name.replace('_', '-')}"


def variable_of(name: str) -> str:
    """The setting's environment variable: ``QWEN_UI_MAX_CONTEXT`` for ``max_context``."""
    return f"QWEN_UI_{name.upper()}"


class Kind(Protocol):
    """What a setting's values are. Both methods raise `InvalidInput` with a sentence that names the setting."""

    @property
    def values(self) -> str:
        """The values that can work, for the page of settings; empty when the setting's meaning says it."""

    def read(self, name: str, text: Any) -> Any:
        """The value that the text stands for."""

    def check(self, name: str, value: Any) -> None:
        """Refuses a value that can't work."""


@dataclass(frozen=True, slots=True)
class Text:
    """Any text but an empty one."""

    hint: str = ""
    """What to say instead of nothing."""
    values = ""

    def read(self, name: str, text: str) -> str:
        """The text itself."""
        return text

    def check(self, name: str, value: str) -> None:
        """Refuses blanks alone."""
        if not value.strip():
            raise InvalidInput(f"{flag_of(name)} must not be empty. {self.hint}".rstrip())


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    options: Sequence[str]

    @property
    def values(self) -> str:
        """The words."""
        return ", ".join(f"`{option}`" for option in self.options)

    def read(self, name: str, text: str) -> str:
        """The text itself."""
        return text

    def check(self, name: str, value: str) -> None:
        """Refuses other words."""
        if value not in self.options:
            raise InvalidInput(f"{flag_of(name)} must be one of {', '.join(self.options)}, not {value!r}.")


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds. None stands for a default that depends on other settings."""

    low: int
    high: int

    @property
    def values(self) -> str:
        """The bounds."""
        return f"{self.low:,} to {self.high:,}"

    def read(self, name: str, text: str) -> int:
        """The number."""
        try:
            return int(text)
        except ValueError:
            raise InvalidInput(f"{flag_of(name)} must be a whole number, not {text!r}.") from None

    def check(self, name: str, value: int | None) -> None:
        """Refuses numbers out of bounds."""
        if value is not None and not self.low <= value <= self.high:
            raise InvalidInput(f"{flag_of(name)} must be from {self.low} to {self.high}, not {value}.")


@dataclass(frozen=True, slots=True)
class Switch:
    """On or off: ``--share`` and ``--no-share``, ``true`` and ``false`` in a variable."""

    values = ""

    def read(self, name: str, text: str | bool) -> bool:
        """What the flag or the variable's word stands for."""
        if isinstance(text, bool):
            return text
        if text.lower() in {"1", "true", "yes", "on"}:
            return True
        if text.lower() in {"0", "false", "no", "off"}:
            return False
        raise InvalidInput(f"{variable_of(name)} must be true or false, not {text!r}.")

    def check(self, name: str, value: bool | None) -> None:
        """Nothing to refuse."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder's path."""

    required: str = ""
    """What the folder is called when it must be there already."""
    values = ""

    def read(self, name: str, text: str) -> Path:
        """The absolute path."""
        return Path(text).expanduser().resolve()

    def check(self, name: str, value: Path) -> None:
        """Refuses a folder that is not there but must be."""
        if self.required and not value.is_dir():
            raise InvalidInput(f"The {self.required} folder {value} does not exist. Set {flag_of(name)} to one.")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a password, or the word none."""

    values = ""

    def read(self, name: str, text: str) -> Auth:
        """User and password, or the word."""
        if text == "none":
            return "none"
        user, colon, password = text.partition(":")
        if not (user and colon and password):
            raise InvalidInput(f"{flag_of(name)} must be user:password, with both parts there, or the word none.")
        return user, password

    def check(self, name: str, value: Auth | None) -> None:
        """Nothing more to refuse."""


@dataclass(frozen=True, slots=True)
class Networks:
    """IP addresses and networks, separated by commas."""

    values = ""

    def read(self, name: str, text: str) -> tuple[Network, ...]:
        """Each as a network; an address is a network of one."""
        return tuple(self._network(name, part.strip()) for part in text.split(",") if part.strip())

    def check(self, name: str, value: tuple[Network, ...]) -> None:
        """Nothing more to refuse."""

    def _network(self, name: str, text: str) -> Network:
        try:
            return ip_network(text)
        except ValueError:
            raise InvalidInput(
                f"{flag_of(name)} must be IP addresses or networks separated by commas, such as 127.0.0.1,10.0.0.0/8; "
                f"{text!r} is none."
            ) from None
