"""What a code is worth: as a place to look for images of the same class, and beside principal components."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from assay.models import Model
from assay.spec import SpecError

RETRIEVAL = ("code_retrieval_error", "pixel_retrieval_error")
PRINCIPAL = ("mse_to_pca", "pca_mse", "discarded_variance", "subspace_angle")

NEIGHBOURS = 10
QUERIES = 2000  # at most

Encode = Callable[[jax.Array], jax.Array]  # [B, H, W, C] -> [B, D], and `decode` back


def code_width(model: Model, shape: tuple[int, ...]) -> int:
    """Numbers in the code of an image of that shape; nothing is computed.

    Raises:
      SpecError: the model has no parts "encode" and "decode".
    """

    def both(x):
        params, state = model.init(jax.random.key(0), x)

        def part(x, method):
            return model.apply(params, state, x, key=None, train=False, method=method)[0].logits

        code = part(x, "encode")
        return code, part(code, "decode")

    try:
        code, _ = jax.eval_shape(both, jax.ShapeDtypeStruct((1, *shape), jnp.float32))
    except (AttributeError, TypeError) as error:  # no such parts; or no output in the shape of an image
        wanted = "this task takes a model with the parts encode and decode, as autoencoder has"
        raise SpecError(wanted) from error
    return code.size


def retrieval_error(points: np.ndarray, labels: np.ndarray) -> float:
    """1 - recall@10 of nearest neighbours: the mean share of other classes among the ten nearest points.

    The first `QUERIES` points look for their nearest (Euclidean) among all others. It is the capped recall@10 of
    Thakur et al. 2021 (arXiv:2104.08663), whose best is 1; with more than ten members a class, precision@10.

    Args:
      points: [N, D].
      labels: int [N].

    Returns:
      From 0 to 1; NaN where there are fewer than two classes or a point is not finite.
    """
    from sklearn.neighbors import NearestNeighbors

    if len(np.unique(labels)) < 2 or not np.isfinite(points).all():
        return float("nan")
    queries = np.arange(min(QUERIES, len(points)))
    nearest = NearestNeighbors(n_neighbors=NEIGHBOURS + 1, algorithm="brute").fit(points)
    found = nearest.kneighbors(points[queries], return_distance=False)  # [Q, 11], themselves among them
    # A query with more than ten copies of itself may not be found: then its farthest goes.
    itself = found == queries[:, None]
    itself[~itself.any(1), -1] = True
    others = found[~itself].reshape(len(queries), NEIGHBOURS)
    return float(np.mean(labels[others] != labels[queries][:, None]))


class Components:
    """The first principal components of training images, by exact eigendecomposition of their covariance.

    Attributes:
      directions: [k, D], orthonormal rows.
      discarded: sum of the eigenvalues left out, divided by D: the training images' squared error a pixel.
      mse: mean squared error a pixel of the test images.
    """

    def __init__(self, train: np.ndarray, test: np.ndarray, k: int):
        from sklearn.decomposition import PCA

        train, test = (images.reshape(len(images), -1).astype(np.float32) / 255 for images in (train, test))
        fitted = PCA(k, svd_solver="covariance_eigh").fit(train)
        self.directions = fitted.components_
        # scikit-learn divides by N - 1.
        left = fitted.noise_variance_ * (min(train.shape) - k) * (len(train) - 1) / len(train)
        self.discarded = float(left / train.shape[1])
        self.mse = float(np.mean(np.square(test - fitted.inverse_transform(fitted.transform(test)))))


def subspace_angle(decode: Encode, directions: np.ndarray) -> float:
    """Largest principal angle between what a linear decoder can make and the span of `directions`.

    Args:
      directions: [k, D].

    Returns:
      In degrees, from 0 to 90; NaN for a decoder that is not linear (up to its bias).
    """
    from scipy.linalg import subspace_angles

    k = len(directions)
    units = jnp.concatenate([jnp.zeros((1, k)), jnp.eye(k), -3 * jnp.ones((1, k))])
    made = np.asarray(decode(units), np.float64).reshape(k + 2, -1)
    basis = made[1:-1] - made[0]  # [k, D]
    if not np.allclose(made[-1] - made[0], -3 * basis.sum(0), rtol=1e-3, atol=1e-3 * np.abs(basis).max()):
        return float("nan")
    return float(np.degrees(subspace_angles(basis.T, directions.T)[0]))
