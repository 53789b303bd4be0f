"""The routes that the page needs.

All else that Gradio serves (its proxy, its monitoring, the logging out of everybody…) is not there.
"""

UPLOAD, LOGIN = "/gradio_api/upload", "/login"
PROBES = frozenset(["/healthz", "/readyz"])
"""They give nothing away: whoever watches over the server may ask under any name."""

API, MCP = "/v1/", "/gradio_api/mcp"
"""They ask for keys of their own, and never for the page's sign-in."""

_FORM = frozenset(
    [
        *("/", LOGIN, "/theme.css", "/robots.txt", "/manifest.json", "/favicon.ico", "/pwa_icon"),
        *("/gradio_api/startup-events", "/gradio_api/theme.css"),
    ]
)
_LOOKS = ("/static/", "/assets/", "/svelte/", "/pwa_icon/")
"""The same files for everybody, for as long as the app has this version."""
_EXACT = frozenset(
    [
        *("/config", UPLOAD, "/gradio_api/upload_progress", "/gradio_api/app_id", "/gradio_api/user"),
        *("/gradio_api/login_check", "/gradio_api/info", "/gradio_api/openapi.json", "/gradio_api/run/predict"),
        *("/gradio_api/queue/join", "/gradio_api/queue/data", "/gradio_api/cancel", "/gradio_api/reset"),
    ]
)
_BEGINNINGS = ("/gradio_api/file=", "/gradio_api/call/", "/gradio_api/heartbeat/", "/gradio_api/queue/")


def is_served(path: str) -> bool:
    """Whether there is anything under the path."""
    return is_open(path) or _tidy(path) in _EXACT or path.startswith(_BEGINNINGS)


def is_open(path: str) -> bool:
    """Whether it answers without a sign-in: the form to sign in with, its looks, the probes, and what asks for keys."""
    return _tidy(path) in _FORM | PROBES | {MCP} or is_lasting(path) or path.startswith(API)


def is_lasting(path: str) -> bool:
    """Whether browsers and proxies may keep what it answers: nothing of a visitor or of the page's name is in it."""
    return path.startswith(_LOOKS)


def _tidy(path: str) -> str:
    return path.rstrip("/") or "/"
