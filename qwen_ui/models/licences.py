"""The licences of the models that this app chooses by itself."""

from qwen_ui.models import catalog, embedded

APACHE = "Apache-2.0"
_OTHERS = {"Qwen/Qwen2.5-3B-Instruct": "Qwen Research License"}
_KNOWN = dict.fromkeys([embedded.NAME, *(known.id for known in catalog.CATALOG)], APACHE) | _OTHERS


def licence_of(model: str) -> str:
    """The licence of the model of that name, empty where it is not known."""
    return _KNOWN.get(model, "")
