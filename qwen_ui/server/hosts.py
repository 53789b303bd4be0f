"""Under which names the page is served, and whether another site's page has a browser ask for it.

What a browser sends is enough to tell, for every kind of request:

- Whatever another site's page could read the answer of, and every request that is neither GET nor HEAD, comes with
  ``Origin``: of that page, or ``null``. So ``/config``, ``/gradio_api/info``, ``queue/data`` and whatever changes
  anything are refused where it is not the page's own, whatever the method.
- Without ``Origin`` there are left scripts (curl, gradio_client), which could send any header anyway; pages of our own;
  a link that is followed or a frame that is opened, as on Spaces; and what a page loads blindly, such as an image. That
  another site can't read: it is no image, and ``nosniff`` keeps it from being run as a script. To HTTPS and to this
  machine ``Sec-Fetch-Site`` comes with it as well, and then it is refused.
- A name of the other site's own that resolves to this machine (DNS rebinding) makes it the same site to the browser, in
  all headers. So no name is served but those that are known to be ours: ``Host`` is always there, and always looked at.
  An address in its place was not resolved from any name: the page at it came from that very address.
"""

import re
import socket
from collections.abc import Iterable
from ipaddress import ip_address

from starlette.datastructures import Headers

from qwen_ui.settings import THIS_MACHINE

AUTHORITY = re.compile(r"(?:\[([0-9a-f:.]+(?:%\w+)?)\]|([a-z0-9_.-]+?)\.?)(?::([0-9]{1,5}))?", re.IGNORECASE | re.ASCII)
DEFAULT_PORTS = {"80", "443"}
"""Browsers leave them out; proxies may not."""


class Hosts:
    """The names that the page is served under. ``*.example.com`` is every name below that one."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(name.lower() for name in names)
        self._below = tuple(name[1:] for name in self._names if name.startswith("*."))

    def serve(self, host: str) -> bool:
        """Whether a ``Host`` header is one of ours."""
        name = _parts(host)[0]
        return name in self._names or name.endswith(self._below) or _is_address(name)


def own_names(listening: str) -> set[str]:
    """This machine's names, those in its network only where that can reach the address it listens on."""
    name = socket.gethostname().lower()
    names = {"localhost", "*.localhost", listening, name, f"{name.split('.')[0]}.local"}
    # The whole name is asked of the network, which may take a while.
    return names if listening in THIS_MACHINE else {*names, socket.getfqdn()}


def from_elsewhere(method: str, headers: Headers) -> bool:
    """Whether the request comes from another site's page. Its host is one of ours already."""
    host = _parts(headers["host"])
    if any(_parts(origin.partition("://")[2]) != host for origin in headers.getlist("origin")):
        return True
    followed = method in {"GET", "HEAD"} and headers.get("sec-fetch-mode") == "navigate"
    return headers.get("sec-fetch-site") in {"cross-site", "same-site"} and not followed


def _parts(host: str) -> tuple[str, str]:
    """Name or address, and port; nothing at all of what is no host."""
    found = AUTHORITY.fullmatch(host)
    if not found:
        return "", ""
    address, name, port = found.groups(default="")
    return (address or name).lower(), "" if port in DEFAULT_PORTS else port


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
