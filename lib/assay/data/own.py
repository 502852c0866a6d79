"""A user's own data: arrays in an .npz file, or images in folders named after their class."""

import pathlib
import zipfile
import zlib

import numpy as np

from assay.data.dataset import complete, DataError, Dataset, Parts, Source, Split, SPLITS

_EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")


def npz(path: str) -> Source:
    """Arrays of a NumPy .npz file: x_train, y_train, x_test, y_test and perhaps x_validation, y_validation.

    x is uint8 images [N, H, W] or [N, H, W, C], or real numbers [N, D] or [N, H, W, C]; y is classes from 0, [N] or,
    of every pixel, [N, H, W]. Without validation arrays, the last part of a fixed permutation of the training set is
    held out.
    """

    def read(spec: str, data_dir: pathlib.Path) -> Dataset:
        del data_dir  # the user says where the file is
        file = pathlib.Path(path).expanduser()
        if not file.is_file():
            raise DataError(f"there is no file {file}; npz(path=...) needs one with the keys {_NEEDED}")
        if not zipfile.is_zipfile(file):
            raise DataError(f"{file} is not an intact .npz file; write it with numpy.savez")
        try:
            with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
                found = {key: arrays[key] for key in arrays.files if key in _KEYS}
                names = arrays.files
        except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise DataError(f"cannot read {file} as plain arrays: {str(error).splitlines()[0]}") from error
        return complete(spec, _parts(file, found, names))

    return read


_KEYS = tuple(f"{field}_{role}" for role in SPLITS for field in "xy")
_NEEDED = "x_train, y_train, x_test, y_test"


def _parts(file: pathlib.Path, arrays: dict[str, np.ndarray], names: list[str]) -> Parts:
    optional = () if {"x_validation", "y_validation"} & set(arrays) else ("x_validation", "y_validation")
    if lacking := [key for key in _KEYS if key not in arrays and key not in optional]:
        raise DataError(f"{file} lacks {', '.join(lacking)}; it has {', '.join(names) or 'nothing'}")
    splits = {}
    for role in SPLITS:
        if f"x_{role}" in arrays:
            splits[role] = _split(file, role, arrays[f"x_{role}"], arrays[f"y_{role}"])
            if (shape := splits[role].x.shape[1:]) != (wanted := splits["train"].x.shape[1:]):
                raise DataError(f"{file}: x_{role} has examples of shape {shape}, x_train of {wanted}")
            if splits[role].x.dtype != splits["train"].x.dtype:
                raise DataError(f"{file}: x_{role} and x_train must both be uint8 or both real numbers")
            if splits[role].y.ndim != splits["train"].y.ndim:
                raise DataError(f"{file}: y_{role} and y_train must both be classes [N], or both of pixels [N, H, W]")
    num_classes = 1 + max(int(split.y.max()) for split in splits.values())
    return Parts(*(splits.get(role) for role in SPLITS), num_classes, f"arrays of the file {file.name}")


def _split(file: pathlib.Path, role: str, x: np.ndarray, y: np.ndarray) -> Split:
    where = f"{file}: x_{role}"
    if 0 in (x.ndim, y.ndim) or len(y) != len(x) or not y.size:
        raise DataError(f"{where} {x.shape} and y_{role} {y.shape} must have equally many examples, not 0")
    if y.ndim != 1 and (y.ndim != 3 or x.ndim < 3 or y.shape != x.shape[:3]):
        wanted = "classes [N] or, of images, one for every pixel [N, H, W]"
        raise DataError(f"{file}: y_{role} must be {wanted}, not {y.shape} for x_{role} {x.shape}")
    if not np.issubdtype(y.dtype, np.integer) or y.min() < 0 or y.max() > np.iinfo(np.int32).max:
        raise DataError(f"{file}: y_{role} must be integer class numbers 0, 1, 2, ..., not {y.dtype} {y.flat[:3]}")
    if y.ndim == 3 and y.max() > 1 and not np.any((0 < y) & (y < y.max())):
        raise DataError(f"{file}: y_{role} holds 0 and {y.max()} alone; write the mask as 0 and 1 (y // {y.max()})")
    if x.dtype == np.uint8:
        x = x[..., None] if x.ndim == 3 else x  # [N, H, W, 1]
        if x.ndim != 4:
            raise DataError(f"{where} is uint8, so images [N, H, W(, C)], not {x.shape}; or use float32")
        return Split(x, y.astype(np.int32))
    if x.dtype.kind not in "fiu" or x.ndim not in (2, 4):
        allowed = "uint8 images or real numbers [N, D] or [N, H, W, C]"
        raise DataError(f"{where} must be {allowed}, not {x.dtype} {x.shape}")
    x = x.astype(np.float32)
    if bad := np.count_nonzero(~np.isfinite(x)):
        raise DataError(f"{where} has {bad} values that are not finite in float32")
    return Split(x, y.astype(np.int32))


