"""Compiler options: only what this jaxlib knows, and the same numbers with them as without."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from assay import ops
from assay.ops import compiler


def test_options_are_accepted_and_change_no_result():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(4, 8, 8, 3)), jnp.float32)
    kernel = jnp.asarray(np.random.default_rng(1).normal(size=(3, 3, 3, 8)), jnp.float32)
    gradients = jax.grad(lambda x, k: jnp.sin(ops.conv(x, k)).sum(), (0, 1))
    plain = jax.jit(gradients)(x, kernel)
    fast = jax.jit(gradients, compiler_options=compiler.compiler_options())(x, kernel)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), plain, fast)


def test_unknown_options_are_recognised_without_harm():
    assert not compiler._known("xla_cpu_no_such_option", True)
    assert compiler._known("xla_cpu_enable_fast_math", False)


def test_other_compile_errors_are_not_swallowed(monkeypatch):
    def broken(*args, **kwargs):
        raise jax.errors.JaxRuntimeError("INTERNAL: out of something")

    monkeypatch.setattr(jax, "jit", broken)
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"):
        compiler._known("xla_cpu_enable_fast_math", True)


def test_accelerators_get_none(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert compiler.compiler_options() == {}
