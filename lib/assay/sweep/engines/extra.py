"""Extras: engines of other projects, which are installed when somebody asks for them."""

import importlib.util


def need(module: str, extra: str) -> None:
    """Sees that an extra's module is there.

    Raises:
      ValueError: it is not; says how it gets there.
    """
    if importlib.util.find_spec(module) is None:
        how = f"./launch.sh installs it when it is given --engine={extra}; elsewhere, pip install -e '.[{extra}]'"
        raise ValueError(f"{module} is not installed: {how}")
