"""What a benchmark ran on: its figures mean nothing without."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision


def machine() -> dict[str, Any]:
    """Hardware, versions and date, to stand at the head of a benchmark's JSON."""
    processor = platform.processor() or platform.machine()
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text().splitlines():
            if line.startswith("model name"):
                processor = line.partition(":")[2].strip()
                break
    report: dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        "processor": processor,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "numpy": np.__version__,
    }
    if hasattr(os, "getloadavg"):
        report["load when it began"] = round(os.getloadavg()[0], 2)  # above 1: something else ran beside
    if torch.cuda.is_available():
        report["gpu"] = torch.cuda.get_device_name()
    return report
