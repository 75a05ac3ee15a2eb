"""Which embedder does a setting ask for? One line of text, in treeseek.toml or in TREESEEK_EMBEDDER.

    static                                                        the bundled model
    bedrock:amazon.titan-embed-text-v2:0?dims=512&region=eu-west-1
    openai:text-embedding-3-small?dims=512
    openai:nomic-embed-text?url=http://127.0.0.1:11434/v1&dims=768
    onnx:~/models/all-MiniLM-L6-v2                                a directory, or an installed package that holds one

What follows the question mark are options, as in a URL. No option holds a secret: keys come from the environment.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from treeseek.errors import UsageError

__all__ = ["Spec", "parse"]

_REMOTE = {"dims", "rps", "rpm", "tps", "tpm", "concurrency", "price", "timeout"}
_PREFIXES = {"text_prefix", "query_prefix"}
_OPTIONS = {
    "static": set[str](),
    "bedrock": _REMOTE | {"region", "endpoint"},
    "openai": _REMOTE | _PREFIXES | {"url", "shorten", "encoding", "batch"},
    "onnx": _PREFIXES | {"file", "pooling", "tokens"},
}
_SHORT = {
    "bedrock:titan-v1": "amazon.titan-embed-text-v1",
    "bedrock:titan-v2": "amazon.titan-embed-text-v2:0",
}


@dataclass(frozen=True, slots=True)
class Spec:
    """A provider, a model, and options by name, all of them known to the provider."""

    provider: str
    model: str
    options: Mapping[str, str]

    def text(self, name: str, default: str = "") -> str:
        """Return an option as it was given."""
        return self.options.get(name, default)

    def whole(self, name: str, default: int) -> int:
        """Return an option as a whole number of at least 1. Raises UsageError."""
        given = self.options.get(name)
        if given is None:
            return default
        if not (given.isascii() and given.isdigit() and 0 < int(given[:12]) < 10**9):
            raise UsageError(f"the embedder's option {name}={given!r} is not a whole number above 0")
        return int(given)

    def number(self, name: str, default: float) -> float:
        """Return an option as a number of at least 0. Raises UsageError."""
        given = self.options.get(name)
        if given is None:
            return default
        try:
            number = float(given)
        except ValueError:
            number = math.nan
        if not 0 <= number < 1e12:
            raise UsageError(f"the embedder's option {name}={given!r} is not a number of at least 0")
        return number

    def flag(self, name: str) -> bool:
        """Return whether an option is switched on. Raises UsageError for what is neither yes nor no."""
        given = self.options.get(name, "no").lower()
        if given not in ("yes", "no"):
            raise UsageError(f"the embedder's option {name}={given!r} is neither yes nor no")
        return given == "yes"


def parse(setting: str) -> Spec:
    """Return what the setting `embedder` asks for. Raises UsageError for what can't be."""
    named, _, query = setting.strip().partition("?")
    provider, _, model = named.partition(":")
    if provider not in _OPTIONS:
        raise UsageError(f"no such embedder: {setting[:80]!r}; known are static, bedrock:…, openai:… and onnx:…")
    if (provider == "static") == bool(model):
        wanted = "takes no model" if model else f"lacks a model; write {provider}:MODEL"
        raise UsageError(f"the embedder {setting[:80]!r} {wanted}")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
    except ValueError:
        raise UsageError(f"the options of the embedder {named!r} are not of the form name=value&name=value") from None
    for name, _ in pairs:
        if name not in _OPTIONS[provider]:
            known = ", ".join(sorted(_OPTIONS[provider])) or "none"
            raise UsageError(f"the embedder {provider} has no option {name[:40]!r}; known are {known}")
    if len(dict(pairs)) < len(pairs):
        raise UsageError(f"the embedder {named!r} is given an option twice")
    return Spec(provider, _SHORT.get(named, model), dict(pairs))
