"""The programming languages of the Code tab."""

from dataclasses import dataclass

from qwen_ui.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Language:
    """A programming language and what the app's parts call it."""

    id: str
    name: str
    extension: str
    """Of its files, with the dot."""
    grammar: str
    """In tree-sitter-language-pack."""
    editor: str | None = None
    """The mode of Gradio's Code component; None where it has none."""
    aliases: tuple[str, ...] = ()
    """Other names, in lower case, as users and models write them."""


LANGUAGES = (
    Language("python", "Python", ".py", "python", "python", ("py", "python3")),
    Language("java", "Java", ".java", "java"),
    Language("javascript", "JavaScript", ".js", "javascript", "javascript", ("js", "jsx", "node", "mjs")),
    Language("typescript", "TypeScript", ".ts", "typescript", "typescript", ("ts",)),
    Language("c", "C", ".c", "c", "c", ("h",)),
    Language("cpp", "C++", ".cpp", "cpp", "cpp", ("c++", "cc", "cxx", "hpp")),
    Language("csharp", "C#", ".cs", "csharp", None, ("c#", "cs")),
    Language("go", "Go", ".go", "go", None, ("golang",)),
    Language("rust", "Rust", ".rs", "rust", None, ("rs",)),
    Language("php", "PHP", ".php", "php"),
    Language("ruby", "Ruby", ".rb", "ruby", None, ("rb",)),
    Language("kotlin", "Kotlin", ".kt", "kotlin", None, ("kt", "kts")),
    Language("swift", "Swift", ".swift", "swift"),
    Language("sql", "SQL", ".sql", "sql", "sql", ("mysql", "postgresql", "postgres", "sqlite", "plsql", "tsql")),
    Language("bash", "Bash", ".sh", "bash", "shell", ("sh", "shell", "zsh", "console")),
    Language("html", "HTML/CSS", ".html", "html", "html", ("css", "htm", "xhtml")),
    Language("r", "R", ".R", "r", "r"),
)

_BY_NAME = {
    name: language for language in LANGUAGES for name in (language.id, language.name.lower(), *language.aliases)
}


def find(name: str) -> Language:
    """The language of that id, name or alias, in any case. Raises `InvalidInput` with those there are."""
    language = known(name)
    if language is None:
        names = ", ".join(language.id for language in LANGUAGES)
        raise InvalidInput("There is no language {name!r} here. Choose one of {names}.", name=name, names=names)
    return language


def known(name: str) -> Language | None:
    """Like `find`, but None for a name that is not known, as on a model's code fence."""
    return _BY_NAME.get(name.strip().lower())
