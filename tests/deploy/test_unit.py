"""The unit and the image say what the command line and the settings know, and hold the service."""

from __future__ import annotations

import re
from configparser import RawConfigParser
from dataclasses import fields
from pathlib import Path

from deploy import make

from treeseek.frontends.cli.commands import cli
from treeseek.settings import Settings

UNIT = make.HERE / "treeseek.service"
IMAGE = make.HERE / "Containerfile"
KNOWN = {f"TREESEEK_{one.name.upper()}" for one in fields(Settings)} | {"TREESEEK_ROOTS"}


def unit() -> RawConfigParser:
    found = RawConfigParser(strict=False, interpolation=None)
    found.optionxform = str  # type: ignore[assignment, method-assign]
    found.read(UNIT)
    return found


def options_of(text: str) -> set[str]:
    return set(re.findall(r"--[a-z-]+", text))


def test_the_commands_are_real() -> None:
    known = {name for one in cli.commands["serve"].params for name in one.opts}
    start = unit()["Service"]["ExecStart"]
    assert " serve " in start and options_of(start) <= known
    entry = next(line for line in IMAGE.read_text().splitlines() if line.startswith("ENTRYPOINT"))
    assert '"serve"' in entry and options_of(entry) <= known


def test_the_settings_are_real() -> None:
    for path in (UNIT, IMAGE, make.HERE / "README.md"):
        assert set(re.findall(r"TREESEEK_[A-Z_]+", path.read_text())) <= KNOWN, path


def test_the_service_may_write_its_own_directories_only() -> None:
    service = unit()["Service"]
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""
    assert "ReadWritePaths" not in service
    assert service["Restart"] == "on-failure"
    assert {"seccomp", "landlock_restrict_self"} <= set(service["SystemCallFilter"].split())  # for the workers
    assert int(service["LimitNOFILE"]) >= 4096 and service["MemoryMax"]


def test_the_image_is_not_root_and_says_whether_it_lives() -> None:
    text = IMAGE.read_text()
    user = text.rindex("\nUSER 10001")
    assert user < text.index("ENTRYPOINT") and "HEALTHCHECK" in text
    assert not re.search(r"^ENV .*TOKEN=", text, re.MULTILINE)


def test_what_the_readme_names_is_there() -> None:
    for name in re.findall(r"\| `([^`]+)` \|", (make.HERE / "README.md").read_text()):
        assert Path(make.HERE, name).exists(), name
