"""The sliders for how a model samples, which several tabs have."""

import gradio as gr

from qwen_ui.page.words import label


def temperature_slider(value: float, *, elem_id: str) -> gr.Slider:
    """How varied an answer is."""
    return gr.Slider(
        0,
        2,
        value,
        step=0.05,
        label=label("Temperature"),
        info=label("Higher is more varied; 0 always takes the most likely token"),
        elem_id=elem_id,
    )


def new_tokens_slider(value: int, most: int, *, elem_id: str) -> gr.Slider:
    """How long an answer may be."""
    return gr.Slider(
        16,
        most,
        value,
        step=16,
        label=label("Maximum length (tokens)"),
        info=label("Longest answer; a token is about ¾ of an English word"),
        elem_id=elem_id,
    )
