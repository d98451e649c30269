import os
import shutil

import numpy as np
import pytest
from PIL import Image

from bridgeseg.data.label_png import write_label_png
from bridgeseg.data.voc import CATEGORIES, VocFolder, one_category_each
from bridgeseg.data.voc_lists import left_over
from bridgeseg.structures.labels import BadInput, verify

# columns: background, two instances of category 2, one of 5, a category without instance, void
CLASSES = np.array([[0, 2, 2, 2, 5, 5, 7, 0], [0, 2, 2, 2, 5, 5, 7, 0]])
OBJECTS = np.array([[0, 1, 1, 3, 4, 4, 0, 0], [0, 1, 1, 3, 4, 4, 0, 0]])
VOIDS = np.array([[0, 0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0, 0]], bool)


def picture(shape=(2, 8)):
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)


def add(root, name, classes=CLASSES, objects=OBJECTS, void=VOIDS, ending=".jpg"):
    """Put a picture with its maps into a folder of VOC's layout; None leaves out a map."""
    (root / "JPEGImages").mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture()).save(root / "JPEGImages" / (name + ending))
    for folder, labels in (("SegmentationClass", classes), ("SegmentationObject", objects)):
        if labels is not None:
            write_label_png(root / folder / f"{name}.png", labels, void)


def listed(root, names, split="train"):
    (root / "ImageSets" / "Segmentation").mkdir(parents=True, exist_ok=True)
    (root / "ImageSets" / "Segmentation" / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))


@pytest.fixture
def root(tmp_path):
    add(tmp_path, "a")
    add(tmp_path, "b")
    listed(tmp_path, ["a", "b"])
    return tmp_path


def refused(call, *parts):
    """The call ends with one line that holds all the parts."""
    with pytest.raises(BadInput) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert str(part) in message, message


def test_a_sample_is_what_the_files_hold(root):
    folder = VocFolder(root)
    assert folder.categories == CATEGORIES
    assert len(folder.categories) == 21
    assert folder.names == ["a", "b"]
    assert len(folder) == 2
    sample = folder[1]
    assert sample.name == "b"
    assert sample.picture.shape == (2, 8, 3)
    assert sample.categories.dtype == np.uint8
    assert sample.instances.dtype == np.int32
    assert np.array_equal(sample.categories, np.where(VOIDS, 255, CLASSES))
    assert np.array_equal(sample.instances, np.where(VOIDS, 0, OBJECTS))
    assert verify(sample, "b", 20) is sample
    with pytest.raises(IndexError):
        folder[2]


@pytest.mark.parametrize(
    "ending", [".jpg", ".jpeg", ".png", ".JPG", ".PNG", ".Jpeg", ".jfif", ".tif", ".webp"]
)
def test_addresses_of_every_ending(tmp_path, ending):
    add(tmp_path, "a name.with spaces", ending=ending)
    listed(tmp_path, ["a name.with spaces"])
    sample = VocFolder(tmp_path)[0]
    assert sample.name == "a name.with spaces"
    if ending.lower() == ".png":
        assert np.array_equal(sample.picture, picture())


def test_splits_are_told_apart_by_their_lists(root):
    listed(root, ["b"], "val")
    assert VocFolder(root, "val").names == ["b"]
    assert VocFolder(root, "train").names == ["a", "b"]


def test_lists_with_blank_lines_windows_ends_and_a_byte_order_mark(root):
    path = root / "ImageSets" / "Segmentation" / "train.txt"
    path.write_bytes(b"\xef\xbb\xbfa\r\n\r\n  b  \r\n")
    assert VocFolder(root).names == ["a", "b"]


def test_classes_txt_names_the_categories(root):
    (root / "classes.txt").write_text("".join(f"kind {number}\n" for number in range(1, 8)))
    assert VocFolder(root).categories == ("background", *(f"kind {number}" for number in range(1, 8)))
    (root / "classes.txt").write_text("Background\nx\ny\n")
    assert VocFolder(root).categories == ("background", "x", "y")


@pytest.mark.parametrize(
    "text", ["", "\n\n", "background\n", "x\nx\n", "x\nbackground\n", "".join(f"{n}\n" for n in range(255))]
)
def test_classes_txt_that_is_wrong(root, text):
    (root / "classes.txt").write_text(text)
    refused(lambda: VocFolder(root), root / "classes.txt")


