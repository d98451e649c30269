"""Pretrained weights: where they are looked for, and how they get into a trunk.

Built in chapter 11.
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import torch
from torch import Tensor
from torchvision.models import get_model_weights

from bridgeseg.networks.mobilenet import MobileNet
from bridgeseg.networks.resnet import ResNet
from bridgeseg.structures.labels import BadInput

FOLDER = "BRIDGESEG_WEIGHTS"


def pretrained_state(name: str) -> dict[str, Tensor]:
    """Return the ImageNet weights of a network, from a folder of one's own or else from torchvision.

    The folder that the environment variable BRIDGESEG_WEIGHTS names is searched first, for one file whose
    name begins with the network's and ends in .pth. What is not there, torchvision downloads once into its
    own cache.

    name: torchvision's name of the network, for example "resnet101" or "mobilenet_v2"
    returns: tensors by torchvision's parameter names, float of any shape
    raises: BadInput when the name is unknown, when two files answer to it, when the file cannot be read, or
        when there is neither a file nor a download

    Built in chapter 11.
    """
    folder = os.environ.get(FOLDER)
    if folder:
        if not Path(folder).is_dir():
            raise BadInput(f"{FOLDER}: {folder} is not a folder, expected one with pretrained weights")
        found = sorted(Path(folder).glob(f"{name}*.pth"))
        if len(found) > 1:
            raise BadInput(
                f"{folder}: {', '.join(p.name for p in found)} all begin with {name}, expected one of them"
            )
        if found:
            return read_state(found[0])
    try:
        # The first version of each: trained as the networks of the paper's time were.
        weights = get_model_weights(name)["IMAGENET1K_V1"]
    except (ValueError, KeyError) as error:
        raise BadInput(
            f"weights {name!r}: no such network in torchvision, expected for example resnet101"
        ) from error
    try:
        return dict(weights.get_state_dict(progress=True, check_hash=True))
    except (OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        place = f"{FOLDER} ({folder or 'not set'})"
        raise BadInput(f"weights {name!r}: no {name}*.pth in {place}, download failed: {reason}") from error


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file of weights, on the CPU.

    path: a file that `torch.save` wrote
    returns: tensors by name, float of any shape
    raises: BadInput when the file is absent, is no file of weights, or holds anything but tensors by name
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInput(f"{path}: cannot be read as weights: {reason}") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise BadInput(f"{path}: holds {type(state).__name__}, expected a dictionary of tensors by name")
    return dict(state)


def load_trunk(trunk: ResNet | MobileNet, state: dict[str, Tensor]) -> None:
    """Copy pretrained weights into a trunk; the classifier of the pretrained network is left aside.

    trunk: changed in place
    state: tensors by torchvision's parameter names, float of any shape
    raises: BadInput when, the classifier apart, a name is missing or too many, or a shape differs

    Built in chapter 11.
    """
    given = {name: value for name, value in state.items() if not name.startswith(trunk.left_out)}
    own = trunk.state_dict()
    # Counters of batches; older files lack them, and nothing here reads them.
    missing = [name for name in own if name not in given and not name.endswith("num_batches_tracked")]
    unknown = [name for name in given if name not in own]
    differing = [name for name in own if name in given and given[name].shape != own[name].shape]
    for title, names in (("lack", missing), ("have unknown", unknown), ("have other shapes for", differing)):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise BadInput(
                f"the weights {title} {names[0]}{more}, expected those of this {type(trunk).__name__}"
            )
    trunk.load_state_dict(given, strict=False)
