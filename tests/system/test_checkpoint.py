import json
import pickle
from importlib import resources

import pytest
import torch
from small_recipe import APART, SMALL

from bridgeseg.structures.labels import BadInput
from bridgeseg.system import checkpoint
from bridgeseg.system.build import build_networks
from bridgeseg.system.checkpoint import Run, card, load_run, save_run, save_weights, shipped
from bridgeseg.system.recipe import Recipe

CATEGORIES = ("background", "disc", "star")


@pytest.fixture(params=[SMALL, APART], ids=["shared", "apart"])
def run(request):
    torch.manual_seed(3)
    networks = build_networks(request.param, 2).eval()
    return Run(networks, request.param, CATEGORIES, 0.375, ("a", "b"), "voc")


def same(one, other):
    assert one.recipe == other.recipe
    assert one.categories == other.categories
    assert one.threshold == other.threshold
    assert one.trained_on == other.trained_on
    assert one.data == other.data


def test_what_is_saved_is_loaded(run, tmp_path):
    save_run(run, tmp_path / "run", log=[{"step": 1, "loss": 2.5}, {"step": 2, "loss": 1.5}])
    loaded = load_run(tmp_path / "run")
    same(loaded, run)
    for (name, value), (again, other) in zip(
        run.networks.state_dict().items(), loaded.networks.state_dict().items(), strict=True
    ):
        assert name == again
        assert value.dtype == other.dtype
        assert torch.equal(value, other)
    assert not loaded.networks.training
    picture = torch.randn(1, 3, 33, 40)
    for ours, theirs in zip(run.networks.values(), loaded.networks.values(), strict=True):
        for key, value in ours(picture).items():
            torch.testing.assert_close(theirs(picture)[key], value, rtol=1e-5, atol=1e-5)


def test_people_can_read_what_lies_beside_the_weights(run, tmp_path):
    save_run(run, tmp_path, log=[{"step": 1}, {"step": 2}])
    assert Recipe.from_json((tmp_path / "recipe.json").read_text()) == run.recipe
    assert (tmp_path / "categories.txt").read_text() == "disc\nstar\n"
    assert [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()] == [
        {"step": 1},
        {"step": 2},
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "categories.txt",
        "log.jsonl",
        "recipe.json",
        "weights.pt",
    ]


def test_half_precision_halves_the_file_and_comes_back_as_float32(run, tmp_path):
    large = next(iter(run.networks.state_dict().values()))
    large[(0,) * large.ndim] = 1e30  # too large for float16: that tensor has to stay as it is
    whole, half = (save_weights(run, tmp_path / f"{h}.pt", half=h).stat().st_size for h in (False, True))
    assert half < 0.65 * whole
    (tmp_path / "run").mkdir()
    (tmp_path / "True.pt").rename(tmp_path / "run" / "weights.pt")
    loaded = load_run(tmp_path / "run")
    same(loaded, run)
    for value, other in zip(
        run.networks.state_dict().values(), loaded.networks.state_dict().values(), strict=True
    ):
        assert value.dtype == other.dtype
        torch.testing.assert_close(value, other, rtol=1e-3, atol=1e-4)


class Harmful:
    def __reduce__(self):
        return print, ("code ran",)