def test_another_list_beside_a_missing_classes_txt_is_named(root):
    for name in ("class_names.txt", "labels.txt", "labelmap.txt", "obj.names", "Classes.txt"):
        (root / name).write_text("x\n")
        refused(lambda: VocFolder(root), root / "classes.txt", f"absent, but {name} stands there")
        (root / name).unlink()
    (root / "notes.txt").write_text("x\n")
    assert VocFolder(root).categories == CATEGORIES


def test_label_maps_named_in_capitals_and_beside_hidden_files(root):
    for folder in ("SegmentationObject", "SegmentationClass"):
        (root / folder / "b.png").rename(root / folder / "b.PNG")
        (root / folder / "._b.png").write_bytes(b"Mac OS X")
    (root / "ImageSets" / "Segmentation" / "._train.txt").write_bytes(b"\0\5\x16\7")
    assert np.array_equal(VocFolder(root)[1].instances, VocFolder(root)[0].instances)


def test_names_that_differ_only_in_their_form_of_unicode_are_found(tmp_path):
    one, other = "caf\u00e9", "cafe\u0301"
    add(tmp_path, one)
    listed(tmp_path, [other])
    assert VocFolder(tmp_path)[0].name == other
    assert VocFolder(tmp_path)[0].instances.any()
    listed(tmp_path, [one, other])
    refused(lambda: VocFolder(tmp_path), "twice")


def test_of_two_pictures_of_one_name_it_is_said_which_has_the_labels(root):
    expected = VocFolder(root)[0].picture
    for name, ending in (("a", "png"), ("a", "JPG"), ("c", "png"), ("c", "jpg")):  # c is not in the list
        Image.fromarray(255 - picture()).save(root / "JPEGImages" / f"{name}.{ending}")
    said = []
    assert np.array_equal(VocFolder(root, note=said.append)[0].picture, expected)
    assert "no classes.txt" in said.pop(0)  # its pictures are not named as VOC's
    assert said == [
        f"{root / 'JPEGImages'}: not read: 2 second pictures of one name (a.JPG, a.png);"
        " the labels are taken for those of a.jpg"
    ]


@pytest.mark.parametrize("folder", ["SegmentationObject", "SegmentationClass"])
def test_two_maps_of_one_name_are_refused_since_nobody_knows_which_is_right(root, folder):
    shutil.copy(root / folder / "b.png", root / folder / "b.PNG")
    refused(lambda: VocFolder(root), root / folder / "b.png", "b.PNG beside it has the same name")


def test_what_stands_beside_the_pictures_of_the_lists_is_counted(root):
    assert left_over(root) == left_over(root / "nowhere") == []
    listed(root, ["a"])
    assert left_over(root) == ["in no list, and so never read: 1 picture (b.jpg) in JPEGImages"]
    listed(root, ["b"], "val")
    (root / "JPEGImages" / "._c.jpg").write_bytes(b"Mac OS X")
    assert left_over(root) == []
    (root / "JPEGImages" / "c.heic").write_bytes(b"")
    (root / "JPEGImages" / "more").mkdir()
    (root / "ImageSets" / "Segmentation" / "all.txt").write_bytes(b"\xff\xfe\x00")
    wrong, beside = left_over(root)
    assert "all.txt: cannot be read as text" in wrong
    assert beside == "not read in JPEGImages: 1 file of another ending (c.heic), 1 sub-folder (more)"


@pytest.mark.parametrize("folder", ["JPEGImages", "SegmentationObject"])
def test_a_file_that_is_there_and_not_read_is_named(root, folder):
    path = next((root / folder).glob("b.*"))
    path.rename(path.with_suffix(".heic"))
    refused(lambda: VocFolder(root), "b.heic is not read")
    path.with_suffix(".heic").unlink()
    path.symlink_to(root / "nowhere.jpg")
    refused(lambda: VocFolder(root), f"{path.name} is a link that leads nowhere")


