"""The GPUs that Modal rents out, and what each is good for."""

from __future__ import annotations

from dataclasses import dataclass

PRICES_AS_OF = "2026-10-04"
"""The day on which those prices that have one were recorded. `modal billing rates` prints yours."""


@dataclass(frozen=True)
class Gpu:
    """One kind of GPU, as the makers' data sheets have it."""

    memory_gb: int
    compute: float
    """NVIDIA's compute capability: below 8.0 there is no bfloat16, in which most models are stored."""
    cuda_arch: str
    """What CMake calls it; llama.cpp is compiled for this one alone, which takes a fraction of the time."""
    dollars_per_second: float | None = None
    """Modal's price, None where none was recorded."""


GPUS = {
    "T4": Gpu(16, 7.5, "75", 0.000164),
    "L4": Gpu(24, 8.9, "89", 0.000222),
    "A10": Gpu(24, 8.6, "86", 0.000306),
    "L40S": Gpu(48, 8.9, "89", 0.000542),
    "A100-40GB": Gpu(40, 8.0, "80"),
    "A100-80GB": Gpu(80, 8.0, "80", 0.000694),
    # 120a: with a plain 120 older CMake versions refuse the suffix that llama.cpp's build then adds.
    "RTX-PRO-6000": Gpu(96, 12.0, "120a-real"),
    "H100": Gpu(80, 9.0, "90", 0.001097),
    # Modal may give an H200 to who asks for an H100; the mark asks for exactly an H100.
    "H100!": Gpu(80, 9.0, "90", 0.001097),
    "H200": Gpu(141, 9.0, "90"),
    "B200": Gpu(180, 10.0, "100", 0.001736),
}


@dataclass(frozen=True)
class GpuRequest:
    """A kind of GPU and how many of it, parsed from Modal's spelling: `L40S` or `H100:2`."""

    name: str
    count: int

    @property
    def gpu(self) -> Gpu:
        return GPUS[self.name]

    @property
    def memory_gb(self) -> int:
        return self.gpu.memory_gb * self.count

    @property
    def dollars_per_hour(self) -> float | None:
        price = self.gpu.dollars_per_second
        return None if price is None else price * self.count * 3600


def parse_gpu(text: str) -> GpuRequest:
    """Reads `L40S` or `H100:2`.

    Raises ValueError, with the known names, for anything else. Modal gives at most 8 GPUs to a container.
    """
    name, _, count = text.partition(":")
    if name not in GPUS:
        known = ", ".join(GPUS)
        raise ValueError(
            f"{name!r} is no GPU known here; choose one of {known}, or add it to serving/gpus.py"
        )
    if count and not (count.isdecimal() and 1 <= int(count) <= 8):
        raise ValueError(f"after {name}: comes how many, 1 to 8, not {count!r}")
    return GpuRequest(name, int(count or 1))
