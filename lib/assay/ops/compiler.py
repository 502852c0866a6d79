"""Compiler options that make this machine's programs fast."""

import functools

import jax
import jax.numpy as jnp

# oneDNN is inside jaxlib from 0.12 on, switched off: convolutions and matrix products by its library calls.
_ONEDNN = {"xla_cpu_use_onednn": True, "xla_cpu_experimental_onednn_custom_call": True}


@functools.cache
def _known(name: str, value: bool | str) -> bool:
    """Whether this jaxlib knows an option: compiling anything with an unknown one is an INVALID_ARGUMENT."""
    try:
        jax.jit(jnp.negative, compiler_options={name: value}).lower(jnp.float32(0)).compile()
    except jax.errors.JaxRuntimeError as error:
        if "INVALID_ARGUMENT" not in str(error):
            raise
        return False
    return True


def compiler_options() -> dict[str, bool | str]:
    """Options for `jax.jit(compiler_options=...)`: those that this jaxlib knows on a CPU, {} on accelerators.

    Asked once per process, by compiling one trivial function per option (milliseconds).
    """
    if jax.default_backend() != "cpu":
        return {}
    return {name: value for name, value in _ONEDNN.items() if _known(name, value)}
