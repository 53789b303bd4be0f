"""The tasks as tools for programs that speak MCP: which endpoints, and what is told of their parameters."""

import inspect
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any

from gradio.utils import get_function_description, get_function_params
from gradio_client.utils import python_type_to_json_schema
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from qwen_ui.page.app import Program
from qwen_ui.server.mcp import McpServer, Tool
from qwen_ui.server.routes import MCP
from qwen_ui.server.v1.keys import Keys
from qwen_ui.settings import Settings

Endpoint = Callable[..., Any]

TOOLS = ("chat", "ask", "search", "collections", "translate", "sentiment", "decide", "code")
"""The endpoints that are tools: each answers, and none changes anything."""
OF_ALL = {
    "adapter": "Name of the adapter that answers; empty for the model itself.",
    "model": "Name of the model that answers, as /v1 has it; empty for the first one.",
}
"""Parameters that many endpoints have."""


def routes(endpoints: Mapping[str, Endpoint], settings: Settings) -> list[Route]:
    """Where MCP is served; where it is off, that it is."""
    if not settings.mcp:
        return [Route(path, _off, methods=["GET", "POST", "DELETE"]) for path in (MCP, f"{MCP}/")]
    tools = [tool_of(endpoints[name]) for name in TOOLS if name in endpoints]
    server = McpServer(tools, Keys(settings.api_keys, settings.proxies))
    return [Route(path, server) for path in (MCP, f"{MCP}/")]


async def _off(request: Request) -> PlainTextResponse:
    return PlainTextResponse("MCP is off. Start the app with --mcp, and in public mode with --api-key.", 404)


def tool_of(endpoint: Endpoint) -> Tool:
    """An endpoint as a tool: its types, defaults and docstring as Gradio reads them."""
    description, meanings, results = get_function_description(endpoint)
    schema: dict[str, Any] = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    for name, optional, default, hint in get_function_params(endpoint):
        form = python_type_to_json_schema(hint)
        if "enum" in form:  # Gradio leaves it out, and some clients go by it alone
            form["type"] = "string"
        if "anyOf" in form:
            form["type"] = [each["type"] for each in form["anyOf"]]
        schema["properties"][name] = {**form, "description": meanings[name] or OF_ALL[name]}
        if optional:
            schema["properties"][name]["default"] = default
        else:
            schema["required"].append(name)
    told = " ".join([description, "Returns:", *results])
    return Tool(endpoint.__name__, told, schema, partial(_run, endpoint))


async def _run(
    endpoint: Endpoint, request: Request, key: str, arguments: Mapping[str, Any]
) -> AsyncGenerator[Any, None]:
    """The results of an endpoint for a program."""
    results = endpoint(**arguments, request=Program(request, key))
    if inspect.isasyncgen(results):
        async with aclosing(results):
            async for result in results:
                yield result
    else:
        yield await results
