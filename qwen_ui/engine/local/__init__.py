"""The engine on this machine: transformers' continuous batching over one model."""

from qwen_ui.engine.local.engine import LocalEngine

__all__ = ["LocalEngine"]
