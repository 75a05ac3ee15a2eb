"""Nothing that a repository holds reaches a terminal as something that it obeys, or that can't be seen."""

from __future__ import annotations

import json
import subprocess
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treeseek.frontends.cli.main import main
from treeseek.frontends.escapes import escaped_json, printable

EVIL = "\x1b]0;owned\x07\u202egnp\u2066\u200b\u00ad\x9b31m\u2028\U000e0041\u3164"
SEEN = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd") | {
    chr(code) for code in (*range(0x13430, 0x13440), *range(0x1BCA0, 0x1BCA4))
}
"""Format characters that stand before digits, or join hieroglyphs, and are seen."""
SIGNS = st.sampled_from([*EVIL, "\r", "\x00", "\ufeff", "\ud800", "a", "é", "日", "😀", "\ufe0f", "\n", "\t"])


def obeyed(text: str) -> set[str]:
    """Return the characters of a text that a terminal obeys, or doesn't show."""
    hidden = {"\ufe0f"}
    return {char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")
            or char in "\u3164\u115f\u1160\uffa0\u034f"} - hidden  # fmt: skip


@given(st.text(SIGNS))
def test_what_is_printed_is_seen_and_in_one_line(text: str) -> None:
    assert obeyed(printable(text)) == set()
    assert printable(printable(text)) == printable(text)


@given(st.text(st.characters(exclude_categories=("Cs",))) | st.text(SIGNS))
def test_json_keeps_its_value(text: str) -> None:
    document = json.dumps({"a": text}, ensure_ascii=False)
    assert json.loads(escaped_json(document)) == {"a": text}
    assert obeyed(escaped_json(document)) == set()


def test_no_format_or_control_character_is_forgotten() -> None:
    passed = {chr(code) for code in range(0x110000) if printable(chr(code)) == chr(code)}
    assert {char for char in passed if obeyed(char)} <= SEEN


COMMANDS = [
    ["index"], ["status", "--skipped"], ["search", "evil function"], ["search", "evil function", "-l"],
    ["symbols", "evil"], ["related", f"b{EVIL}.py:1"], ["outline", f"b{EVIL}.py"], ["query", "--kind", "function"],
    ["query", "(comment) @c", "--lang", "python"], ["diff"], ["diff", "--nodes"], ["doctor"], ["verify"],
    ["outline", f"gone{EVIL}.py"], ["search", EVIL], ["diff", f"no{EVIL}"], ["query", EVIL], [EVIL],
    ["outline", f"gone{EVIL}.py", "--debug"],
]  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("output") / f"evil{EVIL}"
    root.mkdir()
    command = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*command, "init", "-q"], check=True)
    (root / f"b{EVIL}.py").write_text("def before():\n    pass\n")
    subprocess.run([*command, "add", "."], check=True)
    subprocess.run([*command, "commit", "-qm", "first"], check=True)
    (root / f"b{EVIL}.py").write_text(f'def evil(a="{EVIL}"):\n    """An evil function {EVIL}."""\n    # {EVIL}\n')
    (root / f"d{EVIL}.bin").write_bytes(b"\0" * 9)
    (root / f"l{EVIL}").symlink_to("/etc")
    return root


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: printable(" ".join(arguments))[:30])
def test_no_command_prints_what_a_terminal_obeys(
    arguments: list[str], as_json: bool, root: Path, monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(root)
    monkeypatch.setenv("TREESEEK_DATA_DIR", str(tmp_path_factory.getbasetemp() / "output-data"))
    monkeypatch.setenv("TREESEEK_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "output-cache"))
    code = main([*arguments, *(["--json"] if as_json else [])])
    out, err = capfd.readouterr()
    assert out or err
    assert code in (0, 1, 2, 10)
    assert obeyed(out) <= {"\n"}
    assert obeyed(err) <= {"\n"}
