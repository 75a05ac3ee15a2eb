"""The benchmarks of what is found: spans of first hits on a few files, and reports of answers that are given here."""

import json

import pytest
from benchmarks import history, peers, retrieval, spans, vectors

SHOP = '''"""A shop."""

LIMIT_OF_ORDERS = 5


class OrderBook:
    """Keeps orders until they are delivered."""

    def deliver_order(self, number):
        """Hand one over."""
        return self.orders.pop(number)

    def cancel_order(self, number):
        """Forget one that nobody wants any more."""
        del self.orders[number]


def count_articles(orders):
    """Count what was ordered, article by article."""
    return len(orders)
'''
STOCK = """package stock

// Shelf holds articles.
type Shelf struct {
\tarticles []string
}

// PutArticle adds an article at the end of a shelf.
func (s *Shelf) PutArticle(name string) {
\ts.articles = append(s.articles, name)
}

func countArticles() int { return 0 }
"""


@pytest.fixture
def shop(tmp_path):
    root = tmp_path / "shop"
    root.mkdir()
    (root / "shop.py").write_text(SHOP)
    (root / "stock.go").write_text(STOCK)
    return root


def test_first_hits_are_the_declarations_that_were_asked_for(shop, capsys):
    chosen = spans.drawn([shop], 50)
    assert {one.name for one in chosen} == {
        "LIMIT_OF_ORDERS", "OrderBook", "OrderBook.deliver_order", "OrderBook.cancel_order", "Shelf",
        "Shelf.PutArticle",
    }, "what two languages call alike isn't asked for"  # fmt: skip
    assert spans.main(["--trees", str(shop), "--count", "50", "--show"]) == 0
    assert "6 declarations in 2 languages\n  by name: 100.0% right of 6" in capsys.readouterr().out


def test_a_verdict_says_what_is_wrong(shop):
    (asked,) = (one for one in spans.drawn([shop], 50) if one.name == "OrderBook.deliver_order")
    from treeseek.model import Hit

    def hit(path, start, end):
        return Hit("", path, "python", "method", "", "", start, end, 0.5, "")

    told = {
        "nothing": None, "file": hit("stock.go", 9, 11), "elsewhere": hit("shop.py", 12, 15),
        "part": hit("shop.py", 10, 11), "too-much": hit("shop.py", 7, 11), "right": hit("shop.py", 9, 12),
    }  # fmt: skip
    assert {name: spans.verdict(found, asked) for name, found in told.items()} == {name: name for name in told}


def _line(repo, ours, theirs):
    def found(places):
        return {"results": places, "seconds": 0.01, "index": 0.1}

    return {"repo": repo, "query": "q", "targets": [["a.py", 5, 9]],
            "found": {"treeseek": found(ours), "semble": found(theirs), "semble-bm25": found([])}}  # fmt: skip


def test_a_history_is_reported_by_declarations_and_by_files():
    near, right, wrong = ["a.py", 10, 20], ["a.py", 1, 5], ["b.py", 1, 5]
    lines = [_line("one", [right], [near]), _line("one", [wrong, right], [wrong, near]), _line("two", [wrong], [wrong])]
    assert [one.mrr for one in history.scores(lines, "treeseek", "declaration")] == [1, 0.5, 0]
    assert [one.mrr for one in history.scores(lines, "semble", "declaration")] == [0, 0, 0]
    assert [one.mrr for one in history.scores(lines, "semble", "file")] == [1, 0.5, 0]
    text, met = history.report(lines)
    assert "hit_10: 1.000 times semble's, +0.000" in text
    assert not met, "files are found no better"
    assert history.report([_line("one", [right], [wrong])] * 3)[1]
    assert "one                       2  hit@10 1.00 / 0.00  MRR 0.75 / 0.00" in history.by_repository(lines)


def test_retrieval_compares_question_by_question_and_refuses_unknown_peers(shop, tmp_path, capsys):
    answers = {"OrderBook": "shop.py", "shelf": "stock.go"}
    queries = [
        {"repo": "shop", "query": query, "category": "symbol", "relevant": [{"path": path}], "secondary": []}
        for query, path in answers.items()
    ]
    (tmp_path / "queries.jsonl").write_text("".join(json.dumps(query) + "\n" for query in queries))
    (tmp_path / "repos.json").write_text(json.dumps([{"repo": "shop", "root": "."}, {"repo": "none", "root": "."}]))
    given = ["--queries", str(tmp_path / "queries.jsonl"), "--repos", str(tmp_path / "repos.json"),
             "--corpus", str(tmp_path), "--out", str(tmp_path / "out.jsonl")]  # fmt: skip
    assert retrieval.main(given) == 0
    printed = capsys.readouterr()
    assert "treeseek: NDCG@10 1.0000 over 2 queries" in printed.out
    assert "missing: none" in printed.err
    assert [json.loads(line)["query"] for line in (tmp_path / "out.jsonl").open()] == ["OrderBook", "shelf"]
    tallies = {"treeseek": retrieval.Tally([1.0, 0.5], [0.1, 0.1]), "ripgrep": retrieval.Tally([0.5, 0.5], [0.1, 0.1])}
    assert retrieval.report(tallies, ["a", "b"])[-1] == "treeseek against ripgrep: +0.2500 [+0.0000, +0.5000]"
    for wrong in (["--peers", "grep"], ["--peers", "semble-ours"]):
        with pytest.raises(SystemExit):
            retrieval.main([*given, *wrong])


def test_ripgrep_is_asked_for_whole_words_without_the_commonest():
    assert peers._whole_words("How does the RetryPolicy wait?") == ["retrypolicy", "wait"]
    assert peers._whole_words("to") == ["to"]


def test_how_fast_text_becomes_vectors_is_told(shop, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["vectors", "--tree", str(shop), "--rounds", "1"])
    assert vectors.main() == 0
    told = json.loads(capsys.readouterr().out)
    assert told["pieces"] == len(list(shop.iterdir()))
    assert {"words", "terms", "vectors"} <= told.keys()
