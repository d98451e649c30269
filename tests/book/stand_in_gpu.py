"""A GPU that is none: tensors that say that they lie on `cuda:0`, and compute here.

What lies on a GPU can be mixed neither with tensors elsewhere nor with numpy; both raise here what they raise there, so
that a chapter can be tried whole on a machine without one. How fast a GPU is, and how it rounds, nobody learns from it.

    import stand_in_gpu
    stand_in_gpu.plug_in()      before the package is imported: from now on its `device()` is this one
    stand_in_gpu.told()         how many convolutions ran where
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

GPU, HERE = torch.device("cuda", 0), torch.device("cpu")
aten = torch.ops.aten
# These bring values from one place to another.
MOVES = {aten._to_copy.default, aten.copy_.default, aten._copy_from.default}
# Their indices may lie on the processor, whatever they index.
INDEXED = {aten.index.Tensor, aten.index_put_.default, aten.index_put.default, aten._index_put_impl_.default}
ran: Counter[tuple[str, str]] = Counter()  # operations, by place and name


class There(Tensor):
    """A tensor that says that it lies on the GPU. Its values are those of `here`."""

    here: Tensor

    @staticmethod
    def __new__(cls, here: Tensor) -> There:
        made = Tensor._make_wrapper_subclass(
            cls,
            here.size(),
            strides=here.stride(),
            storage_offset=here.storage_offset(),
            dtype=here.dtype,
            device=GPU,
        )
        made.here = here
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {})

    def numpy(self, *, force: bool = False) -> Any:
        """Refuse, as a GPU does."""
        raise TypeError(
            f"can't convert {GPU} device type tensor to numpy. Use Tensor.cpu() to copy it first."
        )

    def tolist(self) -> Any:
        """Return the values as lists."""
        return self.here.tolist()

    def __format__(self, how: str) -> str:
        return format(self.item(), how) if not self.dim() else super().__format__(how)


class StandIn(TorchDispatchMode):
    """While it is on, whatever is asked of the GPU is computed here and looks as if it were there."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {})


def computed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Run an operation as a GPU would, or refuse it as PyTorch does."""
    given = [each for each in tree_flatten((args, kwargs))[0] if isinstance(each, Tensor)]
    there = [each for each in given if isinstance(each, There)]
    refuse_mixed(func, args, given)
    wanted = kwargs.get("device")
    on_gpu = bool(there) if wanted is None else torch.device(wanted).type == GPU.type
    if wanted is not None:
        kwargs = {**kwargs, "device": HERE}
    if func is aten.copy_.default:
        on_gpu = isinstance(args[0], There)
    ran["there" if on_gpu else "here", func.overloadpacket.__name__] += 1
    was = {id(each.here): each for each in there}
    bare = tree_map(lambda each: each.here if isinstance(each, There) else each, (args, kwargs))
    result = func(*bare[0], **bare[1])

    def put(each: Any) -> Any:
        if not isinstance(each, Tensor):
            return each
        # What was changed in its place stays the tensor that it was.
        return was[id(each)] if id(each) in was else There(each)

    return tree_map(put, result) if on_gpu else result


def refuse_mixed(func: Any, args: Any, given: list[Tensor]) -> None:
    """Raise what PyTorch raises where an operation is given tensors of two places; single numbers may lie anywhere."""
    if func in MOVES:
        return
    if func in INDEXED:
        indexed, *values = [args[0], *args[2:3]]
        if not isinstance(indexed, There) and any(isinstance(each, There) for each in args[1]):
            raise RuntimeError(
                "indices should be either on cpu or on the same device as the indexed tensor (cpu)"
            )
        given = [each for each in (indexed, *values) if isinstance(each, Tensor)]
    places = {isinstance(each, There) for each in given if each.dim()}
    if len(places) == 2:
        raise RuntimeError(
            f"{func}: Expected all tensors to be on the same device, but found at least two devices, {GPU} and {HERE}!"
        )


def plug_in() -> None:
    """Let the stand-in be the device of the package's chapters, from now on and for the whole process."""
    import bridgeseg.machine.environment as environment

    torch._C._ensureCUDADeviceGuardSet()  # where there is no driver, going to the device is nothing to do
    torch.cuda._lazy_init = lambda: None
    torch.cuda.current_device = lambda: GPU.index
    torch.cuda.get_device_name = lambda device=None: "a stand-in for a GPU"
    torch._C._set_only_lift_cpu_tensors(True)  # `torch.tensor(…, device=…)` is made here and moved
    torch.backends.cudnn.enabled = False
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    environment.device = lambda: GPU
    StandIn().__enter__()


def lend_what_was_trained() -> None:
    """Let lessons that were trained on the processor be found: nothing is trained on a GPU that is none."""
    from bridgeseg.teaching import cache

    folder_of = cache.folder_of

    def found(*given: Any) -> Any:
        cache.device = lambda: HERE
        try:
            return folder_of(*given)
        finally:
            cache.device = lambda: GPU

    cache.folder_of = found


def told() -> list[int]:
    """Return how many convolutions ran there, and how many here."""
    return [ran[place, "convolution"] for place in ("there", "here")]