def test_a_split_in_which_every_object_is_void_is_refused(root):
    for name in "ab":
        Image.fromarray(np.where(OBJECTS > 0, 255, 0).astype(np.uint8)).save(
            root / "SegmentationObject" / f"{name}.png"
        )
    refused(lambda: VocFolder(root), "train.txt", "not one instance", "2 of its 2 maps", "255 is void")
    write_label_png(root / "SegmentationObject" / "b.png", OBJECTS)
    assert len(VocFolder(root)) == 2
    for name in "ab":
        write_label_png(root / "SegmentationObject" / f"{name}.png", OBJECTS * 0)
    refused(lambda: VocFolder(root), "not one instance", "are 0")


def test_objects_that_are_void_in_the_category_map_are_said(root):
    for name in "ab":
        Image.fromarray(np.where(OBJECTS > 0, 255, 0).astype(np.uint8)).save(
            root / "SegmentationClass" / f"{name}.png"
        )
    refused(
        lambda: VocFolder(root), "not one instance", "SegmentationClass, as a.png, has 255, which is void"
    )
    half = np.where(OBJECTS == 4, 5, np.where(OBJECTS > 0, 255, 0)).astype(np.uint8)
    Image.fromarray(half).save(root / "SegmentationClass" / "b.png")
    said = []
    sample = VocFolder(root, note=said.append)[1]
    assert np.unique(sample.instances).tolist() == [0, 4]
    path = root / "SegmentationObject" / "b.png"
    assert f"{path}: 2 of its instances void altogether in SegmentationClass, left out" in said


def test_voc_s_names_for_other_pictures_are_said(root):
    said = []
    VocFolder(root, note=said.append)
    assert said == [f"{root}: no classes.txt, so its categories are called as VOC's: 1 is aeroplane"]
    (root / "classes.txt").write_text("\n".join(CATEGORIES[1:]))
    assert VocFolder(root, note=said.append).categories == CATEGORIES
    (root / "classes.txt").unlink()
    for name in ("2007_000032", "2011_003271"):
        add(root, name)
    listed(root, ["2007_000032", "2011_003271"])
    VocFolder(root, note=said.append)
    assert len(said) == 1


@pytest.mark.parametrize(
    "line", ["a.jpg", "/data/a.jpg", "s/a", "a  1", "a -1", '"a"', "a,b", "# a", "a.jpg a.png"]
)
def test_a_line_that_is_more_than_a_name_is_refused_in_words(root, line):
    listed(root, [line, "b"])
    refused(lambda: VocFolder(root), f"names {line}", "the name of a picture alone in every line")


def test_a_name_in_other_letters_is_found_out(root):
    listed(root, ["A"])
    refused(lambda: VocFolder(root), "names A", "a.jpg is written otherwise")


def test_a_map_whose_palette_was_numbered_anew_is_refused(root):
    path = root / "SegmentationClass" / "b.png"
    with Image.open(path) as image:
        image.convert("RGB").quantize(8).save(path)
    refused(lambda: VocFolder(root)[1], path, "VOC's colours at other numbers")


def test_a_label_map_that_names_the_colours_of_its_numbers_is_believed(root):
    colours = [(0, 0, 0), (64, 0, 128), (192, 128, 128)]  # VOC's 12 and 15
    classes = np.where(OBJECTS > 0, OBJECTS % 2 + 1, 0).astype(np.uint8)
    image = Image.fromarray(classes)
    image.putpalette([value for colour in colours for value in colour])
    image.save(root / "SegmentationClass" / "a.png")
    listed(root, ["a"])
    lines = ["background:0,0,0::", "dog:64,0,128::", "person:192,128,128::"]
    (root / "classes.txt").write_text("\n".join(["# label:color_rgb:parts:actions", *lines]))
    folder = VocFolder(root)
    assert folder.categories == ("background", "dog", "person")
    assert np.array_equal(folder[0].categories, np.where(VOIDS, 255, classes))
    (root / "classes.txt").write_text("dog\nperson\n")
    refused(lambda: VocFolder(root)[0], "1 has the colour of 12")


def test_a_picture_of_several_pages_is_told_once(root):
    (root / "JPEGImages" / "a.jpg").unlink()
    pages = [Image.fromarray(picture()) for _ in range(3)]
    pages[0].save(root / "JPEGImages" / "a.tif", save_all=True, append_images=pages[1:])
    said = []
    folder = VocFolder(root, note=said.append)
    said.clear()
    assert folder[0].instances.any()
    assert folder[0].instances.any()
    assert said == [f"{root / 'JPEGImages' / 'a.tif'}: 3 pages, the first was read; 2 left out"]


