"""Documents with headings."""

from treeseek.syntax import analyse

FILLER = "Some words of a paragraph that is long enough to keep its section to itself.\n" * 12


def sections(text: str, language: str = "markdown") -> list[tuple[str, str, str, int]]:
    syntax = analyse(text.encode(), language, deadline_seconds=1)
    assert syntax.fallback == "" and syntax.declarations == ()
    return [(chunk.kind, chunk.name, chunk.signature, chunk.start_line) for chunk in syntax.chunks]


def test_markdown_is_cut_by_headings() -> None:
    text = f"{FILLER}\n# Top #\n{FILLER}\n## Set *up*\n{FILLER}\nUnder\n-----\n{FILLER}\n# Next\n{FILLER}"
    assert sections(text) == [
        ("text", "", "", 1),
        ("section", "Top", "Top", 14),
        ("section", "Set *up*", "Top > Set *up*", 28),
        ("section", "Under", "Top > Under", 42),
        ("section", "Next", "Next", 57),
    ]


def test_fenced_code_and_front_matter_hold_no_headings() -> None:
    text = f"---\ntitle: x\n---\n# A\n```sh\n# not one\n~~~\n```\n{FILLER}"
    text += f"\n~~~~\n# nor this\n~~~\n# nor that\n~~~~\n# B\n{FILLER}"
    assert [name for _, name, _, _ in sections(text)] == ["", "A", "B"]


def test_short_sections_are_joined_and_long_ones_cut() -> None:
    short = "# A\nx\n# B\ny y y\n# C\nz\n"
    assert sections(short) == [("section", "B", "B", 1)]
    long = "# A\n" + (FILLER + "\n") * 6
    assert len(sections(long)) > 2
    assert {name for _, name, _, _ in sections(long)} == {"A"}


def test_restructuredtext() -> None:
    text = f"=====\nTitle\n=====\n\n{FILLER}\nPart\n----\n{FILLER}\nDeep\n~~~~\n{FILLER}\nOther\n-----\n{FILLER}"
    assert [(name, path) for _, name, path, _ in sections(text, "restructuredtext")] == [
        ("Title", "Title"), ("Part", "Title > Part"), ("Deep", "Title > Part > Deep"), ("Other", "Title > Other")
    ]  # fmt: skip


def test_asciidoc() -> None:
    text = f"= Title\n{FILLER}\n----\n== code\n----\n== Part\n{FILLER}"
    assert [path for _, _, path, _ in sections(text, "asciidoc")] == ["Title", "Title > Part"]
