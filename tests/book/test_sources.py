"""A chapter's links to papers lead to works of the bibliography and name their authors and year."""

from __future__ import annotations

from pathlib import Path

import pytest
from chapter_sources import linked, of_the_book, problems, works
from notebooks import Chapter, each_chapter, none_of
from pybtex.database import parse_string
from small_chapter import broken, in_cell

BIBLIOGRAPHY = parse_string(
    """
@misc{wu2016bridging, author = {Wu, Zifeng and Shen, Chunhua and others}, title = {Bridging}, year = {2016},
  eprint = {1605.06885}}
@misc{wu2016high, author = {Wu, Zifeng and Shen, Chunhua and others}, title = {High}, year = {2016},
  eprint = {1604.04339}}
@article{yu2016multi, author = {Yu, Fisher and Koltun, Vladlen}, title = {Multi}, year = {2016},
  doi = {10.1016/0031-3203(81)90009-1}}
@misc{hough1962method, author = {Hough, Paul}, title = {Method}, year = {1962}, url = {https://a.org/3069654}}
""",
    "bibtex",
)
WORKS = tuple(works(BIBLIOGRAPHY))


@each_chapter
def test_the_links_of_a_chapter_to_papers_say_whose_they_are(path: Path) -> None:
    none_of(problems(Chapter(path)))


@each_chapter
def test_a_chapter_has_sources(path: Path) -> None:
    assert len({work for cell in Chapter(path).of("markdown") for work in linked(cell.source)}) > 3


def test_every_work_of_the_bibliography_can_be_linked_to() -> None:
    addresses = [work.address for work in of_the_book()]
    assert [work.key for work in of_the_book() if not work.address.startswith("https://")] == []
    assert len(set(addresses)) == len(addresses)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[Wu et al. 2016](https://arxiv.org/abs/1605.06885)", None),
        ("[Wu et\nal. 2016](https://arxiv.org/abs/1605.06885)", None),
        ("[Yu and Koltun 2016](https://doi.org/10.1016/0031-3203(81)90009-1)", None),
        ("[Hough 1962](https://a.org/3069654)", None),
        ("[VOC 2012](https://b.org/voc) and [the site](https://b.org), [here](#there)", None),
        ("![A picture of 2016](https://arxiv.org/a.png)", None),
        (
            "[Wu et al. 2015](https://arxiv.org/abs/1605.06885)",
            "says 'Wu et al. 2015', expected 'Wu et al. 2016'",
        ),
        ("[Shen et al. 2016](https://arxiv.org/abs/1605.06885)", "expected 'Wu et al. 2016'"),
        ("[the paper](https://arxiv.org/abs/1605.06885)", "expected 'Wu et al. 2016'"),
        ("[Yu et al. 2016](https://doi.org/10.1016/0031-3203(81)90009-1)", "expected 'Yu and Koltun 2016'"),
        ("[Hough, 1962](https://a.org/3069654)", "expected 'Hough 1962'"),
        ("[Wu et al. 2016](https://arxiv.org/abs/1605.06886)", "leads to no work of references.bib"),
        ("[Wu et al. 2016](https://arxiv.org/pdf/1605.06885)", "leads to no work of references.bib"),
        ("[Girshick 2015](https://b.org/fast)", "leads to no work of references.bib"),
        ("[a paper](https://doi.org/10.1/2)", "leads to no work of references.bib"),
        # Two works that would read alike are told apart by the letters of the list of references.
        (
            "[Wu et al. 2016](https://arxiv.org/abs/1604.04339)",
            "says 'Wu et al. 2016', expected 'Wu et al. 2016b'",
        ),
    ],
)
def test_a_link_that_leads_or_reads_wrong_is_seen(text: str, said: str | None, tmp_path: Path) -> None:
    found = list(
        problems(broken(in_cell("see", "figure answers.", f"figure answers. {text}"), tmp_path), WORKS)
    )
    assert bool(found) == (said is not None), found
    assert said is None or any(said in problem for problem in found), found
