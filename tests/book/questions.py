"""Questions for a class, made of the wrong answers that checkpoints know: find the bug, and which mistake was made?

Which of them to ask, and on which input, is chosen here by name. The code, the sentence that answers, what comes out
and what should have are taken from the chapter and from the wrong answers, by running both.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from chapter_checkpoints import wrong_versions
from chapter_stubs import sentence
from notebooks import Chapter

from bridgeseg.teaching.checks import difference
from bridgeseg.teaching.mistakes import WRONG_ANSWERS

LONGEST = 200  # characters of a result that is shown
WIDEST = 74  # characters of a line within a box on a page
LIGHT = ("numpy", "torch")  # what functions are built with; imports of anything else are left out
Names = dict[str, Any]


@dataclass(frozen=True)
class Bug:
    """Ask what is wrong with some code.

    version: the wrong answer
    unseen: the arguments of a call, as code, on which it gives the same as the right one
    seen: those of a call on which it does not
    """

    version: str
    unseen: str
    seen: str


@dataclass(frozen=True)
class Which:
    """Ask which of the known mistakes gives a result.

    version: the wrong answer
    seen: the arguments of a call, as code, on which no other known mistake gives the same
    """

    version: str
    seen: str


BUGS = {
    1: (
        Bug(
            "overlap__negative_sides",
            "torch.tensor([0.0, 0, 2, 2]), torch.tensor([1.0, 0, 3, 2])",
            "torch.tensor([0.0, 0, 2, 2]), torch.tensor([4.0, 4, 6, 6])",
        ),
        Bug(
            "count_votes__last_vote_wins",
            "torch.tensor([[0.0, 2], [0, 0], [2, 4], [2, 2]]), torch.ones(2), (2, 4)",
            "torch.tensor([[0.0, 0], [0, 0], [2, 2], [2, 2]]), torch.ones(2), (2, 4)",
        ),
        Bug(
            "suppress__survivors_do_not_suppress",
            "torch.tensor([[0.0, 0, 4, 4], [9, 9, 12, 12]]), torch.tensor([0.9, 0.8]), 0.5",
            "torch.tensor([[0.0, 0, 4, 4], [0, 0, 4, 3]]), torch.tensor([0.9, 0.8]), 0.5",
        ),
    ),
    2: (
        Bug(
            "boxes_of__gaps_are_closed",
            "torch.tensor([[0, 1, 1], [2, 0, 0]])",
            "torch.tensor([[0, 1, 1], [3, 0, 0]])",
        ),
        Bug(
            "nearest__upper_left_corner",
            "np.array([[1, 2]]), 1, 4",
            "np.array([[1, 2, 3, 4]]), 1, 2",
        ),
        Bug(
            "cut__mirrored_before_the_window",
            "[np.arange(4).reshape(1, 4)], 0, 0, 1, False",
            "[np.arange(4).reshape(1, 4)], 0, 0, 1, True",
        ),
    ),
    3: (
        Bug(
            "confusion_matrix__runs_over_in_bytes",
            "np.array([[1, 0]], np.uint8), np.array([[1, 1]], np.uint8), 2",
            "np.array([[17]], np.uint8), np.array([[17]], np.uint8), 18",
        ),
        Bug(
            "iou_by_category__absent_counts_as_nought",
            "np.array([[3, 1], [0, 1]])",
            "np.array([[3, 1, 0], [0, 1, 0], [0, 0, 0]])",
        ),
        Bug(
            "match__duplicates_are_hits",
            "np.array([[0.8, 0.0], [0.0, 0.7]]), 0.5",
            "np.array([[0.8, 0.0], [0.7, 0.0]]), 0.5",
        ),
        Bug(
            "match__only_the_best_of_all",
            "np.array([[0.8, 0.0], [0.0, 0.7]]), 0.3",
            "np.array([[0.6, 0.0], [0.5, 0.4]]), 0.3",
        ),
        Bug(
            "area__without_the_envelope",
            "np.array([True, True, False]), 2",
            "np.array([True, False, True, True]), 3",
        ),
    ),
    4: (
        Bug(
            "slide__round_the_corner",
            "torch.tensor([0.0, 3, 0]), torch.tensor([1.0, 2, -1])",
            "torch.tensor([1.0, 3, 0]), torch.tensor([1.0, 2, -1])",
        ),
        Bug(
            "residual__added_after_the_relu",
            "torch.tensor([1.0, 2]), torch.tensor([0.0, 1, 0]), torch.tensor([0.0, 1, 0])",
            "torch.tensor([-1.0, 2]), torch.tensor([0.0, 1, 0]), torch.tensor([0.0, 1, 0])",
        ),
        Bug(
            "pixel_loss__divided_by_all",
            "torch.zeros(1, 2, 1, 2), torch.tensor([[[0, 1]]]), 1",
            "torch.zeros(1, 2, 1, 2), torch.tensor([[[0, 255]]]), 1",
        ),
        Bug(
            "residual_gradients__last_relu_forgotten",
            "torch.tensor([1.0, 2]), torch.tensor([0.0, 1, 0]), torch.tensor([0.0, 1, 0]), torch.ones(2)",
            "torch.tensor([-1.0, 2]), torch.tensor([0.0, 1, 0]), torch.tensor([0.0, 1, 0]), torch.ones(2)",
        ),
    ),
    5: (
        Bug(
            "convolve__turned_round",
            "torch.tensor([1.0, 0, 2]), torch.tensor([1.0, 2, 1])",
            "torch.tensor([1.0, 0, 2]), torch.tensor([1.0, 2, -1])",
        ),
        Bug(
            "finer__one_layer_too_early",
            "[(3, 2, 1), (3, 1, 1)], 2",
            "[(3, 2, 1), (3, 2, 1), (3, 1, 1)], 2",
        ),
        Bug("reach__its_own_stride_too", "[(3, 1, 1), (3, 1, 2)]", "[(3, 2, 1), (3, 1, 1)]"),
        Bug(
            "square_holding__round_the_corner",
            "torch.tensor([[1.0, 4, 1]]), (0, 1), 0.5",
            "torch.tensor([[4.0, 1, 1, 1]]), (0, 0), 0.9",
        ),
    ),
    6: (
        Bug(
            "clip__each_by_itself",
            "[torch.tensor([3.0, 4.0])], 1.0",
            "[torch.tensor([3.0]), torch.tensor([4.0])], 1.0",
        ),
        Bug(
            "sgd__damped",
            "torch.tensor(4.0), torch.tensor(4.0), torch.tensor(0.0), 0.4, 0.0, 0.25",
            "torch.tensor(4.0), torch.tensor(4.0), torch.tensor(0.0), 0.4, 0.5, 0.25",
        ),
        Bug("rate_at__falls_while_it_rises", "0.5, 0.1, 1.0", "0.05, 0.1, 1.0"),
        Bug("rounded__halves_up", "torch.tensor([20.5]), 4", "torch.tensor([21.0]), 4"),
        Bug(
            "near_border__rows_and_columns_only",
            "torch.tensor([[0, 0], [1, 1]], dtype=torch.uint8), 1",
            "torch.tensor([[0, 0, 0], [0, 0, 0], [0, 0, 1]], dtype=torch.uint8), 1",
        ),
    ),
    7: (
        Bug(
            "plain__divided_by_void_too",
            "torch.zeros(1, 2, 1, 2), torch.tensor([[[0, 1]]])",
            "torch.zeros(1, 2, 1, 2), torch.tensor([[[0, 255]]])",
        ),
        Bug(
            "at_least__void_is_ranked",
            "torch.tensor([0.9, 0.2, 0.7]), torch.tensor([True, True, True]), 0.1, 2",
            "torch.tensor([0.9, 0.2, 0.7]), torch.tensor([True, False, True]), 0.1, 1",
        ),
        Bug(
            "exactly__filled_up_with_void",
            "torch.tensor([0.9, 0.2, 0.7]), torch.tensor([True, False, True]), 1",
            "torch.tensor([0.9, 0.2, 0.7]), torch.tensor([True, False, True]), 3",
        ),
        Bug(
            "loss_over__divided_by_all",
            "torch.zeros(1, 2, 1, 2), torch.tensor([[[0, 255]]]), lambda p, known: known",
            "torch.tensor([[[[0.0, 9.0]], [[0.0, 0.0]]]]), torch.tensor([[[0, 0]]]), lambda p, known: p < 0.6",
        ),
        Bug(
            "focal_loss__divided_by_the_weights",
            "torch.zeros(1, 2, 1, 1), torch.tensor([[[0]]]), 0.0",
            "torch.zeros(1, 2, 1, 1), torch.tensor([[[0]]]), 2.0",
        ),
    ),
    8: (
        Bug(
            "instance_boxes__absent_numbers_are_left_out",
            "torch.tensor([[1, 0, 2]])",
            "torch.tensor([[1, 0, 3]])",
        ),
        Bug(
            "box_map__of_the_first_picture",
            "torch.tensor([[[1, 1, 0]], [[1, 1, 0]]])",
            "torch.tensor([[[1, 1, 0]], [[0, 1, 1]]])",
        ),
        Bug(
            "iou__without_the_clamp",
            "torch.tensor([0.0, 0, 2, 2]), torch.tensor([1.0, 0, 3, 2]), 0",
            "torch.tensor([0.0, 0, 2, 2]), torch.tensor([3.0, 3, 5, 5]), 0",
        ),
        Bug(
            "encode__logarithm_of_nothing",
            "torch.tensor([0.0, 0, 8, 4]).view(1, 4, 1, 1), 1, 8.0",
            "torch.tensor([3.0, 0, 3, 4]).view(1, 4, 1, 1), 1, 8.0",
        ),
        Bug(
            "smooth_l1__parabola_for_negative_errors",
            "torch.full((1, 1, 1, 1), 2.0), torch.zeros(1, 1, 1, 1), 1.0",
            "torch.full((1, 1, 1, 1), -2.0), torch.zeros(1, 1, 1, 1), 1.0",
        ),
    ),
    9: (
        Bug(
            "ballard__negative_places_wrap",
            "torch.tensor([[1, 2, 0]]), torch.tensor([[1, 2]]), (0, 0)",
            "torch.tensor([[2, 1, 0]]), torch.tensor([[1, 2]]), (0, 0)",
        ),
        Bug(
            "candidates__background_takes_no_place",
            "torch.tensor([[[0.1]], [[0.6]], [[0.3]]]), 1, 0.2",
            "torch.tensor([[[0.5]], [[0.4]], [[0.1]]]), 1, 0.2",
        ),
        Bug(
            "stays__the_struck_out_strike",
            "torch.tensor([[0, 1, 0], [1, 0, 0], [0, 0, 0]]) > 0",
            "torch.tensor([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) > 0",
        ),
        Bug(
            "gather__the_last_vote_counts",
            "torch.tensor([1]), torch.tensor([[0.0], [0], [2], [2]]), torch.tensor([0.5]), 2, (1, 2), 1, 1",
            "torch.tensor([1, 1]), torch.tensor([[0.0, 0], [0, 0], [2, 2], [2, 2]]), torch.tensor([0.5, 0.25]), "
            "2, (1, 2), 1, 1",
        ),
        Bug(
            "parts_of_score__sums_not_means",
            "torch.tensor([0]), torch.tensor([0.5]), torch.tensor([0.5]), torch.tensor([1.0])",
            "torch.tensor([0, 0]), torch.tensor([0.5, 1.0]), torch.tensor([0.5, 0.5]), torch.tensor([1.0])",
        ),
    ),
    10: (
        Bug("ratios__sum_for_union", "([[0]], [2], [2])", "([[2]], [4], [2])"),
        Bug(
            "shared_pixels__of_bools",
            "np.array([[[True, False]]]), np.array([[1, 0]])",
            "np.array([[[True, True]]]), np.array([[1, 1]])",
        ),
        Bug(
            "best_cut__parts_equal_scores",
            "np.array([0.9, 0.5, 0.3]), np.array([True, True, False]), 2",
            "np.array([0.9, 0.5, 0.5]), np.array([True, True, False]), 2",
        ),
        Bug(
            "count_error__errors_cancel",
            "[np.array([0.9])], [2], 0.5",
            "[np.array([0.9]), np.array([0.9, 0.8])], [2, 1], 0.5",
        ),
    ),
}

WHICH = {
    1: (
        Which(
            "overlap__shared_counted_twice",
            "torch.tensor([0.0, 0, 2, 2]), torch.tensor([1.0, 0, 3, 2])",
        ),
        Which(
            "count_votes__corner_for_centre",
            "torch.tensor([[1.0], [0], [3], [2]]), torch.tensor([0.5]), (2, 4)",
        ),
    ),
    2: (
        Which(
            "paint__first_hides_later",
            "torch.tensor([[[1, 1, 1, 0]], [[0, 0, 1, 1]]]).bool(), torch.tensor([5, 3]), 0.25, 1",
        ),
        Which("voc_colour__blue_first", "1"),
        Which(
            "boxes_of__width_and_height",
            "torch.tensor([[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]])",
        ),
    ),
    3: (
        Which(
            "confusion_matrix__rows_and_columns_exchanged",
            "np.array([[0, 1, 255]]), np.array([[1, 1, 1]]), 2",
        ),
        Which(
            "mask_iou__void_counts",
            "np.array([[[True, True, True, False]]]), np.array([[[True, True, False, False]]]), "
            "np.array([[False, False, True, False]])",
        ),
        Which("precision_and_recall__divided_by_all_masks", "np.array([True, False, True]), 4"),
    ),
    4: (
        Which("slide__kernel_turned_round", "torch.tensor([1.0, 0, 2]), torch.tensor([1.0, 0, 0])"),
        Which(
            "residual_gradients__shortcut_forgotten",
            "torch.tensor([1.0, 2]), torch.tensor([0.0, 1, 1]), torch.tensor([1.0, 1, 0]), torch.ones(2)",
        ),
    ),
    5: (
        Which(
            "convolve__dilation_counts_the_gaps",
            "torch.tensor([0.0, 0, 5, 0, 0]), torch.tensor([1.0, 0, 2])",
        ),
        Which("nominal__kernel_times_dilation", "5, 12, 8"),
    ),
    6: (
        Which("rate_at__begins_with_nothing", "0.0, 0.1, 1.0"),
        Which("clip__lengthens_short_ones", "[torch.tensor([0.3]), torch.tensor([0.4])], 1.0"),
    ),
    7: (
        Which(
            "share_in__of_the_group",
            "torch.tensor([True, True, True, False]), torch.tensor([True, False, False, True])",
        ),
        Which(
            "log_right__logarithm_of_a_rounded_probability",
            "torch.tensor([[[[200.0]], [[0.0]]]]), torch.tensor([[[1]]])",
        ),
    ),
    8: (
        Which("centres__middle_of_the_block", "(1, 2), 4"),
        Which("size_weights__scale_not_squared", "torch.tensor([0.0, 0, 8, 2]).view(1, 4, 1, 1), 8.0, 0.5"),
    ),
    9: (
        Which("fair__in_pixels", "torch.tensor([0.5]), torch.tensor([[0.0], [0], [8], [8]]), 4"),
        Which("stays__strikes_out_the_better", "torch.tensor([[0, 0], [1, 0]]) > 0"),
    ),
    10: (
        Which("count_error__sign_turned", "[np.array([0.9, 0.5]), np.array([0.7])], [1, 1], 0.4"),
        Which("ratios__cover_and_inside_swapped", "([[2]], [4], [3])"),
    ),
}


def names_of(chapter: Chapter) -> Names:
    """Return the functions that a chapter builds, with what they import, and nothing else run."""
    names: Names = {"__name__": "a chapter"}
    for cell in chapter.of("code"):
        kept: list[ast.stmt] = []
        for node in cell.tree.body:
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            light = bool(modules) and all(module.partition(".")[0] in LIGHT for module in modules)
            if light or ("build" in cell.tags and isinstance(node, ast.FunctionDef)):
                kept.append(node)
        exec(compile(ast.Module(kept, []), f"<{chapter.path.stem}: {cell.name}>", "exec"), names)
    return names


def version_of(chapter: Chapter, name: str) -> ast.FunctionDef:
    """Return a wrong answer of a chapter. raises: KeyError where there is none of that name."""
    versions = wrong_versions(WRONG_ANSWERS / f"{chapter.path.stem}.py")
    return {node.name: node for nodes in versions.values() for node in nodes}[name]


def others(chapter: Chapter, name: str) -> list[ast.FunctionDef]:
    """Return all wrong answers to the function of one of them, by their sentences."""
    versions = wrong_versions(WRONG_ANSWERS / f"{chapter.path.stem}.py")[name.partition("__")[0]]
    return sorted(versions, key=said)


def said(node: ast.FunctionDef) -> str:
    """Return the sentence of a wrong answer."""
    return " ".join((ast.get_docstring(node) or "").split())


def as_code(chapter: Chapter, name: str) -> str:
    """Return the code of a wrong answer as a student would have written it: its function's name, no sentence."""
    node = version_of(chapter, name)
    lines = (WRONG_ANSWERS / f"{chapter.path.stem}.py").read_text("utf8").splitlines()
    body = lines[node.body[0].end_lineno : node.end_lineno]
    head = lines[node.lineno - 1 : node.body[0].lineno - 1]
    return "\n".join([*head, *body]).replace(name, name.partition("__")[0])


