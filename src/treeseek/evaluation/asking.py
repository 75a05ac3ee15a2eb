"""Ask several variants the same questions of the same root, and keep what each found and how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from treeseek.engine import WORDS_NOTE, Engine, ProgressCallback, open_engine
from treeseek.errors import EmbeddingError
from treeseek.evaluation.metrics import DEPTH, Place, Score, score
from treeseek.evaluation.questions import Question
from treeseek.evaluation.variants import Variant
from treeseek.model import Hit
from treeseek.settings import Settings

__all__ = ["Agree", "Answer", "Panel", "open_panel", "shown"]

WARM_UP = "warm up"

Agree = Callable[[Engine], object]
"""Is asked whether an index may be made: a remote embedder would be sent the files."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one variant made of one question: its places, best first, what they are worth, and the seconds it took."""

    question: Question
    places: tuple[Place, ...]
    score: Score
    seconds: float


def shown(hit: Hit) -> Place:
    """Return the lines of a hit that its text shows: those of a long declaration that it doesn't are not found yet."""
    last = hit.start_line + hit.text.removesuffix("\n").count("\n")
    return Place(hit.path, hit.start_line, min(hit.end_line, last))


class Panel:
    """Engines for all variants of one root; variants that differ in ranking alone share one. Use `open_panel`."""

    def __init__(self, variants: Sequence[Variant], engines: dict[tuple[object, ...], Engine]) -> None:
        self.variants = variants
        self.sync_seconds = dict.fromkeys((variant.name for variant in variants), 0.0)
        self._engines = engines

    @property
    def root(self) -> Path:
        """The root that is asked."""
        return next(iter(self._engines.values())).root

    def sync(self, progress: ProgressCallback | None = None, agree: Agree = lambda engine: None) -> None:
        """Bring all indexes up to date, and load them. `agree` is asked before each, and raises what ends it all."""
        for index, engine in self._engines.items():
            agree(engine)
            start = time.perf_counter()
            engine.sync(progress)
            seconds = time.perf_counter() - start
            for variant in self.variants:
                if variant.index == index:
                    self.sync_seconds[variant.name] += seconds
            engine.search(WARM_UP)

    def ask(self, question: Question) -> list[Answer]:
        """Return each variant's answer, in their order.

        Raises UsageError for a query that can't be, EmbeddingError when a variant's embedder fails: what answers from
        words alone would be another variant.
        """
        answers = []
        for variant in self.variants:
            engine = self._engines[variant.index]
            start = time.perf_counter()
            found = engine.search(question.query, limit=DEPTH, ranker=variant.ranker)
            seconds = time.perf_counter() - start
            if failed := next((note for note in found.notes if note.startswith(WORDS_NOTE)), ""):
                raise EmbeddingError(f"{variant.name} can't be scored: {failed}")
            places = tuple(shown(hit) for hit in found.hits)
            answers.append(Answer(question, places, score(places, question.targets), seconds))
        return answers


@contextmanager
def open_panel(root: Path, settings: Settings, variants: Sequence[Variant]) -> Iterator[Panel]:
    """Yield the variants of a root. Indexes that aren't the root's usual one go at the end.

    Raises RootError when there is no such root.
    """
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="treeseek-eval-")))
        engines: dict[tuple[object, ...], Engine] = {}
        for variant in variants:
            if variant.index not in engines:
                engines[variant.index] = stack.enter_context(open_engine(root, variant.settled(settings, scratch)))
        yield Panel(variants, engines)
