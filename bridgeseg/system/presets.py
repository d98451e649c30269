"""The recipes: every number of a training, in one place, with where it comes from.

Beside each number stands its origin: the paper's section, "later code" (the first author's release of a few months
later, which is no proof of what the paper did), or "our choice". Chapter 6 trains with them.
"""

from __future__ import annotations

import dataclasses

from bridgeseg.grouping.suppression import Suppression
from bridgeseg.structures.labels import BadInput
from bridgeseg.system.recipe import Recipe

SCENES_FAST = Recipe(
    name="scenes-fast", output_stride=16, stride=4, label_stride=1, rate=3e-3, jitter=0.1, pictures=2500
)

SCENES_TINY = dataclasses.replace(
    SCENES_FAST, name="scenes-tiny", pictures=400, width=16, hidden=32, steps=300, minutes=1.0
)

SCENES_FULL = dataclasses.replace(
    SCENES_FAST,
    name="scenes-full",
    pictures=20_000,
    trunk="resnet34",
    width=64,
    hidden=128,
    batch=64,
    minutes=10.0,
)

NUCLEI_FAST = Recipe(
    name="nuclei-fast",
    output_stride=16,
    stride=2,
    hidden=32,
    batch=8,
    crop=128,
    rate=3e-3,
    stretch=True,
    zoom=1.5,  # a third of the nuclei are smaller than 12 pixels
    scales=(1.1, 2.2),
    upright=False,
)

NUCLEI_FULL = dataclasses.replace(
    NUCLEI_FAST,
    name="nuclei-full",
    trunk="resnet34",
    width=64,
    hidden=128,
    crop=256,
    batch=32,
    rate=2e-3,
    minutes=10.0,
)

# One trunk, learning fast: in a few minutes it knows one kind of large object, and not many kinds of small ones.
STREETS_LIGHT = Recipe(
    name="streets-light",
    trunk="mobilenet_v2",
    pretrained=True,
    output_stride=16,
    stride=4,
    crop=224,
    scales=(0.6, 1.4),
    jitter=0.3,
    long_side=640,
    rate=1e-3,
    head_rate=3.0,
    decay=0.05,
    minutes=5.5,
    batch=8,
    scale=64.0,
    held_out=0.08,
)

# Few pictures of many kinds: a semantic network that keeps what ImageNet taught it, and boxes apart, for which the
# trunk has to learn anew.
PHOTOS_LIGHT = dataclasses.replace(
    STREETS_LIGHT,
    name="photos-light",
    shared=False,  # paper
    expand=True,
    hidden=64,
    frozen_statistics=True,
    frozen_layers=7,  # to stride 8: edges and textures are the same everywhere, and their gradients cost most
    scales=(0.7, 2.0),  # half of the objects fill less than a hundredth of a picture
    views=(0.6, 1.0, 1.66),
    mirrored=True,
    rate=3e-5,  # AdamW moves every weight by about so much a step: with 1e-3 nothing of ImageNet is left
    head_rate=66.0,
    decay=0.1,
    bfloat16=True,  # more steps in the same minutes
    minutes=15.0,
    box_share=0.35,
    held_out=0.05,
    localization=(
        ("expand", False),
        ("hidden", 48),
        ("frozen_statistics", False),
        ("frozen_layers", 0),
        ("scales", (0.6, 1.4)),
        ("rate", 1e-3),  # with 2e-4 boxes of pedestrians were much worse
        ("head_rate", 3.0),
        ("decay", 0.05),
    ),
)

VOC = Recipe(
    name="voc",
    trunk="resnet101",  # paper: 101 layers, best on VOC
    width=64,  # paper
    pretrained=True,  # paper: ImageNet
    output_stride=8,  # paper
    head="large",  # paper
    kernel=5,  # paper: field of view 392; 5 and 12 inferred
    dilation=12,  # paper, inferred with the kernel
    dropout=(0.0, 0.0),  # our choice: the paper has some and gives no detail, nor a figure with it
    shared=False,  # paper: trained apart
    frozen_statistics=True,  # our choice: small batches
    crop=500,  # our choice: a whole VOC picture fits
    scales=(0.7, 1.3),  # our choice
    jitter=0.0,  # our choice
    long_side=1024,  # our choice: no picture of VOC is larger than 500
    optimiser="sgd",  # our choice
    rate=0.01,  # our choice
    head_rate=10.0,  # our choice: what starts from nothing learns faster
    decay=5e-4,  # our choice
    batch=16,  # our choice
    steps=40_000,  # our choice, both networks together
    minutes=0.0,  # the steps say when it ends
    threshold=0.6,  # later code
    floor=512,  # paper
    scale=128.0,  # our choice
    box_threshold=0.7,  # our choice: hard pixels by IoU is the paper's, the threshold is not known
    held_out=0.02,  # our choice
    grouping=Suppression(top=2),  # paper: top-n masks, n not known
)

RECIPES = {
    recipe.name: recipe
    for recipe in (
        SCENES_TINY,
        SCENES_FAST,
        SCENES_FULL,
        NUCLEI_FAST,
        NUCLEI_FULL,
        STREETS_LIGHT,
        PHOTOS_LIGHT,
        VOC,
    )
}


def recipe_named(name: str) -> Recipe:
    """Return the recipe of that name.

    raises: BadInput listing the names when there is none
    """
    if name not in RECIPES:
        raise BadInput(f"recipe {name!r}, expected one of {', '.join(RECIPES)}")
    return RECIPES[name]


def default_recipe(spec: str, full: bool) -> Recipe:
    """Return the recipe for a data SPEC where none was named: the fast one, or the full one where there is a GPU."""
    tier = "full" if full else "fast"
    if spec == "scenes":
        return RECIPES[f"scenes-{tier}"]
    return RECIPES[f"nuclei-{tier}"] if spec.startswith("nuclei:") else PHOTOS_LIGHT
