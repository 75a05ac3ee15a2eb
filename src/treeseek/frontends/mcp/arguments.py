"""What did a model mean by its arguments? What is plain is taken, what can't be is refused, by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from treeseek.errors import UsageError
from treeseek.frontends.globs import listed, unbraced
from treeseek.model import Filters

if TYPE_CHECKING:
    from treeseek.frontends.mcp.tools import Parameter, Tool

__all__ = ["arguments_of", "filters_of"]

_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": False}


def arguments_of(tool: Tool, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value for each of the tool's parameters: that given, or the default.

    Models write lists as one word, numbers as words, and null for what they leave out: that is taken as it is meant,
    and a number beyond the most as the most. Raises UsageError for a name or value that can't be.
    """
    known = {one.name: one for one in tool.parameters}
    for name in given:
        if name not in known:
            close = get_close_matches(str(name), known, n=1)
            meant = f", did you mean {close[0]}?" if close else ";"
            raise UsageError(f"{tool.name} has no argument {str(name)[:80]!r}{meant} there are {', '.join(known)}")
    return {name: _value(tool, one, given.get(name)) for name, one in known.items()}


def filters_of(values: Mapping[str, Any], *, path: str = "") -> Filters:
    """Return the filters among a tool's values. Raises UsageError for a glob whose braces spell out too much."""
    return Filters(
        languages=listed(values.get("language", ())),
        kinds=listed(values.get("kind", ())),
        include=tuple(glob for given in values.get("include", ()) for glob in unbraced(given)),
        exclude=tuple(glob for given in values.get("exclude", ()) for glob in unbraced(given)),
        path=path,
    )


def _value(tool: Tool, parameter: Parameter, given: Any) -> Any:
    if given is None:
        if parameter.is_required:
            raise UsageError(f"{tool.name} needs the argument {parameter.name}")
        return parameter.default
    value = _READERS[parameter.kind](given)
    if value is None:
        raise UsageError(f"{parameter.name} must be {_WANTED[parameter.kind]}, not {str(given)[:80]!r}")
    if isinstance(value, int) and parameter.kind == "number":
        if value < parameter.least:
            raise UsageError(f"{parameter.name} must be {parameter.least:,} or more, not {value:,}")
        return min(value, parameter.most)
    return parameter.default if value == "" and not parameter.is_required else value


def _text(given: Any) -> str | None:
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        return str(given)
    return given if isinstance(given, str) else None


def _number(given: Any) -> int | None:
    if isinstance(given, str):
        text = given.strip().replace("_", "").replace(",", "")
        return int(text) if text.removeprefix("-").isdecimal() and text.isascii() and len(text) < 20 else None
    if isinstance(given, float):
        return int(given) if given.is_integer() else None
    return given if isinstance(given, int) and not isinstance(given, bool) else None


def _flag(given: Any) -> bool | None:
    if isinstance(given, str):
        return _FLAGS.get(given.strip().lower())
    return bool(given) if isinstance(given, (bool, int)) and given in (0, 1) else None


def _list(given: Any) -> tuple[str, ...] | None:
    if isinstance(given, str):
        given = _spelled_out(given) or ([given] if given.strip() else [])
    if not isinstance(given, Sequence):
        return None
    values = [_text(one) for one in given]
    return None if any(one is None for one in values) else tuple(one for one in values if one)


def _spelled_out(given: str) -> list[Any] | None:
    """Return a list that is written as JSON in a string, as models do; None if it is something else, a glob say."""
    try:
        found = json.loads(given) if given.lstrip().startswith('["') else None
    except ValueError:
        return None
    return found if isinstance(found, list) else None


_READERS: dict[str, Callable[[Any], Any]] = {"text": _text, "number": _number, "flag": _flag, "list": _list}
_WANTED = {"text": "a string", "number": "a whole number", "flag": "true or false", "list": "a list of strings"}