def written(kind, path, run):
    if kind == "text":
        path.write_text("weights, honestly\n")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "zip":
        path.write_bytes(b"PK\x03\x04" + bytes(200))
    elif kind == "pickle with code":
        path.write_bytes(pickle.dumps(Harmful()))
    elif kind == "torch file with code":
        torch.save({"format": checkpoint.FORMAT, "networks": Harmful()}, path)
    elif kind == "tensor":
        torch.save(torch.zeros(3), path)
    elif kind == "state dict of something else":
        torch.save({"conv1.weight": torch.zeros(4, 3, 3, 3)}, path)
    elif kind == "cut off":
        save_weights(run, path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif kind == "a bit of a weight turned over":
        data = bytearray(save_weights(run, path).read_bytes())
        weight = max(run.networks.state_dict().values(), key=torch.Tensor.numel)
        data[data.index(weight.numpy().tobytes()) + 1] ^= 1
        path.write_bytes(data)
    elif kind == "folder":
        path.mkdir()
    else:
        save_weights(run, path)
        values = torch.load(path, weights_only=True)
        state = values["networks"]
        first = next(iter(state))
        if kind == "wrong shapes":
            state[first] = state[first][:-1]
        elif kind == "a tensor missing":
            del state[first]
        elif kind == "a tensor too many":
            state["head.other"] = torch.zeros(2)
        elif kind == "no tensors":
            values["networks"] = dict.fromkeys(state, 1.0)
        elif kind == "no recipe":
            del values["recipe"]
        elif kind == "recipe of another version":
            values["recipe"] = json.dumps({**json.loads(values["recipe"]), "wings": 2})
        elif kind == "trunk that does not exist":
            values["recipe"] = json.dumps({**json.loads(values["recipe"]), "trunk": "vgg16"})
        elif kind == "head that does not exist":
            values["recipe"] = json.dumps({**json.loads(values["recipe"]), "head": "tail"})
        elif kind == "other categories":
            values["categories"] = ["background", "a", "b", "c"]
        torch.save(values, path)


@pytest.mark.parametrize(
    "kind",
    [
        *("text", "empty", "zip", "pickle with code", "torch file with code", "tensor"),
        *("state dict of something else", "cut off", "folder", "wrong shapes", "a tensor missing"),
        *(
            "a bit of a weight turned over",
            "a tensor too many",
            "no tensors",
            "no recipe",
            "recipe of another version",
        ),
        *("trunk that does not exist", "head that does not exist", "other categories"),
    ],
)
def test_a_checkpoint_of_something_else_is_one_line(kind, tmp_path, capsys, recwarn):
    run = Run(build_networks(SMALL, 2), SMALL, CATEGORIES)
    folder = tmp_path / "run"
    folder.mkdir()
    written(kind, folder / "weights.pt", run)
    with pytest.raises(BadInput) as caught:
        load_run(folder)
    assert str(folder / "weights.pt") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300 + len(str(folder))
    assert capsys.readouterr().out == ""  # no code of the file has run
    assert not recwarn.list


def test_no_folder_and_no_shipped_name_is_one_line_that_lists_the_names(monkeypatch, tmp_path):
    (tmp_path / "scenes.pt").write_bytes(b"")
    (tmp_path / "nuclei.pt").write_bytes(b"")
    monkeypatch.setattr(checkpoint, "_checkpoints", lambda: tmp_path)
    for name in (tmp_path / "nowhere", "elsewhere", "x" * 5000, "scenes.pt"):
        with pytest.raises(BadInput, match=r"no such folder.*nuclei, scenes"):
            load_run(name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=r"weights.pt: no such file"):
        load_run(tmp_path / "empty")


def test_shipped_runs_go_by_their_names_where_no_folder_has_them(run, monkeypatch, tmp_path):
    save_weights(run, tmp_path / "package" / "tiny.pt", half=True)
    (tmp_path / "package" / "tiny.card.json").write_text('{"minutes": 8}')
    monkeypatch.setattr(checkpoint, "_checkpoints", lambda: tmp_path / "package")
    monkeypatch.chdir(tmp_path)
    assert shipped() == ["tiny"]
    same(load_run("tiny"), run)
    assert card("tiny") == {"minutes": 8}
    with pytest.raises(BadInput, match="expected one of tiny"):
        card("other")
    (tmp_path / "tiny").mkdir()
    with pytest.raises(BadInput, match="no such file"):
        load_run("tiny")


@pytest.mark.parametrize("name", shipped())
def test_what_ships_loads_and_has_a_card(name):
    run = load_run(name)
    assert run.data == name
    assert run.categories[0] == "background"
    assert {"command", "data", "minutes", "hardware", "seed"} <= set(card(name))


def test_what_ships_is_small():
    folder = resources.files("bridgeseg").joinpath("checkpoints")
    sizes = [len(folder.joinpath(f"{name}.pt").read_bytes()) for name in shipped()]
    assert sum(sizes) <= 8_000_000
