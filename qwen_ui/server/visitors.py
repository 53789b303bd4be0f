"""Who a request is from: the address that a visitor's limits are counted for, and whose documents it may use."""

import hashlib
import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Scope

from qwen_ui.errors import InvalidInput
from qwen_ui.settings import Network

FORWARDED = "x-forwarded-for"
COOKIE = "qwen-ui-visitor"
"""By it a browser's documents are known to be its own, in public mode. The gate lets through only those it made."""
IPV6_PREFIX = 64
"""Bits that name a subscriber: the rest of an address is theirs to change."""
WITH_PORT = re.compile(r'"?(?:\[([^\]]+)\]|([0-9.]+))(?::[0-9]+)?"?', re.ASCII)
"""As some proxies write addresses: each connection has another port, and is still the same visitor's."""


def address_of(request: Any, trusted: Sequence[Network]) -> str:
    """Where a request comes from. ``request`` is Starlette's, or Gradio's around it."""
    peer = request.client.host if request.client else ""
    return address(peer, request.headers.get(FORWARDED, ""), trusted)


def asking(request: Any, key: str, trusted: Sequence[Network]) -> str:
    """Whose limits a request counts for: the key's that it has shown, else those of where it comes from."""
    return f"key {key}" if key else address_of(request, trusted)


def visitor_of(scope: Scope, trusted: Sequence[Network]) -> str:
    """The same of a request that is not read yet; its proxies may stand in several lines."""
    peer = scope["client"][0] if scope.get("client") else ""
    return address(peer, ", ".join(Headers(scope=scope).getlist(FORWARDED)), trusted)


def owner_of(request: Any, address: str) -> str:
    """Whose collections a request from the address may use in public mode: each browser's own.

    The name can't be turned back into the cookie. A script without the cookie owns what it makes in its session. Who
    has neither is nobody: raises `InvalidInput`.
    """
    if cookie := request.cookies.get(COOKIE):
        who = f"cookie {cookie}"
    elif request.session_hash:
        who = f"session {request.session_hash} of {address}"
    else:
        raise InvalidInput("Nobody knows whose collections these are. Give the request a session_hash.")
    return hashlib.sha256(who.encode()).hexdigest()


def address(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """Where a visitor comes from: the peer, or what trusted proxies say of it.

    Each proxy appends whom it heard from to ``X-Forwarded-For``, so the list is read from its end for as long as the
    proxies named there are trusted; what is left of that, anybody may have written.
    """
    came_from = peer
    for hop in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
        if not is_among(came_from, trusted):
            break
        came_from = hop
    return _subscriber(came_from)


def is_among(text: str, networks: Sequence[Network]) -> bool:
    """Whether the text is an address in one of the networks."""
    address = _read(text)
    return address is not None and any(address in network for network in networks)


def _subscriber(text: str) -> str:
    address = _read(text)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), IPV6_PREFIX), strict=False))
    return text if address is None else str(address)


def _read(text: str) -> IPv4Address | IPv6Address | None:
    """The address in the text, without a port; an IPv4 address in IPv6's clothes is that."""
    if found := WITH_PORT.fullmatch(text):
        text = found[1] or found[2]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
