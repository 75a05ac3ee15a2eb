"""The command that fits the embedding model to the user's own repositories."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from treeseek.frontends import documents
from treeseek.frontends.cli.arguments import json_option, root_of, settled, shared_options
from treeseek.frontends.cli.output import tell, write
from treeseek.frontends.cli.progress import shown
from treeseek.frontends.escapes import printable

if TYPE_CHECKING:
    from treeseek.learning.adapt import Adapted
    from treeseek.model import Progress

__all__ = ["train"]

FINE, NO_HELP = 0, 1


@click.command()
@click.argument("roots", nargs=-1, metavar="[ROOT]...")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write the model here; by default model.npz where the indexes are.")  # fmt: skip
@click.option("--force", is_flag=True, help="Write the model even if it doesn't find more than the bundled one.")
@json_option
@shared_options
def train(roots: tuple[str, ...], out: Path | None, *, force: bool, as_json: bool) -> int:
    """Fit the embedding model to your own repositories and their git history. Nothing leaves this machine.

    It learns what their comments, names and commits call things, and is judged by the latest commits: of models fitted
    to what lay before, their files are asked for by their subjects. It is written if it finds more; set `model_path` to
    use it.

    Exit codes: 0 written, 1 it found no more than the bundled model.
    """
    from treeseek.embedding import default_embedder
    from treeseek.embedding.static import bundled
    from treeseek.embedding.weights_file import read, write_file
    from treeseek.learning.adapt import adapt
    from treeseek.settings import load
    from treeseek.workspace import resolve_root

    tops = [resolve_root(root_of(root)) for root in roots or (None,)]
    with shown(sys.stderr) as progress:
        adapted = adapt(list(dict.fromkeys(tops)), read(bundled().directory), _teller(progress))
    target: Path | None = None
    if adapted.helped or force:
        target = (out or load(**settled()).data_dir / "model.npz").absolute()
        write_file(target, adapted.weights, adapted.provenance(str(default_embedder().identity)))
    if as_json:
        write(documents.dumped(documents.training(list(map(str, tops)), adapted, str(target or ""))))
    else:
        write("".join(f"{printable(line)}\n" for line in lines(adapted, target)))
    if target is None:
        tell("no model was written, as it found no more than the bundled one; --force writes it all the same")
    return FINE if target else NO_HELP


def lines(adapted: Adapted, target: Path | None) -> list[str]:
    """Return what was learnt from, what it was worth, and where the model is."""
    pairs = sum(adapted.pairs.values())
    told = [f"learnt from {pairs:,} pairs of words and code; {adapted.new_words:,} new words"]
    for number, fold in enumerate(adapted.folds, 1):
        told.append(f"  cut {number}: {fold.commits} commits, NDCG@10 {fold.before:.3f} → {fold.after:.3f}")
    if adapted.judged:
        gain = adapted.after - adapted.before
        told.append(
            f"files of {len(adapted.judged)} unseen commits, found by their subjects: NDCG@10 {adapted.before:.3f} → "
            f"{adapted.after:.3f} ({gain:+.3f} ± {adapted.error:.3f})"
        )
    else:
        told.append("too few commits to judge by")
    if target is not None:
        told.append(f'written: {target}; to use it: model_path = "{target}" in treeseek.toml')
    return told


def _teller(progress: Callable[[Progress], None] | None) -> Callable[[str, int, int], None]:
    """Return what shows the state of the training on the progress line."""
    from treeseek.model import Progress

    def show(stage: str, done: int, of: int) -> None:
        if progress is not None:
            progress(Progress(f"{stage}, {done:,} of {of:,}", 0, 0, 0, 0))

    return show
