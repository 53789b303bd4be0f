"""What Gradio holds of a visitor's page."""

from copy import copy
from typing import Any

import gradio as gr
from gradio.state_holder import SessionState


class Session(SessionState):
    """A session without a copy of every component's configuration: what changes is added by itself.

    Gradio makes that copy for links to what a page shows, and this page gives none out. It took a tenth of a second of
    the core that all share, for each visitor who comes, and a megabyte.
    """

    def __init__(self, blocks: gr.Blocks) -> None:
        self.blocks_config = copy(blocks.default_config)
        self.config_values: dict[int, Any] = {}
        self.state_data: dict[int, Any] = {}
        self._state_ttl: dict[int, Any] = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = 3600
