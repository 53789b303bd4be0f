"""Glossaries: how they are written, and which of their terms a text needs."""

import pytest

from qwen_ui.errors import InvalidInput
from qwen_ui.tabs.translate import glossary
from qwen_ui.text.languages import find

ENGLISH, FRENCH, GERMAN, CHINESE = find("en"), find("fr"), find("de"), find("zh-CN")


def pairs(text: str, source: str | None = "en", target: str = "zh-CN") -> list[tuple[str, str]]:
    terms = glossary.parse(text, find(source) if source else None, find(target)).terms
    return [(term.source, term.target) for term in terms]


def found(text: str, terms: str, source: str | None = "en") -> list[str]:
    parsed = glossary.parse(terms, find(source) if source else None, CHINESE)
    return [term.source for term in parsed.relevant(text)]


def test_a_glossary_is_read_from_pasted_lines_and_csv():
    lines = '# mine\n// too\nengine = moteur\n\n机器学习 → machine learning\na\tb\n"x, y","z"\n云，cloud\n'
    lines += 'p;q, r\n"a = b","c"\n'
    assert pairs(lines) == [
        ("engine", "moteur"),
        ("机器学习", "machine learning"),
        ("a", "b"),
        ("x, y", "z"),
        ("云", "cloud"),
        ("p", "q, r"),
        ("a = b", "c"),
    ]
    assert not glossary.parse("")


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("source,target\ndashboard,仪表盘", ("dashboard", "仪表盘")),
        ("\ufeff# exported\nSource\tTarget\tNotes\ncloud\t云\tx", ("cloud", "云")),
        ("术语,译文\ncloud,云", ("cloud", "云")),
        ("en,zh-CN\ncloud,云", ("cloud", "云")),
        ("English;Chinese (Simplified)\ncloud;云", ("cloud", "云")),
        ("term;description;fr;zh-CN;en\nx;y;nuage;云;cloud", ("cloud", "云")),
        ("cloud,云,en,zh", ("cloud", "云")),
        ("source = target\ncloud = 云", ("cloud", "云")),
        ("Polish = 波兰语", ("Polish", "波兰语")),
        ("Polish,波兰语", ("Polish", "波兰语")),
        ("terms = 条款", ("terms", "条款")),
    ],
)
def test_a_header_is_no_term_and_says_which_columns_count(text: str, first: tuple[str, str]):
    assert pairs(text) == [first]


@pytest.mark.parametrize(
    ("text", "terms", "wanted"),
    [
        ("I love New York.", "New York = 纽约\nYork = 约克", ["New York"]),
        ("From York to New\nYork", "New York = 纽约\nYork = 约克", ["York", "New York"]),
        ("Two batteries", "battery = 电池", ["battery"]),
        ("He is running out", "run = 跑", ["run"]),
        ("An engineer at the university", "engine = 引擎\nuniverse = 宇宙", []),
        ("My e\u2011mails", "e-mail = 邮件", ["e-mail"]),
        ("The engine\u2019s sound", "engine = 引擎", ["engine"]),
        ("Category", "cat = 猫", []),
        ("DASHBOARD and Dashboard", "dashboard = 仪表盘", ["dashboard"]),
        ("An Apple store", "Apple = 苹果公司\napple = 苹果", ["Apple"]),
        ("Two apples", "Apple = 苹果公司\napple = 苹果", ["apple"]),
        ("A Polish girl", "Polish = 波兰的\npolish = 抛光", ["Polish"]),
        ("She polishes it", "Polish = 波兰的\npolish = 抛光", ["polish"]),
        ("tell us", "US = 美国\nus = 我们", ["us"]),
        ("tell us", "US = 美国", []),
        ("in the US", "US = 美国\nus = 我们", ["US"]),
        ("C++ and .NET", "C++ = 丙\n.NET = 点", ["C++", ".NET"]),
    ],
)
def test_terms_are_met_longest_first_in_any_form_and_in_their_case(text: str, terms: str, wanted: list[str]):
    assert found(text, terms) == wanted
    assert found(text, terms, None) == wanted


