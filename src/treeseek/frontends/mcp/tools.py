"""Which tools are there, and what does a model read of them? Plain data: a session pays for every word of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

__all__ = ["DEFAULT_TOKENS", "INSTRUCTIONS", "LEAST_TOKENS", "MOST_TOKENS", "TOOLS", "Parameter", "Tool", "tools_for"]

INSTRUCTIONS = """\
treeseek answers questions about the code here from an index that follows every change.
Prefer it to grep when you know what code does but not how it is spelled or where it is (search), for where a name is \
declared (symbols), a file's structure (outline), code like this (related), what was changed (changes).
Prefer grep for exact strings, regular expressions and every use of a name. \
Read a file when you know its path and lines."""

LEAST_TOKENS, DEFAULT_TOKENS, MOST_TOKENS = 200, 4_000, 20_000
"""How much room an answer may take: at the least, unless it is said, and at the most."""

Kind = Literal["text", "number", "list", "flag"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument of a tool. One without a default must be given; `least` and `most` bound a number."""

    name: str
    kind: Kind
    about: str = ""
    default: Any = None
    least: int = 1
    most: int = 2**31 - 1

    @property
    def is_required(self) -> bool:
        """Whether there is no default."""
        return self.default is None

    def schema(self) -> dict[str, Any]:
        """Return its JSON schema: one plain type, never a union, since what is absent has a default."""
        types: dict[Kind, dict[str, Any]] = {
            "text": {"type": "string"},
            "number": {"type": "integer"},
            "flag": {"type": "boolean"},
            "list": {"type": "array", "items": {"type": "string"}},
        }
        about = {"description": self.about} if self.about else {}
        default = {"default": self.default} if self.kind == "number" and self.default is not None else {}
        return types[self.kind] | about | default


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: its name is also the command of the document that it answers with, but for those named otherwise."""

    name: str
    title: str
    about: str
    parameters: tuple[Parameter, ...]
    answer: dict[str, Any]

    def input_schema(self) -> dict[str, Any]:
        """Return the JSON schema of its arguments."""
        required = [one.name for one in self.parameters if one.is_required]
        return {
            "type": "object",
            "properties": {one.name: one.schema() for one in self.parameters},
            **({"required": required} if required else {}),
            "additionalProperties": False,
        }

    def output_schema(self) -> dict[str, Any]:
        """Return the JSON schema of its document: what a caller can rely on; docs/json.md has all of it."""
        return {"type": "object", "properties": {"ok": {"type": "boolean"}, **self.answer}, "required": ["ok"]}


def _array(**fields: str) -> dict[str, Any]:
    return {
        "type": "array",
        "items": {"type": "object", "properties": {name: {"type": kind} for name, kind in fields.items()}},
    }


_TEXTS: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
_HITS = {
    "hits": _array(
        path="string",
        start_line="integer",
        end_line="integer",
        kind="string",
        name="string",
        score="number",
        fresh="boolean",
        text="string",
    ),
    "notes": _TEXTS,
    "truncated": {"type": "boolean"},
}

_LIMIT = Parameter("limit", "number", "", 10, 1, 100)
_LANGUAGE = Parameter("language", "list", "", ())
_KIND = Parameter("kind", "list", "such as function, class", ())
_BENEATH = Parameter("path", "text", "stay in this file or directory", "")
_INCLUDE = Parameter("include", "list", "globs", ())
_EXCLUDE = Parameter("exclude", "list", "globs", ())
_FILE = Parameter("path", "text")
_ROOM = Parameter(
    "max_tokens", "number", f"of the answer, at most {MOST_TOKENS}", DEFAULT_TOKENS, LEAST_TOKENS, MOST_TOKENS
)

TOOLS = (
    Tool(
        "search",
        "Search code by meaning",
        'Find the code that does something, asked in plain words ("where are failed uploads retried") or by a name. '
        "Gives whole functions with paths and lines, best first. One call instead of many greps; "
        "grep is for exact strings and every occurrence.",
        (
            Parameter("query", "text", "what the code does"),
            _LIMIT,
            _LANGUAGE,
            _KIND,
            _BENEATH,
            _INCLUDE,
            _EXCLUDE,
            _ROOM,
        ),
        _HITS,
    ),
    Tool(
        "symbols",
        "Find declarations",
        "Find where a function, class or other name is declared, however it is cased or joined. "
        "Not its uses: grep for those.",
        (Parameter("name", "text"), _LIMIT, _LANGUAGE, _KIND, _BENEATH, _ROOM),
        _HITS,
    ),
    Tool(
        "related",
        "Find similar code",
        "Find code like that at a line of a file: other implementations, duplicates, the pattern to follow.",
        (_FILE, Parameter("line", "number"), _LIMIT, _LANGUAGE, _ROOM),
        _HITS,
    ),
    Tool(
        "outline",
        "Outline a file",
        "List what a file declares, with lines and signatures, as it is now. Cheaper than reading the file.",
        (_FILE, _ROOM),
        {
            "path": {"type": "string"},
            "declarations": _array(
                kind="string", name="string", signature="string", start_line="integer", end_line="integer"
            ),
        },
    ),
    Tool(
        "changes",
        "List what changed",
        "List which declarations were added, removed, changed, moved or renamed between two git revisions; "
        "by default from HEAD to the files as they are now. Says what a line diff doesn't.",
        (
            Parameter("old", "text", "revision or range A..B; default HEAD", "HEAD"),
            Parameter("new", "text", "revision; default the files as they are", ""),
            Parameter("path", "list", "files, directories or globs", ()),
            _ROOM,
        ),
        {"files": _array(status="string", old_path="string", new_path="string", declarations="array")},
    ),
    Tool(
        "index_status",
        "Index status",
        "Tell what the index holds, what isn't indexed yet, and with skipped what was left out and why.",
        (Parameter("skipped", "flag", "", False), _ROOM),
        {"indexed": {"type": "boolean"}, "files": {"type": "integer"}, "pending": {"type": "object"}},
    ),
)


@cache
def tools_for(roots: tuple[str, ...]) -> dict[str, Tool]:
    """Return the tools by name; if several roots are served, each asks which one is meant."""
    if len(roots) < 2:
        return {tool.name: tool for tool in TOOLS}
    root = Parameter("root", "text", f"one of {', '.join(roots)}")
    return {tool.name: Tool(tool.name, tool.title, tool.about, (*tool.parameters, root), tool.answer) for tool in TOOLS}
