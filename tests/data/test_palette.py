import numpy as np
from PIL import Image

from bridgeseg.data.palette import black_elsewhere, clear_palette, number_by_colour, voc_palette

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB
PROTAN = np.array(
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
)
DEUTAN = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)


def seen(palette, deficiency):
    linear = (palette / 255.0) ** 2.2
    return np.clip(linear @ deficiency.T, 0, 1) ** (1 / 2.2) * 255


def nearest(colours):
    """The distance of the two colours that are most alike."""
    apart = np.linalg.norm(colours[:, None] - colours[None], axis=2)
    return apart[~np.eye(len(colours), dtype=bool)].min()


def test_voc_palette_is_that_of_the_development_kit():
    palette = voc_palette()
    assert palette.shape == (256, 3)
    assert palette.dtype == np.uint8
    known = {
        0: (0, 0, 0),
        1: (128, 0, 0),
        2: (0, 128, 0),
        3: (128, 128, 0),
        4: (0, 0, 128),
        8: (64, 0, 0),
        15: (192, 128, 128),
        20: (0, 64, 128),
        255: (224, 224, 192),
    }
    for label, colour in known.items():
        assert tuple(palette[label]) == colour, label
    assert len(np.unique(palette, axis=0)) == 256


def test_voc_palette_is_that_of_real_files(data):
    path = sorted((data / "photos" / "SegmentationClass").glob("*.png"))[0]
    stored = np.array(Image.open(path).getpalette()).reshape(-1, 3)
    assert np.array_equal(voc_palette()[: len(stored)], stored)


def test_clear_palette_tells_the_first_categories_apart_under_a_colour_deficiency():
    shown = [*range(8), 255]  # background, seven categories, void
    for deficiency in (np.eye(3), PROTAN, DEUTAN):
        assert nearest(seen(clear_palette(), deficiency)[shown]) > 40
    for deficiency in (PROTAN, DEUTAN):
        assert nearest(seen(voc_palette(), deficiency)[shown]) < 30  # why there is another palette


def test_clear_palette_has_a_colour_for_every_category_of_voc():
    palette = clear_palette()
    assert palette.shape == (256, 3)
    assert palette.dtype == np.uint8
    assert nearest(palette[[*range(36), 255]].astype(float)) > 10
    assert tuple(palette[0]) == (0, 0, 0)
    assert len(set(palette[255].tolist())) == 1  # neutral
    assert (palette[1:255].max(axis=1) > 0).all()


def test_palettes_are_fresh_copies():
    voc_palette()[1] = 7
    clear_palette()[1] = 7
    assert voc_palette()[1].tolist() == [128, 0, 0]
    assert clear_palette()[1].tolist() == [230, 159, 0]


def test_colours_of_voc_at_other_numbers_are_noticed():
    rng = np.random.default_rng(0)
    for _ in range(50):
        order = np.append(0, rng.permutation(np.arange(1, 21))[: rng.integers(2, 8)])
        moved = np.flatnonzero(order != np.arange(len(order)))
        found = number_by_colour(voc_palette()[order], np.arange(len(order)))
        assert found == ((moved[0], order[moved[0]]) if len(moved) else None)


def test_palettes_of_ones_own_are_believed():
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    primary = np.array([(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)], np.uint8)
    for palette in (voc_palette(), clear_palette(), grey, primary, np.zeros((256, 3), np.uint8)):
        for used in ([0], [0, 1], [1], [1, 2, 3], [0, 1, 2, 3]):
            assert number_by_colour(palette, np.array(used)) is None
    assert number_by_colour(grey, np.array([0, 128])) is None


def test_a_background_at_another_number_than_0_is_noticed():
    white, black, red = [255] * 3, [0] * 3, [255, 0, 0]
    ramp, inside = np.array([white, black, red], np.uint8), np.zeros((4, 5), int)
    inside[1:3, 1:4] = 1
    assert black_elsewhere(ramp, 1 - inside) == 1
    assert black_elsewhere(ramp, np.where(inside > 0, 0, 1)[:, 1:]) == 1
    assert black_elsewhere(ramp, inside) is None  # black on white
    assert black_elsewhere(ramp, inside + 1) is None  # 0 is nowhere
    assert black_elsewhere(ramp, 2 - 2 * inside) is None
    assert black_elsewhere(np.array([black, black, red], np.uint8), 1 - inside) is None
    assert black_elsewhere(voc_palette(), 1 - inside) is None
