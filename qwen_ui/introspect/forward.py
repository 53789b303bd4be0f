"""The pass from tokens to the next one, seen through the logit lens."""

import torch

from qwen_ui.introspect import lens, passes
from qwen_ui.introspect.looks import Forward
from qwen_ui.introspect.passes import Knocked
from qwen_ui.introspect.results import Distribution, ForwardResult
from qwen_ui.introspect.subject import Subject


def forward(look: Forward, subject: Subject) -> ForwardResult:
    """Norms, lens and next token of the text; with something knocked out, beside the untouched next token."""
    knocked = Knocked(look.knocked, look.knocked_layers).check(subject.anatomy)
    states = passes.states(subject.anatomy, subject.ids, subject.pause, knocked)
    return result(look, subject, states, untouched(subject, knocked))


def result(look: Forward, subject: Subject, states: torch.Tensor, untouched: Distribution | None) -> ForwardResult:
    """What there is to say of a pass that left these states."""
    seen = lens.read(subject.anatomy, states, subject.pause)
    return ForwardResult(
        look=look,
        origin=subject.origin,
        pieces=subject.pieces,
        norms=states.float().norm(dim=-1).cpu().numpy(),
        lens_ids=seen.ids.cpu().numpy(),
        lens_tokens=subject.words.rows(seen.ids.tolist()),
        lens_probabilities=seen.probabilities.cpu().numpy(),
        leads=seen.leads.cpu().numpy(),
        next=subject.words.distribution(seen.logits),
        untouched=untouched,
    )


def untouched(subject: Subject, knocked: Knocked) -> Distribution | None:
    """The next token with nothing knocked out; None where nothing is."""
    if not knocked:
        return None
    return next_token(subject, passes.states(subject.anatomy, subject.ids, subject.pause))


def next_token(subject: Subject, states: torch.Tensor) -> Distribution:
    """What comes after the last position."""
    with subject.pause():
        return subject.words.distribution(subject.anatomy.logits(states[-1, -1]))
