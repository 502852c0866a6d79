"""Compiler options that make this machine's programs fast, and where compiled programs are kept."""

import functools
import os
import pathlib
import warnings

import jax
import jax.numpy as jnp

# oneDNN is inside jaxlib from 0.12 on, switched off: convolutions and matrix products by its library calls.
_ONEDNN = {"xla_cpu_use_onednn": True, "xla_cpu_experimental_onednn_custom_call": True}


@functools.cache
def _known(name: str, value: bool | str) -> bool:
    """Whether this jaxlib knows an option: compiling anything with an unknown one is an INVALID_ARGUMENT."""
    try:
        jax.jit(jnp.negative, compiler_options={name: value}).lower(jax.ShapeDtypeStruct((), jnp.float32)).compile()
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


@functools.cache
def onednn() -> bool:
    """Whether convolutions of programs compiled with `compiler_options()` are oneDNN's; asked once, by compiling one.

    One with an axis of length 1 and a kernel whose channels are in the other order, as `assay.ops.conv_calls` has them.
    """
    if jax.default_backend() != "cpu":
        return False
    convolution = functools.partial(
        jax.lax.conv_general_dilated,
        window_strides=(1, 1, 1),
        padding="SAME",
        dimension_numbers=("NDHWC", "DHWOI", "NDHWC"),
    )
    shapes = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((1, 1, 8, 8, 32), (1, 3, 3, 32, 32))]
    program = jax.jit(convolution, compiler_options=compiler_options()).lower(*shapes).compile()
    return "onednn$convolution" in program.as_text()


def cache_folder() -> pathlib.Path:
    """The folder of compiled programs, and of what was measured of them."""
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "assay" / "compiled"


def cache_compiled(folder: str | None) -> None:
    """Keeps compiled programs in this folder for the next process; None keeps none."""
    jax.config.update("jax_compilation_cache_dir", folder)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.05)
    # Programs with oneDNN calls can't be written to the cache; they are compiled anew at the next start, no more.
    warnings.filterwarnings("ignore", "Error writing persistent compilation cache entry", UserWarning)
