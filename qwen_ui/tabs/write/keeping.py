"""The versions as the browser keeps them. What comes back is checked: it is the visitor's to change."""

from dataclasses import asdict
from typing import Any

from qwen_ui.page.kept import not_kept
from qwen_ui.tabs.write.task import MAX_VERSIONS, Order
from qwen_ui.tabs.write.versions import MAX_TEXTS, Texts, Work, Written

_MAX_ID = 2**31


def to_browser(work: Work) -> Any:
    """For JSON; None where there is nothing. Each order is there once."""
    orders = list(dict.fromkeys(written.order for texts in work.versions for written in texts.all))
    if not orders:
        return None
    versions = [
        {
            "texts": [
                {
                    "order": orders.index(written.order),
                    "text": written.text,
                    "ended": written.ended,
                    "tokens": list(written.tokens),
                }
                for written in texts.all
            ],
            "shown": texts.shown,
        }
        for texts in work.versions
    ]
    return {"orders": [asdict(order) for order in orders], "versions": versions}


def from_browser(kept: Any) -> Work:
    """What was kept. Raises `InvalidInput` for anything else."""
    try:
        orders = [_order(**given) for given in kept["orders"]]
        versions = tuple(_texts(given, orders) for given in kept["versions"])
    except (LookupError, TypeError, ValueError) as error:
        raise not_kept() from error
    if len(versions) != MAX_VERSIONS:
        raise not_kept()
    return Work(versions)


def _texts(given: Any, orders: list[Order]) -> Texts:
    texts = [_written(orders, **each) for each in given["texts"]]
    shown = _whole(given["shown"], max(1, len(texts)))
    if len(texts) > MAX_TEXTS:
        raise ValueError
    return Texts(tuple(texts), shown)


def _written(orders: list[Order], order: Any, text: Any, ended: Any, tokens: Any) -> Written:
    if not isinstance(text, str) or not isinstance(ended, bool) or not isinstance(tokens, list):
        raise TypeError
    ids = tuple(_whole(token, _MAX_ID) for token in tokens)
    return Written(orders[_whole(order, len(orders))], text, ended, ids)


def _order(text: Any, template: Any, words: Any, temperature: Any, versions: Any, max_new_tokens: Any) -> Order:
    if not isinstance(text, str) or not isinstance(template, str):
        raise TypeError
    if temperature is not None and (isinstance(temperature, bool) or not isinstance(temperature, int | float)):
        raise TypeError
    for number in (words, versions, max_new_tokens):
        if number is not None:
            _whole(number, _MAX_ID)
    return Order(text, template, words, temperature, versions, max_new_tokens)


def _whole(value: Any, end: int) -> int:
    """A whole number from 0 to before the end."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < end:
        raise ValueError
    return value
