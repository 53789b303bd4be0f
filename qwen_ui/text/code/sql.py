"""The syntax of SQL: what is right in any known dialect is right."""

import logging
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError, TokenError

from qwen_ui.sentences import Sentence
from qwen_ui.text.code import grammar
from qwen_ui.text.code.found import Syntax
from qwen_ui.text.code.readings import Reading, blanked, blanks

DIALECTS = (
    *("postgres", "mysql", "tsql", "sqlite", "oracle", "bigquery", "snowflake", "duckdb", "spark", "clickhouse"),
    "trino",
)
MAX_CHARACTERS = 20_000
MAX_STATEMENTS = 100
MAX_SECONDS = 2.0
"""More would take seconds in so many dialects."""

_CLIENT = (
    blanked(
        r"^[ \t]*(?:DELIMITER\b[^\n]*|GO(?:[ \t]+\d+)?[ \t]*|\\[a-z?!+][^\n]*|\.[a-z]+[^\n]*|/[ \t]*)$",
        re.MULTILINE | re.IGNORECASE,
    ),
    blanked(r"(?<=;)[ \t]*//[ \t]*$"),
)
"""What is meant for the client program."""
_QUOTED = re.compile(
    r"'(?:[^'\\]|''|\\.)*+'|\"[^\"\n]*+\"|`[^`\n]*+`|--[^\n]*|/\*(?:[^*]|\*(?!/))*+\*/|\$\$(?:[^$]|\$(?!\$))*+\$\$"
)
_FORMATTED = re.compile(r"%(?:\(\w+\))?s\b|\$\{[^{}\n]*\}|\{\w*\}")
"""Places for values in a program's template."""
_COMMA = re.compile(
    r",\s*(?=,|\)|;|\b(?:FROM|WHERE|GROUP\s+BY|ORDER\s+BY|HAVING|LIMIT|UNION|VALUES)\b|\Z)|\(\s*(?=,)"
    r"|\b(?:SELECT|BY|SET)\s*(?=,)|\bSET\s+(?=WHERE\b)"
    r"|\b(?:BY|(?<!= )ON|WHERE|AND|OR|FROM|JOIN|INTO|VALUES|IN|SELECT)\s*\Z"
    r"|\bUPDATE\s+\S+\s+(?:AS\s+)?(?:\w+\s+)?SET\s+[\w.]+\s+(?=\w)",
    re.IGNORECASE,
)
_TRAILING_ALLOWED = re.compile(r"\b(?:EXCEPT|STRUCT|UNNEST)\s*\(|\bSAFE_|\bQUALIFY\b|`[\w-]+\.", re.IGNORECASE)
_PROCEDURAL = re.compile(
    r"\b(?:BEGIN|DECLARE|DELIMITER|END\s+IF|LOOP|ELSIF|EXCEPTION\s+WHEN|WHILE)\b"
    r"|\b(?:PROCEDURE|FUNCTION|TRIGGER|PACKAGE|EVENT)\b|\bEXEC(?:UTE)?\b|\bDO\s+\$",
    re.IGNORECASE,
)
_KINDS = (
    "TABLE VIEW INDEX UNIQUE DATABASE SCHEMA FUNCTION PROCEDURE TRIGGER TYPE DOMAIN SEQUENCE EXTENSION ROLE "
    "USER ROUTINE OR TEMP TEMPORARY GLOBAL LOCAL UNLOGGED MATERIALIZED EXTERNAL FOREIGN VIRTUAL RECURSIVE "
    "PACKAGE SYNONYM EVENT TABLESPACE POLICY RULE SERVER PUBLICATION SUBSCRIPTION AGGREGATE OPERATOR "
    "COLLATION CAST LANGUAGE CLUSTERED NONCLUSTERED FULLTEXT SPATIAL BITMAP COLUMNSTORE COLUMN CONSTRAINT "
    "LOGIN CERTIFICATE STATISTICS STAGE WAREHOUSE STREAM TASK FILE PIPE SHARE TRANSIENT DYNAMIC HYBRID "
    "ICEBERG SECURE MODEL MACRO SECRET DICTIONARY LIVE STREAMING CATALOG VOLUME CONNECTION DEFAULT DEFINER "
    "ALGORITHM SQL PUBLIC EDITIONABLE NONEDITIONABLE FORCE NO DIRECTORY CLUSTER ACCESS PARTITION SYSTEM "
    "SESSION CONTEXT PROFILE JAVA LIBRARY OUTLINE DIMENSION SNAPSHOT CONSTANT REPLICATED TEXT ASSEMBLY XML "
    "PRIMARY SET IF INSTANCE KEYSPACE SERVICE APPLICATION BINDING NETWORK MASKING ROW SEARCH RESOURCE GROUP "
    "RESERVATION ASSIGNMENT WORKLOAD"
)
"""What is created, dropped and altered; other words are misspelt."""
_VERBS = (
    "SELECT INSERT UPDATE DELETE CREATE ALTER DROP WITH MERGE REPLACE UPSERT TRUNCATE VALUES TABLE EXPLAIN "
    "DESCRIBE DESC SHOW SET USE BEGIN COMMIT ROLLBACK SAVEPOINT START GRANT REVOKE CALL EXEC EXECUTE DECLARE "
    "IF WHILE PRAGMA ANALYZE VACUUM COPY LOAD COMMENT LOCK UNLOCK FROM PIVOT UNPIVOT RENAME CACHE ATTACH "
    "DETACH DO END PRINT GO FETCH OPEN CLOSE DEALLOCATE"
)
"""What statements begin with."""
_CORE = "SELECT INSERT UPDATE DELETE CREATE ALTER DROP WITH MERGE VALUES"
"""Those that sqlglot knows in all dialects."""
_PART = re.compile(
    r"\s*(?:WHERE|GROUP|ORDER|HAVING|LIMIT|(?:LEFT|RIGHT|INNER|FULL|CROSS)?\s*(?:OUTER\s+)?JOIN)\b", re.IGNORECASE
)
_WHOLE = "SELECT * FROM t "
"""What goes before a part of a query."""
_UNKNOWN = Sentence("Not every statement of every database is known here.")
_FIRST_WORD = re.compile(r"(?:\s|--[^\n]*|/\*(?:[^*]|\*(?!/))*+\*/)*+([A-Za-z_]\w*)")
_MISSPELT = re.compile(
    rf"\s*(?:CREATE|DROP|ALTER)\s+(?!(?:{'|'.join(_KINDS.split())})\b)(?P<word>[A-Za-z]\w*)\b", re.IGNORECASE
)


