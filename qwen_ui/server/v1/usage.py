"""What a request has cost, all its answers together."""

from openai.types import CompletionUsage
from openai.types.completion_usage import PromptTokensDetails

from qwen_ui.messages import Usage


class Costs:
    """Adds up; a prompt that several answers share is counted for the first."""

    def __init__(self) -> None:
        self._prompts: dict[int, Usage] = {}
        self._new = 0

    def add(self, usage: Usage, prompt: int = 0) -> None:
        """An answer to the prompt of that number is whole."""
        self._prompts.setdefault(prompt, usage)
        self._new += usage.new_tokens

    def read(self, tokens: int, prompt: int) -> None:
        """A prompt of so many tokens was only looked at."""
        self._prompts.setdefault(prompt, Usage(tokens, 0, 0, 0, 0, "stop", 0))

    @property
    def usage(self) -> CompletionUsage:
        """As OpenAI has it."""
        asked = sum(each.prompt_tokens for each in self._prompts.values())
        cached = sum(each.reused_tokens for each in self._prompts.values())
        return CompletionUsage(
            prompt_tokens=asked,
            completion_tokens=self._new,
            total_tokens=asked + self._new,
            prompt_tokens_details=PromptTokensDetails(cached_tokens=cached),
        )
