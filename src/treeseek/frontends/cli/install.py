"""The commands that tell agents of treeseek, and that take it back."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from treeseek.frontends.cli.arguments import root_of, settled, shared_options
from treeseek.frontends.cli.output import tell, write
from treeseek.frontends.escapes import printable

if TYPE_CHECKING:
    from treeseek.agents.installing import Change, Installer
    from treeseek.agents.registry import Agent, Scope

__all__ = ["install", "uninstall"]

DONE, NOTHING, UNSAID = 0, 1, 2

_agent = click.option("--agent", metavar="NAME", help="The agent; `treeseek install --list` names them.")
_project = click.option("--project", "scope", flag_value="project", help="In this repository, for all who work in it.")
_user = click.option("--user", "scope", flag_value="user", help="In your own configuration, for all repositories.")
_dry_run = click.option("--dry-run", is_flag=True, help="Only print what would be changed, as a diff.")


@click.command()
@_agent
@_project
@_user
@_dry_run
@click.option("--list", "listing", is_flag=True, help="Only list which agents have it, and where.")
@shared_options
def install(agent: str | None, scope: Scope | None, *, dry_run: bool, listing: bool) -> int:
    """Tell a coding agent of treeseek: an entry among its MCP servers, and some words in its instructions.

    Without --user it is told in this repository. What else is in those files stays as it is, and `treeseek uninstall`
    takes it back to the byte.
    """
    from treeseek.agents.registry import agent_called

    installer = _installer()
    if listing:
        return _listed(installer)
    if agent is None:
        _ask(installer)
        return UNSAID
    found = agent_called(agent)
    changes = installer.install(found, scope or "project", [*_command(), "mcp"])
    _do(installer, changes, found, dry_run=dry_run)
    if not any(change.is_one for change in changes):
        tell(f"{found.title} has been told already")
    return DONE


@click.command()
@_agent
@_project
@_user
@_dry_run
@shared_options
def uninstall(agent: str | None, scope: Scope | None, *, dry_run: bool) -> int:
    """Take back what `treeseek install` wrote, by default for every agent, here and in your own configuration."""
    from treeseek.agents.registry import AGENTS, agent_called

    scopes: tuple[Scope, ...] = ("project", "user") if scope is None else (scope,)
    done: set[Path] = set()
    for found in AGENTS.values() if agent is None else (agent_called(agent),):
        for one in scopes:
            installer = _installer()
            changes = installer.uninstall(found, one, with_shared=agent is None)
            changes = [change for change in changes if change.path not in done]
            _do(installer, changes, found, dry_run=dry_run)
            done |= {change.path for change in changes if change.is_one}
    if not done:
        tell("there is nothing to take back")
    return DONE


def _installer() -> Installer:
    from treeseek.agents.installing import Installer
    from treeseek.settings import homes, load

    return Installer(root_of(None).resolve(), homes(), load(**settled()).data_dir)


def _do(installer: Installer, changes: Sequence[Change], agent: Agent, *, dry_run: bool) -> None:
    from treeseek.agents.installing import difference

    if dry_run:
        for change in changes:
            write("".join(f"{printable(line)}\n" for line in difference(change).splitlines()))
        return
    installer.do(changes)
    for change in changes:
        if change.is_one:
            what = "removed" if change.after is None else "made" if change.before is None else "changed"
            write(f"{agent.title}: {what} {printable(str(change.path))}\n")


def _listed(installer: Installer) -> int:
    from treeseek.agents.registry import AGENTS

    found = list(installer.installed())
    for one in found:
        words = f", words in {one.words}" if one.words else ""
        write(f"{one.agent.name}  {one.scope}  {printable(f'{one.config}: {one.command}{words}')}\n")
    without = [name for name in AGENTS if name not in {one.agent.name for one in found}]
    if without:
        tell(f"not installed in {', '.join(without)}")
    return DONE if found else NOTHING


def _ask(installer: Installer) -> None:
    from treeseek.agents.registry import AGENTS

    seen = [agent.name for agent in installer.seen()]
    if seen:
        tell(f"there are signs of {', '.join(seen)}; say which one with --agent, such as --agent {seen[0]}")
    else:
        tell(f"there are no signs of an agent; say which one with --agent: {', '.join(AGENTS)}")


def _command() -> list[str]:
    """Return how an agent starts this treeseek: by an absolute path, since it may have another PATH."""
    given = shutil.which(sys.argv[0]) if Path(sys.argv[0]).stem == "treeseek" else None
    beside = Path(sys.executable).parent / ("treeseek.exe" if sys.platform == "win32" else "treeseek")
    if given or beside.exists():
        return [str(Path(given or beside).absolute())]
    return [sys.executable, "-m", "treeseek"]
