"""Synthetic texts, for next-character prediction without a download; the same arguments give the same text."""

import pathlib

import numpy as np

from assay.data.dataset import complete, Dataset, Source
from assay.data.text import divided, text_parts

_SEED = 1
_PERIOD = 25.7  # samples of a sine's turn: no whole number, so that every phase occurs


def markov_text(symbols: int = 8, window: int = 8, n: int = 20000) -> Source:
    """n characters of a first-order Markov chain, `symbols` letters, with fixed transition probabilities.

    Its entropy, which no predictor can beat in the long run, is in the set's note. Windows and splits as of `text`.
    """
    if not 2 <= symbols <= 26:
        raise ValueError(f"symbols must be from 2 to 26, not {symbols}")
    _check(window, n)

    def read(spec: str, data_dir: pathlib.Path) -> Dataset:
        del data_dir  # computed
        bits = entropy_bits(transitions(symbols))
        note = f"synthetic text of a first-order Markov chain with {bits:.4f} bits a character"
        return complete(spec, text_parts(divided(_spelt(_chain(symbols, n))), window, note))

    return read


def sine(levels: int = 16, noise: float = 0.1, window: int = 16, n: int = 20000) -> Source:
    """n samples of a sine of 25.7 samples a turn, cut into `levels` equal steps, each a letter.

    Args:
      noise: standard deviation of Gaussian noise before the cut, where the sine's amplitude is 1; what lies beyond
        -1..1 takes the outermost letters.
    """
    if not 2 <= levels <= 26:
        raise ValueError(f"levels must be from 2 to 26, not {levels}")
    if not 0 <= noise <= 1:
        raise ValueError(f"noise must be from 0 to 1, not {noise:g}")
    _check(window, n)

    def read(spec: str, data_dir: pathlib.Path) -> Dataset:
        del data_dir  # computed
        wave = np.sin(2 * np.pi / _PERIOD * np.arange(n))
        wave += noise * np.random.RandomState(_SEED).standard_normal(n)  # frozen stream, see hold_out
        letters = np.clip(np.floor((wave + 1) / 2 * levels), 0, levels - 1).astype(int)
        return complete(spec, text_parts(divided(_spelt(letters)), window, "synthetic sine in letters"))

    return read


def transitions(symbols: int) -> np.ndarray:
    """The chain's probabilities `[from, to]`, rows drawn once from a Dirichlet distribution."""
    return np.random.RandomState(_SEED).dirichlet(np.full(symbols, 0.5), symbols)


def entropy_bits(p: np.ndarray) -> float:
    """Entropy rate of a chain: mean over its stationary distribution of the rows' entropies."""
    values, vectors = np.linalg.eig(p.T)
    stationary = np.abs(np.real(vectors[:, np.argmax(np.real(values))]))
    rows = -np.sum(p * np.log2(np.where(p > 0, p, 1)), axis=1)
    return float(rows @ stationary / stationary.sum())


def _chain(symbols: int, n: int) -> list[int]:
    steps = np.cumsum(transitions(symbols), axis=1)
    states = [0]
    for u in np.random.RandomState(_SEED + 1).uniform(size=n - 1):
        states.append(min(int(np.searchsorted(steps[states[-1]], u, side="right")), symbols - 1))
    return states


def _spelt(letters: list[int] | np.ndarray) -> str:
    return "".join(chr(ord("a") + int(letter)) for letter in letters)


def _check(window: int, n: int) -> None:
    if window < 1 or n < 40 * (window + 1):
        raise ValueError(f"window must be at least 1 and n at least {40 * (max(window, 1) + 1)}, not {window} and {n}")
