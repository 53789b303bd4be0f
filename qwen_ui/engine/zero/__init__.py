"""The engine for ZeroGPU Spaces, where a GPU is there only while a decorated function runs."""

from qwen_ui.engine.zero.engine import ZeroEngine

__all__ = ["ZeroEngine"]
