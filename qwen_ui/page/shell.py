"""The page around the tabs, and how it is served."""

import math
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import Depends, FastAPI
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import Scope

from qwen_ui.engine.queue import WAITING_PER_SLOT
from qwen_ui.finetune.queue import RunQueue
from qwen_ui.knowledge.library import Library
from qwen_ui.page import decisions, drafts, mcp, picker, sending
from qwen_ui.page.app import App
from qwen_ui.page.endpoints import Page, publish
from qwen_ui.page.events import QUIET
from qwen_ui.page.header import Header
from qwen_ui.page.kept import GIVE
from qwen_ui.page.session import Session
from qwen_ui.page.tab import Tab
from qwen_ui.page.words import Words, label
from qwen_ui.prompts import PromptStore
from qwen_ui.server.connections import Connections, room
from qwen_ui.server.front import FrontPage
from qwen_ui.server.gate import Gate
from qwen_ui.server.host import EngineHost
from qwen_ui.server.hosts import Hosts, own_names
from qwen_ui.server.kept import EACH, KEPT, CountCalls, KeptSessions
from qwen_ui.server.marks import Marks, key_in
from qwen_ui.server.routes import UPLOAD
from qwen_ui.server.sessions import RunningRequests
from qwen_ui.server.turns import Turns
from qwen_ui.settings import Settings
from qwen_ui.tabs import TABS
from qwen_ui.text.code.checker import Checker

STYLE = Path(__file__).parent / "style"
WAITING_EVENTS = 1024
QUEUE_LOOKS = 0.02
"""Seconds between two looks of Gradio's queue for new events.

By itself it looks a thousand times a second, idle or not, which took a sixth of the model's speed on two CPU cores.
"""
RUNNING = 250
"""For so many answers that may run at once `KEPT` sessions are kept: none whose answer runs is pushed out."""
CONNECTIONS_EACH = 50
"""Connections of one visitor for each answer that may run. An office has one address; a browser takes up to six."""
HOUR = 3600
THEME = gr.themes.Soft(
    primary_hue="indigo",
    secondary_hue="indigo",
    neutral_hue="slate",
    radius_size="lg",
    font=["system-ui", "-apple-system", "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif"],
    font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"],
).set(
    body_background_fill="*neutral_50",
    block_title_background_fill="none",
    block_title_background_fill_dark="none",
    block_title_text_color="*body_text_color",
    block_title_text_color_dark="*body_text_color",
    block_title_text_weight="600",
    block_title_padding="0",
    block_shadow="none",
    button_primary_shadow="none",
    button_secondary_shadow="none",
    input_shadow="none",
    input_border_width="1px",
    input_border_width_dark="1px",
    input_border_color="*neutral_300",
    input_border_color_dark="*neutral_600",
    # Soft's own colours for these have less contrast than the 4.5 that WCAG 2.2 asks for.
    body_text_color_subdued="*neutral_500",
    body_text_color_subdued_dark="*neutral_300",
    input_placeholder_color="*neutral_500",
    input_placeholder_color_dark="*neutral_400",
    link_text_color_dark="*primary_400",
    link_text_color_active_dark="*primary_400",
    link_text_color_visited_dark="*primary_400",
    link_text_color_hover_dark="*primary_300",
    color_accent="*primary_600",
    block_label_text_color="*primary_700",
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_hover="*primary_700",
    button_primary_border_color="*primary_600",
    checkbox_label_background_fill_selected="*primary_600",
)


def build(host: EngineHost, settings: Settings, library: Library, runs: RunQueue, tabs: Sequence[Tab] = TABS) -> Page:
    """The whole page with its API, not yet served."""
    shown = [tab for tab in tabs if not (tab.owner_only and settings.is_public)]
    prompts, running = PromptStore(settings.prompts_dir), RunningRequests()
    app = App(settings, host, prompts, library, runs, picker.picker(), running, Words(tabs), Checker())
    page = Page(title="Qwen UI", analytics_enabled=False, delete_cache=(HOUR, HOUR), fill_width=True)
    page.running, page.endpoints = running, {}
    with page:
        header = Header(app)
        parts = {}
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap") as places:
            for tab in shown:
                with gr.Tab(label(tab.name), id=tab.id) as place:
                    parts[tab.id] = tab.lay_out(app, page, place)
        for kept in (kept for part in parts.values() for kept in part.kept):
            kept.render()  # type: ignore[no-untyped-call]
        page.load(None, None, None, js=GIVE, **QUIET)
        sending.connect(app, places, {tab.id: tab.name for tab in shown}, parts)
        drafts.keep(page, [box for part in parts.values() for box in part.typed])
        picker.wire(app)
        header.wire(page, [button for part in parts.values() for button in part.senders])
        publish(_status(app), "status")
        for endpoint in [*chain.from_iterable(tab.endpoints(app) for tab in tabs), decisions.endpoint(app)]:
            publish(endpoint)
            page.endpoints[endpoint.__name__] = endpoint

        async def leave(request: gr.Request) -> None:
            running.close_session(request.session_hash or "")

        page.unload(leave)
    page.queue(api_open=False, max_size=WAITING_EVENTS)
    page._queue.sleep_when_free = page._queue.progress_update_sleep_when_free = QUEUE_LOOKS
    return page


