"""Markdown as people and models write it: where its code stands, how to show it, and what of a document is prose."""

from qwen_ui.text.markdown.code import CodeBlock, blocks, closed, code_spans, spans
from qwen_ui.text.markdown.shown import FORMULA, as_typed, harmless, plain

__all__ = ["FORMULA", "CodeBlock", "as_typed", "blocks", "closed", "code_spans", "harmless", "plain", "spans"]
