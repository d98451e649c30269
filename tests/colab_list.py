"""What a Colab machine has, by the list that Google publishes: the versions that every chapter has to run with.

A newer list: `pip-freeze.gpu.txt` of googlecolab/backend-info. Bring the date, the commit and the versions up to date
and run `python3 tests/matrix.py colab`.
"""

from __future__ import annotations

LISTED = "2026-08-19"
SOURCE = "googlecolab/backend-info, commit a724079"
PYTHON = (3, 13)

# What a notebook is run and drawn with: old, and without the newer names.
NOTEBOOK = {
    "ipywidgets": "7.7.1",
    "ipython": "7.34.0",
    "ipykernel": "6.17.1",
    "traitlets": "5.7.1",
    "matplotlib": "3.10.0",
}
# What these need and newer ones do not.
NEEDED_BY_THEM = {
    "backcall": "0.2.0",
    "decorator": "4.4.2",
    "ipython-genutils": "0.2.0",
    "nest-asyncio": "1.6.0",
    "pickleshare": "0.7.5",
}
# What the package computes with.
COMPUTE = {
    "torch": "2.11.0",
    "torchvision": "0.26.0",
    "numpy": "2.1.3",
    "pillow": "11.3.0",
    "scipy": "1.16.3",
    "pycocotools": "2.0.11",
}


def pinned(versions: dict[str, str]) -> list[str]:
    """Return versions as pip is asked for them."""
    return [f"{name}=={version}" for name, version in versions.items()]
