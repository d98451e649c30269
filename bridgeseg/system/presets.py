"""The presets: recipes that have been tried, each with the command, what it takes and the figure to expect.

Beside each number stands its origin: the paper's section, "later code" (the first author's release of a few months
later, which is no proof of what the paper did), or "our choice"; where nothing stands, it is the default of
`bridgeseg.system.recipe`, our choice for a laptop.

Built in chapter 6.
"""

from __future__ import annotations

import dataclasses

from bridgeseg.grouping.suppression import Suppression
from bridgeseg.losses.loss_recipe import BoxLossRecipe, CategoryLossRecipe, LossRecipe
from bridgeseg.structures.labels import BadInput
from bridgeseg.system.recipe import CropRecipe, Learner, NetworkRecipe, OptimiserRecipe, PictureRecipe, Recipe

SCENES_FAST = Recipe(
    name="scenes-fast",
    semantic=Learner(
        NetworkRecipe(output_stride=16, stride=4),
        CropRecipe(jitter=0.1),
        OptimiserRecipe(  # in float32: bfloat16's further steps brought no better figures
            rate=3e-3
        ),
    ),
    losses=LossRecipe(CategoryLossRecipe(label_stride=1)),
    pictures=PictureRecipe(scenes=2500),
)
"""Drawn scenes on a laptop: one trunk gives categories and boxes.

Command: python -m bridgeseg train --data scenes --recipe scenes-fast --minutes 8 --seed 0 --out RUN
Takes: 8 minutes on 2 cores, AMD EPYC
Expect: mean IoU 0.873, AP^r 0.943 / 0.921 / 0.856 at 0.5 / 0.7 / vol on 200 unseen pictures (results/scenes-fast.json)
"""

SCENES_TINY = dataclasses.replace(
    SCENES_FAST,
    name="scenes-tiny",
    semantic=dataclasses.replace(
        SCENES_FAST.semantic,
        network=NetworkRecipe(width=16, hidden=32, output_stride=16, stride=4),
        # its steps are counted: as good as in float32, and sooner
        optimiser=dataclasses.replace(SCENES_FAST.semantic.optimiser, bfloat16=True),
    ),
    pictures=PictureRecipe(scenes=400),
    steps=300,
    minutes=1.0,
)
"""Drawn scenes in half a minute, for a first try and for tests.

Command: python -m bridgeseg train --data scenes --recipe scenes-tiny --seed 0 --out RUN
Takes: 20 seconds on 2 cores, AMD EPYC
Expect: mean IoU 0.246, AP^r 0.207 / 0.130 / 0.169 at 0.5 / 0.7 / vol on 200 unseen pictures (results/scenes-tiny.json)
"""

SCENES_FULL = dataclasses.replace(
    SCENES_FAST,
    name="scenes-full",
    semantic=Learner(
        NetworkRecipe(trunk="resnet34", width=64, hidden=128, output_stride=16, stride=4),
        CropRecipe(jitter=0.1),
        OptimiserRecipe(rate=3e-3, batch=64),
    ),
    pictures=PictureRecipe(scenes=20_000),
    minutes=10.0,
)
"""Drawn scenes on a GPU: a wider and deeper trunk, more scenes, a larger mini-batch.

Command: python -m bridgeseg train --data scenes --recipe scenes-full --out RUN
Takes: 10 minutes on a GPU
Expect: not measured on a GPU
"""

NUCLEI_FAST = Recipe(
    name="nuclei-fast",
    semantic=Learner(
        NetworkRecipe(output_stride=16, stride=2, hidden=32),
        CropRecipe(side=128, scales=(1.1, 2.2), upright=False, jitter=0.2, by_area=True),
        OptimiserRecipe(rate=6e-3, batch=8, bfloat16=True),  # twice the steps in the same minutes
    ),
    losses=LossRecipe(boxes=BoxLossRecipe(encoding="sides")),  # chapter 8: the best of four by voting
    pictures=PictureRecipe(
        stretch=True,
        zoom=1.5,  # a third of the nuclei are smaller than 12 pixels
        tile=1536,  # with the 249 pixels that are seen round it, what can be shown at once
    ),
)
"""Micrographs of nuclei on a laptop: enlarged, in all eight positions, their contrast stretched.

Command: python -m bridgeseg train --data nuclei:stage1_train --recipe nuclei-fast --steps 9840 --seed 0 --out RUN
Takes: 21 minutes on 2 cores, AMD EPYC
Expect: mean IoU 0.928, AP^r 0.824 / 0.688 / 0.737 at 0.5 / 0.7 / vol on 96 unseen pictures (results/nuclei-fast.json)
"""

