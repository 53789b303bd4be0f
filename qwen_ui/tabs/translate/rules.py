"""What a translation must not change, besides code: a table, to which anyone may add a row.

At each character the rows are tried in this order, and the first that fits takes what it matches. The tests have
examples for each: of what it guards, and of prose that looks like it. Words end where ASCII's do: Chinese puts no space
beside a placeholder. Repetitions are possessive or bounded, so that a text takes time in proportion to its length.
"""

from typing import Literal, NamedTuple

Kind = Literal["code", "link", "image", "footnote", "tag", "placeholder", "formula", "mention", "path", "number"]


class Rule(NamedTuple):
    """A row: what it guards, of which kind that is, and how it looks, as a regular expression without groups."""

    name: str
    kind: Kind
    pattern: str


_URL = (  # what is not ASCII only where a part of it begins: "https://a.b/c" has an end in "请看https://a.b/c吧"
    r"(?:[!#-&*-;=?@A-Z_a-z~]|\{[\w.]{0,50}\}|\([^\s()]{0,200}\)|(?<=[/=#_-])[^\x00-\x7f\s，。；：！？、（）「」《》“”‘’]{1,200}+)"
)
_PART = r"\.{0,2}[A-Za-z0-9_@+-]++(?:\.[A-Za-z0-9_@+-]++)*+"
_FILE_TYPES = (
    r"py|ipynb|[mc]?js|jsx|tsx?|vue|s?css|less|html?|xml|json5?|jsonl|ya?ml|toml|ini|cfg|conf|env|lock|log|sql|md|rst|txt|csv|tsv"
    r"|pdf|docx?|xlsx?|pptx?|odt|epub|srt|vtt|ass|png|jpe?g|gif|svg|webp|ico|bmp|mp[34]|wav|ogg|mov|avi|mkv|zip|tar|t?gz|7z|rar"
    r"|whl|jar|exe|dll|bat|ps1|sh|java|kt|swift|php|rb|rs|[ch]pp|cs|po|mo|properties|gguf|safetensors|prompty"
)
_SWITCHES = "disabled|checked|open|controls|required|hidden|selected|readonly|multiple|autoplay|loop|muted|async|defer"
_FLAGS = "[-+0#]*+"

