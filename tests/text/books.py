"""Workbooks written by hand: what no program writes, but a visitor may send."""

import io
import zipfile

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SPREADSHEET = "application/vnd.oasis.opendocument.spreadsheet"
_ODF = "urn:oasis:names:tc:opendocument:xmlns"


def cell(place: str, text: str) -> str:
    """A cell with a text."""
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


HEAD = f'<row r="1">{cell("A1", "text")}{cell("B1", "label")}</row>'
ROW = f'<row r="2">{cell("A2", "good")}{cell("B2", "positive")}</row>'


def book(*rows: str, after: str = "", strings: str = "", prolog: str = "") -> bytes:
    """A workbook with one sheet of these rows."""
    relations = f'<Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    if strings:
        relations += f'<Relationship Id="r2" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
    files = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"/>',
        "_rels/.rels": f"""<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1"
        Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>""",
        "xl/workbook.xml": f"""<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>
        <sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>""",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{relations}</Relationships>',
        "xl/worksheets/sheet1.xml": f"""{prolog}<worksheet xmlns="{_MAIN}"><sheetData>{"".join(rows)}</sheetData>
        {after}</worksheet>""",
    }
    return _packed(files | ({"xl/sharedStrings.xml": strings} if strings else {}))


def ods(*rows: str) -> bytes:
    """An OpenDocument with one sheet of these rows."""
    content = f"""<office:document-content xmlns:office="{_ODF}:office:1.0" xmlns:table="{_ODF}:table:1.0"
    xmlns:text="{_ODF}:text:1.0"><office:body><office:spreadsheet><table:table table:name="S">{"".join(rows)}
    </table:table></office:spreadsheet></office:body></office:document-content>"""
    manifest = f"""<m:manifest xmlns:m="{_ODF}:manifest:1.0"><m:file-entry m:full-path="/"
    m:media-type="{_SPREADSHEET}"/></m:manifest>"""
    return _packed({"mimetype": _SPREADSHEET, "content.xml": content, "META-INF/manifest.xml": manifest})


def ods_row(*texts: str, times: int = 1, wide: int = 1) -> str:
    """A row that stands there so many times, with each of its cells so often."""
    cells = "".join(
        f'<table:table-cell office:value-type="string" table:number-columns-repeated="{wide}"><text:p>{text}</text:p>'
        "</table:table-cell>"
        for text in texts
    )
    return f'<table:table-row table:number-rows-repeated="{times}">{cells}</table:table-row>'


def _packed(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def _far(place: str, row: int) -> str:
    return f'<row r="{row}">{cell(place, "x")}</row>'


_MERGED = '<mergeCell ref="A1:B20000"/>' * 20_000
_LONG = f'<sst xmlns="{_MAIN}"><si><t>{"a" * 1_000_000}</t></si></sst>'
_LAUGHS = '<!DOCTYPE x [<!ENTITY a "hahahaha">' + "".join(
    f'<!ENTITY {b} "{f"&{a};" * 20}">' for a, b in zip("abcdefg", "bcdefgh", strict=True)
)
BOMBS = {
    "a cell in the last row and column": book(HEAD, ROW, _far("XFD1048576", 1_048_576)),
    "a wide row, and one far below": book(_far("XFD1", 1), _far("A100000", 100_000)),
    "many times the same merged cells": book(
        HEAD,
        ROW,
        *(f'<row r="{number}">{cell(f"B{number}", "x")}</row>' for number in range(3, 3_000)),
        after=f"<mergeCells>{_MERGED}</mergeCells>",
    ),
    "one long text in many cells": book(
        HEAD,
        *(f'<row r="{number}"><c r="A{number}" t="s"><v>0</v></c></row>' for number in range(2, 20_000)),
        strings=_LONG,
    ),
    "entities of entities": book(HEAD, ROW.replace("good", "&h;"), prolog=f"{_LAUGHS}]>"),
    "open tags": book(HEAD, '<row r="2">' + "<c><is>" * 500_000),
    "rows that are repeated": ods(ods_row("text"), ods_row("x", times=1_048_575)),
    "rows and cells that are repeated": ods(ods_row("text"), ods_row("x", times=1_048_575, wide=16_384)),
    "a text in more rows than there is room for": ods(ods_row("text"), ods_row("x" * 1_000, times=25_000)),
    "a text in one cell of many rows": book(
        HEAD,
        ROW,
        f'<row r="3">{cell("A3", "x" * 32_000)}</row>',
        *(f'<row r="{number}">{cell(f"B{number}", "x")}</row>' for number in range(4, 1_000)),
        after='<mergeCells><mergeCell ref="A3:A999"/></mergeCells>',
    ),
}
"""Small files that stand for far too much."""
