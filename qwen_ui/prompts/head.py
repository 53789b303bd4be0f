"""A prompt file's front matter: what of it has a meaning here, and what is only named.

The public format (https://prompty.ai) has two versions. Both are read: ``model.parameters`` and ``model.options``,
``sample`` and ``default``, ``inputs`` as a mapping or a list.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, cast

import yaml

from qwen_ui.errors import InvalidInput
from qwen_ui.messages import Sampling
from qwen_ui.prompts import sandbox
from qwen_ui.prompts.template import Input
from qwen_ui.sentences import Sentence

OPTIONS = ("max_new_tokens", "temperature", "top_p", "top_k", "stop")
_SAMPLING = {
    **{name: name for name in OPTIONS},
    **dict.fromkeys(("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens"), "max_new_tokens"),
    **dict.fromkeys(("maxTokens", "maxCompletionTokens"), "max_new_tokens"),
    **{"topP": "top_p", "topK": "top_k", "stopSequences": "stop", "stop_sequences": "stop"},
}
"""What `Sampling` calls the options of the public format, and of the services that it stands for."""
_OTHER_OPTIONS = {
    *("frequencyPenalty", "presencePenalty", "seed", "allowMultipleToolCalls", "additionalProperties", "user", "n"),
    *("frequency_penalty", "presence_penalty", "response_format", "responseFormat", "stream", "logit_bias"),
    *("tools", "tool_choice"),
}
"""Options of the public format, and of the services that it stands for, which are none here."""
_OTHER_MODEL = frozenset({"id", "name", "provider", "configuration", "connection", "response", "publisher"})
"""Keys that name another model."""
_RICH = ("thread", "image", "file", "audio")
"""Kinds of inputs that are no texts."""
_REFERENCE = re.compile(r"\$\{(?:env|file):[^}\n]*\}")


class Fault(Exception):
    """Something wrong at a line of the file."""

    def __init__(self, line: int, cause: Sentence) -> None:
        super().__init__(cause)
        self.line = line
        self.cause = cause


class Head:
    """The front matter: its values, and the line of the file that each stands on."""

    def __init__(self, text: str) -> None:
        try:
            loader = yaml.SafeLoader(text)
            self._node = loader.get_single_node()
            values = loader.construct_document(self._node) if self._node else {}
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise _not_yaml(mark.line + 2 if mark else 1, Sentence("{cause}.", cause=error.problem)) from error
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise _not_yaml(1, sandbox.describe(error)) from error
        if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
            raise Fault(2, Sentence("the front matter must be lines of the form key: value."))
        if self._node and len(self._node.value) > len(values):
            raise Fault(2, Sentence("a key stands twice in the front matter."))
        self.values: dict[str, Any] = values
        self.source = text
        self.warnings: list[tuple[int, Sentence]] = []
        """What has no meaning here, and on which line of the file it stands."""

    def warn(self, cause: Sentence, *keys: str) -> None:
        """Notes that what stands under the key has no meaning here."""
        self.warnings.append((self.line(*keys), cause))

    def line(self, *keys: str) -> int:
        """The line of the file where the key stands; of its innermost known parent if it can't be told."""
        node, line = self._node, 2
        for key in keys:
            pairs = node.value if isinstance(node, yaml.MappingNode) else []
            found = [(name, value) for name, value in pairs if name.value == key]
            if not found:
                break
            line, node = found[-1][0].start_mark.line + 2, found[-1][1]
        return line

    def text(self, key: str, default: str) -> str:
        value = self.values.get(key, default)
        if not isinstance(value, str) or not (value.strip() or key == "description"):
            raise Fault(self.line(key), Sentence("{key} must be a text. Put it in quotes.", key=key))
        return " ".join(value.split())

    def mapping(self, *keys: str) -> Mapping[str, Any]:
        value: Any = self.values
        for key in keys:
            value = value.get(key)
            if value is None:
                return {}
            if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
                raise Fault(self.line(*keys), Sentence("{key} must hold lines of the form name: value.", key=key))
        return cast(Mapping[str, Any], value)


def options(head: Head) -> dict[str, Any]:
    """The sampling options of ``model.parameters`` and ``model.options``, each one that `Sampling` takes."""
    if isinstance(head.values.get("model"), str):
        head.warn(
            Sentence("the model {name!r} is not used: this app's own answers.", name=head.values["model"]), "model"
        )
        return {}
    for key, value in head.mapping("model").items():
        _check_model_key(head, key, value)
    found: dict[str, Any] = {}
    for group in ("parameters", "options"):
        for name, value in head.mapping("model", group).items():
            keys = ("model", group, name)
            option = _SAMPLING.get(name)
            if option is None:
                _other_option(head, *keys)
            elif _is_reference(value):
                head.warn(Sentence("{key} is not read from elsewhere, so it is not set.", key=name), *keys)
            elif option in found:
                raise Fault(head.line(*keys), Sentence("{name} is set twice.", name=name))
            elif value is not None:
                found[option] = _option(head, option, value, keys)
    return found


def adapter(head: Head) -> str:
    """The adapter that ``model.adapter`` names; empty where it names none."""
    if isinstance(head.values.get("model"), str):
        return ""
    value = head.mapping("model").get("adapter") or ""
    if not isinstance(value, str | int | float):
        raise Fault(head.line("model", "adapter"), Sentence("{key} must be a text. Put it in quotes.", key="adapter"))
    return str(value).strip()


