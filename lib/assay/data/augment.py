"""Random augmentation of image batches on device.

Each entry of AUGMENTS makes a pure function fn(key, x, y, shown) -> (x, y) on float images x [B, H, W, C] and their
labels y, [B] or [B, H, W]; where pixels have labels, these move with the pixels. The key is of the step; `shown` says
which examples of which epoch these are, for what is to depend on how an example was shown before.
Every image draws its own flip or offset. Positions outside an image count as zero, the mean of a normalised
training set, but for smooth motions (assay.data.warp), which mirror. Source of crop and flip: Lee et al. 2015
(arXiv:1409.5185), used by He et al. 2016 (arXiv:1512.03385, section 4.2).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from assay import spec as specs
from assay.data.batches import Augment, Shown
from assay.data.noise import gaussian_noise, salt_pepper, target_noise
from assay.data.warp import elasticity, Move, rotation


def none() -> Augment:
    """Leaves images as they are."""
    return lambda key, x, y, shown: (x, y)


def flip() -> Augment:
    """Mirrors each image left to right with probability 1/2."""
    return geometric(_flipped)


def alternating_flip() -> Augment:
    """Mirrors each image left to right in every other epoch, from its first or its second on with probability 1/2.

    Two epochs in a row so show both sides of every image, where `flip` shows the same one again half of the time
    (Jordan 2024, arXiv:2404.00498).
    """

    def fn(key: jax.Array, x: jax.Array, y: jax.Array, shown: Shown) -> tuple[jax.Array, jax.Array]:
        del key
        # Apart from the keys of steps, which are folded from the same one by their number.
        apart = jax.random.fold_in(shown.key, 2**31)
        one_key_each = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(apart, shown.index)
        first = jax.vmap(jax.random.bernoulli)(one_key_each)  # [B]
        mirrored = (first ^ (shown.epoch % 2 == 1))[:, None, None]
        mirror = lambda a: jnp.where(mirrored[..., None] if a.ndim == 4 else mirrored, a[:, :, ::-1], a)
        return mirror(x), mirror(y) if y.ndim == 3 else y

    return fn


def crop(pad: int = 4) -> Augment:
    """Pads with `pad` zeros on every side and cuts H x W out, at a uniformly drawn offset."""
    return geometric(_moved(pad, "pad"))


def crop_flip(pad: int = 4) -> Augment:
    """A random crop, then a random flip: the usual augmentation for CIFAR."""
    cut = _moved(pad, "pad")

    def move(key: jax.Array, x: jax.Array) -> jax.Array:
        for_cut, for_mirror = jax.random.split(key)
        return _flipped(for_mirror, cut(for_cut, x))

    return geometric(move)


def shift(pixels: int = 2) -> Augment:
    """Moves each image by a whole number of pixels, uniform from -pixels to pixels in each direction."""
    return geometric(_moved(pixels, "pixels"))


def random_crop(size: int = 128) -> Augment:
    """Cuts a patch of size x size out of each image, at a uniformly drawn place: training on parts of large images."""
    if size < 1:
        raise ValueError(f"size must be at least 1, not {size}")

    def move(key: jax.Array, x: jax.Array) -> jax.Array:
        room = tuple(have - size for have in x.shape[1:3])
        if min(room) < 0:
            raise ValueError(f"random_crop(size={size}) is larger than the images, {x.shape[1]}x{x.shape[2]}")
        offsets = jax.random.randint(key, (x.shape[0], 2), 0, jnp.array([room]) + 1)
        cut = jax.vmap(lambda image, at: jax.lax.dynamic_slice(image, (at[0], at[1], 0), (size, size, x.shape[3])))
        return cut(x, offsets)

    return geometric(move)


def rotate(degrees: float = 180.0) -> Augment:
    """Turns each image about its centre, by an angle uniform from -degrees to degrees."""
    return geometric(rotation(degrees))


def elastic(std: float = 10.0, grid: int = 3) -> Augment:
    """Bends each image by smooth random displacements of `std` pixels, drawn on a grid x grid lattice.

    Defaults as in the U-Net's paper (Ronneberger et al. 2015, arXiv:1505.04597, section 3.1).
    """
    return geometric(elasticity(std, grid))


def chain(of: str = "random_crop,rotate,flip") -> Augment:
    """Several augmentations one after the other, as Specs divided by commas."""
    parts = [specs.build(AUGMENTS, part, "augment") for part in specs.split(of)]

    def fn(key: jax.Array, x: jax.Array, y: jax.Array, shown: Shown) -> tuple[jax.Array, jax.Array]:
        for i, part in enumerate(parts):
            x, y = part(jax.random.fold_in(key, i), x, y, shown)
        return x, y

    return fn


def geometric(move: Move) -> Augment:
    """An augmentation that moves pixels: labels of pixels move with them, labels of images stay."""

    def fn(key: jax.Array, x: jax.Array, y: jax.Array, shown: Shown) -> tuple[jax.Array, jax.Array]:
        del shown
        return move(key, x), move(key, y[..., None])[..., 0] if y.ndim == 3 else y

    return fn


def _flipped(key: jax.Array, x: jax.Array) -> jax.Array:
    mirrored = jax.random.bernoulli(key, 0.5, (x.shape[0], 1, 1, 1))
    return jnp.where(mirrored, x[:, :, ::-1], x)


def _moved(most: int, argument: str) -> Move:
    if most < 0:
        raise ValueError(f"{argument} must be 0 or more, not {most}")

    def move(key: jax.Array, x: jax.Array) -> jax.Array:
        offsets = jax.random.randint(key, (x.shape[0], 2), 0, 2 * most + 1)
        around = jnp.pad(x, ((0, 0), (most, most), (most, most), (0, 0)))
        # Measured in a loop on CPU: as fast as one gather or faster; one-hot products and selects far slower.
        cut = jax.vmap(lambda image, at: jax.lax.dynamic_slice(image, (at[0], at[1], 0), x.shape[1:]))
        return cut(around, offsets)

    return move


AUGMENTS: dict[str, Callable[..., Augment]] = {
    "none": none,
    "flip": flip,
    "alternating_flip": alternating_flip,
    "crop": crop,
    "crop_flip": crop_flip,
    "shift": shift,
    "chain": chain,
    "elastic": elastic,
    "random_crop": random_crop,
    "rotate": rotate,
    "gaussian_noise": gaussian_noise,
    "salt_pepper": salt_pepper,
    "target_noise": target_noise,
}
