"""Makes one .npz file of CIFAR-10 from archives of JPEG images, for `--dataset="npz(path='cifar10_jpeg.npz')"`.

    .venv/bin/python benchmarks/cifar_jpeg.py FOLDER cifar10_jpeg.npz [EVERY]

FOLDER has cifar10_jpeg_train.npz.xz and cifar10_jpeg_test.npz.xz: xz-compressed NumPy archives of `jpeg` (uint8, all
files one after the other), `length` (uint16 a file) and `label` (uint8). With EVERY, each EVERY-th image is taken. The
copy has lost detail (quality 75): call results on it CIFAR-10 (JPEG), not CIFAR-10.
"""

import io
import lzma
import pathlib
import sys

import numpy as np
from PIL import Image


def images(path: pathlib.Path, every: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 `[N, 32, 32, 3]` and int32 labels `[N]`."""
    with lzma.open(path) as file, np.load(io.BytesIO(file.read())) as arrays:
        jpeg, length, label = (arrays[name] for name in ("jpeg", "length", "label"))
    ends = np.cumsum(length, dtype=np.int64)
    chosen = range(0, len(ends), every)
    decoded = [np.asarray(Image.open(io.BytesIO(jpeg[ends[i] - length[i] : ends[i]].tobytes()))) for i in chosen]
    return np.stack(decoded), label[::every].astype(np.int32)


def main(argv: list[str]) -> None:
    """Reads both archives and writes the file."""
    if len(argv) not in (2, 3):
        sys.exit(__doc__)
    folder, out, every = pathlib.Path(argv[0]), pathlib.Path(argv[1]), int(argv[2]) if len(argv) == 3 else 1
    arrays = {}
    for role in ("train", "test"):
        arrays[f"x_{role}"], arrays[f"y_{role}"] = images(folder / f"cifar10_jpeg_{role}.npz.xz", every)
    np.savez(out, **arrays)
    print({name: array.shape for name, array in arrays.items()})


if __name__ == "__main__":
    main(sys.argv[1:])