def result(function: Callable[..., Any], arguments: str, names: Names) -> Any:
    """Return what a call gives, its arguments written as code; or the exception that it raises."""
    try:
        return eval(f"function({arguments})", {**names, "function": function})
    except Exception as error:
        return error


def outcomes(chapter: Chapter, name: str, arguments: str, names: Names) -> tuple[Any, Any]:
    """Return what a wrong answer gives, and what the right function gives."""
    node, own = version_of(chapter, name), dict(names)
    exec(compile(ast.Module([node], []), "<a wrong answer>", "exec"), own)
    return result(own[name], arguments, names), result(names[name.partition("__")[0]], arguments, names)


def differ(one: Any, other: Any) -> bool:
    """Are two results not the same?"""
    if isinstance(one, Exception) or isinstance(other, Exception):
        return type(one) is not type(other)
    return bool(difference(one, other))


def shown(value: Any) -> str:
    """Return a result on one line, as Python shows it, to four digits."""
    if isinstance(value, Exception):
        return f"{type(value).__name__}: {value}"
    if isinstance(value, tuple):
        return f"({', '.join(map(shown, value))}{',' * (len(value) == 1)})"
    if isinstance(value, float | np.floating):
        return f"{value:.4g}"
    with np.printoptions(precision=4):
        text = " ".join(repr(value).split())
    return re.sub(r"(?<=[\[(]) +| +(?=[,\])])", "", text)


