"""Web pages with other texts: what else is in them stays."""

import json
from collections.abc import Callable

import pytest

from qwen_ui.text import webpage

PAGE = """<!DOCTYPE html>
<html class=x>
<head><title>My  page</title><style>p { color: red }</style>
<script>document.write("<p>no</p>")</script></head>
<body>
<h1><a href="/">Hello &amp; <b>big</b> world</a></h1>
<p>See <a href="https://a.b/c" title='The "site"'>the site</a>,
  run <code>make &lt;x&gt;</code> and<br>wait <img src=x.png alt="A dog"> 3 days.
<p><i class=icon></i> <b>All</b><!-- c -->
<ul><li>One<li>Two <span translate=no>Brand</span> two</ul>
<pre>code  here</pre><svg><text>drawn</text></svg>
<input placeholder="Search me" value=x><input type=submit value=Send>
<button onclick="go()">Go on</button> tail &lt;g1&gt; text</div></p>
</body></html>
"""
SITE = "See <g2>the site</g2>, run <x6/> and\nwait <x10/> 3 days."


def texts_of(page: str) -> list[str]:
    return list(webpage.read(page.encode(), ["read"]))


def with_texts(page: str, change: Callable[[str], str], language: str = "", direction: str = "ltr") -> str:
    texts = json.dumps([change(text) for text in texts_of(page)]).encode()
    (written,) = webpage.read(texts + b"\n" + page.encode(), ["write", language, direction])
    return str(written)


def test_what_stands_between_borders_of_blocks_is_one_text_with_marks_and_so_is_an_attribute():
    assert texts_of(PAGE) == [
        "My page",
        "Hello & <g2>big</g2> world",
        'The "site"',
        "A dog",
        SITE,
        "All",
        "One",
        "Two <x2/> two",
        "Search me",
        "Send",
        "Go on",
    ]


@pytest.mark.parametrize(
    "page",
    [
        PAGE,
        PAGE.replace("\n", "\r\n"),
        "\n\n<p>a",
        "just text & more",
        "<p>a<b>b<i>c</b>d</i>e</p></p>",
        "<a><b></a></b>",
        "<!-- x --><?php echo 1 ?><![CDATA[x]]><p>a</p><",
        "<p a='<b>' \"c>x<p",
        "<script>if (a < b) </scri",
        "<p>1 < 2 & 3 &amp 4 &#65; &",
        "",
    ],
)
def test_a_page_with_its_own_texts_is_the_same_to_the_letter(page: str):
    assert with_texts(page, lambda text: text) == page


@pytest.mark.parametrize("change", [str.upper, lambda text: f"{text} <script>alert(1)</script>\"'", lambda text: ""])
def test_all_that_is_no_text_stays_and_new_texts_bring_no_tags(change: Callable[[str], str]):
    written = with_texts(PAGE, change)
    kept = ['<style>p { color: red }</style>\n<script>document.write("<p>no</p>")</script>', "<svg><text>drawn</text>"]
    kept += [
        "<code>make &lt;x&gt;</code>",
        "<pre>code  here</pre>",
        "<span translate=no>Brand</span>",
        "value=x",
        "<br>",
    ]
    kept += ["<i class=icon></i> <b>", "</b><!-- c -->", '<button onclick="go()">', " tail &lt;g1&gt; text</div>"]
    gone = {"<br>"} if not change("x") else set()
    assert [each for each in kept if each not in written] == sorted(gone)
    assert written.count("<script") == PAGE.count("<script")


@pytest.mark.parametrize(
    ("new", "written"),
    [
        ("Le <g2>site</g2> <x6/>\n<x10/>", 'Le <a href="x">site</a> <code>c</code><br><img src=i>'),
        ("<x10/><x6/> <g2>ici", '<img src=i><code>c</code> <a href="x">ici</a>'),
        ("rien", "rien<code>c</code><img src=i>"),
        ("</g2>a<g2>b<g2>c</g2></g7><g9>d<x6/><x6/><x10/>", 'a<a href="x">bc</a>d<code>c</code><img src=i>'),
    ],
)
def test_elements_stay_in_another_order_and_marks_that_are_lost_cost_only_them(new: str, written: str):
    page = '<p> See <a href="x">it</a> <code>c</code> and<br>that <img src=i> too </p>'
    assert texts_of(page) == ["See <g2>it</g2> <x6/> and\nthat <x10/> too"]
    assert with_texts(page, lambda _: new) == f"<p> {written} </p>"


def test_elements_within_each_other_close_in_their_order():
    page = "<p>a <b>b <i>c</i></b> d</p>"
    assert texts_of(page) == ["a <g2>b <g4>c</g4></g2> d"]
    assert with_texts(page, lambda _: "<g4>x <g2>y</g4> z</g2>") == "<p><i>x <b>y</b></i> z</p>"


@pytest.mark.parametrize(
    ("page", "language", "direction", "written"),
    [
        ("<html><p>a", "fr", "ltr", '<html lang="fr"><p>b'),
        ("<HTML LANG=en xml:lang='en' dir=rtl><p>a", "fr", "ltr", '<HTML LANG="fr" xml:lang="fr" dir="ltr"><p>b'),
        ("<html lang><p>a", "ar", "rtl", '<html dir="rtl" lang="ar"><p>b'),
        ("<p>a", "ar", "rtl", "<p>b"),
        ('<meta charset="GBK"><p>a', "", "", '<meta charset="utf-8"><p>b'),
        ("<meta content='text/html; charset=gb2312'><p>a", "", "", "<meta content='text/html; charset=utf-8'><p>b"),
        ("<head></head><p>é", "", "", '<head><meta charset="utf-8"></head><p>b'),
        ("<head></head><p>a", "", "", "<head></head><p>b"),
    ],
)
def test_a_page_tells_its_language_and_its_encoding(page: str, language: str, direction: str, written: str):
    assert with_texts(page, lambda _: "b", language, direction) == written


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b'<meta charset="gbk">', "gbk"),
        (b"<META http-equiv=x content='text/html; charset = Shift_JIS'>", "Shift_JIS"),
        (b'<?xml version="1.0" encoding="utf-8"?>', "utf-8"),
        (b"<p>charset", ""),
    ],
)
def test_the_encoding_that_a_page_declares_is_found(data: bytes, encoding: str):
    assert webpage.declared(data) == encoding
