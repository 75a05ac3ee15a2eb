"""The command that asks how good the answers are: for questions from a file, or from the repository's own history."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from treeseek.frontends import documents
from treeseek.frontends.cli import consent
from treeseek.frontends.cli.arguments import json_option, root_of, settled, shared_options
from treeseek.frontends.cli.output import tell, write
from treeseek.frontends.cli.progress import shown

if TYPE_CHECKING:
    from treeseek.evaluation.evaluate import Evaluation

__all__ = ["evaluate"]


@click.command("eval")
@click.argument("questions", required=False, metavar="[FILE]")
@click.argument("root", required=False)
@click.option(
    "--from-history",
    is_flag=True,
    help="Ask what commits say of themselves, for the declarations that they changed, in the files before each.",
)
@click.option("--commits", type=click.IntRange(min=1, max=10_000), default=100, show_default=True, metavar="N",
              help="With --from-history: up to N questions.")  # fmt: skip
@click.option("--revision", default="HEAD", show_default=True, metavar="REV",
              help="With --from-history: the commits that lead to REV.")  # fmt: skip
@click.option("--compare", multiple=True, metavar="VARIANT",
              help="Compare with lexical, dense, lines, weights=FILE or SETTING=VALUE, or several with commas; "
              "repeatable.")  # fmt: skip
@click.option("--repo", default="", metavar="NAME", help="Only the questions of FILE about this repository.")
@click.option("--show-missed", is_flag=True, help="List the questions that the first hit doesn't answer.")
@json_option
@shared_options
def evaluate(questions: str | None, root: str | None, *, as_json: bool, show_missed: bool, **options: Any) -> int:
    """Score the answers to questions whose answers are known.

    FILE has a question a line, with the places that answer it: QUERY<tab>PATH[:START-END]<tab>..., or a JSON object
    {"query": TEXT, "relevant": [{"path": PATH, "start_line": N, "end_line": N}]}.

    \b
    treeseek eval questions.tsv
    treeseek eval questions.jsonl --compare lexical --compare dense
    treeseek eval --from-history --commits 50
    """
    found = _from_history(questions, root, options) if options["from_history"] else _from_file(questions, root, options)
    if as_json:
        write(documents.dumped(documents.evaluation(found)))
    else:
        from treeseek.frontends.cli import evaluations, render

        write("".join(evaluations.lines(found, render.standard_paint(), show_missed=show_missed)))
        if found.unknown:
            told = render.counted(len(found.unknown), "path")
            tell(f"note: {told} of the questions not in the root, such as {found.unknown[0]}")
    return 0


def _from_file(questions: str | None, root: str | None, options: dict[str, Any]) -> Evaluation:
    from treeseek.evaluation.evaluate import of_questions
    from treeseek.evaluation.questions import read_questions
    from treeseek.evaluation.variants import read_variants
    from treeseek.settings import load

    if questions is None:
        raise click.UsageError("name a FILE of questions, or ask the repository's commits with --from-history")
    asked = read_questions(Path(questions), options["repo"])
    variants = read_variants(options["compare"])
    with shown(sys.stderr) as progress:
        return of_questions(root_of(root), load(**settled()), asked, variants, progress, _told(), consent.ask)


def _from_history(root: str | None, other: str | None, options: dict[str, Any]) -> Evaluation:
    from treeseek.evaluation.evaluate import of_history
    from treeseek.evaluation.variants import read_variants
    from treeseek.settings import load

    if other is not None or options["repo"]:
        raise click.UsageError("with --from-history there is no FILE of questions; give the ROOT alone")
    variants = read_variants(options["compare"])
    commits, revision = options["commits"], options["revision"]
    return of_history(root_of(root), load(**settled()), commits, variants, revision, _told(), consent.ask)


def _told() -> Callable[[int, int], object]:
    """Return what shows on a terminal how many questions were asked, and wipes that out at the end."""
    if not sys.stderr.isatty():
        return lambda done, total: None

    def tell_done(done: int, total: int) -> None:
        last = done + 1 >= total
        sys.stderr.write("\r\x1b[K" + ("" if last else f"asked {done:,} of {total:,} questions"))
        sys.stderr.flush()

    return tell_done
