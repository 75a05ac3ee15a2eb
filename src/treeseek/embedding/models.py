"""What is known of models that others serve: widths, limits, prices. What isn't is said by options."""

from __future__ import annotations

from dataclasses import dataclass

from treeseek.embedding.pace import Limits
from treeseek.embedding.spec import Spec
from treeseek.errors import UsageError

__all__ = ["Model", "limits_of", "model_of", "width_of"]


@dataclass(frozen=True, slots=True)
class Model:
    """`dims` are the widths that it offers, the default first; with `shortens`, any smaller one too.

    `price` is in US dollars for a million tokens, at the providers' list prices of 2025; None if it isn't known.
    """

    dims: tuple[int, ...] = ()
    shortens: bool = False
    max_tokens: int = 0
    max_chars: int = 0
    price: float | None = None


_KNOWN = {
    "bedrock:amazon.titan-embed-text-v1": Model((1536,), False, 8_192, 50_000, 0.10),
    "bedrock:amazon.titan-embed-text-v2:0": Model((1024, 512, 256), False, 8_192, 50_000, 0.02),
    "openai:text-embedding-3-small": Model((1536,), True, 8_191, 0, 0.02),
    "openai:text-embedding-3-large": Model((3072,), True, 8_191, 0, 0.13),
    "openai:text-embedding-ada-002": Model((1536,), False, 8_191, 0, 0.10),
}

_BEDROCK = Limits(requests_per_minute=2_000, tokens_per_minute=300_000, concurrency=8)
"""What AWS grants an account at first, for Titan in most regions."""
_OPENAI = Limits(concurrency=4)


def model_of(spec: Spec) -> Model:
    """Return what is known of a model. Raises UsageError for one of Bedrock's that isn't Titan's."""
    known = _KNOWN.get(f"{spec.provider}:{spec.model}")
    if known is None and spec.provider == "bedrock":
        names = ", ".join(name.partition(":")[2] for name in _KNOWN if name.startswith("bedrock:"))
        raise UsageError(f"bedrock:{spec.model[:80]} is not a model that is known here; those are {names}")
    return known or Model()


def width_of(spec: Spec, model: Model) -> int:
    """Return how wide the vectors shall be. Raises UsageError if the model has no such width, or it must be told."""
    if not model.dims and "dims" not in spec.options:
        raise UsageError(f"how wide are the vectors of {spec.model[:80]}? add dims=N to the embedder's options")
    dims = spec.whole("dims", model.dims[0] if model.dims else 0)
    if model.dims and dims not in model.dims and not (model.shortens and dims < model.dims[0]):
        offered = " or ".join(map(str, model.dims)) + (" and less" if model.shortens else "")
        raise UsageError(f"{spec.model} gives vectors of {offered} dimensions, not {dims}")
    if dims > 8_192:
        raise UsageError(f"vectors of {dims:,} dimensions are too wide; 8,192 is the most")
    return dims


def limits_of(spec: Spec) -> Limits:
    """Return what may be sent: what the provider grants at first, unless options say otherwise; 0 is no limit."""
    usual = _BEDROCK if spec.provider == "bedrock" else _OPENAI
    return Limits(
        spec.number("rps", usual.requests_per_second),
        spec.number("rpm", usual.requests_per_minute),
        spec.number("tps", usual.tokens_per_second),
        spec.number("tpm", usual.tokens_per_minute),
        spec.whole("concurrency", usual.concurrency),
    )
