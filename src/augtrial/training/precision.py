"""In which precision `precision: auto` trains: a table of what was measured, and float32 else.

bfloat16 makes products cheaper and adds conversions: which of the two is faster depends on the kind
of network, its size and the processor (docs/benchmarks.md, Precision). The same machine always
takes the same precision, and so gives the same bytes.
"""

import torch

# Feature of the device -> kind of network -> multiply-adds of an update from which on bfloat16 was
# measured to be faster by a tenth or more: just below the smallest such update. What is missing was
# not measured, or was not faster.
BFLOAT16_FROM: dict[str, dict[str, float]] = {
    "AMX": {"frid_adar": 5.3e9, "dcgan": 4.7e8, "acgan": 4.7e8, "flow": 1.3e9},
    "AVX-512 BF16": {"dcgan": 4.7e8, "acgan": 4.7e8},
}


def feature(device: torch.device) -> str:
    """Return the feature by which a device computes in bfloat16; empty for none."""
    if device.type == "cuda":
        return "GPU" if torch.cuda.is_bf16_supported(including_emulation=False) else ""
    if torch.cpu._is_amx_tile_supported():
        return "AMX"
    return "AVX-512 BF16" if torch.cpu._is_avx512_bf16_supported() else ""


def takes_bfloat16(device: torch.device, kind: str, multiply_adds: float) -> bool:
    """Return whether `auto` is bfloat16 for a kind of network and the size of its update."""
    least = BFLOAT16_FROM.get(feature(device), {}).get(kind)
    return least is not None and multiply_adds >= least
