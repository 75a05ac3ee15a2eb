"""Which agents are there, and which files do they read? What their manuals say, as data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from treeseek.agents import json_entries
from treeseek.errors import UsageError
from treeseek.settings import Homes

__all__ = ["AGENTS", "SERVER", "Agent", "Place", "Scope", "agent_called"]

SERVER = "treeseek"
"""The name of our entry."""

Scope = Literal["project", "user"]


@dataclass(frozen=True, slots=True)
class Place:
    """A file that an agent reads: `entries` is where its servers stand in it, empty for instructions in words.

    `preface` is what a file of words must begin with if it holds nothing but ours.
    """

    path: Path
    entries: tuple[str, ...] = ()
    form: Literal["json", "toml", "words"] = "json"
    preface: str = ""


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent: the places of its servers and of its instructions by scope, and what shows that somebody has it."""

    name: str
    title: str
    config: Callable[[Scope, Path, Homes], Place]
    words: Callable[[Scope, Path, Homes], Place | None]
    signs: Callable[[Path, Homes], Sequence[Path]]
    entry: Callable[[Sequence[str]], dict[str, Any]]

    def places(self, scope: Scope, project: Path, homes: Homes) -> list[Place]:
        """Return the files to write to."""
        words = self.words(scope, project, homes)
        return [self.config(scope, project, homes), *([] if words is None else [words])]

    def is_seen(self, project: Path, homes: Homes) -> bool:
        """Whether there are signs of it."""
        return any(path.exists() for path in self.signs(project, homes))


def agent_called(name: str) -> Agent:
    """Return the agent of a name. Raises UsageError, with the names that there are."""
    if name not in AGENTS:
        raise UsageError(f"no agent {name[:40]!r}; there are {', '.join(AGENTS)}")
    return AGENTS[name]


def _plain(command: Sequence[str]) -> dict[str, Any]:
    return {"command": command[0], "args": list(command[1:])}


def _typed(command: Sequence[str]) -> dict[str, Any]:
    return {"type": "stdio", **_plain(command)}


def _local(command: Sequence[str]) -> dict[str, Any]:
    return {"type": "local", "command": list(command)}


def _by_scope(
    project: str, user: Callable[[Homes], Path], entries: str, form: Literal["json", "toml"] = "json"
) -> Callable[[Scope, Path, Homes], Place]:
    def place(scope: Scope, top: Path, homes: Homes) -> Place:
        return Place(top / project if scope == "project" else user(homes), (entries,), form)

    return place


def _words(
    project: str, user: Callable[[Homes], Path] | None, preface: str = ""
) -> Callable[[Scope, Path, Homes], Place | None]:
    def place(scope: Scope, top: Path, homes: Homes) -> Place | None:
        if scope == "project":
            return Place(top / project, (), "words", preface)
        return None if user is None else Place(user(homes), (), "words")

    return place


def _opencode(scope: Scope, top: Path, homes: Homes) -> Place:
    """Version 2 has its servers under `mcp.servers`, and reads those of version 1, directly under `mcp`, too."""
    folder = top if scope == "project" else homes.config / "opencode"
    path = next((folder / name for name in ("opencode.jsonc", "opencode.json") if (folder / name).exists()),
                folder / "opencode.json")  # fmt: skip
    try:
        is_second = isinstance(json_entries.entry_of(path.read_text("utf-8"), ("mcp", "servers")), dict)
    except (OSError, ValueError, UsageError):  # whoever edits it will say what is wrong
        is_second = False
    return Place(path, ("mcp", "servers") if is_second else ("mcp",))


_ZED_RULES = (
    ".rules", ".cursorrules", ".windsurfrules", ".clinerules", ".github/copilot-instructions.md", "AGENT.md",
    "AGENTS.md", "CLAUDE.md", "GEMINI.md",
)  # fmt: skip


