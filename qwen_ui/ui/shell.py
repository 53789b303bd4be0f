"""The page around the tabs, and how it is served."""

import logging
from pathlib import Path

import gradio as gr

from qwen_ui.config import Settings
from qwen_ui.host import EngineHost
from qwen_ui.prompts import PromptStore
from qwen_ui.ui import api, chat
from qwen_ui.ui.header import Header
from qwen_ui.ui.streaming import Running
from qwen_ui.ui.texts import I18N

log = logging.getLogger(__name__)

STYLE = Path(__file__).parent / "style"
WAITING_EVENTS = 1024
MAX_UPLOAD = "5mb"
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
)


def build(host: EngineHost, prompts: PromptStore) -> gr.Blocks:
    """The whole page with its API, not yet served."""
    running = Running()
    page = gr.Blocks(title="Qwen UI", analytics_enabled=False, delete_cache=(HOUR, HOUR), fill_width=True)
    with page:
        header = Header(host)
        with gr.Tabs(), gr.Tab(I18N("chat"), id="chat"):
            senders = [chat.tab(page, host, prompts, running)]
        header.wire(page, senders)
        api.endpoints(host, running)

        async def leave(request: gr.Request) -> None:
            running.close_session(request.session_hash or "")

        page.unload(leave)
    page.queue(api_open=False, max_size=WAITING_EVENTS)
    return page


def launch(page: gr.Blocks, settings: Settings) -> str:
    """Serves the page from a thread of its own and gives its address. Raises `OSError` when the port is taken."""
    if settings.share and settings.auth is None:
        log.warning("Whoever knows the shared link can use it. Set --auth to ask for a password.")
    _, address, _ = page.launch(
        server_name=settings.host,
        server_port=settings.port,
        share=settings.share,
        auth=settings.auth,
        prevent_thread_lock=True,
        quiet=True,
        theme=THEME,
        css_paths=[STYLE / "page.css"],
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
        max_file_size=MAX_UPLOAD,
    )
    return str(address)