def test_a_category_without_a_name(root):
    (root / "classes.txt").write_text("x\ny\nz\n")
    refused(lambda: VocFolder(root)[0], root / "SegmentationClass" / "a.png", "category 7", "at most 3")


def test_without_category_maps_every_instance_is_of_the_one_category(tmp_path):
    add(tmp_path, "a", classes=None)
    listed(tmp_path, ["a"])
    assert VocFolder(tmp_path).categories == ("background", "object")
    (tmp_path / "classes.txt").write_text("pedestrian\n")
    folder = VocFolder(tmp_path)
    assert folder.categories == ("background", "pedestrian")
    assert np.array_equal(folder[0].categories, np.where(VOIDS, 255, OBJECTS > 0))
    assert np.array_equal(folder[0].instances, np.where(VOIDS, 0, OBJECTS))
    (tmp_path / "classes.txt").write_text("pedestrian\ncar\n")
    refused(lambda: VocFolder(tmp_path), tmp_path / "classes.txt", "2 categories")


def test_void_of_either_map_is_void_in_both(tmp_path):
    add(tmp_path, "a")
    here = np.zeros_like(VOIDS)
    here[1, 1] = here[1, 6] = True
    write_label_png(tmp_path / "SegmentationObject" / "a.png", OBJECTS, here)
    listed(tmp_path, ["a"])
    sample = VocFolder(tmp_path)[0]
    assert np.array_equal(sample.categories == 255, VOIDS | here)
    assert not sample.instances[VOIDS | here].any()
    assert sample.instances[0, 1] == 1


def test_more_than_254_instances(tmp_path):
    objects = np.arange(1, 301).reshape(10, 30)
    void = np.zeros((10, 30), bool)
    void[3, 4] = True
    for folder, labels in (("SegmentationClass", np.full((10, 30), 5)), ("SegmentationObject", objects)):
        write_label_png(tmp_path / folder / "a.png", labels, void)
    (tmp_path / "JPEGImages").mkdir()
    Image.fromarray(picture((10, 30))).save(tmp_path / "JPEGImages" / "a.jpg")
    listed(tmp_path, ["a"])
    sample = VocFolder(tmp_path)[0]
    assert np.array_equal(sample.instances, np.where(void, 0, objects))
    assert np.array_equal(sample.categories, np.where(void, 255, 5))


def test_an_instance_has_the_category_of_most_of_its_pixels():
    categories = np.array([[1, 1, 2, 0, 255, 3, 3, 0]], np.uint8)
    instances = np.array([[1, 1, 1, 1, 0, 2, 0, 0]], np.int32)
    assert one_category_each(categories, instances, "a").tolist() == [[1, 1, 0, 0, 0, 2, 0, 0]]


def test_of_equal_shares_the_background_loses_and_the_lower_category_wins():
    categories = np.array([[0, 2, 3, 3, 2, 0]], np.uint8)
    instances = np.array([[1, 1, 2, 2, 2, 0]], np.int32)
    assert one_category_each(categories, instances, "a").tolist() == [[0, 1, 2, 2, 0, 0]]
    assert one_category_each(np.array([[4, 3]], np.uint8), np.array([[1, 1]], np.int32), "a").tolist() == [
        [0, 1]
    ]


def test_agreement_against_one_instance_after_another():
    random = np.random.default_rng(0)
    for _ in range(20):
        instances = random.integers(0, 6, (30, 30)).astype(np.int32) * 11
        categories = (instances % 4 + 1).astype(np.uint8)
        noise = random.random((30, 30)) < 0.3
        categories[noise] = random.integers(0, 5, noise.sum())
        expected = np.zeros_like(instances)
        for number in np.unique(instances[instances > 0]):
            mask = instances == number
            counts = np.bincount(categories[mask], minlength=5)
            expected[mask & (categories == counts.argmax())] = number
        assert np.array_equal(one_category_each(categories, instances, "a"), expected)


def test_maps_without_instances():
    nothing = np.zeros((3, 3), np.int32)
    assert not one_category_each(np.ones((3, 3), np.uint8), nothing, "a").any()


