"""The table of languages, and which of them a file is in: by its name, its extension or its first line.

A new parsed language is one row here with a grammar, and one query file of the same name in `queries/`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["LANGUAGES", "Comments", "Language", "detect", "names", "resolve"]


@dataclass(frozen=True, slots=True)
class Comments:
    """How comments that may document a declaration are written: prefixes of whole lines, and one bracket pair.

    Where there is no bracket pair, `closing` is something that no line ends with.
    """

    line: tuple[bytes, ...] = ()
    opening: bytes = b""
    closing: bytes = b"\n"


_C = Comments((b"//",), b"/*", b"*/")
_HASH = Comments((b"#",))


@dataclass(frozen=True, slots=True)
class Language:
    """One row of the table.

    `reader` says how the text is cut: "syntax" by a tree-sitter grammar (`function` of `module`), "headings" or
    "lines". `merge_clauses`: neighbours of one name are one declaration (equations, clauses, overloads).
    `keywords`: where definitions are calls, the kind that each calling word (captured as `@keyword`) defines.
    `docstring`: the first string of a body documents it.
    """

    name: str
    extensions: tuple[str, ...] = ()
    filenames: tuple[str, ...] = ()
    interpreters: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    module: str = ""
    function: str = "language"
    reader: str = "lines"
    comments: Comments = Comments()
    merge_clauses: bool = False
    docstring: bool = False
    keywords: tuple[tuple[bytes, str], ...] = ()


def _parsed(
    name: str,
    extensions: str,
    *,
    comments: Comments = _C,
    filenames: str = "",
    interpreters: str = "",
    aliases: str = "",
    module: str = "",
    function: str = "language",
    merge_clauses: bool = False,
    docstring: bool = False,
    keywords: tuple[tuple[bytes, str], ...] = (),
) -> Language:
    return Language(
        name, tuple(extensions.split()), tuple(filenames.split()), tuple(interpreters.split()),
        tuple(aliases.split()), module or f"tree_sitter_{name}", function, "syntax", comments, merge_clauses,
        docstring, keywords,
    )  # fmt: skip


def _plain(
    name: str,
    extensions: str = "",
    filenames: str = "",
    aliases: str = "",
    *,
    interpreters: str = "",
    reader: str = "lines",
) -> Language:
    return Language(
        name, tuple(extensions.split()), tuple(filenames.split()), tuple(interpreters.split()),
        tuple(aliases.split()), reader=reader,
    )  # fmt: skip


_ROWS = (
    _parsed("rust", "rs", aliases="rs"),
    _parsed("javascript", "js mjs cjs jsx es6", interpreters="node nodejs bun deno", aliases="js jsx ecmascript node"),
    _parsed("typescript", "ts mts cts", module="tree_sitter_typescript", function="language_typescript",
            aliases="ts", merge_clauses=True, interpreters="ts-node tsx"),
    _parsed("tsx", "tsx", module="tree_sitter_typescript", function="language_tsx", merge_clauses=True),
    _parsed("python", "py pyi pyw", comments=_HASH, interpreters="python pypy", docstring=True,
            filenames="SConstruct SConscript wscript", aliases="py python3"),
    _parsed("go", "go", aliases="golang"),
    _parsed("java", "java"),
    _parsed("c", "c h", aliases="h"),
    _parsed("cpp", "cc cpp cxx c++ hpp hh hxx h++ ipp tpp txx inl cu cuh ino", aliases="c++ cxx cc hpp"),
    _parsed("csharp", "cs csx", module="tree_sitter_c_sharp", aliases="c# cs c-sharp"),
    _parsed("ruby", "rb rake gemspec ru rbi podspec jbuilder thor", comments=_HASH, interpreters="ruby jruby",
            filenames="Rakefile Gemfile Guardfile Capfile Podfile Vagrantfile Brewfile Fastfile Dangerfile Steepfile",
            aliases="rb"),
    _parsed("php", "php phtml php3 php4 php5 inc", function="language_php", interpreters="php",
            comments=Comments((b"//", b"#"), b"/*", b"*/")),
    _parsed("kotlin", "kt kts", aliases="kt kts"),
    _parsed("scala", "scala sc sbt", interpreters="scala"),
    _parsed("swift", "swift", interpreters="swift"),
    _parsed("lua", "lua", comments=Comments((b"--",), b"--[[", b"]]"), interpreters="lua luajit texlua",
            filenames=".luacheckrc"),
    _parsed("bash", "sh bash zsh ksh bats ebuild", comments=_HASH, interpreters="sh bash zsh ksh dash ash",
            filenames=".bashrc .bash_profile .bash_aliases .bash_logout .profile .zshrc .zshenv .zprofile PKGBUILD",
            aliases="sh shell zsh"),
    _parsed("elixir", "ex exs", comments=_HASH, interpreters="elixir", filenames="mix.lock", aliases="ex exs",
            merge_clauses=True, docstring=True,
            keywords=((b"defmodule", "module"), (b"defprotocol", "interface"), (b"defimpl", "module"),
                      (b"def", "function"), (b"defp", "function"), (b"defmacro", "function"),
                      (b"defmacrop", "function"), (b"defguard", "function"), (b"defguardp", "function"),
                      (b"defdelegate", "function"))),
    _parsed("haskell", "hs hs-boot", comments=Comments((b"--",), b"{-", b"-}"), interpreters="runhaskell runghc",
            aliases="hs", merge_clauses=True),
    _parsed("zig", "zig zon"),
    _plain("markdown", "md markdown mdx mkd mdown", aliases="md", reader="headings"),
    _plain("restructuredtext", "rst", aliases="rst", reader="headings"),
    _plain("asciidoc", "adoc asciidoc asc", aliases="adoc", reader="headings"),
    _plain("json", "json jsonc json5 jsonl ndjson geojson webmanifest ipynb",
           ".babelrc .eslintrc .prettierrc composer.lock"),
    _plain("yaml", "yaml yml", ".clang-format .clang-tidy", "yml"),
    _plain("toml", "toml", "Cargo.lock poetry.lock uv.lock Pipfile"),
    _plain("cython", "pyx pxd pxi"),
    _plain("html", "html htm xhtml erb ejs hbs mustache haml slim twig jinja jinja2 j2 heex eex leex", aliases="htm"),
    _plain("vue", "vue"),
    _plain("svelte", "svelte"),
    _plain("css", "css scss sass less pcss styl", aliases="scss sass less"),
    _plain("sql", "sql psql pgsql mysql ddl"),
    _plain("xml", "xml xsd xsl xslt svg plist csproj fsproj vbproj props targets resx xaml wsdl storyboard xib"),
    _plain("protobuf", "proto", aliases="proto"),
    _plain("graphql", "graphql gql", aliases="gql"),
    _plain("thrift", "thrift"),
    _plain("dockerfile", "dockerfile", "Dockerfile Containerfile", "docker"),
    _plain("make", "mk mak make", "Makefile makefile GNUmakefile BSDmakefile", "makefile", interpreters="make"),
    _plain("cmake", "cmake", "CMakeLists.txt"),
    _plain("meson", "", "meson.build meson_options.txt"),
    _plain("bazel", "bzl bazel star", "BUILD WORKSPACE BUILD.bazel WORKSPACE.bazel", "starlark"),
    _plain("ini", "ini cfg conf properties editorconfig desktop service env", ".gitconfig .editorconfig .npmrc",
           "properties"),
    _plain("terraform", "tf tfvars hcl", aliases="tf hcl"),
    _plain("groovy", "groovy gradle gvy", "Jenkinsfile", "gradle", interpreters="groovy"),
    _plain("perl", "pl pm t pod", aliases="pl", interpreters="perl"),
    _plain("r", "r rmd", interpreters="Rscript"),
    _plain("julia", "jl", aliases="jl", interpreters="julia"),
    _plain("dart", "dart", interpreters="dart"),
    _plain("objective-c", "m mm", aliases="objc objectivec"),
    _plain("clojure", "clj cljs cljc edn", aliases="clj"),
    _plain("erlang", "erl hrl escript", "rebar.config", "erl", interpreters="escript"),
    _plain("ocaml", "ml mli mll mly", aliases="ml"),
    _plain("fsharp", "fs fsi fsx", aliases="f# fs"),
    _plain("vb", "vb vbs bas"),
    _plain("pascal", "pas pp dpr"),
    _plain("fortran", "f f77 f90 f95 f03 f08 for"),
    _plain("lisp", "lisp lsp cl el scm ss rkt", ".emacs"),
    _plain("nim", "nim nims"),
    _plain("nix", "nix"),
    _plain("solidity", "sol"),
    _plain("assembly", "s asm nasm", aliases="asm"),
    _plain("vim", "vim", ".vimrc vimrc", "viml vimscript"),
    _plain("powershell", "ps1 psm1 psd1", aliases="ps1 pwsh", interpreters="pwsh"),
    _plain("batch", "bat cmd", aliases="bat"),
    _plain("fish", "fish", interpreters="fish"),
    _plain("awk", "awk", interpreters="awk gawk mawk"),
    _plain("tcl", "tcl", interpreters="tclsh wish"),
    _plain("tex", "tex sty cls bib", aliases="latex"),
    _plain("shader", "glsl hlsl vert frag wgsl metal", aliases="glsl hlsl wgsl"),
    _plain("diff", "diff patch"),
    _plain("csv", "csv tsv"),
    _plain("text", "txt text log", aliases="txt plain"),
)  # fmt: skip

LANGUAGES = {row.name: row for row in _ROWS}
"""Every language by name."""

_BY_EXTENSION = {extension: row.name for row in _ROWS for extension in row.extensions}
_BY_FILENAME = {filename: row.name for row in _ROWS for filename in row.filenames}
_BY_INTERPRETER = {interpreter: row.name for row in _ROWS for interpreter in row.interpreters}
_BY_ALIAS = {alias: row.name for row in _ROWS for alias in row.aliases}
_NAMES = frozenset(LANGUAGES)

_SHEBANG = re.compile(rb"\A(?:\xef\xbb\xbf)?#!\s*(\S+)(?:[ \t]+(.*))?")
_VERSION = re.compile(r"[\d.]+\Z")
_CPP_HEADER = re.compile(
    rb"^\s*(?:class\s+\w+[\w\s:<>,]*[{;]?\s*$|namespace\b[^=]*$|template\s*<|using\s+\w+|(?:public|private|protected)\s*:)"
    rb"|\bstd::|^\s*#\s*include\s*<(?:string|vector|memory|map|utility|functional|iostream|type_traits|cstd\w+)>"
    rb"|\bconstexpr\b|\bnoexcept\b",
    re.MULTILINE,
)


def detect(path: str, head: bytes) -> str:
    """Return the name of the language of the file at `path`, whose first bytes are `head`; "text" if unknown.

    The exact file name decides, then the extension, then the interpreter that the first line names. A `.h` is C++
    if its head looks it.
    """
    filename = path.rpartition("/")[2]
    by_name = _BY_FILENAME.get(filename)
    if by_name:
        return by_name
    stem, dot, extension = filename.rpartition(".")
    if dot:
        if extension == "h" and _CPP_HEADER.search(head):
            return "cpp"
        found = _BY_EXTENSION.get(extension) or _BY_EXTENSION.get(extension.lower())
        if found:
            return found
    if stem and _BY_FILENAME.get(stem) in ("dockerfile", "make"):  # Dockerfile.dev, Makefile.in
        return _BY_FILENAME[stem]
    return _by_shebang(head)


def _by_shebang(head: bytes) -> str:
    match = _SHEBANG.match(head)
    if not match:
        return "text"
    program = match[1].decode("utf-8", "replace").rpartition("/")[2]
    if program == "env":
        words = (match[2] or b"").decode("utf-8", "replace").split()
        program = next((word for word in words if not word.startswith("-") and "=" not in word), "")
        program = program.rpartition("/")[2]
    return _BY_INTERPRETER.get(program) or _BY_INTERPRETER.get(_VERSION.sub("", program)) or "text"


def names() -> frozenset[str]:
    """Return the names of all languages, without aliases."""
    return _NAMES


def resolve(name: str) -> str | None:
    """Return the language that a name or an alias (`ts`, `c++`, `golang`) means, in any case; None if none."""
    lowered = name.strip().lower()
    return lowered if lowered in _NAMES else _BY_ALIAS.get(lowered)
