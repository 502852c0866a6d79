"""Lets TFDS's builders prepare image sets on a machine that has no TensorFlow.

While preparing, they ask TensorFlow for four small things: opening a file, listing a folder, decoding text,
and encoding a PNG. Every TFDS module reaches TensorFlow through one lazily imported module object; while the
context lasts, that object answers these four from plain Python and Pillow. PNG is lossless, so the pixels
are the same. Anything else of TensorFlow still raises ModuleNotFoundError. Where TensorFlow is installed,
nothing is replaced.
"""

from collections.abc import Iterator
import contextlib
import glob
import importlib.util
import io
import os
import types

import numpy as np


@contextlib.contextmanager
def without_tensorflow() -> Iterator[None]:
    """Inside, TFDS builders run without TensorFlow, if it is not installed."""
    if importlib.util.find_spec("tensorflow"):
        yield
        return
    from tensorflow_datasets.core.utils import lazy_imports_utils  # heavy, and only for preparing

    # An attribute in the lazy object's own dictionary is found before the import it would otherwise trigger.
    attributes = vars(lazy_imports_utils.tensorflow)
    attributes.update(_SUBSTITUTES)
    try:
        yield
    finally:
        for name in _SUBSTITUTES:
            del attributes[name]


def _as_text(text: str | bytes) -> str:
    return text.decode() if isinstance(text, bytes) else text


def _encode_png(image: np.ndarray) -> types.SimpleNamespace:
    """uint8 [H, W, C] with C of 1, 3 or 4 to PNG bytes, behind the `.numpy()` of an eager tensor."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(buffer, "png", compress_level=1)
    return types.SimpleNamespace(numpy=buffer.getvalue)


_SUBSTITUTES = {
    "compat": types.SimpleNamespace(as_text=_as_text),
    "executing_eagerly": lambda: True,
    "image": types.SimpleNamespace(encode_png=_encode_png),
    "io": types.SimpleNamespace(
        gfile=types.SimpleNamespace(
            GFile=open, exists=os.path.exists, isdir=os.path.isdir, listdir=os.listdir, glob=glob.glob
        )
    ),
}
