"""The programming languages of the Code tab, and the names that people, models and files have for them."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from qwen_ui.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Language:
    """A programming language and what the app's parts call it."""

    id: str
    name: str
    extension: str
    """Of its files, with the dot."""
    grammar: str = ""
    """In tree-sitter-language-pack; empty where there is none."""
    editor: str | None = None
    """The mode of Gradio's Code component; None where it has none."""
    aliases: tuple[str, ...] = ()
    """Other names, in lower case, as users and models write them: the extensions of its files among them."""


def _language(names: str, extension: str, grammar: str = "", editor: str | None = None, *, name: str = "") -> Language:
    """The first name is the id, and the name that people read unless another is given."""
    id, *aliases = names.split()
    return Language(id, name or id.capitalize(), extension, grammar, editor, tuple(aliases))


LANGUAGES = (
    _language("python py python3 py3 py2 ipython jupyter pycon pyi pyw sage", ".py", "python", "python"),
    _language("java jsh", ".java", "java"),
    _language(
        "javascript js jsx node nodejs mjs cjs es ecmascript es6 react", ".js", "javascript", "javascript",
        name="JavaScript",
    ),
    _language("typescript ts tsx mts cts deno", ".ts", "typescript", "typescript", name="TypeScript"),
    _language("c h ansi-c", ".c", "c", "c"),
    _language("cpp c++ cc cxx hpp hxx hh h++ cplusplus cuda cu arduino ino", ".cpp", "cpp", "cpp", name="C++"),
    _language("csharp c# cs csx c-sharp dotnet", ".cs", "csharp", name="C#"),
    _language("go golang", ".go", "go"),
    _language("rust rs", ".rs", "rust"),
    _language("php php-template phtml inc", ".php", "php", name="PHP"),
    _language("ruby rb jruby irb rake gemspec gemfile rakefile", ".rb", "ruby"),
    _language("kotlin kt kts", ".kt", "kotlin"),
    _language("swift", ".swift", "swift"),
    _language(
        "sql mysql mariadb postgresql postgres pgsql psql plpgsql sqlite sqlite3 plsql pl/sql tsql t-sql mssql oracle "
        "bigquery snowflake hiveql hql spark-sql sparksql duckdb clickhouse redshift ddl",
        ".sql", "sql", "sql", name="SQL",
    ),
    _language(
        "bash sh shell zsh ksh dash shellscript shell-script bashrc zshrc console shell-session shellsession "
        "sh-session bash-session terminal",
        ".sh", "bash", "shell",
    ),
    _language(
        "html css htm xhtml html+css scss sass less postcss vue svelte astro jinja jinja2 j2 html+jinja django "
        "html+django handlebars hbs mustache erb html+erb ejs liquid twig blade html+php razor cshtml angular ng htmx",
        ".html", "html", "html", name="HTML/CSS",
    ),
    _language("r rscript rmd s splus", ".R", "r", "r"),
)  # fmt: skip
"""Those that one can choose."""

OTHERS = (
    _language("json jsonc json5 jsonl ndjson geojson webmanifest", ".json", "json", "json", name="JSON"),
    _language("yaml yml docker-compose compose ansible", ".yaml", "yaml", "yaml", name="YAML"),
    _language("toml", ".toml", "toml", name="TOML"),
    _language("xml svg xsd xsl xslt plist pom wsdl rss csproj xaml", ".xml", "xml", name="XML"),
    _language("dockerfile docker containerfile", ".dockerfile", "dockerfile", "dockerfile"),
    _language("makefile make mk gnumakefile", ".mk", "make"),
    _language("cmake cmakelists", ".cmake", "cmake", name="CMake"),
    _language("powershell ps1 pwsh posh ps psm1 psd1", ".ps1", "powershell", name="PowerShell"),
    _language("batch bat cmd batchfile dosbatch dos winbatch", ".bat"),
    _language("fish", ".fish", "fish"),
    _language("ini cfg conf properties dotenv env editorconfig systemd", ".ini", name="INI"),
    _language("nginx nginxconf apache apacheconf htaccess", ".conf"),
    _language("hcl terraform tf tfvars", ".tf", "hcl", name="HCL"),
    _language("diff patch udiff", ".diff"),
    _language("markdown md mdx mkd gfm qmd", ".md", "", "markdown"),
    _language("latex tex bibtex", ".tex", "", "latex", name="LaTeX"),
    _language("graphql gql", ".graphql", "graphql", name="GraphQL"),
    _language("protobuf proto proto3", ".proto", "proto"),
    _language("lua luau", ".lua", "lua"),
    _language("perl pl pm", ".pl"),
    _language("scala sbt sc", ".scala", "scala"),
    _language("groovy gradle jenkinsfile", ".groovy"),
    _language("dart flutter", ".dart", "dart"),
    _language("objectivec objective-c objc obj-c objectivec++ objective-c++ m mm", ".m", "objc", name="Objective-C"),
    _language("fsharp f# fs fsx fsi", ".fs", name="F#"),
    _language("vb vb.net vbnet visual-basic visualbasic vba vbs vbscript basic", ".vb", name="Visual Basic"),
    _language("elixir ex exs heex", ".ex", "elixir"),
    _language("erlang erl hrl", ".erl", "erlang"),
    _language("haskell hs lhs", ".hs"),
    _language("ocaml ml mli reasonml", ".ml", name="OCaml"),
    _language("clojure clj cljs edn", ".clj", "clojure"),
    _language("lisp commonlisp common-lisp elisp emacs-lisp scheme racket scm", ".lisp"),
    _language("julia jl", ".jl", "julia"),
    _language("matlab octave", ".matlab", name="MATLAB"),
    _language("fortran f f90 f95 for", ".f90"),
    _language("cobol cbl cob", ".cbl", name="COBOL"),
    _language("pascal delphi pas objectpascal", ".pas"),
    _language("ada adb ads", ".adb"),
    _language("assembly asm nasm masm gas assembler x86asm armasm mips", ".asm"),
    _language("zig", ".zig", "zig"),
    _language("nim", ".nim"),
    _language("d dlang", ".d"),
    _language("crystal cr", ".cr"),
    _language("solidity sol", ".sol", "solidity"),
    _language("verilog v systemverilog sv", ".v"),
    _language("vhdl vhd", ".vhdl", name="VHDL"),
    _language("glsl hlsl wgsl shader vert frag", ".glsl", name="GLSL"),
    _language("gdscript gd godot", ".gd", name="GDScript"),
    _language("prisma", ".prisma"),
    _language("vim viml vimscript", ".vim"),
    _language("awk gawk", ".awk"),
    _language("tcl", ".tcl"),
    _language("nix", ".nix"),
    _language("prolog pro", ".prolog"),
    _language("sas", ".sas", name="SAS"),
    _language("stata ado do", ".do"),
    _language("abap", ".abap", name="ABAP"),
    _language("applescript osascript", ".applescript", name="AppleScript"),
    _language("mermaid plantuml puml dot graphviz", ".mmd"),
    _language("http rest curl", ".http", name="HTTP"),
    _language("regex regexp", ".regex"),
)
"""Those that models write beside them, and that fences and files name."""

