"""Image classification sets and texts of tensorflow-datasets (TFDS), through its own builders and `data_source`.

Under the data folder: `manual/<name>/` raw files put there by hand, `downloads/` TFDS's downloads,
`<name>/...` the set as TFDS prepares it (array_record), `assay/<name>.npz` the split arrays that every later
start reads.
"""

from collections.abc import Iterator
import contextlib
import errno
import io
import os
import pathlib
import shutil
import sys
import time
from typing import Any, NamedTuple

import numpy as np

from assay.data.cache import cached, os_error, say
from assay.data.dataset import complete, DataError, Dataset, Parts, Source, Split, SPLITS
from assay.data.downloads import require_files
from assay.data.without_tensorflow import without_tensorflow
from assay.spec import nearest

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # channels to Pillow's name for them
_REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)
_READ_AT_ONCE = 1000  # examples; one by one costs five times as much


class _Features(NamedTuple):
    image: str
    label: str
    shape: tuple[int, int, int]
    num_classes: int


def has(name: str) -> bool:
    """Whether TFDS has a set of this name."""
    import tensorflow_datasets as tfds

    return name in tfds.list_builders(with_community_datasets=False)


def tfds_set(name: str, config: str = "") -> Source:
    """An image classification set with images of one shape, uint8 [N, H, W, C], under its TFDS name.

    Args:
      config: one of the set's TFDS configurations, such as `letters` of `emnist`; TFDS's default if empty.
    """

    def read(spec: str, data_dir: pathlib.Path) -> Dataset:
        path = data_dir / "assay" / f"{name}{'-' * bool(config)}{config}.npz"
        return cached(path, lambda: complete(spec, _prepare(name, config, data_dir)))

    return read


def _prepare(name: str, config: str, data_dir: pathlib.Path) -> Parts:
    start = time.monotonic()
    builder = _builder(name, config, data_dir)
    features = _features(builder)
    prepare(builder, data_dir)
    splits = {role: _read(builder, role, features) for role in SPLITS if role in builder.info.splits}
    if "train" not in splits:
        raise DataError(f"{name} has no training split, only {', '.join(builder.info.splits)}")
    say(f"{name} is ready after {time.monotonic() - start:.0f} s")
    return Parts(*(splits.get(role) for role in SPLITS), features.num_classes, provenance(builder))


def texts(name: str, data_dir: pathlib.Path) -> tuple[dict[str, str], str]:
    """The texts of a set whose feature is `text`, by split, and where they come from.

    Raises:
      DataError: its files are missing or damaged.
    """
    builder = _builder(name, "", data_dir)
    prepare(builder, data_dir)
    found = {}
    for role in SPLITS:
        with _builder_failures(name, builder.data_path):
            source = builder.as_data_source(split=role)
            found[role] = "".join(source[i]["text"].decode() for i in range(len(source)))
    return found, provenance(builder)


def provenance(builder: Any) -> str:
    """Name and version of a set, and of TFDS."""
    import tensorflow_datasets as tfds

    return f"{builder.info.full_name} of tensorflow-datasets {tfds.__version__}"


def prepare(builder: Any, data_dir: pathlib.Path) -> None:
    """Downloads and prepares a set, if that has not been done.

    Raises:
      DataError: its files are missing or damaged.
    """
    import tensorflow_datasets as tfds

    name = builder.name
    if builder.data_path.exists():
        return
    manual, downloads = data_dir / "manual" / name, data_dir / "downloads"
    require_files(builder, downloads, manual)
    say(f"preparing {name} in {data_dir}, once")
    # One folder per set: extracted files are named after their archive, Fashion's as MNIST's.
    extracted = data_dir / "extracted" / name
    options = tfds.download.DownloadConfig(
        extract_dir=extracted, manual_dir=manual, try_download_gcs=False, force_checksums_validation=True
    )
    tfds.display_progress_bar(sys.stderr.isatty())
    shutil.rmtree(extracted, ignore_errors=True)  # what a killed process left is not to be trusted
    try:
        with _builder_failures(name, data_dir), without_tensorflow():
            builder.download_and_prepare(download_dir=downloads, download_config=options)
    finally:
        shutil.rmtree(extracted, ignore_errors=True)