NUCLEI_FULL = dataclasses.replace(
    NUCLEI_FAST,
    name="nuclei-full",
    semantic=Learner(
        NetworkRecipe(trunk="resnet34", width=64, hidden=128, output_stride=16, stride=2),
        CropRecipe(side=256, scales=(1.1, 2.2), upright=False, jitter=0.2),
        OptimiserRecipe(rate=2e-3, batch=32),
    ),
    losses=LossRecipe(),  # as it was measured
    pictures=dataclasses.replace(NUCLEI_FAST.pictures, tile=1024),  # 481 pixels are seen round it
    minutes=10.0,
)
"""Micrographs of nuclei on a GPU.

Command: python -m bridgeseg train --data nuclei:stage1_train --recipe nuclei-full --minutes 3.5 --seed 0 --out RUN
Takes: 3.5 minutes on NVIDIA H100 80GB HBM3
Expect: mean IoU 0.937, AP^r 0.857 / 0.737 / 0.771 at 0.5 / 0.7 / vol on 96 unseen pictures (results/nuclei-full.json)
"""

STREETS_LIGHT = Recipe(
    name="streets-light",
    semantic=Learner(
        NetworkRecipe(trunk="mobilenet_v2", pretrained=True, output_stride=16, stride=4),
        CropRecipe(side=224, scales=(0.6, 1.4), jitter=0.3),
        OptimiserRecipe(  # in float32: with bfloat16's steps AP^r was lower
            rate=1e-3, head_rate=3.0, decay=0.05, batch=8
        ),
    ),
    losses=LossRecipe(boxes=BoxLossRecipe(scale=64.0)),
    pictures=PictureRecipe(long_side=640, held_out=0.08),
    minutes=5.5,
)
"""Photographs of one kind of large object on a laptop: one pretrained trunk that learns fast.

Command: python -m bridgeseg train --data voc:pedestrians --recipe streets-light --minutes 5.5 --seed 0 --out RUN
Takes: 5.5 minutes on 2 cores, Intel(R) Xeon(R) Processor
Expect: mean IoU 0.867, AP^r 0.881 / 0.641 / 0.719 at 0.5 / 0.7 / vol on 28 unseen pictures (results/streets-light.json)
"""

PHOTOS_LIGHT = Recipe(
    name="photos-light",
    semantic=Learner(
        NetworkRecipe(
            trunk="mobilenet_v2",
            pretrained=True,
            output_stride=16,
            stride=4,
            expand=True,
            hidden=64,
            frozen_statistics=True,
            frozen_layers=7,  # to stride 8: edges and textures are the same everywhere, and their gradients cost most
        ),
        CropRecipe(
            side=224, scales=(0.7, 2.0), jitter=0.3
        ),  # half of the objects fill below 1 % of a picture
        OptimiserRecipe(
            rate=3e-5,  # AdamW moves every weight by about so much a step: with 1e-3 nothing of ImageNet is left
            head_rate=66.0,
            decay=0.1,
            batch=8,
            bfloat16=True,  # more steps in the same minutes
        ),
    ),
    localization=Learner(  # paper: apart
        STREETS_LIGHT.semantic.network,
        STREETS_LIGHT.semantic.crops,
        OptimiserRecipe(
            rate=1e-3,  # with 2e-4 boxes of pedestrians were much worse
            head_rate=3.0,
            decay=0.05,
            batch=8,
            bfloat16=True,
        ),
    ),
    losses=LossRecipe(boxes=BoxLossRecipe(scale=64.0)),
    pictures=PictureRecipe(long_side=640, views=(0.6, 1.0, 1.66), mirrored=True),
    minutes=15.0,
    box_share=0.35,
)
"""Photographs of many kinds: a semantic network that keeps what ImageNet taught it, and boxes apart.

Command: python -m bridgeseg train --data voc:pedestrians --recipe photos-light --minutes 15 --seed 0 --out RUN
Takes: 15 minutes on 2 cores, AMD EPYC
Expect: mean IoU 0.872, AP^r 0.828 / 0.641 / 0.705 at 0.5 / 0.7 / vol on 28 unseen pictures (results/pedestrians.json)
Command: python -m bridgeseg train --data voc:photos --recipe photos-light --minutes 20 --seed 0 --out RUN
Takes: 20 minutes on 2 cores, AMD EPYC
Expect: mean IoU 0.199, AP^r 0.064 / 0.012 / 0.058 at 0.5 / 0.7 / vol on 136 unseen pictures (results/photos.json)
"""

