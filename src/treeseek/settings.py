"""Every setting, read once: built-in defaults, then treeseek.toml in the user's configuration directory, then
`TREESEEK_*` variables, then what the caller passes. The only module that reads the environment.
"""

from __future__ import annotations

import math
import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import platformdirs

from treeseek.errors import UsageError

__all__ = [
    "Homes", "Settings", "endpoint_key", "homes", "load", "no_color", "prepare_lance", "prepare_server",
    "worker_environment",
]  # fmt: skip


SANDBOXES = ("auto", "require", "off")
MIN_WORKER_BYTES = 256 * 1024 * 1024
"""A worker takes about half of this before it has read anything."""

_NEEDED_BY_WORKERS = (
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "LANG",
    "LC_ALL", "LC_CTYPE", "SYSTEMROOT",
)  # fmt: skip
_THREADS_OF_WORKERS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "MALLOC_ARENA_MAX")


REDACTION = ("off", "high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Settings:
    """Frozen settings. Sizes are in bytes, times in seconds; 0 workers means one per core.

    `embedder` says what makes the vectors: "static", or as `treeseek.embedding.spec` describes. `cache_artifact_bytes`
    bounds what is kept on disk of analysed files, `cache_vector_bytes` what is kept of vectors by another embedder than
    the static one, `cache_query_bytes` the answers that are kept in memory until the next commit; 0 switches that off.
    A search from the command line brings the index up to date for at most `refresh_seconds`. `model_path` is a static
    model that `treeseek train` wrote, in place of the bundled one.

    `sandbox` is "auto" (what the kernel has), "require" (refuse to parse without all of it) or "off" (for code that is
    trusted: few files are then parsed in the main process). `max_*` are caps, as `safety.caps` tells; those of
    responses and requests are for servers.

    What is painted over, and how sure a finding must be ("high", "medium", "low", or "off" for nothing): `redact` in
    texts that leave the machine, `redact_store` in what is indexed and cached, `redact_answers` in hits; `redact_pii`
    says whether what tells of a person counts, too.

    Of a server: who reaches it must show the `token`, or the one in `token_file`, if there is one, and must call it by
    its address, by a name of this machine, or by one of `allowed_hosts` (commas between). A client may ask
    `client_rate` times a second, 0 is as often as it likes, and `client_burst` times at once. It has `client_seconds`
    to send a request and to take an answer, and is answered, or refused, within `request_seconds`; a body of more than
    `max_body_bytes` is refused, and so are more than `max_connections`. `trace` has OpenTelemetry told of each request.
    """

    data_dir: Path
    cache_dir: Path
    embedder: str = "static"
    model_path: Path | None = None
    workers: int = 0
    sandbox: str = "auto"
    worker_memory_bytes: int = 1024 * 1024 * 1024
    max_file_bytes: int = 4 * 1024 * 1024
    max_line_bytes: int = 20_000
    max_files: int = 500_000
    max_nodes: int = 2_000_000
    max_depth: int = 1_000
    max_chunks: int = 10_000
    max_query_chars: int = 2_000
    max_query_terms: int = 300
    max_results: int = 1_000
    max_response_bytes: int = 4 * 1024 * 1024
    max_concurrent_requests: int = 16
    parse_seconds: float = 10.0
    refresh_seconds: float = 10.0
    cache_hot_bytes: int = 16 * 1024 * 1024
    cache_warm_bytes: int = 32 * 1024 * 1024
    cache_cold_bytes: int = 16 * 1024 * 1024
    cache_frozen_bytes: int = 1024 * 1024 * 1024
    cache_artifact_bytes: int = 1024 * 1024 * 1024
    cache_vector_bytes: int = 1024 * 1024 * 1024
    cache_query_bytes: int = 16 * 1024 * 1024
    redact: str = "high"
    redact_store: str = "off"
    redact_answers: str = "off"
    redact_pii: bool = True
    token: str = field(default="", repr=False)
    token_file: Path | None = None
    allowed_hosts: str = ""
    client_rate: float = 200.0
    client_burst: float = 400.0
    client_seconds: float = 20.0
    request_seconds: float = 30.0
    max_body_bytes: int = 1024 * 1024
    max_connections: int = 512
    trace: bool = False


def load(environment: Mapping[str, str] | None = None, **overrides: object) -> Settings:
    """Return the settings in force.

    `environment` replaces the process's own variables, for tests. `overrides` that are None are ignored.
    Raises UsageError for a value that is not of its setting's type, or a file that is not TOML.
    """
    env = os.environ if environment is None else environment
    values: dict[str, Any] = {
        "data_dir": Path(platformdirs.user_data_dir("treeseek", appauthor=False)),
        "cache_dir": Path(platformdirs.user_cache_dir("treeseek", appauthor=False)),
    }
    config = Path(
        env.get("TREESEEK_CONFIG") or Path(platformdirs.user_config_dir("treeseek", appauthor=False)) / "treeseek.toml"
    )
    values |= _from_file(config)
    for setting in fields(Settings):
        raw = env.get(f"TREESEEK_{setting.name.upper()}")
        if raw:
            values[setting.name] = _convert(setting.name, raw, f"TREESEEK_{setting.name.upper()}")
    values |= {name: _convert(name, value, name) for name, value in overrides.items() if value is not None}
    return Settings(**values)


@dataclass(frozen=True, slots=True)
class Homes:
    """Where other programs keep what they are told: the home itself, what XDG calls configuration, and applications'.

    Claude Code's and Codex's own directories can be moved by variables of theirs.
    """

    home: Path
    config: Path
    applications: Path
    claude: Path
    claude_json: Path
    codex: Path


def homes(environment: Mapping[str, str] | None = None) -> Homes:
    """Return where other programs keep their configuration. Raises UsageError if nobody says where the home is."""
    env = os.environ if environment is None else environment
    try:
        home = Path(env.get("HOME") or Path.home())
    except RuntimeError as error:
        raise UsageError(f"the home directory isn't known: {error}") from None
    config = Path(env.get("XDG_CONFIG_HOME") or home / ".config")
    applications = {"darwin": home / "Library" / "Application Support",
                    "win32": Path(env.get("APPDATA") or home / "AppData" / "Roaming")}  # fmt: skip
    moved = env.get("CLAUDE_CONFIG_DIR")
    return Homes(
        home, config, applications.get(sys.platform, config), Path(moved or home / ".claude"),
        Path(moved or home) / ".claude.json", Path(env.get("CODEX_HOME") or home / ".codex"),
    )  # fmt: skip


def no_color(environment: Mapping[str, str] | None = None) -> bool:
    """Whether the NO_COLOR convention (no-color.org) asks for plain output."""
    return bool((os.environ if environment is None else environment).get("NO_COLOR"))


def endpoint_key(*, is_openai: bool, environment: Mapping[str, str] | None = None) -> str:
    """Return the key for an OpenAI-compatible endpoint, "" if there is none. Read when it is needed, and kept nowhere.

    OPENAI_API_KEY is for OpenAI's own endpoint alone (`is_openai`): another one must not get it by a mistake.
    """
    env = os.environ if environment is None else environment
    return (env.get("TREESEEK_OPENAI_API_KEY") or (env.get("OPENAI_API_KEY", "") if is_openai else "")).strip()


def worker_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables that an analysis process gets: what an interpreter needs to start, and no secrets.

    One thread is enough for its small products, and a vector doesn't depend then on how many cores there are.
    """
    env = os.environ if environment is None else environment
    return {name: env[name] for name in _NEEDED_BY_WORKERS if name in env} | dict.fromkeys(_THREADS_OF_WORKERS, "1")


def prepare_lance() -> None:
    """Set what Lance and Arrow read of the environment when they are imported, unless somebody has. Call it first.

    Lance logs errors only: what it warns of on a failing disk is followed by one line of ours ("off" is no level to its
    Python side). Arrow takes its memory from the system: its own pool gave nothing back of what many threads took, and
    a process that watched and searched grew by 0.2 MB with every version that it read.
    """
    os.environ.setdefault("LANCE_LOG", "ERROR")
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def prepare_server() -> None:
    """Have numpy multiply in the thread that asks, unless somebody has set it. Call it before numpy is imported.

    A search's product is small, and its helpers wait for the next one by spinning: with two threads a search cost 23 ms
    of processor time at 50,000 chunks, with one 9, while another process was busy.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _from_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"can't read settings from {path}: {error}") from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error
    return {name: _convert(name, value, f"{path}: {name}") for name, value in table.items()}


