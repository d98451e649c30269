"""Pretrained weights: where they are looked for, and how they get into a trunk.

Built in chapter 11.
"""

from __future__ import annotations

import os
from copy import deepcopy
from pathlib import Path

from torch import Tensor, nn
from torchvision.models import get_model_weights

from bridgeseg.machine.files import read_tensors
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
        state = read_tensors(path)
    except Exception as error:  # the loader raises whatever the bytes suggest to it
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
    load_exactly(trunk, given, f"weights of a {type(trunk).__name__}")


def load_exactly(module: nn.Module, state: dict[str, Tensor], where: str) -> None:
    """Copy tensors into a module whose own they are, name by name and shape by shape.

    module: changed in place, or not at all
    state: tensors by the module's own names, float or integer, of any shape; counters of batches, which older files
        lack, may be absent
    where: what the tensors are called, for the message
    raises: BadInput in one line when a name is missing or too many, or a shape differs

    Built in chapter 11.
    """
    try:
        deepcopy(module).load_state_dict(state)  # PyTorch copies what fits before it says what does not
    except RuntimeError as error:
        first, *lines = (line.strip() for line in str(error).splitlines() if line.strip())
        found = lines[0] if lines else first
        more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
        raise BadInput(f"{where}: {found[:150].rstrip('. ')}{more}, expected what fits") from None
    module.load_state_dict(state)
