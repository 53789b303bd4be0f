"""Who a request is from: the address that a visitor's limits are counted for."""

import hashlib
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from qwen_ui.settings import Network

FORWARDED = "x-forwarded-for"
COOKIE = "qwen-ui-visitor"
"""By it a browser's documents are known to be its own, in public mode."""
IPV6_PREFIX = 64
"""Bits that name a subscriber: the rest of an address is theirs to change."""


def address_of(request: Any, trusted: Sequence[Network]) -> str:
    """Where a request comes from. ``request`` is Starlette's, or Gradio's around it."""
    peer = request.client.host if request.client else ""
    return address(peer, request.headers.get(FORWARDED, ""), trusted)


def owner_of(request: Any) -> str:
    """Whose collections a request may use in public mode: each browser's own.

    The name can't be turned back into the cookie. A script without the cookie owns what it makes in its session.
    """
    secret = request.cookies.get(COOKIE) or f"session {request.session_hash}"
    return hashlib.sha256(secret.encode()).hexdigest()


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
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in networks)


def _subscriber(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ip_network((address, IPV6_PREFIX), strict=False))
    return str(address)