RULES = (
    Rule("URL", "link", rf"(?:https?|s?ftp|ssh|git|wss?|file|s3)://{_URL}+(?<![.,;:!?*_])"),
    Rule(
        "URI of another scheme",
        "link",
        r"(?:mailto:[\w.+-]{1,100}@[\w.-]{1,100}\w|(?:tel|sms):\+?\d[\d-]{1,30}+|urn:[a-z0-9]{1,30}:\S{1,200}+"
        r"|data:[a-z]{1,30}/[\w.+-]{1,50}[;,][A-Za-z0-9+/=;,%-]{0,9999}+)",
    ),
    Rule(
        "e-mail",
        "link",
        r"(?<![A-Za-z0-9_.+-])[A-Za-z0-9_.+-]{1,64}@[A-Za-z0-9-]{1,63}\.[A-Za-z0-9.-]{0,200}[A-Za-z0-9]",
    ),
    Rule(
        "domain",
        "link",
        r"(?<![A-Za-z0-9_.@/-])(?:www\.[A-Za-z0-9.-]{1,200}[A-Za-z0-9]|(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.){1,4}"
        rf"(?:com|org|net|io|dev|app|ai|edu|gov|cn)(?![A-Za-z0-9_-]|\.[A-Za-z]))(?:/{_URL}*(?<![.,;:!?*_]))?",
    ),
    Rule(
        "place of a Markdown link",
        "link",
        r"(?<=\]\()(?:<[^<>\n]{1,500}>|[^\s()<>]{1,500}+(?:\([^\s()]{0,200}\)[^\s()<>]{0,200})?)(?=[\s)])",
    ),
    Rule("name of a Markdown link", "link", r"(?<=\])\[[^\[\]\n^]{1,100}\]"),
    Rule("footnote", "footnote", r"\[\^[^\s\[\]]{1,100}\]"),
    Rule("comment", "tag", r"<!--(?:[^-]|-(?!->)){0,1000}+-->|<!DOCTYPE[^<>]{0,500}>|<!\[CDATA\[|\]\]>"),
    Rule(
        "ERB, PHP, Freemarker",
        "tag",
        r"<%(?:[^%]|%(?!>)){0,500}+%>|<\?(?:[^?]|\?(?!>)){1,500}+\?>|</?[#@][a-z]\w{0,50}+(?:\s[^<>]{0,300}+)?>",
    ),
    Rule(
        "HTML, XML, WebVTT",
        "tag",
        r"</?[A-Za-z][\w:.-]*+(?:=[^<>\s]{0,200}+)?"
        rf"""(?:\s(?=[^<>]{{0,500}}[="'])[^<>]{{0,500}}+|(?:\s+(?:{_SWITCHES})\b){{1,5}}|(?<=<v)\s[^<>]{{1,100}}+)?\s?/?>"""
        r"|</?\d{1,4}\s?/?>",
    ),
    Rule("time within a subtitle", "tag", r"<(?:\d{1,4}:)?\d\d:\d\d\.\d{3}>"),
    Rule("command of a subtitle", "tag", r"\{\\[^{}\n]{0,500}+\}"),
    Rule("mention in Slack, Discord", "mention", r"<[@#!:][\w!&:^|-]{1,100}>"),
    Rule(
        "BBCode",
        "tag",
        r"\[/?(?:b|i|u|s|url|img|quote|code|color|size|list|center|spoiler)(?:=[^\[\]\n]{0,300})?\]",
    ),
    Rule("entity", "tag", r"&(?:[A-Za-z][A-Za-z0-9]{1,31}|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});"),
    Rule(
        "formula on its own",
        "formula",
        r"\$\$(?=[^$]{0,300}[\\^_=+<>])[^$]{1,1000}+\$\$|\\begin\{(?:equation|align|gather|math)\*?\}[^$]{0,500}?\\end\{\w{1,20}\*?\}",
    ),
    Rule(
        "formula in brackets",
        "formula",
        r"\\\((?:\s?[A-Za-z]\s?|(?=[^\\\n]{0,200}(?:[\^_=+<>\d]|\\[A-Za-z]))(?:[^\\\n]|\\[^)\n]){1,500}+)\\\)"
        r"|\\\[(?=[^\\]{0,200}(?:[\^_=+<>]|\\[A-Za-z]))(?:[^\\]|\\[^\]]){1,1000}+\\\]",
    ),
    Rule(
        "formula in a line",
        "formula",
        r"\$(?<![A-Za-z0-9_\\$]\$)(?:[A-Za-z]|(?=[^\s$])(?:(?=[^$\n]{0,300}[\\^_=])|(?!\d)(?=[^$\n]{0,300}[+<>]))[^$\n]{2,300}+(?<!\s))"
        r"\$(?![A-Za-z0-9_$])",
    ),
    Rule("nesting of i18next", "placeholder", r"\$t\((?:[^()\n]|\([^()\n]{0,100}\)){1,300}+\)"),
    Rule(
        "Jinja, Django, Liquid, Twig",
        "placeholder",
        r"\{%(?:[^%]|%(?!\})){0,500}+%\}|\{#(?:[^#\n]|#(?!\})){0,500}+#\}",
    ),
    Rule(
        "Vue, Angular, Handlebars, Blade",
        "placeholder",
        r"\{\{\{?(?:[^{}]|\{[^{}]{0,100}\}){0,500}+\}\}\}?|\{!!(?:[^!]|!(?!!)){1,300}+!!\}",
    ),
    Rule("Svelte", "placeholder", r"\{[#:/@][a-z][^{}\n]{0,200}\}"),
    Rule("JavaScript, shell, Ruby's #{}", "placeholder", r"[$#]!?\{(?:[^{}\n]|\{[^{}\n]{0,100}\}){0,300}+\}"),
    Rule(
        "ICU, one value",
        "placeholder",
        r"\{\s*+[\w.-]++\s*+,\s*+(?:number|date|time|ordinal|duration|spellout|choice|list)\s*+(?:,[^{}]{0,300}+)?\}",
    ),
    Rule("ICU, the number of a plural", "placeholder", r"#(?<![A-Za-z0-9_#&/]#)(?![\w#{])"),
    Rule(
        "Python, .NET, Java, Rust",
        "placeholder",
        r"\{[\w.$-]*+(?:\[[^\[\]{}\n]{1,50}\]|\([^(){}\n]{0,50}\)|\.\w{1,50}){0,5}+(?:,\s?-?\d{1,3})?(?:![rsa])?"
        r"(?::(?!\s\w)(?:[^{}\n]|\{[\w.]{0,50}\}){0,60}+)?=?\}",
    ),
    Rule("name between spaces", "placeholder", r"\{ (?!(?:and|or|to|und|oder|et|ou|y|o|e)\b)[$-]?[\w.]{1,50} \}"),
    Rule(
        "Ruby",
        "placeholder",
        rf"%\{{[\w.]{{1,50}}\}}|%<\w{{1,50}}>(?:{_FLAGS}\d{{0,3}}(?:\.\d{{1,3}})?[diouxXeEfgGs])?",
    ),
    Rule("printf, by name", "placeholder", rf"%\(\w+\)(?:{_FLAGS}| )\d{{0,3}}(?:\.\d{{1,3}})?[lh]?[diouxXeEfFgGcrs%]"),
    Rule(
        "printf, with a place, a width or a flag",
        "placeholder",
        rf"%(?<!\d%)(?:\d{{1,2}}\$(?:{_FLAGS}\d{{0,3}}|\*)(?:\.\d{{1,3}})?|{_FLAGS}\d{{0,3}}\.(?:\d{{1,3}}|\*)|[-+0#]++(?:\d{{1,3}}|\*)?"
        r"|\d{1,3}|\*)(?:hh?|ll?|[Lqjzt])?[diouxXeEfFgGaAcCsSp@](?![A-Za-z]{3})",
    ),
    Rule(
        "printf",
        "placeholder",
        r"%(?<!\d%)(?:[ds@](?![A-Za-z]{3})|(?:(?:hh?|ll?|[Lqjzt])[diouxX]|[iouxXeEfFgGaAcCSp])(?![A-Za-z]))|%%",
    ),
    Rule(
        "variable of Windows, Symfony, Twig",
        "placeholder",
        r"%(?<![A-Za-z0-9_%]%)[A-Za-z_][A-Za-z0-9_.-]{1,60}+%(?![A-Za-z0-9])",
    ),
    Rule("Qt", "placeholder", r"%(?<![\d%]%)(?:L?[1-9]\d?|n)(?![A-Za-z0-9_%$])"),
    Rule("strftime", "placeholder", r"%(?<![\d%]%)[-_0^#]?[aAbBcdDeFgGhHIjklLmMnNpPrRsStTuUvVwWxXyYzZ](?![A-Za-z])"),
    Rule(
        "variable of a shell, PHP, Chrome",
        "placeholder",
        r"\$(?<![A-Za-z0-9$]\$)[A-Za-z_][A-Za-z0-9_]*+(?:->\w{1,50}|\[\w{1,50}\]){0,5}+\$?",
    ),
    Rule(
        "Laravel",
        "placeholder",
        r":(?<![A-Za-z0-9_:/.)\]]:)(?:[a-z][a-z0-9_]{1,50}+|[A-Z][a-z][a-z0-9_]{1,50}+|[A-Z][A-Z0-9_]{2,50}+)(?![A-Za-z:])",
    ),
    Rule("emoji by its name", "placeholder", r":(?<![A-Za-z0-9_:]:)[a-z0-9_+-]{2,32}:(?![A-Za-z0-9_:])"),
    Rule(
        "link of Vue I18n",
        "placeholder",
        r"@(?<![A-Za-z0-9]@)(?:\.[a-z]{1,20})?:(?:\([\w.]{1,50}\)|\{[\w.']{1,50}\}|[A-Za-z][A-Za-z0-9_.]{0,50}[A-Za-z0-9_])",
    ),
    Rule("bar between forms of a plural", "placeholder", r"\|"),
    Rule("package", "path", r"@(?<![A-Za-z0-9@/]@)[a-z0-9][a-z0-9-]{0,100}/[a-z0-9][A-Za-z0-9._-]{0,100}(?<!\.)"),
    Rule("mention", "mention", r"[@＠](?<![A-Za-z0-9_@/][@＠])[A-Za-z_](?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9])){0,100}+"),
    Rule("hash tag", "mention", r"#(?<![A-Za-z0-9_&/#]#)(?:[^\W\d_][\w-]{0,100}+#?|[^\s#]{1,30}#(?![\w#]))"),
    Rule(
        "path of Windows",
        "path",
        r"""(?:(?<![A-Za-z0-9])[A-Za-z]:|\\\\[A-Za-z0-9_.-]{1,64})\\[^\s<>"|?*:，。；）」]{0,300}(?<![.,;)])""",
    ),
    Rule("path", "path", rf"(?<![A-Za-z0-9_./~<@+-])(?:(?:~|\.\.?)/(?:{_PART}/?){{0,20}}+|(?:/{_PART}){{2,20}}+/?)"),
    Rule(
        "file",
        "path",
        r"(?<![A-Za-z0-9_./@+-])/?(?:[A-Za-z0-9_@+.-]{1,100}/){0,20}[A-Za-z0-9_@+-][A-Za-z0-9_@+.-]{0,100}"
        rf"\.(?:{_FILE_TYPES})(?![A-Za-z0-9_-]|\.[A-Za-z0-9])",
    ),
)
"""The order matters: what is longer, or more certain, comes first."""