_SESSIONS = "console shell-session shellsession sh-session bash-session terminal pycon irb"
"""Names of a language's sessions in a terminal: what was typed, with what came out."""
_OUTPUTS = frozenset(
    name
    for names in (
        "text txt plain plaintext plain-text output outputs out result results stdout stderr log logs none "
        "nohighlight raw ascii traceback pytb error errors tree csv tsv",
    )
    for name in names.split()
)
_FILES = {"dockerfile": "dockerfile", "makefile": "makefile", "cmakelists.txt": "cmake", "go.mod": "go"}
"""Names of files whose extension doesn't tell."""

BY_ID = {language.id: language for language in (*LANGUAGES, *OTHERS)}
_BY_NAME = {
    name: language
    for language in (*OTHERS, *LANGUAGES)
    for name in (language.id, language.name.lower(), language.extension[1:].lower(), *language.aliases)
}
_ATTRIBUTES = re.compile(r"(?<=[^\s{])[\s{(\[,;=|?!].*", re.DOTALL)
_PREFIX = re.compile(r"(?:language|lang|highlight|source|brush)[-:. ]\s*(?=.)")
_VERSION = re.compile(r"[-_ ]?v?\d+(?:\.\d+)*(?:\.x)?\Z")


def find(name: str) -> Language:
    """The language of that id, name or alias, in any case. Raises `InvalidInput` with those there are."""
    language = known(name)
    if language is None or language not in LANGUAGES:
        names = ", ".join(language.id for language in LANGUAGES)
        raise InvalidInput("There is no language {name!r} here. Choose one of {names}.", name=name, names=names)
    return language


def known(tag: str) -> Language | None:
    """Like `find`, but for whatever a model writes at a fence: with attributes, a version, a file's name or its path.

    None where it names no language; one of `OTHERS` where one can't choose it.
    """
    return _BY_NAME.get(_name(tag))


def is_session(tag: str) -> bool:
    """Whether the tag says: a session in a terminal."""
    return _name(tag) in _SESSIONS.split()


def is_output(tag: str) -> bool:
    """Whether the tag says: no code, but what a program gave, or text."""
    return _name(tag) in _OUTPUTS


def of_file(path: str) -> Language | None:
    """The language of a file of that name."""
    file = PurePosixPath(path.lower().replace("\\", "/"))
    named = _FILES.get(file.name) or _FILES.get(file.stem)
    return _BY_NAME.get(named or file.suffix[1:]) if named or file.suffix else None


def _name(tag: str) -> str:
    """The language's name in the tag, as the table has it, or what is left of the tag without its ornaments."""
    tag = tag[:200].strip().lower()
    if tag in _BY_NAME or tag in _OUTPUTS:
        return tag
    tag = _ATTRIBUTES.sub("", tag.strip("{} ")).strip("{}.` ")
    tag = _PREFIX.sub("", tag, count=1)
    name, _, path = tag.partition(":")
    for candidate in (tag, name, _VERSION.sub("", name), name.replace("_", "-")):
        if candidate in _BY_NAME or candidate in _OUTPUTS:
            return candidate
    language = of_file(path.rpartition(":")[2] or name)
    return language.id if language else name
