"""How sure the model is, as HTML: what it says when it is asked again, each with its share as a bar and an example."""

from html import escape

from qwen_ui.page.words import Say
from qwen_ui.tabs.chat.sure import Group, Sureness

LONGEST = 600
"""Characters of an example that are shown."""


def bars(sureness: Sureness, say: Say) -> str:
    """The groups of answers so far, the largest first."""
    whole, count = len(sureness.whole), len(sureness.answers)
    head = say("{whole} of {count} new answers: what they say", whole=whole, count=count)
    rows = "".join(_row(group, sureness, say) for group in sureness.groups)
    note = say(
        "The more answers agree, the surer the model is. That does not make it right. Answers are grouped by their "
        "wording."
    )
    return (
        f'<div class="sureness"><p class="sure-head">{escape(head)}</p>'
        f'<ol class="sure-groups">{rows}</ol><p class="sure-note">{escape(note)}</p></div>'
    )


def _row(group: Group, sureness: Sureness, say: Say) -> str:
    text = sureness.answers[group.members[0]].text.strip()
    example = text if len(text) <= LONGEST else text[:LONGEST].rstrip() + "…"
    own = f' <b class="sure-own">{escape(say("same as the answer above"))}</b>' if group.shown else ""
    count, whole = len(group.members), len(sureness.whole)
    told = say("{share:.0%}, {count} of {whole}", share=group.share, count=count, whole=whole)
    return (
        f'<li><div class="sure-bar" style="--share:{group.share:.1%}"></div><p><b>{escape(told)}</b>{own}</p>'
        f'<div class="sure-example" tabindex="0">{escape(example)}</div></li>'
    )
