"""What Gradio keeps of each session, and for how long."""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

KEPT = 500
"""Sessions that are kept, those used last. Each takes 0.6 MB: a copy of every component's configuration."""
CALL = re.compile(r"/gradio_api/call/(?:v2/)?[^/]+/([^/]+)")


class ForgetCalls:
    """ASGI middleware: a call by plain HTTP is a session of its own, which is over once its answer has been read.

    Gradio would keep it like a visitor's, so that scripts would push the visitors' own out.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves; then forgets the session if it was a call's."""
        try:
            await self._app(scope, receive, send)
        finally:
            if scope["type"] == "http" and scope["method"] == "GET" and (call := CALL.fullmatch(scope["path"])):
                holder = scope["app"].state_holder
                with holder.lock:
                    holder.session_data.pop(call[1], None)
                    holder.time_last_used.pop(call[1], None)
