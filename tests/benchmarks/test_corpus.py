import os

from benchmarks import plain_queries
from benchmarks.bare_parse import bare_parse, parsed_files
from benchmarks.speed import copied

import treeseek
from treeseek import settings


def test_the_bare_parse_reads_what_treeseek_parses_and_nothing_else(tree, tmp_path):
    found = {path: language for path, language, _ in parsed_files(tree)}
    assert found == {"session.py": "python", "web/report.js": "javascript", "web/send": "javascript"}
    parsed = bare_parse(tree)
    assert parsed["files"] == 3
    assert parsed["bytes"] == sum((tree / path).stat().st_size for path in found)
    with treeseek.open(tree, settings.load({}, data_dir=tmp_path / "data", workers=1)) as engine:
        engine.sync()
        languages = engine.status().languages
    # Empty files have no tree: treeseek indexes the bare file.
    assert parsed["languages"] == {"javascript": languages["javascript"], "python": languages["python"] - 1}


def test_queries_are_plain_words_of_comments_and_names_and_always_the_same(tree):
    queries = plain_queries.of_tree(tree, 10)
    assert queries == plain_queries.of_tree(tree, 10)
    assert set(queries) >= {"keeps the state of one visitor between requests", "open session", "send report"}
    assert all(word.isalpha() and word == word.lower() for query in queries for word in query.split())
    assert len(plain_queries.of_tree(tree, 3)) == 3


def test_queries_of_a_file_are_its_lines(tmp_path):
    (tmp_path / "queries").write_text("how are visitors kept\n\n  send a report \n")
    assert plain_queries.of_file(tmp_path / "queries") == ["how are visitors kept", "send a report"]


def test_a_copy_keeps_files_links_and_times_but_no_history_and_no_pipes(tree, tmp_path):
    (tree / ".git").mkdir()
    (tree / ".git" / "HEAD").write_text("x")
    (tree / "link").symlink_to("nowhere")
    os.mkfifo(tree / "pipe")
    copy = copied(tree, tmp_path / "copy")
    assert sorted(path.name for path in copy.iterdir()) == sorted(
        ["README.md", "empty.py", "link", "made.py", "picture.py", "session.py", "web"]
    )
    assert (copy / "link").readlink() == (tree / "link").readlink()
    assert (copy / "session.py").stat().st_mtime_ns == (tree / "session.py").stat().st_mtime_ns