@pytest.mark.parametrize(
    ("language", "text", "terms", "wanted"),
    [
        ("zh-CN", "我在学机器学习。", "机器学习 = a\n学习 = b", ["机器学习"]),
        ("ja", "ショートメールを送る", "メール = a", ["メール"]),
        ("th", "ฉันรักแมวมาก", "แมว = a", ["แมว"]),
        ("ko", "서버는 빠르다", "서버 = a", ["서버"]),
        ("ru", "Две батареи и батареями", "батарея = a", ["батарея"]),
        ("de", "Die Häuser", "Haus = a", ["Haus"]),
        ("fr", "L'usine et les usines", "usine = a", ["usine"]),
        ("es", "Las baterías", "batería = a", ["batería"]),
    ],
)
def test_words_end_as_they_do_in_the_language(language: str, text: str, terms: str, wanted: list[str]):
    assert found(text, terms, language) == wanted


def test_a_translation_may_have_the_term_in_another_form():
    terms = glossary.parse("dashboard = tableau de bord", ENGLISH, FRENCH)
    assert terms.missing("Two dashboards", "Deux tableaux de bord") == ()
    assert terms.missing("Two dashboards", "Deux panneaux") == terms.terms
    assert glossary.parse("battery = Akku", ENGLISH, GERMAN).missing("The battery", "Die Akkuladung") == ()


TBX = """<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE martif SYSTEM "TBXcoreStructV02.dtd">
<martif type="TBX" xml:lang="en"><text><body>
<termEntry><langSet xml:lang="en-US"><tig><term>old cloud</term>
<termNote type="administrativeStatus">deprecatedTerm-admn-sts
</termNote></tig><tig><term>cloud <hi>server</hi></term></tig></langSet><langSet xml:lang="zh-CN">
<tig><term>云</term></tig></langSet></termEntry>
<termEntry><langSet xml:lang="en-US"><ntig><termGrp><term>battery</term></termGrp></ntig></langSet></termEntry>
</body></text></martif>"""
TBX_3 = """<tbx xmlns="urn:iso:std:iso:30042:ed-2" type="TBX-Basic"><text><body><conceptEntry>
<langSec xml:lang="en"><termSec><term>cloud</term></termSec></langSec>
<langSec xml:lang="zh"><termSec><term>云</term></termSec></langSec>
<langSec xml:lang="fr"><termSec><term>nuage</term></termSec></langSec></conceptEntry></body></text></tbx>"""


def test_tbx_is_read_whatever_encoding_it_says():
    assert pairs(TBX.format(encoding="UTF-16")) == [("cloud server", "云")]
    assert pairs(TBX.format(encoding="utf-8"), None) == [("cloud server", "云")]
    assert pairs(TBX_3) == [("cloud", "云")]
    assert pairs(TBX_3, "fr") == [("nuage", "云")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (TBX_3, r"no terms from \? into Chinese \(Simplified\)\. Its languages: en, zh, fr"),
        ("<tbx><a>", "can't be read as TBX"),
        (
            '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><tbx>&d;</tbx>',
            "can't be read as TBX",
        ),
        ('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><tbx>&b;</tbx>', "can't be read as TBX"),
        ("<tbx>" + "x" * 5_000_000, "longer than 5,000,000 characters"),
    ],
)
def test_a_bad_tbx_file_is_refused_and_nothing_else_is_read(text: str, says: str):
    with pytest.raises(InvalidInput, match=says):
        glossary.parse(text, None, CHINESE)


def test_what_is_written_is_read_again():
    terms = glossary.parse('a=b,c\nd\te = f\n"#g",h\nx = y', ENGLISH, FRENCH)
    assert glossary.parse(glossary.written(terms), ENGLISH, FRENCH) == terms


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a = b\nengine", "Line 2 of the glossary must be"),
        ("= b", "Line 1"),
        ("a, b, c", "Line 1"),
        ("source,target\na", "Line 2"),
        ("a = b\na = c", "Line 2 of the glossary gives 'a' a second translation"),
        ("\n".join(f"{n} = {n}" for n in range(5001)), "5,001 terms"),
    ],
)
def test_a_bad_glossary_names_the_line(text: str, says: str):
    with pytest.raises(InvalidInput, match=says):
        glossary.parse(text)
