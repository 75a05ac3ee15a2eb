"""Installing into real files of a home and a project, and taking it back: nothing else changes, to the byte."""

from __future__ import annotations

import json
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from treeseek.agents import files, json_entries, jsonc
from treeseek.agents.installing import Change, Installer, difference
from treeseek.agents.registry import AGENTS, Scope
from treeseek.errors import UsageError
from treeseek.frontends.cli.main import main
from treeseek.settings import Homes, homes

COMMAND = ["/opt/bin/treeseek", "mcp"]
CASES = [(name, scope) for name in AGENTS for scope in ("project", "user")]
RICH = {
    "json": '\ufeff// mine\r\n{\r\n\t"other": {"a": [1, 2,], }, // why\r\n\t"mcpServers": {\r\n'
            '\t\t"b": {"command": "x"}\r\n\t},\r\n}\r\n',
    "toml": "# mine\nmodel = 'x'\n\n[mcp_servers.b]\ncommand = 'x' # why\n",
    "words": "# Rules\n\n- be kind\n\n\n",
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    top = tmp_path / "project"
    (top / ".git").mkdir(parents=True)
    return top


@pytest.fixture
def home(tmp_path: Path) -> Homes:
    (tmp_path / "home").mkdir()
    return homes({"HOME": str(tmp_path / "home")})


def everything(*tops: Path) -> dict[str, tuple[int, bytes]]:
    """Return all that is beneath some directories: modes, bytes and where links lead."""
    found = {}
    for top in tops:
        for path in sorted(top.rglob("*")):
            status = path.lstat()
            content = (
                str(path.readlink()).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
            )
            found[str(path)] = (stat.S_IFMT(status.st_mode) | stat.S_IMODE(status.st_mode), content)
    return found


def installer(project: Path, home: Homes) -> Installer:
    """Return one that knows nothing but what the files say, as a process of its own does."""
    return Installer(project, home, project.parent / "data")


def install(project: Path, home: Homes, name: str, scope: Scope, command: list[str] = COMMAND) -> list[Change]:
    one = installer(project, home)
    changes = one.install(AGENTS[name], scope, command)
    one.do(changes)
    return changes


def uninstall(project: Path, home: Homes, name: str, scope: Scope) -> None:
    one = installer(project, home)
    one.do(one.uninstall(AGENTS[name], scope))


@pytest.mark.parametrize(("name", "scope"), CASES)
def test_where_nothing_was_nothing_is_left(name: str, scope: Scope, project: Path, home: Homes) -> None:
    before = everything(project, home.home)
    changes = install(project, home, name, scope)
    assert all(change.path.exists() for change in changes)
    found = [(one.agent.name, one.command) for one in installer(project, home).installed()]
    assert found == [(name, "/opt/bin/treeseek mcp")]
    after = everything(project, home.home)
    assert not any(change.is_one for change in install(project, home, name, scope))
    assert everything(project, home.home) == after
    uninstall(project, home, name, scope)
    assert everything(project, home.home) == before
    assert not (project.parent / "data" / "agents.json").exists()


@pytest.mark.parametrize(("name", "scope"), CASES)
def test_what_was_there_stays_to_the_byte(name: str, scope: Scope, project: Path, home: Homes) -> None:
    for place in AGENTS[name].places(scope, project, home):
        place.path.parent.mkdir(parents=True, exist_ok=True)
        place.path.write_bytes(RICH[place.form].encode())
        place.path.chmod(0o640)
    before = everything(project, home.home)
    for change in install(project, home, name, scope):
        assert change.after is not None
        assert change.before in RICH.values()
        assert stat.S_IMODE(change.path.stat().st_mode) == 0o640
        assert "why" in change.after or "be kind" in change.after
    install(project, home, name, scope, ["/elsewhere/treeseek", "mcp"])
    assert [one.command for one in installer(project, home).installed()] == ["/elsewhere/treeseek mcp"]
    uninstall(project, home, name, scope)
    assert everything(project, home.home) == before


def test_the_entries_are_as_each_agent_wants_them(project: Path, home: Homes) -> None:
    def entry(name: str, path: str) -> Mapping[str, object]:
        install(project, home, name, "project")
        text = (project / path).read_text()
        return tomllib.loads(text) if path.endswith("toml") else json.loads(text)

    plain = {"command": COMMAND[0], "args": ["mcp"]}
    typed = {"type": "stdio", **plain}
    assert entry("claude-code", ".mcp.json") == {"mcpServers": {"treeseek": typed}}
    assert entry("cursor", ".cursor/mcp.json") == {"mcpServers": {"treeseek": plain}}
    assert entry("codex", ".codex/config.toml") == {"mcp_servers": {"treeseek": plain}}
    assert entry("gemini", ".gemini/settings.json") == {"mcpServers": {"treeseek": plain}}
    assert entry("opencode", "opencode.json") == {"mcp": {"treeseek": {"type": "local", "command": COMMAND}}}
    assert entry("vscode", ".vscode/mcp.json") == {"servers": {"treeseek": typed}}
    assert entry("zed", ".zed/settings.json") == {"context_servers": {"treeseek": plain}}
    install(project, home, "windsurf", "user")
    windsurf = home.home / ".codeium/windsurf/mcp_config.json"
    assert json.loads(windsurf.read_text()) == {"mcpServers": {"treeseek": plain}}
    rule = (project / ".cursor/rules/treeseek.mdc").read_text()
    assert rule.startswith("---\ndescription:")
    assert "alwaysApply: true" in rule


def test_the_second_version_of_opencode_keeps_its_servers_elsewhere(project: Path, home: Homes) -> None:
    path = project / "opencode.jsonc"
    path.write_text('{\n  "mcp": {\n    "servers": {},\n  },\n}\n')
    install(project, home, "opencode", "project")
    found = json_entries.entry_of(path.read_text(), ("mcp", "servers", "treeseek"))
    assert found == {"type": "local", "command": COMMAND}


def test_zed_is_told_in_the_file_that_it_reads(project: Path, home: Homes) -> None:
    (project / "AGENTS.md").write_text("x\n")
    install(project, home, "zed", "project")
    assert "treeseek" in (project / "AGENTS.md").read_text()
    assert not (project / ".rules").exists()


def test_words_that_two_read_stay_until_both_have_gone(project: Path, home: Homes) -> None:
    before = everything(project, home.home)
    install(project, home, "codex", "project")
    install(project, home, "opencode", "project")
    uninstall(project, home, "codex", "project")
    assert "treeseek" in (project / "AGENTS.md").read_text()
    assert not (project / ".codex").exists()
    uninstall(project, home, "opencode", "project")
    assert everything(project, home.home) == before


def test_what_somebody_wrote_since_stays(project: Path, home: Homes) -> None:
    path = project / ".mcp.json"
    path.write_text('{\n  "mcpServers": {}\n}\n')
    install(project, home, "claude-code", "project")
    path.write_text(path.read_text().replace("{\n", '{\n  // later\n  "x": 1,\n', 1))
    (project / "CLAUDE.md").write_text("first\n" + (project / "CLAUDE.md").read_text() + "last\n")
    uninstall(project, home, "claude-code", "project")
    assert path.read_text() == '{\n  // later\n  "x": 1,\n  "mcpServers": {}\n}\n'
    assert (project / "CLAUDE.md").read_text() == "first\nlast\n"


def test_an_entry_that_somebody_changed_goes_all_the_same(project: Path, home: Homes) -> None:
    path = project / ".mcp.json"
    path.write_text('{\n  "a": 1\n}\n')
    install(project, home, "claude-code", "project")
    path.write_text(path.read_text().replace('"args"', '"env": {}, "args"'))
    assert [one.is_one for one in install(project, home, "claude-code", "project")] == [True, False]
    assert '"env"' not in path.read_text()
    path.write_text(path.read_text().replace('"args"', '"env": {}, "args"'))
    uninstall(project, home, "claude-code", "project")
    node = jsonc.read(path.read_text())
    assert node is not None
    assert node.value == {"a": 1, "mcpServers": {}}


def test_an_own_entry_of_that_name_comes_back(project: Path, home: Homes) -> None:
    path = project / ".mcp.json"
    path.write_text('{"mcpServers": {"treeseek": {"command": "my own"}}}')
    install(project, home, "claude-code", "project")
    assert "my own" not in path.read_text()
    uninstall(project, home, "claude-code", "project")
    assert path.read_text() == '{"mcpServers": {"treeseek": {"command": "my own"}}}'


def test_without_receipts_the_marks_serve(project: Path, home: Homes) -> None:
    (project / ".mcp.json").write_text('{\n  "a": 1\n}\n')
    (project / "CLAUDE.md").write_text("mine\n")
    install(project, home, "claude-code", "project")
    (project.parent / "data" / "agents.json").write_text("{")
    uninstall(project, home, "claude-code", "project")
    assert json.loads((project / ".mcp.json").read_text()) == {"a": 1, "mcpServers": {}}
    assert (project / "CLAUDE.md").read_text() == "mine\n"


def test_links_to_dotfiles_stay_links(project: Path, home: Homes, tmp_path: Path) -> None:
    dotfiles = tmp_path / "dotfiles"
    dotfiles.mkdir()
    (dotfiles / "claude.json").write_text("{}\n")
    home.claude_json.symlink_to("../dotfiles/claude.json")
    (home.home / ".claude").mkdir()
    (home.home / ".claude" / "CLAUDE.md").symlink_to(dotfiles / "gone.md")
    before = everything(home.home, dotfiles)
    install(project, home, "claude-code", "user")
    assert home.claude_json.is_symlink()
    assert "treeseek" in (dotfiles / "claude.json").read_text()
    assert "treeseek" in (dotfiles / "gone.md").read_text()
    uninstall(project, home, "claude-code", "user")
    assert everything(home.home, dotfiles) == before


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe{\x00}\x00", b'{"mcpServers": 1}', b"{'a': 1}"])
def test_what_can_not_be_read_is_left_alone_and_so_is_all_else(content: bytes, project: Path, home: Homes) -> None:
    (project / ".mcp.json").write_bytes(content)
    before = everything(project, home.home)
    with pytest.raises(UsageError, match=r"\.mcp\.json.*left alone") as caught:
        install(project, home, "claude-code", "project")
    assert "\n" not in str(caught.value)
    assert everything(project, home.home) == before


def test_what_is_no_file_is_refused(project: Path, home: Homes) -> None:
    (project / ".mcp.json").mkdir()
    with pytest.raises(UsageError):
        install(project, home, "claude-code", "project")


def test_a_file_that_changes_between_plan_and_deed_is_left_alone(project: Path, home: Homes) -> None:
    one = installer(project, home)
    changes = one.install(AGENTS["claude-code"], "project", COMMAND)
    (project / ".mcp.json").write_text("{}")
    with pytest.raises(UsageError, match="meanwhile"):
        one.do(changes)
    assert (project / ".mcp.json").read_text() == "{}"
    assert [path.name for path in project.iterdir() if path.name.startswith("..")] == []


def test_a_failed_write_leaves_the_old_file(project: Path, home: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / ".mcp.json").write_text("{}")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(UsageError, match="No space"):
        install(project, home, "claude-code", "project")
    assert (project / ".mcp.json").read_text() == "{}"
    assert {path.name for path in project.iterdir()} == {".git", ".mcp.json"}


def test_a_difference_is_a_diff(project: Path, home: Homes) -> None:
    (project / ".mcp.json").write_text("{}")
    changes = installer(project, home).install(AGENTS["claude-code"], "project", COMMAND)
    text = difference(changes[0])
    assert text.startswith(f"--- {project}/.mcp.json\n+++ {project}/.mcp.json\n@@")
    assert "\\ No newline at end of file\n" in text
    assert difference(changes[1]).startswith("--- /dev/null\n")


# -- the command ---------------------------------------------------------------------------------------------------


@pytest.fixture
def told(
    project: Path, home: Homes, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> object:
    for name in ("XDG_CONFIG_HOME", "CODEX_HOME", "CLAUDE_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home.home))
    monkeypatch.setenv("TREESEEK_DATA_DIR", str(project.parent / "data"))
    monkeypatch.chdir(project)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return call


def test_the_command_asks_tells_lists_and_takes_back(told: object, project: Path, home: Homes) -> None:
    assert callable(told)
    before = everything(project, home.home)
    assert told("install", "--list")[0] == 1
    code, out, err = told("install")
    assert (code, out) == (2, "")
    assert "no signs" in err
    (project / ".cursor").mkdir()
    assert "signs of cursor;" in told("install")[2]
    (project / ".cursor").rmdir()
    code, out, _ = told("install", "--agent", "codex", "--dry-run")
    assert (code, everything(project, home.home)) == (0, before)
    assert "+[mcp_servers.treeseek]" in out
    code, out, _ = told("install", "--agent", "codex")
    assert (code, out.count("\n")) == (0, 2)
    command = tomllib.loads((project / ".codex/config.toml").read_text())["mcp_servers"]["treeseek"]["command"]
    assert Path(command).is_absolute()
    assert "already" in told("install", "--agent", "codex")[2]
    assert told("install", "--agent", "gemini", "--user")[0] == 0
    code, out, _ = told("install", "--list")
    assert (code, [line.split()[:2] for line in out.splitlines()]) == (0, [["codex", "project"], ["gemini", "user"]])
    code, out, _ = told("uninstall", "--dry-run")
    assert "-[mcp_servers.treeseek]" in out
    assert told("uninstall")[0] == 0
    assert everything(project, home.home) == before
    assert "nothing to take back" in told("uninstall")[2]
    code, out, err = told("install", "--agent", "emacs")
    assert (code, err.count("\n")) == (2, 1)
    assert "claude-code" in err


def test_variables_move_what_they_move() -> None:
    found = homes({"HOME": "/h", "CLAUDE_CONFIG_DIR": "/c", "CODEX_HOME": "/x", "XDG_CONFIG_HOME": "/g"})
    assert (found.claude_json, found.codex, found.config) == (Path("/c/.claude.json"), Path("/x"), Path("/g"))
    assert homes({"HOME": "/h"}).claude_json == Path("/h/.claude.json")