def _builder(name: str, config: str, data_dir: pathlib.Path) -> Any:
    import tensorflow_datasets as tfds

    with _builder_failures(name, data_dir):
        configs = tfds.builder_cls(name).builder_configs
        if not config or config in configs:
            full_name = f"{name}/{config}" if config else name
            return tfds.builder(full_name, data_dir=data_dir, file_format="array_record")
    if not configs:
        raise DataError(f"{name} has no configurations; write {name} alone")
    raise DataError(nearest(config, list(configs), f"configuration of {name}"))


def _features(builder: Any) -> _Features:
    """Which features are image and label; DataError for what is not classification of images of one shape."""
    import tensorflow_datasets as tfds

    keys, features = builder.info.supervised_keys, builder.info.features
    usable = keys and len(keys) == 2 and all(isinstance(key, str) and key in features for key in keys)
    image, label = (features[key] for key in keys) if usable else (None, None)
    if not isinstance(image, tfds.features.Image) or not isinstance(label, tfds.features.ClassLabel):
        raise DataError(f"{builder.name} is not an image classification set (one image, one class label)")
    if None in image.shape or image.shape[-1] not in _MODES or image.np_dtype != np.uint8:
        raise DataError(
            f"{builder.name}: images must be uint8 of one fixed shape, not {np.dtype(image.np_dtype)} "
            f"{image.shape}; save them at one size and use folder(path=...)"
        )
    return _Features(*keys, image.shape, label.num_classes)


def _read(builder: Any, role: str, features: _Features) -> Split:
    """One split as arrays, from the prepared set."""
    import tensorflow_datasets as tfds
    from PIL import Image

    with _builder_failures(builder.name, builder.data_path):
        source = builder.as_data_source(split=role, decoders={features.image: tfds.decode.SkipDecoding()})
    x = np.empty((len(source), *features.shape), np.uint8)  # [N, H, W, C]
    y = np.empty(len(source), np.int32)
    mode = _MODES[features.shape[-1]]
    for start in range(0, len(source), _READ_AT_ONCE):
        with _builder_failures(builder.name, builder.data_path):
            batch = source.__getitems__(range(start, min(start + _READ_AT_ONCE, len(source))))
        for i, example in enumerate(batch, start):
            try:
                with Image.open(io.BytesIO(example[features.image])) as picture:
                    pixels = np.asarray(picture if picture.mode == mode else picture.convert(mode))
                x[i], y[i] = pixels.reshape(features.shape), example[features.label]
            except (OSError, SyntaxError, ValueError) as error:  # SyntaxError: Pillow's for a broken PNG
                fault = f"image {i} of {role} is damaged ({error}); delete that folder"
                raise DataError(f"{builder.data_path}: {fault}") from error
    if not 0 <= y.min() <= y.max() < features.num_classes:
        raise DataError(f"{builder.name}: the {role} split has labels outside 0..{features.num_classes - 1}")
    return Split(x, y)


@contextlib.contextmanager
def _builder_failures(name: str, folder: pathlib.Path) -> Iterator[None]:
    """Turns whatever TFDS or a builder (anybody's code) raises into one line; the cause stays chained."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # they print
            yield
    except Exception as error:
        for cause in _chain(error):
            if isinstance(cause, OSError) and cause.errno in _REFUSED:
                raise os_error(cause, folder) from error
            if (full := os.strerror(errno.ENOSPC)) in str(cause):  # as RuntimeError, from array_record's C++
                raise os_error(OSError(errno.ENOSPC, full), folder) from error
            if isinstance(cause, ModuleNotFoundError) and cause.name:
                raise DataError(f"{name}: its builder needs the package {cause.name}; install it") from error
        fault = f"{type(error).__name__}: {(str(error).strip() or 'no message').splitlines()[0]}"
        raise DataError(f"{name}: TFDS cannot prepare or read it in {folder}: {fault}") from error


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__
