"""The command's entry and boundary: here every error becomes one line (or one JSON document) and an exit code.

Exit codes: 0 found or fine, 1 nothing found, 2 error, 130 interrupted. Nothing heavy is imported before it is
needed: `--version` needs no more than this module, `--help` click alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress

from treeseek.frontends.cli.output import drop, listened_to, settle, tell, write
from treeseek.frontends.escapes import printable

__all__ = ["main"]

INTERRUPTED = 130
ERROR = 2

_HINTS = {
    "store-locked": "wait for it, or search the index as it is with --no-refresh",
    "store-corrupt": "`treeseek repair` mends it",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv`, by default the process's own arguments, and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not listened_to():
        tell("standard output is closed: there is nowhere to answer")
        return ERROR
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:  # the reader has seen enough: `treeseek search … | head -1`
        drop(sys.stdout)
        return 0
    except OSError as error:
        return _report(error, arguments)


def _run(arguments: list[str]) -> int:
    if arguments == ["--version"]:
        from treeseek import __version__

        write(f"treeseek {__version__}\n")
        return 0
    import click

    from treeseek.frontends.cli.commands import cli

    try:
        # Not click's own `main`: it ends on a closed pipe or Ctrl-C with codes and lines of its own.
        with cli.make_context("treeseek", arguments or ["--help"]) as context:
            code = cli.invoke(context)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.Abort:
        return _interrupted()
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the boundary: no traceback for a user who didn't ask for one
        return _report(error, arguments)


def _interrupted() -> int:
    tell("interrupted")
    return INTERRUPTED


def _report(error: Exception, arguments: Sequence[str]) -> int:
    """Tell of an error on standard error, and on standard output too if JSON was asked for; never of a secret."""
    from treeseek.safety.redact import for_log

    settle()
    if _asked(arguments, "--debug"):
        import traceback

        with suppress(OSError):
            lines = for_log("".join(traceback.format_exception(error))).split("\n")
            sys.stderr.write("\n".join(map(printable, lines)))
    code, message, hint, exit_code = _explain(error)
    message = for_log(message)
    if _asked(arguments, "--json"):
        from treeseek.frontends import documents

        with suppress(OSError):
            write(documents.dumped(documents.failure(code, message, hint)))
    tell(f"{message} ({hint})" if hint else message)
    return exit_code


def _explain(error: Exception) -> tuple[str, str, str, int]:
    """Return an error's stable code, its message, a hint or "", and the exit code."""
    import click

    from treeseek.errors import TreeseekError

    if isinstance(error, TreeseekError):
        hint = "" if _denied(error) else _HINTS.get(error.code, "")
        return error.code, str(error), hint, error.exit_code
    if isinstance(error, click.ClickException):
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "treeseek"
        return "usage", _sentence(error.format_message()), f"see `{path} --help`", ERROR
    if isinstance(error, OSError):
        where = f"{printable(str(error.filename))}: " if error.filename is not None else ""
        return "io", f"{where}{error.strerror or error}", "", ERROR
    hint = "a defect of treeseek; `--debug` shows where"
    return "internal", f"{type(error).__name__}: {error}".removesuffix(": "), hint, ERROR


def _denied(error: Exception) -> bool:
    """Whether an error comes from a lack of permission, which no rebuilding mends."""
    cause = error.__cause__
    return isinstance(cause, PermissionError) or "permission denied" in str(cause).lower()


def _sentence(message: str) -> str:
    """Put click's message in one line, in the form of our own."""
    line = " ".join(message.split()).removesuffix(".")
    return line[:1].lower() + line[1:]


def _asked(arguments: Sequence[str], flag: str) -> bool:
    """Whether a flag stands among the arguments, known even if the others can't be parsed."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return flag in options


if __name__ == "__main__":
    sys.exit(main())
