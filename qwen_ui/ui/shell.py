"""The page around the tabs, and how it is served."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import gradio as gr
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from qwen_ui.config import Settings
from qwen_ui.knowledge.library import Library
from qwen_ui.prompts import PromptStore
from qwen_ui.server.gate import Guard
from qwen_ui.server.host import EngineHost
from qwen_ui.server.sessions import KEPT, ForgetCalls
from qwen_ui.ui import api, chat, drafts, sending
from qwen_ui.ui.ask import api as ask_api
from qwen_ui.ui.ask import tab as ask
from qwen_ui.ui.code import api as code_api
from qwen_ui.ui.code import tab as code
from qwen_ui.ui.header import Header
from qwen_ui.ui.prompt_files import tab as prompt_files
from qwen_ui.ui.sentiment import api as sentiment_api
from qwen_ui.ui.sentiment import tab as sentiment
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import I18N
from qwen_ui.ui.translate import api as translate_api
from qwen_ui.ui.translate import tab as translate
from qwen_ui.ui.write import api as write_api
from qwen_ui.ui.write import tab as write

log = logging.getLogger(__name__)

STYLE = Path(__file__).parent / "style"
WAITING_EVENTS = 1024
QUEUE_LOOKS = 0.02
"""Seconds between two looks of Gradio's queue for new events.

By itself it looks a thousand times a second, idle or not, which took a sixth of the model's speed on two CPU cores.
"""
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
)


def build(host: EngineHost, settings: Settings, library: Library) -> gr.Blocks:
    """The whole page with its API, not yet served."""
    running, prompts = Running(), PromptStore(settings.prompts_dir)
    page = gr.Blocks(title="Qwen UI", analytics_enabled=False, delete_cache=(HOUR, HOUR), fill_width=True)
    with page:
        header = Header(host)
        parts = {}
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab(I18N("chat"), id="chat"):
                parts["chat"] = chat.tab(page, host, prompts, running)
            with gr.Tab(I18N("write"), id="write"):
                parts["write"] = write.tab(page, host, prompts, running, settings)
            with gr.Tab(I18N("ask_tab"), id="ask"):
                parts["ask"] = ask.tab(page, host, prompts, running, settings, library)
            with gr.Tab(I18N("translate"), id="translate"):
                parts["translate"] = translate.tab(page, host, prompts, running, settings)
            with gr.Tab(I18N("sentiment"), id="sentiment"):
                parts["sentiment"] = sentiment.tab(page, host, prompts, running, settings)
            with gr.Tab(I18N("code_tab"), id="code"):
                parts["code"] = code.tab(page, host, prompts, running, settings)
            with gr.Tab(I18N("prompts"), id="prompts") as place:
                parts["prompts"] = prompt_files.tab(
                    page, place, host, prompts, running, settings, not settings.is_public
                )
        for kept in (kept for part in parts.values() for kept in part.kept):
            kept.render()  # type: ignore[no-untyped-call]
        sending.connect(tabs, parts)
        drafts.keep(page, [box for part in parts.values() for box in part.typed])
        header.wire(page, [button for part in parts.values() for button in part.senders])
        api.endpoints(host, running)
        ask_api.endpoint(host, prompts, running, settings, library)
        for tab_api in (write_api, translate_api, sentiment_api, code_api):
            tab_api.endpoint(host, prompts, running, settings)

        async def leave(request: gr.Request) -> None:
            running.close_session(request.session_hash or "")

        page.unload(leave)
    page.queue(api_open=False, max_size=WAITING_EVENTS)
    page._queue.sleep_when_free = page._queue.progress_update_sleep_when_free = QUEUE_LOOKS
    return page


def launch(page: gr.Blocks, settings: Settings, routes: Sequence[BaseRoute] = ()) -> str:
    """Serves the page, and the routes beside it, from a thread of its own and gives its address.

    Nobody is asked for a password on the routes. Raises `OSError` when the port is taken.
    """
    # The server believes whoever speaks from this machine on where visitors come from; only --trusted-proxy may say so.
    os.environ.setdefault("FORWARDED_ALLOW_IPS", "")
    megabytes = settings.upload_limit_mb
    guard = Middleware(Guard, public=settings.is_public, upload_bytes=megabytes * 1_000_000, trusted=settings.proxies)
    _, address, _ = page.launch(
        server_name=settings.host,
        server_port=settings.port,
        share=settings.share,
        auth=settings.credentials,
        prevent_thread_lock=True,
        quiet=True,
        theme=THEME,
        css_paths=sorted(STYLE.glob("*.css")),
        head_paths=[STYLE / "head.html"],
        i18n=I18N,
        footer_links=["api"],
        ssr_mode=False,
        mcp_server=False,
        run_history=False,
        enable_monitoring=False,
        strict_cors=True,
        show_error=False,
        allowed_paths=[],
        max_file_size=f"{megabytes}mb",
        state_session_capacity=KEPT,
        # Gradio puts its own routes after these.
        app_kwargs={"routes": list(routes), "middleware": [guard, Middleware(ForgetCalls)]},
    )
    return str(address)
