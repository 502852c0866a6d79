"""Strictness for every test: no silent dtype promotion, no silent broadcasting; and the real data where it lies."""

import pathlib

import jax
import pytest

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(scope="session")
def shared_data() -> pathlib.Path:
    """Folder of real data files (MNIST and others) beside the checkout, if this machine has it."""
    folder = pathlib.Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real data files are not at {folder}")
    return folder