_VOC = Learner(
    NetworkRecipe(
        trunk="resnet101",  # paper: 101 layers, best on VOC
        width=64,  # paper
        pretrained=True,  # paper: ImageNet
        output_stride=8,  # paper
        head="large",  # paper
        kernel=5,  # paper: field of view 392; 5 and 12 inferred
        dilation=12,  # paper, inferred with the kernel
        dropout=(0.0, 0.0),  # our choice: the paper has some and gives no detail, nor a figure with it
        frozen_statistics=True,  # our choice: small batches
    ),
    CropRecipe(
        side=500,  # our choice: a whole VOC picture fits
        scales=(0.7, 1.3),  # our choice
        jitter=0.0,  # our choice
    ),
    OptimiserRecipe(
        kind="sgd",  # our choice
        rate=0.01,  # our choice
        head_rate=10.0,  # our choice: what starts from nothing learns faster
        decay=5e-4,  # our choice
        batch=16,  # our choice
    ),
)

VOC = Recipe(
    name="voc",
    semantic=_VOC,
    localization=_VOC,  # paper: trained apart
    losses=LossRecipe(
        CategoryLossRecipe(
            threshold=0.6,  # later code
            floor=512,  # paper
        ),
        BoxLossRecipe(
            scale=128.0,  # our choice
            threshold=0.7,  # our choice: hard pixels by IoU is the paper's, the threshold is not known
        ),
    ),
    pictures=PictureRecipe(
        long_side=1024,  # our choice: no picture of VOC is larger than 500
        held_out=0.02,  # our choice
    ),
    grouping=Suppression(top=2),  # paper: top-n masks, n not known
    steps=40_000,  # our choice, both networks together
    minutes=0.0,  # the steps say when it ends
)
"""The paper's recipe for PASCAL VOC: two networks apart, ResNet-101 at stride 8, hard pixels, suppression.

Command: python -m bridgeseg train --data voc:VOC2012 --recipe voc --out RUN
Takes: 40,000 steps on a GPU
Expect: not measured on a GPU
"""

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
    """Return the preset of that name.

    name: one of `RECIPES`
    raises: BadInput listing the names when there is none

    Example:
        >>> recipe_named("scenes-tiny").steps
        300

    Built in chapter 6.
    """
    if name not in RECIPES:
        raise BadInput(f"recipe {name!r}, expected one of {', '.join(RECIPES)}")
    return RECIPES[name]


def default_recipe(kind: str, full: bool) -> Recipe:
    """Return the preset for a kind of data set where none was named.

    kind: "scenes", "nuclei", "voc" or "sbd"
    full: the one for a GPU, where there is one
    returns: for folders of photographs `photos-light`, whose networks a laptop can train

    Built in chapter 6.
    """
    tier = "full" if full else "fast"
    return RECIPES[f"{kind}-{tier}"] if kind in ("scenes", "nuclei") else PHOTOS_LIGHT