def folder(path: str, size: int = 0, channels: int = 3) -> Source:
    """Images in folders named after their class: path/<class>/* or path/{train,validation,test}/<class>/*.

    A missing validation or test part is held out of the training images. They are decoded at every start.

    Args:
      size: height and width that images are resized to (bilinear, antialiased); 0: all have one size already.
      channels: 3 for colour, 1 for grey; images are converted.
    """
    if size < 0 or channels not in (1, 3):
        raise ValueError(f"size must be 0 or more and channels 1 or 3, not size={size}, channels={channels}")

    def read(spec: str, data_dir: pathlib.Path) -> Dataset:
        del data_dir  # the user says where the images are
        root = pathlib.Path(path).expanduser()
        if not root.is_dir():
            raise DataError(f"there is no folder {root}; folder(path=...) needs one with a folder per class")
        roots = {role: root / role for role in SPLITS if (root / role).is_dir()} or {"train": root}
        if "train" not in roots:
            raise DataError(f"{root} has {', '.join(roots)} but no train; use train/<class>/ or <class>/")
        classes = _folders(roots["train"])
        if len(classes) < 2:
            raise DataError(f"{roots['train']} needs at least two folders, one per class, not {len(classes)}")
        splits = {}
        for role, there in roots.items():
            if unknown := set(_folders(there)) - set(classes):
                raise DataError(f"{there} has the class {min(unknown)!r}, which {roots['train']} has not")
            splits[role] = _images(there, classes, size, channels)
            if (shape := splits[role].x.shape[1:]) != (wanted := splits["train"].x.shape[1:]):
                raise DataError(f"{there}: images are {shape}, in train {wanted}; give folder(size=...)")
        note = f"images of the folder {root.name}"
        return complete(spec, Parts(*(splits.get(role) for role in SPLITS), len(classes), note))

    return read


def _folders(root: pathlib.Path) -> list[str]:
    return sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _images(root: pathlib.Path, classes: list[str], size: int, channels: int) -> Split:
    from PIL import Image

    images, labels, first = [], [], None
    for label, name in enumerate(classes):
        for file in sorted((root / name).rglob("*")):
            if file.suffix.lower() not in _EXTENSIONS:
                continue
            try:
                with Image.open(file) as picture:
                    picture = picture.convert("RGB" if channels == 3 else "L")
                    if size:
                        picture = picture.resize((size, size), Image.Resampling.BILINEAR)
                    images.append(np.asarray(picture).reshape(picture.height, picture.width, channels))
            except (OSError, SyntaxError, ValueError) as error:  # SyntaxError: Pillow's for a broken PNG
                raise DataError(f"cannot read the image {file}: {error}") from error
            first = first or file
            if images[-1].shape != images[0].shape:
                raise DataError(
                    f"{file} is {images[-1].shape[:2]} and {first} {images[0].shape[:2]} (height, width); "
                    "give folder(size=...) to resize all"
                )
            labels.append(label)
    if not images:
        raise DataError(f"{root} has no images ({', '.join(_EXTENSIONS)}) in its class folders")
    return Split(np.stack(images), np.array(labels, np.int32))