def compared(came_out: Any, expected: Any) -> list[str]:
    """Return both in a line each, as comments; of long ones, how they differ."""
    lines = [f"came out {shown(came_out)}", f"expected {shown(expected)}"]
    if max(map(len, lines)) > LONGEST:
        lines = [f"wrong: {difference(came_out, expected)}"]
    return [each for line in lines for each in comment(line)]


def comment(text: str) -> list[str]:
    """Return a text as comments, in lines that a page has room for."""
    return textwrap.wrap(text, WIDEST, initial_indent="# ", subsequent_indent="#     ")


def call(function: str, arguments: str) -> list[str]:
    """Return a call, its arguments in lines of their own where it is long."""
    line = f"{function}({arguments})"
    if len(line) <= WIDEST:
        return [line]
    node = ast.parse(line, mode="eval").body
    assert isinstance(node, ast.Call)
    parts = [f"    {ast.get_source_segment(line, argument)}," for argument in node.args]
    return [f"{function}(", *parts, ")"]


def problems(chapter: Chapter, number: int) -> Iterator[str]:
    """Yield what is wrong with the questions on a chapter."""
    names = names_of(chapter)
    for bug in BUGS.get(number, ()):
        if differ(*outcomes(chapter, bug.version, bug.unseen, names)):
            yield f"{bug.version}: is seen on ({bug.unseen})"
        if not differ(*outcomes(chapter, bug.version, bug.seen, names)):
            yield f"{bug.version}: is not seen on ({bug.seen})"
        function = bug.version.partition("__")[0]
        body = version_of(chapter, bug.version).body
        if any(isinstance(n, ast.Name) and n.id == function for b in body for n in ast.walk(b)):
            yield f"{bug.version}: calls the right {function}, so it is no code to find a bug in"
    for which in WHICH.get(number, ()):
        mine, right = outcomes(chapter, which.version, which.seen, names)
        if not differ(mine, right):
            yield f"{which.version}: is not seen on ({which.seen})"
        for node in others(chapter, which.version):
            if node.name != which.version and not differ(
                outcomes(chapter, node.name, which.seen, names)[0], mine
            ):
                yield f"{which.version}: {node.name} gives the same on ({which.seen})"


