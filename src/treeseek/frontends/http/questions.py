"""What may be asked? The parameters of every route, and what they are to the engine."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from treeseek.frontends.globs import listed, unbraced
from treeseek.model import Filters

__all__ = [
    "AboutRoot", "DiffQuestion", "LinesQuestion", "OutlineQuestion", "RefreshQuestion", "RelatedQuestion",
    "SearchQuestion", "StatusQuestion", "SymbolsQuestion",
]  # fmt: skip

MAX_NUMBER = 2**31 - 1


class AboutRoot(BaseModel):
    """What every question has: the root that it is about. What no route knows is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    root: str = Field("", description="The root to ask, by its name or absolute path, one of `/v1/roots`. Without it, the only root.")  # fmt: skip  # noqa: E501


class Filtered(AboutRoot):
    """What search, related and symbols share: which hits are wanted."""

    language: list[str] = Field([], description="Only files of these languages, such as `python`; repeat, or use commas.")  # fmt: skip  # noqa: E501
    kind: list[str] = Field([], description="Only declarations of these kinds, such as `function`; repeat, or use commas.")  # fmt: skip  # noqa: E501
    include: list[str] = Field([], description="Only files that match one of these globs, such as `src/**` or `*.{c,h}`.")  # fmt: skip  # noqa: E501
    exclude: list[str] = Field([], description="No files that match one of these globs.")
    path: str = Field("", description="Only this file, or what is below this directory, relative to the root.")
    min_score: float = Field(0.0, ge=0, le=1, allow_inf_nan=False, description="Only hits that score so much or more, from 0 to 1.")  # fmt: skip  # noqa: E501
    max_tokens: Annotated[int, Field(ge=1, le=MAX_NUMBER)] | SkipJsonSchema[None] = Field(
        None, description="Cut hits from the end until the document has no more tokens than this."
    )

    def filters(self) -> Filters:
        """Return the filters that are asked for. Raises UsageError for a glob whose braces spell out too much."""
        return Filters(
            languages=listed(self.language),
            kinds=listed(self.kind),
            include=tuple(glob for given in self.include for glob in unbraced(given)),
            exclude=tuple(glob for given in self.exclude for glob in unbraced(given)),
            path=self.path,
            min_score=self.min_score,
        )


class SearchQuestion(Filtered):
    """A search."""

    q: str = Field(min_length=1, description="A question in plain words, or the name of something.")
    limit: int = Field(10, ge=1, le=MAX_NUMBER, description="Give at most so many hits.")
    explain: bool = Field(False, description="Say of each hit what speaks for its file and what against it.")


class RelatedQuestion(Filtered):
    """A question for what is like a place."""

    path: str = Field(min_length=1, description="The file, relative to the root.")
    line: int = Field(ge=1, le=MAX_NUMBER, description="A line of the file, counted from 1.")
    limit: int = Field(10, ge=1, le=MAX_NUMBER, description="Give at most so many hits.")

    def filters(self) -> Filters:
        """Return the filters: the path says which place is meant, it restricts nothing."""
        return Filtered.filters(self.model_copy(update={"path": ""}))


class SymbolsQuestion(Filtered):
    """A question for the declarations of a name."""

    name: str = Field(min_length=1, description="The name, however it is cased or joined.")
    limit: int = Field(50, ge=1, le=MAX_NUMBER, description="Give at most so many hits.")


class OutlineQuestion(AboutRoot):
    """A question for what a file declares."""

    path: str = Field(min_length=1, description="The file, relative to the root.")


class LinesQuestion(AboutRoot):
    """A question for some lines."""

    path: str = Field(min_length=1, description="The file, relative to the root.")
    start: int = Field(ge=1, le=MAX_NUMBER, description="The first line, counted from 1.")
    end: int = Field(ge=1, le=MAX_NUMBER, description="The last line; those that there are not are left out.")


class DiffQuestion(AboutRoot):
    """A question for what changed."""

    old: str = Field("HEAD", min_length=1, description="A git revision, or a range, `A..B` or `A...B`.")
    new: str = Field("", description="A git revision; without it, the files as they are now.")
    path: list[str] = Field([], description="Only this file, what is below this directory, or what matches this glob.")
    nodes: bool = Field(False, description="Also list changes of single nodes of the syntax trees.")
    stat: bool = Field(False, description="Only count.")


class StatusQuestion(AboutRoot):
    """A question for the state of an index."""

    skipped: bool = Field(False, description="List what was left out or cut by lines, and why.")


class RefreshQuestion(AboutRoot):
    """A wish to have the index brought up to date."""

    seconds: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] | SkipJsonSchema[None] = Field(
        None, description="Begin no more files after so many seconds."
    )
