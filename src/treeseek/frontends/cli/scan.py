"""The command that looks for secrets, and for what tells of a person, with exit codes for CI."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from treeseek.frontends.cli.arguments import globs_of, json_option, listed, root_of, settled, shared_options
from treeseek.frontends.cli.output import tell, write
from treeseek.frontends.escapes import printable

if TYPE_CHECKING:
    from treeseek.scanning.report import Place, ScanReport

__all__ = ["scan"]

CLEAN, FOUND = 0, 1


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]")
@click.option(
    "--history",
    is_flag=False,
    flag_value="",
    metavar="[RANGE]",
    help="Scan what all commits hold, each content once; --history=A..B, or a revision, limits that.",
)
@click.option("--files", "named", is_flag=True, help="Scan only the files named as arguments, as pre-commit does.")
@click.option(
    "--tier",
    type=click.Choice(["high", "medium", "low"]),
    default="medium",
    show_default=True,
    help="How sure a finding must be: high is near certain, low is anything that looks the part.",
)
@click.option("--pii", is_flag=True, help="Also look for what tells of a person: addresses, cards, national numbers.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out files that match; repeatable.")
@click.option("--without", multiple=True, metavar="RULE", help="Leave out a rule's findings; repeat or use commas.")
@click.option("--baseline", metavar="FILE", help="Tell only of findings that FILE doesn't know.")
@click.option(
    "--write-baseline", metavar="FILE", help="Write what is found to FILE, without the secrets; exits with 0."
)
@click.option("--sarif", "as_sarif", is_flag=True, help="Print SARIF 2.1.0.")
@json_option
@shared_options
def scan(
    paths: tuple[str, ...], history: str | None, *, named: bool, tier: str, pii: bool, exclude: tuple[str, ...],
    without: tuple[str, ...], baseline: str | None, write_baseline: str | None, as_sarif: bool, as_json: bool,
) -> int:  # fmt: skip
    """Look for secrets in PATH, by default the current repository.

    Ignored and vendored files are left out, as in an index; generated and minified ones, lock files and hidden ones
    aren't. A comment `treeseek:allow` on a line, or alone on the line before it, lets what is there pass.

    Exit codes: 0 clean, 1 something was found, 2 error.
    """
    from treeseek.scanning import run  # not by the engine: that loads the store, which takes longer than many a scan
    from treeseek.settings import load
    from treeseek.workspace import resolve_root

    if as_sarif and as_json:
        raise click.UsageError("--sarif and --json exclude each other")
    if history and not paths and not named and Path(history).is_dir():
        paths, history = (history,), ""
    if not named and len(paths) > 1:
        raise click.UsageError("one PATH can be scanned; --files takes several files")
    root = resolve_root(root_of(None if named or not paths else paths[0]))
    options = run.ScanOptions(
        tier=tier, pii=pii, history=history,
        files=_beneath(paths, root) if named else None,
        exclude=globs_of(exclude, root),
        without=_rules(listed(without)),
        baseline=None if baseline is None else Path(baseline),
        write_baseline=None if write_baseline is None else Path(write_baseline),
    )  # fmt: skip
    report = run.scan(root, load(**settled()), options)
    _print(report, as_json=as_json, as_sarif=as_sarif)
    if write_baseline is not None:
        tell(f"{len(report.found) + report.known:,} findings are in {write_baseline} now")
        return CLEAN
    return FOUND if report.found else CLEAN


def _rules(names: tuple[str, ...]) -> tuple[str, ...]:
    from treeseek.errors import UsageError
    from treeseek.safety.rules import load_rules

    known = {rule.id for rule in load_rules()} if names else set()
    for name in names:
        if name not in known:
            raise UsageError(f"{name!r} is no rule; findings say which rule they are of")
    return names


def _beneath(paths: Sequence[str], root: Path) -> tuple[str, ...]:
    """Return files that were named from the current directory as paths beneath the root."""
    from treeseek.errors import UsageError

    inside = []
    for path in paths:
        # The directory is made real, the file isn't: a link isn't followed.
        place = Path(os.path.realpath(Path(path).parent)) / Path(path).name
        if not place.is_relative_to(root):
            raise UsageError(f"{path} isn't in {root}")
        inside.append(place.relative_to(root).as_posix())
    return tuple(inside)


def _print(report: ScanReport, *, as_json: bool, as_sarif: bool) -> None:
    if as_sarif:
        from treeseek.frontends.cli.sarif import sarif

        write(sarif(report))
    elif as_json:
        from treeseek.frontends import documents

        write(documents.dumped(documents.scan_report(report)))
    else:
        write("".join(_lines(report.found)))
        tell(_summary(report))


def _lines(places: Sequence[Place]) -> Iterator[str]:
    """Yield a line a finding: where, which rule, how sure, a preview."""
    from treeseek.frontends.cli.render import standard_paint

    paint = standard_paint()
    for place in places:
        where = f"{printable(place.path)}:{place.line}:{place.column}"
        commit = f"  {paint('dim', place.commit[:12])}" if place.commit else ""
        yield f"{paint('path', where)}  {place.rule}  {place.tier}  {printable(place.preview)}{commit}\n"


def _summary(report: ScanReport) -> str:
    rest = "".join(
        f", {count:,} {what}"
        for count, what in ((report.known, "known"), (report.allowed, "allowed by comments"))
        if count
    )
    files = f"{report.files:,} {'content' if report.files == 1 else 'contents'}"
    found = f"{len(report.found):,} {'finding' if len(report.found) == 1 else 'findings'}"
    return f"{found} in {files}, {report.bytes_read / 1e6:,.1f} MB, {report.seconds:.1f} s{rest}"
