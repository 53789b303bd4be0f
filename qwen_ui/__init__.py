"""Qwen UI: a web chat and task playground for Qwen2.5-Instruct models."""

__version__ = "0.1.0"