def test_an_instance_without_a_category(tmp_path):
    classes = CLASSES.copy()
    classes[OBJECTS == 3] = 0
    add(tmp_path, "a", classes=classes)
    listed(tmp_path, ["a"])
    refused(
        lambda: VocFolder(tmp_path)[0], tmp_path / "SegmentationObject" / "a.png", "instance 3", "no category"
    )


def test_an_instance_mostly_on_the_background(tmp_path):
    classes = CLASSES.copy()
    classes[OBJECTS == 4] = [0, 5, 0, 0]
    add(tmp_path, "a", classes=classes)
    listed(tmp_path, ["a"])
    refused(lambda: VocFolder(tmp_path)[0], "a.png", "instance 4", "mostly on the background")


def test_an_instance_that_is_void_altogether_is_none(tmp_path):
    add(tmp_path, "a", void=OBJECTS == 3)
    listed(tmp_path, ["a"])
    assert np.unique(VocFolder(tmp_path)[0].instances).tolist() == [0, 1, 4]


@pytest.mark.parametrize("folder", ["JPEGImages", "SegmentationObject", "ImageSets"])
def test_a_missing_folder(root, folder):
    shutil.rmtree(root / folder)
    refused(lambda: VocFolder(root), root / folder)


@pytest.mark.parametrize("file", ["JPEGImages/b.jpg", "SegmentationObject/b.png", "SegmentationClass/b.png"])
def test_a_list_naming_an_absent_file(root, file):
    (root / file).unlink()
    refused(lambda: VocFolder(root), root / "ImageSets" / "Segmentation" / "train.txt", file)


def test_lists_that_are_wrong(root):
    path = root / "ImageSets" / "Segmentation" / "train.txt"
    refused(lambda: VocFolder(root, "val"), path.with_name("val.txt"), "train")
    for content, part in (
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"a\nb\na\n", "a twice"),
        (b"\xff\xfe\x00", "text"),
    ):
        path.write_bytes(content)
        refused(lambda: VocFolder(root), path, part)


@pytest.mark.parametrize("folder", ["SegmentationObject", "SegmentationClass"])
def test_a_colour_png_where_a_palette_is_due(root, folder):
    path = root / folder / "b.png"
    with Image.open(path) as image:
        colour = image.convert("RGB")
    colour.save(path)
    folder_read = VocFolder(root)
    assert folder_read[0].name == "a"
    refused(lambda: folder_read[1], path, "palette")


@pytest.mark.parametrize("folder", ["SegmentationObject", "SegmentationClass"])
def test_sizes_that_differ(root, folder):
    path = root / folder / "a.png"
    write_label_png(path, np.ones((3, 8), int))
    refused(lambda: VocFolder(root)[0], path, "8 x 3", "8 x 2")


def test_a_map_that_is_not_turned_with_its_picture(root):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture()).save(root / "JPEGImages" / "a.jpg", exif=exif)
    refused(lambda: VocFolder(root)[0], root / "SegmentationObject" / "a.png", "EXIF")


def test_a_picture_that_cannot_be_read(root):
    (root / "JPEGImages" / "a.jpg").write_text("no picture")
    refused(lambda: VocFolder(root)[0], root / "JPEGImages" / "a.jpg")


def test_a_folder_without_permission(root, monkeypatch):
    if os.geteuid() == 0:  # root may read everything

        def refuse(path):
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(os, "scandir", refuse)
    else:
        (root / "JPEGImages").chmod(0)
    refused(lambda: VocFolder(root), root / "JPEGImages", "permission")


@pytest.mark.parametrize("name,count", [("photos", 20), ("pedestrians", 1)])
@pytest.mark.parametrize("split", ["train", "val"])
def test_real_folders(data, name, count, split):
    folder = VocFolder(data / name, split)
    assert len(folder.categories) == count + 1
    for index in range(0, len(folder), 20):
        sample = folder[index]
        raw = np.asarray(Image.open(data / name / "SegmentationObject" / f"{sample.name}.png"))
        assert np.array_equal(sample.instances, np.where(raw == 255, 0, raw))
        if count == 20:
            raw = np.asarray(Image.open(data / name / "SegmentationClass" / f"{sample.name}.png"))
            assert np.array_equal(sample.categories, raw)
        else:
            assert np.array_equal(sample.categories, np.where(raw == 255, 255, raw > 0))
