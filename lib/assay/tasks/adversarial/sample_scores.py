"""How good generated examples are: likelihood, classes, precision, recall, copies. On the host, in seconds.

Everything is measured on samples, for time: the sizes are the constants below, or what the data set has.
"""

from collections.abc import Sequence

import numpy as np

from assay.data import Dataset

SCORES = ("log_likelihood", "coverage", "classifier_error", "precision", "recall", "copies_error")

HELD = 1000  # test images, and samples, of all scores but the likelihood's 10,000 samples
SIGMA_IMAGES = 500  # validation images that choose the Parzen window's width
SIGMAS = np.geomspace(0.05, 0.5, 11)  # in units of x: 0..1 for images
FEATURES = 50  # principal components in which classes, precision and recall are measured
NEIGHBOURS = 3  # of the manifolds of precision and recall, as published; and of the classifier
CLOSE = 1.0  # percent of test images that are nearer to the training images than "close"
COPIES = 500  # samples, and test images, that are compared with every training image


class SampleScores:
    """Scores of samples against one data set.

    log_likelihood: mean log density, in nats, of test examples under Gaussians of width sigma around 10,000
      samples; the sigma of SIGMAS that is best on validation examples (Goodfellow et al. 2014, section 5;
      Breuleux et al. 2011).
    coverage: classes of which 1,000 samples hold at least a tenth of an equal share (10 of 1,000 for ten
      classes), by a classifier fitted on the training images: 3 nearest neighbours among principal
      components.
    classifier_error: of that classifier, on test examples.
    precision, recall: share of samples within the manifold of real test examples, and the reverse, a manifold
      being the union of balls that reach each point's third neighbour (Kynkaanniemi et al. 2019,
      arXiv:1904.06991); in principal components in place of a network's features.
    copies_error: share of samples nearer to their nearest training example than the nearest 1 % of test
      examples to theirs: 0.01 for samples as far from the training set as new real examples are.
    """

    def __init__(self, data: Dataset):
        from sklearn.decomposition import PCA
        from sklearn.neighbors import KNeighborsClassifier

        self._data, self._train, self._test = data, _flat(data.train.x), _flat(data.test.x[:HELD])
        components = min(FEATURES, self._train.shape[1], len(self._train))
        solver = "randomized" if self._train.shape[1] > 2 * components else "full"
        self._space = PCA(components, svd_solver=solver, random_state=0).fit(self._train[:10_000])
        self._classifier = KNeighborsClassifier(NEIGHBOURS, algorithm="brute")
        self._classifier.fit(self._space.transform(self._train), data.train.y)
        self._held = self._space.transform(self._test)
        self._classifier_error = np.mean(self._classifier.predict(self._held) != data.test.y[:HELD])
        real = nearest(self._test[:COPIES], self._train)[0]
        self._close, self._typical = np.percentile(real, CLOSE), np.median(real)

    def of(self, samples: np.ndarray) -> tuple[dict[str, float], str, np.ndarray]:
        """(the scores, what they rest on in words, training examples nearest to the first samples).

        Args:
          samples: float32 `[N, ...]` in the units of the data, uint8 as 0..1; a few thousand.
        """
        flat = _flat(samples)
        if not np.isfinite(flat).all():
            raise ValueError("samples must be finite")
        sigma = SIGMAS[np.argmax(parzen(_flat(self._data.validation.x[:SIGMA_IMAGES]), flat, SIGMAS))]
        some = self._space.transform(flat[:HELD])
        counts = np.bincount(self._classifier.predict(some), minlength=self._data.num_classes)
        distances, index = nearest(flat[:COPIES], self._train)
        precision, recall = precision_recall(self._held, some, NEIGHBOURS)
        metrics = {
            "log_likelihood": float(parzen(self._test, flat, [sigma])[0]),
            "coverage": float(np.sum(counts * self._data.num_classes >= 0.1 * len(some))),
            "classifier_error": float(self._classifier_error),
            "precision": precision,
            "recall": recall,
            "copies_error": float(np.mean(distances < self._close)),
        }
        return metrics, self._words(flat, sigma, counts, distances), _unit(self._data.train.x[index])

    def _words(self, flat: np.ndarray, sigma: float, counts: np.ndarray, distances: np.ndarray) -> str:
        of_train = self._space.transform(self._train[: len(self._held)])
        reference = precision_recall(self._held, of_train, NEIGHBOURS)
        return "\n".join(
            (
                f"Likelihood: {len(self._test)} test examples, {len(flat)} samples, sigma {sigma:.3g}.",
                f"Classes of {counts.sum()} samples: {' '.join(map(str, counts))}.",
                f"Precision and recall: in {self._held.shape[1]} principal components; {len(of_train)} training "
                f"examples in place of samples reach {reference[0]:.3f} and {reference[1]:.3f}.",
                f"Distance to the nearest of {len(self._train)} training examples, median: samples "
                f"{np.median(distances):.3g}, test examples {self._typical:.3g}; close is below {self._close:.3g}; "
                f"the nearest sample has {distances.min():.3g}.",
            )
        )


def parzen(x: np.ndarray, centers: np.ndarray, sigmas: Sequence[float]) -> np.ndarray:
    """Mean log density of x `[N, D]`, in nats, under Gaussians of each width sigma around centers `[M, D]`."""
    from scipy.special import logsumexp

    squares = np.concatenate([_squares(part, centers) for part in _parts(x)])  # [N, M]
    constants = np.log(len(centers)) + x.shape[1] / 2 * np.log(2 * np.pi * np.square(sigmas))
    densities = [np.mean(logsumexp(squares * np.float32(-0.5 / sigma**2), axis=1)) for sigma in sigmas]
    return np.array(densities) - constants


def precision_recall(real: np.ndarray, made: np.ndarray, neighbours: int) -> tuple[float, float]:
    """Shares of `made` `[M, D]` in the manifold of `real` `[N, D]`, and of `real` in that of `made`."""
    across = np.sqrt(_squares(real, made))  # [N, M]
    radii = [_radii(points, neighbours) for points in (real, made)]
    within_real, within_made = across <= radii[0][:, None], across <= radii[1][None]
    return float(within_real.any(axis=0).mean()), float(within_made.any(axis=1).mean())


def nearest(x: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(distance, index) `[N]` of the nearest of `among` `[M, D]` to each of x `[N, D]`."""
    from sklearn.neighbors import NearestNeighbors

    distances, index = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(among).kneighbors(x)
    return distances[:, 0], index[:, 0]


def _radii(points: np.ndarray, neighbours: int) -> np.ndarray:
    # Column 0 is the distance of a point to itself.
    return np.sqrt(np.partition(_squares(points, points), neighbours, axis=1)[:, neighbours])


def _squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    from sklearn.metrics.pairwise import euclidean_distances

    return euclidean_distances(a, b, squared=True)


def _parts(x: np.ndarray) -> list[np.ndarray]:
    return np.array_split(x, -(-len(x) // 500))


def _unit(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float32) / 255 if x.dtype == np.uint8 else x.astype(np.float32)


def _flat(x: np.ndarray) -> np.ndarray:
    return _unit(x).reshape(len(x), -1)
