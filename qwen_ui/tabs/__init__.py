"""The tabs: a folder each, and this list of them."""

from importlib import import_module

from qwen_ui.page.tab import Tab

NAMES = (
    "chat",
    "write",
    "ask",
    "translate",
    "sentiment",
    "code",
    "finetune",
    "inside",
    "prompts",
)
TABS: tuple[Tab, ...] = tuple(import_module(f"{__name__}.{name}.tab").TAB for name in NAMES)
"""In their order on the page. Nothing else names them: page, endpoints, metrics and words come from their folders."""