def answer(*lines: str) -> list[str]:
    """The lines of a box that is folded until somebody asks for the answer."""
    return [":::{admonition} Answer", ":class: dropdown", *lines, ":::", ""]


def find_the_bug(chapter: Chapter, bug: Bug, names: Names, label: str) -> list[str]:
    """Return a question about some code, with its answer, in lines of Markdown."""
    function = bug.version.partition("__")[0]
    same, right = outcomes(chapter, bug.version, bug.unseen, names)
    came_out, expected = outcomes(chapter, bug.version, bug.seen, names)
    code = [
        "```python",
        "# nothing is seen here",
        *call(function, bug.unseen),
        *comment(f"came out {shown(same)}, as it should"),
        "",
        "# and here",
        *call(function, bug.seen),
        *compared(came_out, expected),
        "```",
    ]
    return [
        f"**{label}** `{function}` should do this: {contract(names, function)} What is wrong here, and on which input "
        "does it show?",
        "",
        *["```python", *as_code(chapter, bug.version).splitlines(), "```", ""],
        *answer(said(version_of(chapter, bug.version)), "", *code),
    ]


def which_mistake(chapter: Chapter, which: Which, names: Names, label: str) -> list[str]:
    """Return a question with answers to choose from, in lines of Markdown."""
    function = which.version.partition("__")[0]
    mine, right = outcomes(chapter, which.version, which.seen, names)
    choices = others(chapter, which.version)
    lines = [
        f"**{label}** `{function}` should do this: {contract(names, function)} A student's gives:",
        "",
        *["```python", *call(function, which.seen), *compared(mine, right), "```", ""],
        *["Which mistake is it?", ""],
    ]
    lines += [f"- **{letter}** {said(node)}" for letter, node in zip("ABCDEFG", choices)]
    told = ["```python"]
    for letter, node in zip("ABCDEFG", choices):
        gives = outcomes(chapter, node.name, which.seen, names)[0]
        told += comment(f"{letter} gives {shown(gives)}{'' if differ(gives, right) else ', which is right'}")
    (correct,) = (letter for letter, node in zip("ABCDEFG", choices) if node.name == which.version)
    return [*lines, "", *answer(f"**{correct}**. On this input:", "", *told, "```")]


def contract(names: Names, function: str) -> str:
    """What a function of a chapter should do, its first sentence."""
    return sentence(names[function].__doc__.strip())


def asked(chapters: list[Chapter]) -> str:
    """Return all questions, chapter by chapter, in Markdown."""
    lines: list[str] = []
    for chapter in chapters:
        number = int(chapter.path.stem[:2])
        names, count = names_of(chapter), 0
        for kind, of_kind, made in (
            ("Find the bug", BUGS, find_the_bug),
            ("Which mistake?", WHICH, which_mistake),
        ):
            chosen = of_kind.get(number, ())
            if chosen:
                lines += [f"### {kind.rstrip('?')}, chapter {number}", ""]
            for each in chosen:
                count += 1
                lines += made(chapter, each, names, f"{number}.{count}")  # type: ignore[operator]
    return "\n".join(lines).rstrip()