def _convert(name: str, value: object, where: str) -> object:
    kinds: dict[str, type] = {
        "data_dir": Path, "cache_dir": Path, "model_path": Path, "embedder": str, "sandbox": str,
        "parse_seconds": float, "refresh_seconds": float, "token": str, "token_file": Path, "allowed_hosts": str,
        "client_rate": float, "client_burst": float, "client_seconds": float, "request_seconds": float,
    }  # fmt: skip
    if name.startswith("redact") or name == "trace":
        return _chosen(name, value, where)
    known = {setting.name for setting in fields(Settings)}
    if name not in known:
        raise UsageError(f"{where}: no such setting; known are {', '.join(sorted(known))}")
    kind = kinds.get(name, int)
    if kind is str:
        return _text(name, value, where)
    try:
        converted = kind(value)
    except (TypeError, ValueError):
        raise UsageError(f"{where}: {value!r} is not a {kind.__name__}") from None
    if kind is Path:
        return converted.expanduser()
    if name == "worker_memory_bytes" and 0 <= converted < MIN_WORKER_BYTES:
        raise UsageError(f"{where}: {value!r} bytes are too few for a worker; {MIN_WORKER_BYTES} are the least")
    if kind is float and not math.isfinite(converted):
        raise UsageError(f"{where}: {value!r} is not a number")
    if converted < 0:
        raise UsageError(f"{where}: {value!r} is negative")
    return converted


def _chosen(name: str, value: object, where: str) -> object:
    """Return a choice among words, or yes or no."""
    choices: dict[object, object] = {word: word for word in REDACTION}
    is_switch = name in ("redact_pii", "trace")
    if is_switch:
        choices = {True: True, False: False} | dict.fromkeys(("1", "true", "yes", "on"), True)
        choices |= dict.fromkeys(("0", "false", "no", "off"), False)
    key = value.strip().lower() if isinstance(value, str) else value
    if key not in choices:
        known = "true or false" if is_switch else ", ".join(REDACTION)
        raise UsageError(f"{where}: {value!r} is not one of {known}")
    return choices[key]


def _text(name: str, value: object, where: str) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{where}: {value!r} is not a text")
    text = value.strip()
    if name == "sandbox" and text not in SANDBOXES:
        raise UsageError(f"{where}: {value!r} is none of {', '.join(SANDBOXES)}")
    return text