def check(code: str) -> Syntax:
    """Where the first error is: of a statement that no dialect takes."""
    if len(code) > MAX_CHARACTERS:
        limit = Sentence("Code of more than {limit:,} characters is not checked.", limit=MAX_CHARACTERS)
        return Syntax(None, message=limit)
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # its warnings quote the code, and the log keeps nobody's text
    source = code
    for blank in (*_CLIENT, *blanks("sql")):
        source = blank(source)
    source = _FORMATTED.sub(lambda match: "x" * len(match[0]), source)
    statements = list(_statements(source))
    if len(statements) > MAX_STATEMENTS:
        return Syntax(True) if grammar.check(source, [Reading("sql")]).valid else Syntax(None, message=_UNKNOWN)
    found = [_statement(source, start, end) for start, end in statements]
    if any(each.valid is False for each in found) and _PROCEDURAL.search(_unquoted(source)):
        return Syntax(None, message=Sentence("Procedures in SQL differ too much among databases to be checked."))
    wrong = (each for each in found if each.valid is False)
    unsure = (each for each in found if each.valid is None)
    return next(wrong, None) or next(unsure, None) or Syntax(True)


def _statements(source: str) -> Iterator[tuple[int, int]]:
    """Where each statement stands, as characters [start, end)."""
    start, unquoted = 0, _unquoted(source)
    for semicolon in re.finditer(r";|\Z", unquoted):
        if unquoted[start : semicolon.start()].strip():
            yield start, semicolon.start()
        start = semicolon.end()


