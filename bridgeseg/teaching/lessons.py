"""What chapters train on real pictures before they run: which pictures, which recipe, how long.

A chapter loads it with `bridgeseg.teaching.cache.lesson`; `python -m bridgeseg.teaching.cache prepare` trains all of
it beforehand.

Built in chapter 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridgeseg.structures.labels import BadInput
from bridgeseg.system.presets import recipe_named
from bridgeseg.system.recipe import Recipe


@dataclass(frozen=True)
class Lesson:
    """A training that a chapter asks for.

    pictures: a folder of BRIDGESEG_DATA, "pedestrians", "nuclei" or "photos"
    recipe: the name of a recipe
    minutes: by tier, reading the pictures and choosing the threshold included
    seed: of weights and batches

    Built in chapter 1.
    """

    pictures: str
    recipe: str
    minutes: dict[str, float]
    seed: int = 0

    def budgeted(self, tier: str) -> Recipe:
        """Return the recipe with the minutes of a tier.

        tier: "fast" or "full"
        """
        return recipe_named(self.recipe).with_minutes(self.minutes[tier])


# Minutes are our choice: on two cores as few as make a good picture, on a GPU as many as make a very good one.
LESSONS = {"pedestrians": Lesson("pedestrians", "streets-light", {"fast": 5.5, "full": 4.0})}


def lesson_named(name: str) -> Lesson:
    """Return the lesson of that name.

    name: one of `LESSONS`
    raises: BadInput listing the names when there is none
    """
    if name not in LESSONS:
        raise BadInput(f"lesson {name!r}, expected one of {', '.join(LESSONS)}")
    return LESSONS[name]
