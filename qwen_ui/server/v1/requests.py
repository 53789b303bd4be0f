"""What can be asked of /v1, checked."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.requests import Request as HttpRequest

from qwen_ui.messages import MAX_STOP_STRINGS, Sampling
from qwen_ui.server.v1.errors import ApiError, unsupported

MAX_TOP = 20
"""Alternatives of a token that can be asked for."""

_OF_NO_EFFECT = frozenset(
    [
        *("user", "metadata", "store", "service_tier", "prediction"),
        *("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier"),
    ]
)
"""Fields of OpenAI's that change nothing of an answer."""
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "modalities": (["text"],),
    "best_of": (1,),
    "suffix": ("",),
    **dict.fromkeys(("audio", "functions", "function_call", "web_search_options", "moderation"), ()),
    **dict.fromkeys(("reasoning_effort", "verbosity"), ()),
}
"""Fields of OpenAI's that the engine can't follow, with the values that ask for nothing."""

Stop = Annotated[list[Annotated[str, Field(min_length=1)]], Field(max_length=MAX_STOP_STRINGS)]


class StreamOptions(BaseModel):
    """What else a stream holds."""

    include_usage: bool = False


class Named(BaseModel):
    """What every request says: which model it is for. Fields that are null count as not given."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str

    @model_validator(mode="before")
    @classmethod
    def _only_what_counts(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        return {name: value for name, value in given.items() if value is not None and name not in _OF_NO_EFFECT}


class Request(Named):
    """What both ways to generate have in common."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = Field(default=None, ge=0)
    n: int = Field(default=1, ge=1)
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    stop: Stop = []
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()

    @model_validator(mode="before")
    @classmethod
    def _only_what_the_engine_can(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        asked = {name: value for name, value in given.items() if value is not None}
        for name in asked.keys() & _NEUTRAL.keys():
            if asked.pop(name) not in _NEUTRAL[name]:
                raise unsupported(name, "The engine can't follow it.")
        if isinstance(asked.get("stop"), str):
            asked["stop"] = [asked["stop"]]
        return asked

    def sampling(self, max_new_tokens: int, form: str = "") -> Sampling:
        """How to pick tokens: by the model's own figures where the request says nothing.

        Raises `InvalidInput` for figures that can't be.
        """
        given = {"temperature": self.temperature, "top_p": self.top_p, "top_k": self.top_k}
        named: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        return Sampling(max_new_tokens=max_new_tokens, stop=tuple(self.stop), form=form, seed=self.seed, **named)


class JsonSchema(BaseModel):
    """What JSON it has to be. Its ``description`` and ``strict`` change nothing: answers are always held to it."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9_-]+$")
    given: dict[str, Any] = Field(default={"type": "object"}, alias="schema")


class ResponseFormat(BaseModel):
    """The form that an answer has to have."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None

    @property
    def form(self) -> str:
        """The JSON schema that it has to fit; empty where it is a text."""
        match self.type:
            case "text":
                return ""
            case "json_object":
                return json.dumps({"type": "object"})
        return json.dumps((self.json_schema or JsonSchema(name="any")).given, ensure_ascii=False)

    @model_validator(mode="after")
    def _whole(self) -> "ResponseFormat":
        if self.type == "json_schema" and self.json_schema is None:
            raise ValueError("'json_schema' is missing.")
        return self


class Function(BaseModel):
    """A function that the model may call."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9_.-]+$")
    description: str = ""
    parameters: dict[str, Any] = {}


class Tool(BaseModel):
    """A tool that the model may call: a function."""

    type: Literal["function"]
    function: Function


class NamedFunction(BaseModel):
    """A function by its name."""

    name: str


class NamedTool(BaseModel):
    """The tool that has to be called."""

    type: Literal["function"]
    function: NamedFunction


class CalledFunction(BaseModel):
    """A function and what it was called with, as JSON."""

    name: str
    arguments: str


class Called(BaseModel):
    """A call in an assistant's message."""

    id: str = ""
    type: Literal["function"] = "function"
    function: CalledFunction


class Part(BaseModel):
    """A piece of a message's content."""

    type: str
    text: str = ""


class Said(BaseModel):
    """A message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    tool_calls: list[Called] | None = None
    tool_call_id: str | None = None


class ChatRequest(Request):
    """POST /v1/chat/completions."""

    messages: list[Said] = Field(min_length=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    logprobs: bool = False
    top_logprobs: int = Field(default=0, ge=0, le=MAX_TOP)
    tools: list[Tool] = []
    tool_choice: Literal["none", "auto", "required"] | NamedTool = "auto"
    parallel_tool_calls: bool = True
    response_format: ResponseFormat = ResponseFormat(type="text")


Ids = list[Annotated[int, Field(ge=0)]]


class CompletionRequest(Request):
    """POST /v1/completions."""

    MAX_PROMPTS: ClassVar[int] = 128

    prompt: str | Ids | Annotated[list[str | Ids], Field(max_length=MAX_PROMPTS)]
    echo: bool = False
    logprobs: int | None = Field(default=None, ge=0, le=MAX_TOP)

    @property
    def prompts(self) -> list[str | Ids]:
        """Each by itself: a list of numbers is one of ids."""
        if isinstance(self.prompt, str) or all(isinstance(each, int) for each in self.prompt):
            return [self.prompt]  # type: ignore[list-item]
        return list(self.prompt)  # type: ignore[arg-type]


class DecideRequest(Named):
    """POST /v1/decide. See `qwen_ui.decisions.deciding.Asked`, which is checked there."""

    text: str | list[str]
    question: str = ""
    options: str | list[str] = ""
    template: str = ""
    calibration: Literal["auto", "batch", "reference", "none"] = "auto"


Asked = TypeVar("Asked", bound=Named)


def read(kind: type[Asked], body: bytes) -> Asked:
    """The request that the body holds. Raises `ValidationError` and `ApiError`."""
    return kind.model_validate_json(body)


async def json_body(request: HttpRequest) -> bytes:
    """The request's body. What is not sent as JSON may come from another site's form: see docs/security.md."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(400, "Send the request as JSON, with Content-Type: application/json.", "invalid_content_type")
    return await request.body()
