"""The engine over a server that speaks OpenAI's API: vLLM, SGLang, llama.cpp, Ollama, another Qwen UI."""

from qwen_ui.engine.remote.engine import RemoteEngine
from qwen_ui.engine.remote.opening import open_server

__all__ = ["RemoteEngine", "open_server"]