def _statement(source: str, start: int, end: int) -> Syntax:
    text = source[start:end]
    before = (source.count("\n", 0, start), start - (source.rfind("\n", 0, start) + 1))
    if _PART.match(text):
        text, before = _WHOLE + text, (before[0], before[1] - len(_WHOLE))
    found = _misplaced(text) or (
        Syntax(True) if grammar.check(text, [Reading("sql")]).valid else _least(_error(text, each) for each in DIALECTS)
    )
    word = _FIRST_WORD.match(text)
    if found.valid is False and word and word[1].upper() not in _CORE.split():
        if word[1].upper() in _VERBS.split():
            return Syntax(None, message=_UNKNOWN)
        found = _at(*_place(text, word.start(1)), word[1])
    column = found.column + before[1] if found.line == 1 else found.column
    return replace(found, line=found.line + before[0], column=column) if found.valid is False else found


def _least(errors: Iterable[Syntax]) -> Syntax:
    """The best that any dialect says: valid, else not told, else the error that is furthest in."""
    best, deadline = Syntax(False), time.monotonic() + MAX_SECONDS
    for error in errors:
        if time.monotonic() > deadline:
            return Syntax(None, message=_UNKNOWN)
        if error.valid:
            return error
        if error.valid is None or (best.valid is False and (error.line, error.column) > (best.line, best.column)):
            best = error
    return best


def _error(source: str, dialect: str) -> Syntax:
    """The first error in that dialect; what sqlglot only passes on as a command can't be told."""
    try:
        (statement,) = sqlglot.parse(source, read=dialect)
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        near = first.get("highlight") or ""
        return _at(first.get("line") or 1, max((first.get("col") or 1) - max(len(near) - 1, 0), 1), near)
    except TokenError:
        return _unclosed(source)
    except (SqlglotError, RecursionError, ValueError) as error:
        return Syntax(None, message=Sentence("The parser gave up on it: {reason}.", reason=type(error).__name__))
    return _command(source) if isinstance(statement, exp.Command) else Syntax(True)


def _command(source: str) -> Syntax:
    """What can be told of a statement that sqlglot doesn't parse."""
    unquoted = _unquoted(source)
    if unquoted.count("(") != unquoted.count(")"):
        return _at(*_place(source, len(source.rstrip())), "")
    misspelt = _MISSPELT.match(unquoted)
    if misspelt:
        return _at(*_place(source, misspelt.start("word")), misspelt["word"])
    return Syntax(None, message=_UNKNOWN)


def _unclosed(source: str) -> Syntax:
    """The first quote that stays open."""
    opened = re.search(r"['\"`]|/\*", _QUOTED.sub(lambda match: " " * len(match[0]), source))
    return _at(*_place(source, opened.start() if opened else len(source)), opened[0] if opened else "")


def _misplaced(source: str) -> Syntax | None:
    """A comma or a word with nothing behind it, where sqlglot is lenient."""
    unquoted = _unquoted(source)
    match = _COMMA.search(unquoted)
    if match is None or _TRAILING_ALLOWED.search(unquoted):
        return None
    return _at(*_place(source, match.start()), match[0].strip())


def _unquoted(source: str) -> str:
    """The source with its comments blank and its strings as words."""
    return _QUOTED.sub(lambda match: re.sub(r"[^\n]", "x" if match[0][0] in "'\"`$" else " ", match[0]), source)


def _place(source: str, offset: int) -> tuple[int, int]:
    return source.count("\n", 0, offset) + 1, offset - (source.rfind("\n", 0, offset) + 1) + 1


def _at(line: int, column: int, near: str) -> Syntax:
    message = Sentence("unexpected {token!r}", token=near[:40]) if near else Sentence("unexpected end")
    return Syntax(False, line, column, message)