def _zed_words(scope: Scope, top: Path, _: Homes) -> Place | None:
    """Zed reads the first of these files alone, so a new `.rules` would silence those after it."""
    if scope == "user":
        return None
    return Place(top / next((name for name in _ZED_RULES if (top / name).is_file()), ".rules"), (), "words")


def _vscode_words(scope: Scope, top: Path, homes: Homes) -> Place:
    if scope == "project":
        return Place(top / ".github" / "copilot-instructions.md", (), "words")
    path = homes.applications / "Code" / "User" / "prompts" / "treeseek.instructions.md"
    return Place(path, (), "words", '---\napplyTo: "**"\n---\n\n')


def _windsurf(_: Scope, __: Path, homes: Homes) -> Place:
    """It has no servers of a project."""
    return Place(homes.home / ".codeium" / "windsurf" / "mcp_config.json", ("mcpServers",))


_CURSOR_PREFACE = "---\ndescription: How to find code here\nalwaysApply: true\n---\n\n"
_WINDSURF_PREFACE = "---\ntrigger: always_on\n---\n\n"

AGENTS = {agent.name: agent for agent in (
    Agent(
        "claude-code", "Claude Code",
        _by_scope(".mcp.json", lambda homes: homes.claude_json, "mcpServers"),
        _words("CLAUDE.md", lambda homes: homes.claude / "CLAUDE.md"),
        lambda top, homes: (top / ".claude", top / "CLAUDE.md", top / ".mcp.json", homes.claude, homes.claude_json),
        _typed,
    ),
    Agent(
        "cursor", "Cursor",
        _by_scope(".cursor/mcp.json", lambda homes: homes.home / ".cursor" / "mcp.json", "mcpServers"),
        _words(".cursor/rules/treeseek.mdc", None, _CURSOR_PREFACE),
        lambda top, homes: (top / ".cursor", homes.home / ".cursor"),
        _plain,
    ),
    Agent(
        "codex", "Codex",
        _by_scope(".codex/config.toml", lambda homes: homes.codex / "config.toml", "mcp_servers", "toml"),
        _words("AGENTS.md", lambda homes: homes.codex / "AGENTS.md"),
        lambda top, homes: (top / ".codex", homes.codex),
        _plain,
    ),
    Agent(
        "gemini", "Gemini CLI",
        _by_scope(".gemini/settings.json", lambda homes: homes.home / ".gemini" / "settings.json", "mcpServers"),
        _words("GEMINI.md", lambda homes: homes.home / ".gemini" / "GEMINI.md"),
        lambda top, homes: (top / ".gemini", top / "GEMINI.md", homes.home / ".gemini"),
        _plain,
    ),
    Agent(
        "opencode", "OpenCode",
        _opencode,
        _words("AGENTS.md", lambda homes: homes.config / "opencode" / "AGENTS.md"),
        lambda top, homes: (*top.glob("opencode.json*"), top / ".opencode", homes.config / "opencode"),
        _local,
    ),
    Agent(
        "vscode", "VS Code",
        _by_scope(".vscode/mcp.json", lambda homes: homes.applications / "Code" / "User" / "mcp.json", "servers"),
        _vscode_words,
        lambda top, homes: (top / ".vscode", homes.applications / "Code"),
        _typed,
    ),
    Agent(
        "zed", "Zed",
        _by_scope(".zed/settings.json", lambda homes: homes.config / "zed" / "settings.json", "context_servers"),
        _zed_words,
        lambda top, homes: (top / ".zed", homes.config / "zed"),
        _plain,
    ),
    Agent(
        "windsurf", "Windsurf",
        _windsurf,
        _words(
            ".windsurf/rules/treeseek.md",
            lambda homes: homes.home / ".codeium" / "windsurf" / "memories" / "global_rules.md",
            _WINDSURF_PREFACE,
        ),
        lambda top, homes: (top / ".windsurf", homes.home / ".codeium" / "windsurf"),
        _plain,
    ),
)}  # fmt: skip
