"""What proxies say of a request: by whom, to which name and how it was sent before it came here."""

from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.types import Scope

from qwen_ui.server.visitors import FORWARDED, is_among
from qwen_ui.settings import Network

HOST, SCHEME = "x-forwarded-host", "x-forwarded-proto"
OTHERS = ("forwarded", "x-forwarded-server", "x-forwarded-port", "x-forwarded-prefix", "x-gradio-server")


def settle(scope: Scope, trusted: Sequence[Network]) -> MutableHeaders:
    """The request's headers, with name and scheme as its visitor sees them where a trusted proxy tells.

    What anybody else says of them goes: Gradio would make addresses of it. Proxies stay in one ``X-Forwarded-For``: one
    may add a line of its own instead of going on in the visitor's, and whoever reads one line would read the visitor's.
    Lines of the same name are one list: RFC 9110, section 5.3.
    """
    headers = MutableHeaders(scope=scope)
    peer = scope["client"][0] if scope.get("client") else ""
    host, scheme = (headers.get(name, "").split(",")[0].strip().lower() for name in (HOST, SCHEME))
    for name in (HOST, SCHEME, *OTHERS):
        del headers[name]
    if is_among(peer, trusted):
        if host:
            headers["host"] = host
        if scheme in {"http", "https"}:
            scope["scheme"] = scheme
    if len(lines := headers.getlist(FORWARDED)) > 1:
        headers[FORWARDED] = ", ".join(lines)
    return headers
