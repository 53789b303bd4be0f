"""Small documents of each kind, written by hand or by the libraries that read them."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pptx

CASES = Path(__file__).parent / "cases"
"""Files that other programs made."""
LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "{}">'.format("ha" * 50)
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 20}">' for a, b in zip("abcdef", "bcdefg", strict=True))
    + "]>"
)
"""A document type whose entity &g; stands for some 6 GB of text."""

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_STYLES = f"""<w:styles xmlns:w="{_WORD}">
<w:style w:type="paragraph" w:styleId="h1"><w:name w:val="heading 1"/></w:style></w:styles>"""


def package(files: Mapping[str, str | bytes]) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def changed(archive: bytes, name: str, old: str, new: str) -> bytes:
    """The archive with one text replaced in one of its files."""
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        files = {entry: source.read(entry) for entry in source.namelist()}
    before = files[name].decode()
    assert old in before
    return package(files | {name: before.replace(old, new)})


def docx(heading: str, text: str, doctype: str = "") -> bytes:
    """A Word document: a heading, and a paragraph (XML)."""
    body = f"""<?xml version="1.0" encoding="UTF-8"?>{doctype}<w:document xmlns:w="{_WORD}"><w:body>
    <w:p><w:pPr><w:pStyle w:val="h1"/></w:pPr><w:r><w:t>{heading}</w:t></w:r></w:p>
    <w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>"""
    return package(
        {
            "[Content_Types].xml": f"""<Types xmlns="{_TYPES}">
            <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
            <Override PartName="/word/document.xml"
            ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>""",
            "_rels/.rels": f"""<Relationships xmlns="{_RELATIONS}"><Relationship Id="r1"
            Type="{_OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>""",
            "word/_rels/document.xml.rels": f"""<Relationships xmlns="{_RELATIONS}"><Relationship Id="r1"
            Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>""",
            "word/styles.xml": _STYLES,
            "word/document.xml": body,
        }
    )


def xlsx(sheets: Mapping[str, Sequence[Sequence[Any]]]) -> bytes:
    """A workbook with these rows in each sheet."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def slides(*pages: tuple[str, str]) -> bytes:
    """A presentation with a title and a text on each slide."""
    show = pptx.Presentation()
    for title, text in pages:
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text, slide.placeholders[1].text = title, text
    buffer = io.BytesIO()
    show.save(buffer)
    return buffer.getvalue()


def epub(title: str, *chapters: str) -> bytes:
    """A book with these chapters (HTML)."""
    names = [f"chapter{number}.xhtml" for number in range(len(chapters))]
    items = "".join(f'<item id="{n}" href="{n}" media-type="application/xhtml+xml"/>' for n in names)
    spine = "".join(f'<itemref idref="{n}"/>' for n in names)
    return package(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": """<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
            <rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>""",
            "OEBPS/book.opf": f"""<package xmlns="http://www.idpf.org/2007/opf"
            xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>{title}</dc:title></metadata>
            <manifest>{items}</manifest><spine>{spine}</spine></package>""",
        }
        | {f"OEBPS/{n}": f"<html><body>{c}</body></html>" for n, c in zip(names, chapters, strict=True)}
    )


PICTURE = "a picture"
"""Instead of a page's text."""


def pdf(*pages: str, locked: bool = False) -> bytes:
    """A PDF with a line of text on each page: Latin letters, or Chinese in a font that is not embedded."""
    count = len(pages)
    kids = " ".join(f"{5 + 2 * i} 0 R" for i in range(count))
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {count}/Kids[{kids}]/MediaBox[0 0 600 800]/Resources<</Font<</L 3 0 R/C 4 0 R>>>>>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        "<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H/DescendantFonts[<</Type/Font"
        "/Subtype/CIDFontType0/BaseFont/STSong-Light/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 4>>"
        "/FontDescriptor<</Type/FontDescriptor/FontName/STSong-Light/Flags 4/FontBBox[-25 -254 1000 880]"
        "/ItalicAngle 0/Ascent 880/Descent -120/CapHeight 880/StemV 93>>>>]>>",
    ]
    for number, text in enumerate(pages):
        font, shown = ("L", f"({text})") if text.isascii() else ("C", f"<{text.encode('utf-16-be').hex()}>")
        stream = f"BT /{font} 12 Tf 50 700 Td {shown} Tj ET" if text else ""
        if text == PICTURE:
            stream = "q 600 0 0 800 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 ID 0 EI Q"
        objects.append(f"<</Type/Page/Parent 2 0 R/Contents {6 + 2 * number} 0 R>>")
        objects.append(f"<</Length {len(stream)}>>stream\n{stream}\nendstream")
    return _with_table(objects, locked)


def drawn(*pieces: tuple[float, float, str], width: int = 500) -> bytes:
    """A PDF of one page: each piece's characters side by side from left to right, from a place (in points, from below).

    A character is so many thousandths of its 12 points wide, whatever it is.
    """
    ranges = "".join(f"<{page:02X}00> <{page:02X}FF> <{page:02X}00>\n" for page in (*range(0x21), 0xFB, 0xFE))
    codes = (
        f"begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange 35 beginbfrange\n{ranges}endbfrange endcmap"
    )
    shown = "\n".join(f"BT /F 12 Tf {x} {y} Td <{text.encode('utf-16-be').hex()}> Tj ET" for x, y, text in pieces)
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Count 1/Kids[3 0 R]/MediaBox[0 0 600 800]>>",
        "<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        f"<</Length {len(shown)}>>stream\n{shown}\nendstream",
        "<</Type/Font/Subtype/Type0/BaseFont/Arial/Encoding/Identity-H/ToUnicode 6 0 R/DescendantFonts[<</Type/Font"
        "/Subtype/CIDFontType2/BaseFont/Arial/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
        f"/DW {width}/FontDescriptor<</Type/FontDescriptor/FontName/Arial/Flags 4/FontBBox[0 -250 1000 900]"
        "/ItalicAngle 0/Ascent 900/Descent -250/CapHeight 700/StemV 90>>>>]>>",
        f"<</Length {len(codes)}>>stream\n{codes}\nendstream",
    ]
    return _with_table(objects, locked=False)


def _with_table(objects: list[str], locked: bool) -> bytes:
    data, places = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(data))
        data += f"{number} 0 obj\n{text}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    key = "00" * 32  # no password gives this key
    lock = f"/ID[<00><00>]/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<{key}>/U<{key}>>>" if locked else ""
    trailer = f"trailer<</Size {size}/Root 1 0 R{lock}>>\nstartxref\n{len(data)}\n%%EOF"
    return data + f"xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}".encode()
