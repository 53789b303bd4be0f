"""Office files with other texts: what else is in them stays."""

import base64
import io
import json
import zipfile
from collections.abc import Callable

import openpyxl
import pptx
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.worksheet.table import Table

from qwen_ui.text import office
from qwen_ui.text.confined import Refused
from tests.knowledge.files import package

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
BODY = f"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<w:document xmlns:w="{W}" xmlns:r="urn:r" xmlns:w14="urn:w14" xmlns:mc="urn:mc" mc:Ignorable="w14"><w:body>
<w:p w14:id="1"><w:pPr><w:pStyle w:val="h1"/></w:pPr><w:bookmarkStart w:id="0" w:name="top"/>\
<w:r><w:t>Title</w:t></w:r><w:bookmarkEnd w:id="0"/></w:p>
<w:p><w:r><w:rPr><w:lang w:val="en-GB"/></w:rPr><w:t xml:space="preserve">The </w:t></w:r>\
<w:r><w:t>long and </w:t></w:r><w:r><w:rPr><w:b/></w:rPr><w:t>bold</w:t></w:r>\
<w:r><w:t xml:space="preserve"> text</w:t><w:drawing><pic/></w:drawing>\
<w:t>, and a </w:t></w:r><w:hyperlink r:id="rId1"><w:r><w:t>link</w:t></w:r></w:hyperlink><w:r><w:t>.</w:t></w:r></w:p>
<w:p><w:r><w:t>Page </w:t></w:r><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>PAGE</w:instrText></w:r>\
<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>7</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>\
<w:r><w:t> of it</w:t></w:r></w:p>
<w:p><w:r><w:t>half a field</w:t><w:fldChar w:fldCharType="end"/></w:r></w:p>
<w:p><w:r><w:t>&lt;g1&gt; stays</w:t></w:r></w:p>
</w:body></w:document>"""
DOCX = package({"[Content_Types].xml": "<Types/>", "word/document.xml": BODY, "word/media/a.png": b"\x89PNG"})


def texts_of(data: bytes, extension: str) -> list[str]:
    return list(office.read(data, ["read", extension]))


def with_texts(data: bytes, extension: str, change: Callable[[str], str]) -> bytes:
    texts = [change(text) for text in texts_of(data, extension)]
    (written,) = office.read(json.dumps(texts).encode() + b"\n" + data, ["write", extension])
    return base64.b64decode(written)


def body_of(data: bytes, part: str = "word/document.xml") -> str:
    return zipfile.ZipFile(io.BytesIO(data)).read(part).decode()


def test_a_paragraph_of_word_is_one_text_with_marks_where_its_format_changes():
    assert texts_of(DOCX, ".docx") == [
        "Title",
        "The long and <g2>bold</g2> text<x4/>, and a <g6>link</g6>.",
        "Page <x2/> of it",
    ]


def test_runs_links_pictures_and_fields_stay_in_another_order_too():
    new = {
        "Title": "Titel",
        "The long and <g2>bold</g2> text<x4/>, and a <g6>link</g6>.": "Ein <g6>Verweis</g6> <g2>fett</g2>\n<x4/>.",
        "Page <x2/> of it": "Seite",  # lost its mark
    }
    body = body_of(with_texts(DOCX, ".docx", lambda text: new[text]))
    assert '<w:p w14:id="1"><w:pPr><w:pStyle w:val="h1"/></w:pPr><w:bookmarkStart w:id="0" w:name="top"/><w:r>' in body
    assert '<w:hyperlink r:id="rId1"><w:r><w:t xml:space="preserve">Verweis</w:t></w:r></w:hyperlink>' in body
    assert '<w:rPr><w:b/></w:rPr><w:t xml:space="preserve">fett</w:t>' in body
    assert "<w:br/>" in body
    assert body.index("fett") < body.index("<w:drawing><pic/></w:drawing>") < body.index(">.<")
    assert body.index("Seite") < body.index('"begin"') < body.index("PAGE") < body.index('"separate"')
    assert body.index('"separate"') < body.index(">7<") < body.index('"end"')
    assert 'mc:Ignorable="w14"' in body


def test_what_stays_as_it_was_is_not_touched():
    data = with_texts(DOCX, ".docx", lambda text: text)
    assert body_of(data) == BODY
    assert zipfile.ZipFile(io.BytesIO(data)).read("word/media/a.png") == b"\x89PNG"


def test_slides_keep_their_runs_and_come_in_order():
    deck = pptx.Presentation()
    for number in range(11):
        slide = deck.slides.add_slide(deck.slide_layouts[5])
        frame = slide.shapes.title.text_frame
        frame.text = f"Slide {number}: "
        frame.paragraphs[0].add_run().text = "bold"
        frame.paragraphs[0].runs[1].font.bold = True
    buffer = io.BytesIO()
    deck.save(buffer)
    texts = texts_of(buffer.getvalue(), ".pptx")
    assert texts == [f"Slide {number}: <g2>bold</g2>" for number in range(11)]
    data = with_texts(buffer.getvalue(), ".pptx", lambda text: text.replace("Slide", "Folie").replace("bold", "fett"))
    paragraph = pptx.Presentation(io.BytesIO(data)).slides[10].shapes.title.text_frame.paragraphs[0]
    assert [(run.text, run.font.bold) for run in paragraph.runs] == [("Folie 10: ", None), ("fett", True)]


def test_cells_keep_numbers_formulas_styles_and_the_names_of_columns():
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["dish", "price"])
    sheet.append(["Fish", 7])
    sheet.append([CellRichText(TextBlock(InlineFont(b=True), "Hot"), " soup"), "=B2*2"])
    sheet.add_table(Table(displayName="Menu", ref="A1:B3"))
    buffer = io.BytesIO()
    book.save(buffer)
    assert texts_of(buffer.getvalue(), ".xlsx") == ["Fish", "<g1>Hot</g1> soup"]
    data = with_texts(buffer.getvalue(), ".xlsx", lambda text: text.replace("Fish", "Fisch").replace("Hot", "Heiße"))
    sheet = openpyxl.load_workbook(io.BytesIO(data), rich_text=True).active
    rows = [[cell.value for cell in row] for row in sheet.rows]
    assert rows[:2] == [["dish", "price"], ["Fisch", 7]]
    assert rows[2][1] == "=B2*2"
    assert str(rows[2][0]) == "Heiße soup"
    assert rows[2][0][0].font.b


def test_of_a_workbook_only_the_chosen_columns_change_even_where_cells_share_a_text():
    book = openpyxl.Workbook()
    rows = [["Dish", "Note", 5], ["Fish", "Fish", 7], ["Soup", "hot", 8], ["Bread", "Soup", 1]]
    for row in rows:
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    data, wanted = buffer.getvalue(), json.dumps(["B: Note"])
    assert list(office.read(data, ["columns", ".xlsx"])) == ["A: Dish", "B: Note"]
    texts = list(office.read(data, ["read", ".xlsx", wanted]))
    assert sorted(texts) == ["Fish", "Note", "Soup", "hot"]
    new = json.dumps([text.upper() for text in texts]).encode()
    (written,) = office.read(new + b"\n" + data, ["write", ".xlsx", wanted])
    sheet = openpyxl.load_workbook(io.BytesIO(base64.b64decode(written))).active
    assert [[cell.value for cell in row] for row in sheet.rows] == [
        ["Dish", "NOTE", 5],
        ["Fish", "FISH", 7],
        ["Soup", "HOT", 8],
        ["Bread", "SOUP", 1],
    ]


def test_columns_of_several_sheets_are_named_after_these_and_their_first_texts():
    book = openpyxl.Workbook()
    book.active.append([1, f"long {'words ' * 20}"])
    book.create_sheet("Other").append(["x"])
    buffer = io.BytesIO()
    book.save(buffer)
    first, second = office.read(buffer.getvalue(), ["columns", ".xlsx"])
    assert (first[:21], first[-1], second) == ("Sheet · B: long words", "…", "Other · A: x")


@pytest.mark.parametrize("data", [b"PK", package({"word/document.xml": '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'})])
def test_what_is_no_such_file_is_refused(data: bytes):
    with pytest.raises(Refused):
        texts_of(data, ".docx")


@pytest.mark.parametrize("text", ["", "<g99>x</g99>", "</g2></x4><x4/><x4/>", "<g2><g2>", "<x1/>"])
def test_any_marks_make_a_file(text: str):
    assert body_of(with_texts(DOCX, ".docx", lambda _: text)).count("<pic/>") == 1