def _check_model_key(head: Head, key: str, value: Any) -> None:
    if key in ("options", "parameters", "adapter"):
        return
    if key in ("api", "apiType"):
        if value not in ("chat", "responses", None):
            cause = Sentence(
                "{key}: {value} has no meaning here: the prompt is answered as a chat.", key=key, value=value
            )
            head.warn(cause, "model", key)
    elif key in _OTHER_MODEL:
        head.warn(Sentence("model.{key} is not used: this app's own model answers.", key=key), "model", key)
    else:
        cause = Sentence("model has no {key!r} here; sampling goes under model: options:.", key=key)
        raise Fault(head.line("model", key), cause)


def _other_option(head: Head, *keys: str) -> None:
    """An option that is none here: named where it is one elsewhere, a mistake where it is none at all."""
    name = keys[-1]
    if keys[1] == "options" and name not in _OTHER_OPTIONS:
        names = ", ".join(OPTIONS)
        raise Fault(
            head.line(*keys), Sentence("there is no option {name!r}. There are: {names}.", name=name, names=names)
        )
    head.warn(Sentence("the option {name!r} has no meaning here.", name=name), *keys)


def _option(head: Head, name: str, value: Any, keys: tuple[str, ...]) -> Any:
    if name == "stop":
        value = tuple(value) if isinstance(value, list) else (value,)
    try:
        Sampling(**{name: value})
    except InvalidInput as error:
        raise Fault(head.line(*keys), error.sentence) from error
    return value


def inputs(head: Head) -> dict[str, Input]:
    """The inputs, as a mapping or a list, with the samples that stand beside them."""
    declared = {name: _input(head, name, value) for name, value in _declared(head)}
    for name, value in _samples(head).items():
        known = declared.get(name)
        if known is None or not known.sample:
            made = _input(head, name, {"sample": value, "default": known.default if known else None}, "sample")
            declared[name] = replace(made, description=known.description) if known else made
    return declared


def _declared(head: Head) -> Iterator[tuple[str, Any]]:
    """Names and entries of the inputs."""
    listed = head.values.get("inputs")
    if _is_reference(listed):
        head.warn(Sentence("{key} is not read from elsewhere, so it is not set.", key="inputs"), "inputs")
    elif isinstance(listed, list) and all(isinstance(entry, dict) and "name" in entry for entry in listed):
        for entry in listed:
            yield str(entry["name"]), {key: value for key, value in entry.items() if key != "name"}
    else:
        yield from head.mapping("inputs").items()


def _samples(head: Head) -> Mapping[str, Any]:
    if isinstance(head.values.get("sample"), str):
        head.warn(Sentence("{key} is not read from elsewhere, so it is not set.", key="sample"), "sample")
        return {}
    found = head.mapping("sample")
    return head.mapping("sample", "inputs") if set(found) == {"inputs"} and isinstance(found["inputs"], dict) else found


def _input(head: Head, name: str, value: Any, key: str = "inputs") -> Input:
    """An input is either a mapping with ``sample``, ``default`` and ``description``, or just its sample."""
    entry = value if isinstance(value, dict) else {"sample": value}
    line = head.line(key, name)
    if name == "self":
        raise Fault(line, Sentence("an input can't be called self."))  # Jinja2 gives the name a meaning of its own
    kind = entry.get("kind", entry.get("type"))
    if kind in _RICH:
        head.warn(Sentence("the input {name!r} is a {kind}, which stays empty here.", name=name, kind=kind), key, name)
        return Input(name, description=str(entry.get("description") or ""), default="")
    sample = entry.get("sample", entry.get("example"))
    sample = json.dumps(sample, ensure_ascii=False, default=str) if isinstance(sample, list | dict) else sample
    texts = {
        key: value
        for key, value in (("sample", sample), ("description", entry.get("description")))
        if value is not None
    }
    if not name.isidentifier() or not all(isinstance(text, str | int | float | date) for text in texts.values()):
        raise Fault(line, Sentence("the input {name!r} must be a plain name with a text as its sample.", name=name))
    return Input(name, **{key: str(text) for key, text in texts.items()}, default=entry.get("default"))


_LANGUAGES = {"jinja2": "jinja2", "jinja": "jinja2", "nunjucks": "jinja2", "mustache": "mustache"}


def template_format(head: Head) -> str:
    """ "jinja2" or "mustache", empty where the file does not say. Raises `Fault` for another."""
    given = head.values.get("template")
    named = given
    for _ in range(2):  # template: {format: {kind: …}}
        if isinstance(named, dict):
            named = named.get("format", named.get("type", named.get("kind")))
    parser = given.get("parser") if isinstance(given, dict) else None
    parser = parser.get("kind") if isinstance(parser, dict) else parser
    if parser not in (None, "prompty"):
        head.warn(Sentence("template.{key} has no meaning here.", key="parser"), "template")
    if named in (None, ""):
        return ""
    if str(named) not in _LANGUAGES:
        cause = Sentence("a template is written in jinja2 or mustache, not in {name!r}.", name=str(named))
        raise Fault(head.line("template"), cause)
    return _LANGUAGES[str(named)]


def check_others(head: Head) -> None:
    """Names what else has no meaning here."""
    for key in ("outputs", "outputSchema", "tools", "toolChoice"):
        if head.values.get(key):
            head.warn(Sentence("{key} have no meaning here: the answer is a text.", key=key), key)
    for number, line in enumerate(head.source.split("\n"), 2):
        if _REFERENCE.search(line) and not line.lstrip().startswith("#"):
            head.warnings.append(
                (number, Sentence("nothing is read from the environment or from files: it stays as it is."))
            )
            break


def _is_reference(value: Any) -> bool:
    """Whether it stands for something elsewhere, in the environment or in a file."""
    return isinstance(value, str) and _REFERENCE.fullmatch(value.strip()) is not None


def _not_yaml(line: int, cause: Sentence) -> Fault:
    return Fault(line, Sentence("the front matter is not valid YAML: {cause}", cause=cause))
