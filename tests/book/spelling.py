"""One spelling throughout: British, with -ise, in what people read: texts, docstrings, comments, sentences in code.

Names of code are none of ours to spell: `color`, `optimizer`. What matplotlib or PyTorch call a thing stands between
backticks, or in a string that is no sentence.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from chapter_prose import prose

# Another spelling, or a second one, and the one of this book.
OTHERS = {
    r"(\w*colo)r(\w*)": r"\1ur\2",
    r"(behavi|fav|neighb|hon|flav|lab|harb|rum|vap)or(\w*)": r"\1our\2",
    r"center(s?)": r"centre\1",
    r"center(ed|ing)": r"centr\1",
    r"(fib|theat|lit)er(s?)": r"\1re\2",
    r"gray(\w*)": r"grey\1",
    r"(\w+[a-z])iz(e[drs]?|ers|ing|ations?|able)": r"\1is\2",
    r"(\w+ly)z(e[drs]?|ing)": r"\1s\2",
    r"(label|model|travel|cancel|level|signal|channel|tunnel)(ed|ing)": r"\1l\2",
    r"(fulfil|enrol)l(|s|ment)": r"\1\2",
    r"(skil|wil)lful(\w*)": r"\1ful\2",
    r"(catal|dial|anal)og(s?)": r"\1ogue\2",
    r"(def|off|pret)ense": r"\1ence",
    r"license(s?)": r"licence\1",
    r"artifact(s?)": r"artefact\1",
    r"judgment(s?)": r"judgement\1",
    r"gotten": "got",
    r"(to|after|for|back)ward": r"\1wards",
    r"(lear|bur)nt": r"\1ned",
    r"(spe|sme)lt": r"\1lled",
}
# As they are: the paper's word, words in which the z belongs to the stem, and the pass through a network.
KEPT = re.compile(r"localization|(re|over|under|mid|down|up)?siz\w+|priz\w+|seiz\w+|forward|backward")
WORD = re.compile(r"(?<![\w.`'\"=-])[A-Za-z]+(?![\w(=-]|\.\w|:\s*#)")


def misspelled(text: str) -> Iterator[str]:
    """Yield each word of a text that this book spells otherwise, and how."""
    for found in WORD.finditer(text):
        word = found.group().lower()
        for other, ours in OTHERS.items():
            if not KEPT.fullmatch(word) and (match := re.fullmatch(other, word)):
                yield f"{found.group()}, expected {match.expand(ours)}"


def read_in(text: str) -> str:
    """Return what is prose in a page: no code, no address, no quoted name."""
    return re.sub(r"``[^`]+``|`[^`\n]+`|\{[\w:]+\}", " ", prose(text))


def said_by(code: str) -> str:
    """Return what people read in Python: docstrings, comments, strings of three words and more."""
    texts = [
        token.string
        for token in tokenize.generate_tokens(io.StringIO(code).readline)
        if token.type == tokenize.COMMENT
    ]
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.count(" ") > 1:
            texts.append(re.sub(r"(?m)^\s*(>>>|\.\.\.).*$", "", node.value))
    return re.sub(r"``[^`]+``|`[^`\n]+`", " ", "\n".join(texts))