def _status(app: App) -> Callable[[], dict[str, Any]]:
    def status() -> dict[str, Any]:
        """What runs here, whether it is ready, and how busy it is: the default model, and in "models" all of them."""
        return app.host.status()

    return status


def launch(page: Page, settings: Settings, routes: Sequence[BaseRoute] = (), tabs: Sequence[Tab] = TABS) -> str:
    """Serves the page, and the routes beside it, from a thread of its own and gives its address.

    Nobody is asked for a password on the routes. Raises `OSError` when the port is taken.
    """
    # The server believes whoever speaks from this machine on where visitors come from; only --trusted-proxy may say so.
    os.environ["FORWARDED_ALLOW_IPS"] = ""
    kept = KEPT * math.ceil(settings.max_concurrent / RUNNING)
    sessions = KeptSessions(settings.proxies, EACH if settings.is_public else kept, kept, Session)
    connections = Connections(room(), _of_one(settings), settings.proxies)
    _, address, _ = page.launch(
        server_name=settings.host,
        server_port=settings.port,
        share=settings.share,
        auth=settings.credentials,
        prevent_thread_lock=True,
        quiet=True,
        theme=THEME,
        css_paths=[
            *sorted(STYLE.glob("*.css")),
            *(path for tab in tabs if (path := tab.folder / "style.css").exists()),
        ],
        head_paths=sorted(STYLE.glob("*.html")),
        i18n=Words(tabs).i18n(),
        footer_links=["api"],
        ssr_mode=False,
        mcp_server=False,
        run_history=False,
        enable_monitoring=False,
        strict_cors=True,
        show_error=False,
        _frontend=False,  # its check whether it reaches itself gives up after 3 s: a busy machine could not start
        allowed_paths=[],
        max_file_size=f"{settings.upload_limit_mb}mb",
        state_session_capacity=10 * kept,  # never reached: they are counted by visitor
        # Gradio puts its own routes after these.
        app_kwargs={
            "routes": [*routes, *mcp.routes(page.endpoints, settings)],
            "lifespan": _behind_gate(settings),
            "middleware": [
                *_turns(settings),
                Middleware(CountCalls, sessions=sessions),
                Middleware(FrontPage, user=_user),
            ],
            "dependencies": [Depends(sessions.named)],
        },
    )
    # Gradio runs 40 events at once, whatever the engine takes: answers that run or wait there leave that many free.
    page._queue.active_jobs += [None] * (1 + WAITING_PER_SLOT) * settings.max_concurrent
    page.server.config.http_protocol_class = connections.protocol  # type: ignore[assignment]  # it makes them
    return str(address)


def _behind_gate(settings: Settings) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Puts the gate before all that serves, once that is made: Gradio's own middleware goes before any it is given."""
    marks = Marks(key_in(settings.data_dir)) if settings.is_public else None
    hosts = Hosts([*own_names(settings.host), *settings.hosts])
    upload_bytes = settings.upload_limit_mb * 1_000_000

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        assert app.middleware_stack is not None  # it has led here
        app.middleware_stack = Gate(app.middleware_stack, hosts, upload_bytes, marks, settings.proxies, _signed_in)
        yield

    return lifespan


def _signed_in(scope: Scope) -> bool:
    """Whether Gradio knows the visitor, or knows no sign-in."""
    return scope["app"].auth is None or _user(scope) is not None


def _user(scope: Scope) -> str | None:
    """Who has signed in, as Gradio knows them."""
    app, cookies = scope["app"], Request(scope).cookies
    token = cookies.get(f"access-token-{app.cookie_id}") or cookies.get(f"access-token-unsecure-{app.cookie_id}")
    user: str | None = app.tokens.get(token)
    return user


def _of_one(settings: Settings) -> int | None:
    """As many connections as one visitor may have."""
    return CONNECTIONS_EACH * settings.running_per_visitor if settings.is_public else None


def _turns(settings: Settings) -> list[Middleware]:
    """What keeps strangers' shares apart."""
    if not settings.is_public:
        return []
    return [
        Middleware(Turns, running=settings.running_per_visitor, apart=frozenset([UPLOAD]), trusted=settings.proxies)
    ]
