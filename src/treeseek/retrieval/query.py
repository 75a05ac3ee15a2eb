"""What does a query ask for? Its words with their variants, and the identifiers that it names."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from treeseek.errors import UsageError
from treeseek.safety.caps import check_query
from treeseek.tokens import split_words, stem, term_of, term_of_sequence

__all__ = ["Query", "parse"]

STOP_WORDS = frozenset(
    """
    a about after all also an and any are as at be because been before being between both but by can could did
    do does doing during each for from had has have having he her here him his how however i if in into is it
    its itself just me more most my no nor not of off on once only or other our out over own same she should so
    some such than that the their them then there these they this those through to too under until up used uses
    using very via was we were what when where whether which while who whom why will with within without would
    you your file files code implementation implement implemented implements function functions method methods
    class handle handled handles work works working happen happens find show
    """.split()
)
"""Words that say how a question is asked, not what about. They still count inside identifiers."""

VARIANT_WEIGHT = 0.5
TASK_WORDS = 2
"""With fewer words that matter nobody has said what is to be done."""

_SCOPE = re.compile(r"[\w./*,&\- ]{1,40}:\s+")


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query.

    - `terms`: an array of term hashes per word that matters, the word's own stem first, then its variants.
    - `identifiers`: the terms of compound identifiers; `phrases`, of those that adjacent words would make.
    - `names`: the lower-case identifiers without what qualifies them; `wholes`, their terms as whole names;
      `qualified`, with what qualifies them, dotted.
    - `is_symbol`: the query is one identifier and nothing else: `leaf`, without what qualifies it, as it is spelled.
    - `is_task`: it says what is to be done, as commits do ("Fix the timeout of uploads"), and so asks for what is to be
      changed.
    """

    text: str
    words: tuple[str, ...]
    terms: tuple[NDArray[np.uint32], ...]
    identifiers: NDArray[np.uint32]
    phrases: NDArray[np.uint32]
    names: tuple[str, ...]
    wholes: tuple[int, ...]
    qualified: tuple[str, ...]
    is_symbol: bool
    leaf: str
    is_task: bool


def parse(text: str, *, max_chars: int, max_terms: int = 300) -> Query:
    """Parse a query. Raises UsageError for one that is empty, too long, or without any letter or digit."""
    check_query(len(text), max_chars, "characters")
    if not text.strip():
        raise UsageError("the query is empty; say what to search for")
    spelled = split_words(text)
    if not spelled:
        raise UsageError(f"the query {text.strip()[:40]!r} has no letter or digit to search for")
    check_query(len(spelled), max_terms, "words")
    pieces = [piece for piece in (_trimmed(piece) for piece in text.split()) if piece]
    names = tuple(dict.fromkeys(piece for piece in pieces if _is_identifier(piece) or len(pieces) == 1))
    dotted = tuple(name.replace("::", ".").replace("#", ".").strip(".") for name in names)
    leaves = tuple(name.rpartition(".")[2] for name in dotted)
    kept = [word for word in spelled if word not in STOP_WORDS] if len(pieces) > 1 else spelled
    words = tuple(dict.fromkeys(kept or spelled))
    return Query(
        text=text,
        words=words,
        terms=tuple(np.array([term_of(form) for form in _forms(word)], np.uint32) for word in words),
        identifiers=_compounds(names),
        phrases=_phrases(spelled),
        names=tuple(leaf.lower() for leaf in leaves),
        wholes=tuple(term for term in map(whole_term, leaves) if term),
        qualified=tuple(name.lower() for name in dotted),
        is_symbol=len(pieces) == 1,
        leaf=leaves[0] if len(pieces) == 1 else "",
        is_task=len(words) >= TASK_WORDS and beginning_of(text) in _verbs(),
    )


def beginning_of(text: str) -> str:
    """Return a text's first word, after what it says to be about ("parser: "), in lower case; "" if it is no word."""
    first = _SCOPE.sub("", text.strip()).partition(" ")[0].lower()
    return first if first.replace("'", "").isalpha() else ""


@functools.cache
def _verbs() -> frozenset[str]:
    """Return the words with which people begin to say what is to be done; `training/verbs.py` counts them."""
    lines = (Path(__file__).parent / "weights" / "verbs.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def _trimmed(piece: str) -> str:
    return piece.strip("\"'`.,;:!?()[]{}<>*&$#@")


def _is_identifier(piece: str) -> bool:
    """Whether a piece of a question is spelled as code: with inner capitals, underscores, dots, or a call's end."""
    inner = piece[1:]
    spelled_as_code = "_" in piece or "::" in piece or "." in piece.strip(".") or inner != inner.lower()
    return spelled_as_code and not piece.isupper() and any(char.isalpha() for char in piece)


def _forms(word: str) -> list[str]:
    """Return a word and forms that the stemmer keeps apart: who does a thing and the doing (router, routing)."""
    root = stem(word)
    forms = [word]
    if root.endswith(("er", "or")) and len(root) > 4:
        bare = root[:-2]
        forms.append(bare)
        if len(bare) > 3 and bare[-1] == bare[-2]:
            forms.append(bare[:-1])
    elif len(root) > 2 and root.isalpha():
        forms += [root + "er", root + root[-1] + "er", root + "or"]
    return forms


def _compounds(names: tuple[str, ...]) -> NDArray[np.uint32]:
    sequences = [split_words(name.replace("::", ".").rpartition(".")[2]) for name in names]
    return np.array([term_of_sequence(words) for words in sequences if len(words) > 1], np.uint32)


def _phrases(words: list[str]) -> NDArray[np.uint32]:
    """Return the identifiers that two or three adjacent words would make: "retry policy" is RetryPolicy too."""
    spans = [words[i : i + n] for n in (2, 3) for i in range(len(words) - n + 1)]
    useful = [span for span in spans if span[0] not in STOP_WORDS and span[-1] not in STOP_WORDS]
    return np.array(list({term_of_sequence(span) for span in useful}), np.uint32)


def whole_term(name: str) -> int:
    """Return the term of a name's words in sequence, be they one or more; 0 if it has none."""
    words = split_words(name)
    return term_of_sequence(words) if words else 0
