"""The README shows the stored figures and no others."""

from __future__ import annotations

from readme_figures import BEGIN, END, ROOT, results, table, with_table


def test_readme_shows_the_stored_results() -> None:
    text = (ROOT / "README.md").read_text()
    assert text.count(BEGIN) == text.count(END) == 1
    assert with_table(text) == text, "run python tests/book/readme_figures.py"


def test_every_result_says_where_it_comes_from() -> None:
    assert results()
    for name, result in results().items():
        for key in ("command", "hardware", "versions", "date", "seed"):
            assert result.get(key) not in (None, ""), f"{name}: {key}"
        assert f"{result['voting']['ap_r']['0.5']:.3f}" in table()
