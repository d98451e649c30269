"""Wrong versions of what chapter 2 builds, each a mistake that someone made; the chapter's checkpoints must catch them.

Executed in the chapter's namespace, so that each may use its names.
"""


def paint__first_hides_later(masks, kinds, share=0.25, area=24):
    """The smallest number wins: what lies at the back hides what lies in front."""
    count = len(masks)
    numbers = torch.arange(1, count + 1)[:, None, None]
    on_top = torch.where(masks, numbers, count + 1).amin(0) % (count + 1)
    in_sight = on_top.flatten().bincount(minlength=count + 1)[1:]
    enough = (in_sight >= share * masks.sum((1, 2))) & (in_sight >= area)
    categories, instances = torch.zeros(2, count + 1, dtype=torch.int64)
    categories[1:] = torch.where(enough, kinds, 255)
    instances[1:] = enough.cumsum(0) * enough
    return categories[on_top], instances[on_top]


def paint__numbers_keep_gaps(masks, kinds, share=0.25, area=24):
    """An object that becomes void leaves its number behind as a gap."""
    count = len(masks)
    numbers = torch.arange(1, count + 1)
    on_top = (masks * numbers[:, None, None]).amax(0)
    in_sight = on_top.flatten().bincount(minlength=count + 1)[1:]
    enough = (in_sight >= share * masks.sum((1, 2))) & (in_sight >= area)
    categories, instances = torch.zeros(2, count + 1, dtype=torch.int64)
    categories[1:] = torch.where(enough, kinds, 255)
    instances[1:] = numbers * enough
    return categories[on_top], instances[on_top]


def paint__void_has_an_instance(masks, kinds, share=0.25, area=24):
    """Void in the category map alone: the instance map still counts what is almost hidden."""
    count = len(masks)
    on_top = (masks * torch.arange(1, count + 1)[:, None, None]).amax(0)
    in_sight = on_top.flatten().bincount(minlength=count + 1)[1:]
    enough = (in_sight >= share * masks.sum((1, 2))) & (in_sight >= area)
    categories = torch.zeros(count + 1, dtype=torch.int64)
    categories[1:] = torch.where(enough, kinds, 255)
    return categories[on_top], on_top


def paint__nothing_is_void(masks, kinds, share=0.25, area=24):
    """A single pixel in sight is enough: no object is ever void."""
    on_top = (masks * torch.arange(1, len(masks) + 1)[:, None, None]).amax(0)
    return torch.cat([torch.zeros(1, dtype=torch.int64), kinds])[on_top], on_top


def voc_colour__lowest_bit_lowest(label):
    """The bits of the label go to the lowest bits of the colours: all small labels are almost black."""
    colour = [0, 0, 0]
    for bit in range(8):
        if label >> bit & 1:
            colour[bit % 3] += 1 << bit // 3
    return tuple(colour)


def voc_colour__blue_first(label):
    """Blue, green and red, as OpenCV has them."""
    colour = [0, 0, 0]
    for bit in range(8):
        if label >> bit & 1:
            colour[2 - bit % 3] += 128 >> bit // 3
    return tuple(colour)


def voc_colour__three_bits_only(label):
    """Only the first three bits: label 8 looks like background again."""
    return tuple(128 * (label >> bit & 1) for bit in range(3))


def read_map__red_channel(path):
    """The palette decoded to colours, and one of them taken for the label."""
    with Image.open(path) as image:
        numbers = torch.from_numpy(np.array(image.convert("RGB"))[..., 0]).int()
    void = numbers == 224
    return numbers.masked_fill(void, 0), void


def read_map__converted_to_grey(path):
    """The palette decoded to brightness: labels that do not exist."""
    with Image.open(path) as image:
        numbers = torch.from_numpy(np.array(image.convert("L"))).int()
    void = numbers == 255
    return numbers.masked_fill(void, 0), void


def read_map__scaled_like_a_picture(path):
    """Divided by 255, as pictures are, and cut to whole numbers: background everywhere."""
    with Image.open(path) as image:
        numbers = (torch.from_numpy(np.array(image)) / 255).int()
    void = numbers == 1
    return numbers.masked_fill(void, 0), void


def read_map__void_stays_a_category(path):
    """255 is left among the categories."""
    with Image.open(path) as image:
        numbers = torch.from_numpy(np.array(image)).int()
    return numbers, numbers == 255


def boxes_of__last_pixel_included(instances):
    """The last pixel is not counted: a line of one column is 0 wide."""
    boxes = torch.zeros(int(instances.max()) + 1, 4)
    for number in range(1, len(boxes)):
        rows, columns = (instances == number).nonzero(as_tuple=True)
        if len(rows):
            boxes[number] = torch.stack([columns.min(), rows.min(), columns.max(), rows.max()])
    return boxes


def boxes_of__rows_first(instances):
    """y0, x0, y1, x1, in the order in which arrays are indexed."""
    boxes = torch.zeros(int(instances.max()) + 1, 4)
    for number in range(1, len(boxes)):
        rows, columns = (instances == number).nonzero(as_tuple=True)
        if len(rows):
            boxes[number] = torch.stack([rows.min(), columns.min(), rows.max() + 1, columns.max() + 1])
    return boxes


def boxes_of__width_and_height(instances):
    """x, y, width, height, as COCO stores boxes."""
    boxes = torch.zeros(int(instances.max()) + 1, 4)
    for number in range(1, len(boxes)):
        rows, columns = (instances == number).nonzero(as_tuple=True)
        if len(rows):
            x, y = columns.min(), rows.min()
            boxes[number] = torch.stack([x, y, columns.max() + 1 - x, rows.max() + 1 - y])
    return boxes


