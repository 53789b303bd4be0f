"""/healthz and /readyz, for whoever watches over the server. They need no password, so they give nothing away."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from qwen_ui.server.host import EngineHost

FRESH = {"Cache-Control": "no-store"}


def routes(host: EngineHost) -> list[Route]:
    """The two routes: whether the process serves at all, and whether it takes requests, for one model at least."""

    async def healthz(request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"}, headers=FRESH)

    async def readyz(request: Request) -> JSONResponse:
        return JSONResponse({"status": _state(host)}, 200 if host.ready else 503, headers=FRESH)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


def _state(host: EngineHost) -> str:
    """The stage alone: its detail may name files and addresses."""
    return "closing" if host.closing else host.progress.stage
