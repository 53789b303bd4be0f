"""What has to stay in a translation, row by row, and prose that only looks like it."""

import pytest

from qwen_ui.tabs.translate.protect import has_words, protected
from qwen_ui.tabs.translate.rules import RULES

GUARDED = {
    "URL": ["https://a.b/c?d=e#f", "https://a.b/c_(d)", "ftp://x.org/y", "https://zh.wikipedia.org/wiki/中文"],
    "URI of another scheme": ["mailto:me@x.org", "tel:+49-30-1", "data:image/png;base64,AA=="],
    "e-mail": ["me+you@x.org"],
    "domain": ["www.example.com", "github.com/user/repo"],
    "place of a Markdown link": ["./docs/guide.md#setup", "#setup", "<a b.md>"],
    "name of a Markdown link": ["[ref]"],
    "footnote": ["[^note]"],
    "comment": ["<!-- a - comment -->", "<!DOCTYPE html>"],
    "ERB, PHP, Freemarker": ["<%= name %>", "<?php echo $x ?>", "<#if x>", "</@macro>"],
    "HTML, XML, WebVTT": ['<a href="x y">', "</a>", "<br/>", "<br />", "<0>", "<v Roger B>", "<c.yellow>",
                          "<color=#ff0>", "<input disabled>"],
    "time within a subtitle": ["<00:01.250>"],
    "command of a subtitle": [r"{\an8}", r"{\pos(1,2)\i1}"],
    "mention in Slack, Discord": ["<@U123>", "<!here>", "<:smile:12>"],
    "BBCode": ["[b]", "[/b]", "[url=https://a.b]"],
    "entity": ["&nbsp;", "&#8217;", "&#x2019;"],
    "formula on its own": ["$$E = mc^2$$", r"\begin{align}a &= b\end{align}"],
    "formula in brackets": [r"\(a_1 + b\)", r"\[x^2\]", r"\(x\)"],
    "formula in a line": ["$x$", "$E = mc^2$", r"$\alpha$"],
    "nesting of i18next": ["$t(key)", '$t(key, {"count": {{n}} })'],
    "Jinja, Django, Liquid, Twig": ["{% if a %}", "{# comment #}"],
    "Vue, Angular, Handlebars, Blade": ["{{x}}", "{{ x | date: '%Y' }}", "{{{x}}}", "{{#if x}}", "{!! $x !!}"],
    "Svelte": ["{#if x}", "{/each}", "{@html x}"],
    "JavaScript, shell, Ruby's #{}": ["${user.name}", "${HOME:-~}", "#{name}"],
    "ICU, one value": ["{n, number, ::currency/EUR}", "{0,date,short}"],
    "ICU, the number of a plural": ["#"],
    "Python, .NET, Java, Rust": ["{}", "{0}", "{name}", "{0:N2}", "{0,10}", "{d:%d %B}", "{u.name!r:>10}", "{a[0].b}",
                                 "{f(x)}", "{:,.2f}", "{x=}"],
    "name between spaces": ["{ name }", "{ $name }"],
    "Ruby": ["%{x}", "%<n>.2f"],
    "printf, by name": ["%(name)s", "%(n)03d"],
    "printf, with a place, a width or a flag": ["%1$s", "%2$@", "%.2f", "%05d", "%-10s", "%1$.2f"],
    "printf": ["%s", "%d", "%@", "%ld", "%lld", "%%", "%u"],
    "variable of Windows, Symfony, Twig": ["%APPDATA%", "%name%", "%user.name%"],
    "Qt": ["%1", "%L2", "%n"],
    "strftime": ["%Y", "%-I", "%B"],
    "variable of a shell, PHP, Chrome": ["$HOME", "$NAME$", "$user->name"],
    "Laravel": [":name", ":Name", ":NAME"],
    "emoji by its name": [":smile:", ":+1:"],
    "link of Vue I18n": ["@:common.ok", "@.lower:app", "@:(a.b)"],
    "bar between forms of a plural": ["|"],
    "package": ["@scope/pkg"],
    "mention": ["@user", "@anna.b"],
    "hash tag": ["#travel", "#旅行#"],
    "path of Windows": [r"C:\Users\me\a.txt", r"\\server\share"],
    "path": ["/etc/hosts", "./a/b", "../x", "~/.config"],
    "file": ["README.md", "src/main.py", "img/logo.png"],
}  # fmt: skip


def test_every_row_has_examples():
    assert list(GUARDED) == [rule.name for rule in RULES]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_what_a_row_guards_is_found_between_words_and_beside_chinese(rule):
    frame = {"place of a Markdown link": "[a]({})", "name of a Markdown link": "[a]{}", "hash tag": "a {} b"}
    for example in GUARDED[rule.name]:
        frames = [frame.get(rule.name, each) for each in ("{}", "See {} here.", "({})", "请看{}，好。")]
        if rule.kind == "mention" and "#" in example:
            frames = ["a {} b"]
        for text in (each.replace("{}", example) for each in frames):
            found = [(part.kind, part.text) for part in protected(text) if part.kind != "number"]
            assert (rule.kind, example) in found, text
            assert len(found) == 1, text


@pytest.mark.parametrize(
    "text",
    [
        "I am 100 % sure, 100% sure, 50%off and 20 %discount",
        "time: now, ratio 16:9, at 10:30:00, so:-) and :D",
        "a { in prose, } and { and }, {like this one}, {note: remember this}",
        "5 #1 hits, C#, F# and the #2",
        "prices from $5 to $10, $5M, US$5, 5$ or 6$, $1.50",
        "he/she and/or km/h 24/7 input/output 1/2 red / blue",
        "AT&T; R&D, Tom & Jerry; fish &chips",
        "if i<n and j>m, 3 < 4 > 2, <- and ->",
        "at @ 5 pm, 3@5, e.g. this. Or that etc. Fine",
        "[1] and [see below] (or not), a[0]",
        "--not like this-- *or* that_one",
        "好的：现在，他说“好”。100%确定",
    ],
)
def test_prose_stays_prose(text: str):
    assert [part.text for part in protected(text) if part.kind != "number"] == []


def test_what_only_has_to_stay_has_no_words():
    for text in ("icon.svg", "https://a.b/c", "&nbsp;", "{count}", "<br/>", "%1$s", "@user", "$x_1$", "$t(a.b)"):
        assert not has_words(text)
    assert has_words("![Our logo](logo.png)")