def boxes_of__gaps_are_closed(instances):
    """One row for each number that occurs: after a gap, every number has the box of another."""
    boxes = [torch.zeros(4)]
    for number in instances.unique().tolist():
        if number:
            rows, columns = (instances == number).nonzero(as_tuple=True)
            corners = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            boxes.append(torch.stack(corners).float())
    return torch.stack(boxes)


def cut__maps_are_not_mirrored(parts, top, left, side, mirrored):
    """The picture is mirrored and its labels are not."""
    window = (slice(top, top + side), slice(left, left + side))
    picture, *maps = (part[window] for part in parts)
    return (picture[:, ::-1] if mirrored else picture, *maps)


def cut__mirrored_before_the_window(parts, top, left, side, mirrored):
    """Mirrored first: the window then lies on the other side."""
    window = (slice(top, top + side), slice(left, left + side))
    return tuple((part[:, ::-1] if mirrored else part)[window] for part in parts)


def cut__upside_down(parts, top, left, side, mirrored):
    """The wrong axis: top and bottom are swapped."""
    window = (slice(top, top + side), slice(left, left + side))
    return tuple(part[window][::-1] if mirrored else part[window] for part in parts)


def cut__rows_and_columns_swapped(parts, top, left, side, mirrored):
    """The window's x taken for its y."""
    window = (slice(left, left + side), slice(top, top + side))
    pieces = [part[window] for part in parts]
    return tuple(piece[:, ::-1] if mirrored else piece for piece in pieces)


def nearest__upper_left_corner(labels, height, width):
    """The label under the new pixel's corner and not under its centre: a map moved by half a pixel."""
    rows, columns = labels.shape
    row = np.arange(height) * rows // height
    column = np.arange(width) * columns // width
    return labels[row[:, None], column]


def nearest__ends_on_ends(labels, height, width):
    """First pixel on first, last on last, as with align_corners: everything between is stretched."""
    rows, columns = labels.shape
    row = np.rint(np.linspace(0, rows - 1, height)).astype(int)
    column = np.rint(np.linspace(0, columns - 1, width)).astype(int)
    return labels[row[:, None], column]


def nearest__bilinear(labels, height, width):
    """Bilinear and rounded: categories that are nowhere in the map."""
    grid = torch.from_numpy(labels)[None, None].float()
    grid = torch.nn.functional.interpolate(grid, size=(height, width), mode="bilinear")
    return grid[0, 0].round().byte().numpy()


def patches__corners_connect(categories, rounds=None):
    """Pixels that meet at a corner only are taken for neighbours."""
    inside = (categories != 0) & (categories != 255)
    numbers = torch.arange(1, categories.numel() + 1).view(categories.shape) * inside
    height, width = categories.shape
    steps = ((0, 1), (1, 0), (1, 1), (1, -1))
    for _ in range(categories.numel() if rounds is None else rounds):
        before = numbers.clone()
        for down, right in steps:
            one = (slice(0, height - down), slice(max(0, -right), width - max(0, right)))
            other = (slice(down, height), slice(max(0, right), width - max(0, -right)))
            same = (categories[one] == categories[other]) & inside[one]
            lower = torch.minimum(numbers[one], numbers[other])
            numbers[one][same] = lower[same]
            numbers[other][same] = torch.minimum(numbers[other], lower)[same]
        if torch.equal(numbers, before):
            break
    return (torch.bucketize(numbers, numbers[inside].unique()) + 1) * inside


def patches__categories_do_not_matter(categories, rounds=None):
    """Everything that is not background hangs together, whatever its category."""
    return connected_components(((categories != 0) & (categories != 255)).int())


def patches__void_is_a_category(categories, rounds=None):
    """Void is counted as an object."""
    return connected_components(torch.where(categories == 255, 100, categories.int()))


def patches__stops_too_early(categories, rounds=None):
    """Eight rounds and no more: long patches stay in pieces."""
    inside = (categories != 0) & (categories != 255)
    across = (categories[:, 1:] == categories[:, :-1]) & inside[:, 1:]
    down = (categories[1:] == categories[:-1]) & inside[1:]
    numbers = torch.arange(1, categories.numel() + 1).view(categories.shape) * inside
    for _ in range(8):
        for same, one, other in (
            (across, numbers[:, :-1], numbers[:, 1:]),
            (down, numbers[:-1], numbers[1:]),
        ):
            lower = torch.minimum(one, other)
            one[same] = lower[same]
            other[same] = torch.minimum(other, lower)[same]
    return (torch.bucketize(numbers, numbers[inside].unique()) + 1) * inside


def patches__one_way_only(categories, rounds=None):
    """The second neighbour overwrites what the first has just been told: numbers spread right and down only."""
    inside = (categories != 0) & (categories != 255)
    across = (categories[:, 1:] == categories[:, :-1]) & inside[:, 1:]
    down = (categories[1:] == categories[:-1]) & inside[1:]
    numbers = torch.arange(1, categories.numel() + 1).view(categories.shape) * inside
    for _ in range(categories.numel() if rounds is None else rounds):
        before = numbers.clone()
        for same, one, other in (
            (across, numbers[:, :-1], numbers[:, 1:]),
            (down, numbers[:-1], numbers[1:]),
        ):
            one[same] = other[same] = torch.minimum(one, other)[same]
        if torch.equal(numbers, before):
            break
    return (torch.bucketize(numbers, numbers[inside].unique()) + 1) * inside
