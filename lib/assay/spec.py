"""Spec: a name with keyword arguments, such as `relu`, `elu(alpha=0.5)` or `my_pkg.acts:swishy(beta=2)`.

A Spec is text a user types, a key in a table and a part of a trial's identity, so one meaning has one
spelling: `canonical` validates it against the constructor's signature, drops arguments that equal their
defaults and normalises numbers. Nothing is evaluated: arguments are Python literals.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
import dataclasses
import difflib
import importlib
import inspect
import re
from typing import Any

Registry = Mapping[str, Callable[..., Any]]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*(:[A-Za-z_][A-Za-z0-9_]*)?")
_OPEN, _CLOSE = "([{", ")]}"


class SpecError(ValueError):
    """A Spec that cannot be understood; the message is one line that says what would be right."""


@dataclasses.dataclass(frozen=True, order=True)
class Spec:
    """A constructor's name and its keyword arguments, sorted by name."""

    name: str
    kwargs: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        if not self.kwargs:
            return self.name
        return f"{self.name}({','.join(f'{key}={value!r}' for key, value in self.kwargs)})"


def nearest(name: str, known: Sequence[str], what: str) -> str:
    """One line for an unknown name: the nearest known one, then all of them."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"unknown {what} {name!r}{hint} (known: {', '.join(sorted(known))})"


def split(text: str) -> list[str]:
    """Splits at top-level commas: `"tanh,elu(alpha=0.5)"` -> `["tanh", "elu(alpha=0.5)"]`.

    Raises:
      SpecError: unbalanced brackets or quotes, or an empty item.
    """
    items, depth, quote, start = [], 0, "", 0
    for i, char in enumerate(text):
        if quote:
            quote = "" if char == quote and text[i - 1] != "\\" else quote
        elif char in "'\"":
            quote = char
        elif char in _OPEN:
            depth += 1
        elif char in _CLOSE:
            depth -= 1
            if depth < 0:
                break
        elif char == "," and depth == 0:
            items.append(text[start:i].strip())
            start = i + 1
    if depth or quote:
        raise SpecError(f"unbalanced brackets or quotes in {text!r}")
    items.append(text[start:].strip())
    if not all(items):
        raise SpecError(f"empty item in {text!r}; write values separated by single commas, as in 'tanh,relu'")
    return items


def parse(text: str) -> Spec:
    """Reads `name`, `name(arg=literal, ...)` or `pkg.module:name(...)`.

    Raises:
      SpecError: not of that form, a positional argument, or a value that is no Python literal.
    """
    text = text.strip()
    match = _NAME.match(text)
    if not match:
        raise SpecError(f"cannot read {text!r} as a Spec; write name or name(arg=value)")
    name, arguments = match.group(), text[match.end() :].strip()
    if "." in name and ":" not in name:
        raise SpecError(f"cannot read {text!r}; an import path is written pkg.module:name(arg=value)")
    if not arguments:
        return Spec(name)
    try:
        call = ast.parse(f"f{arguments}", mode="eval").body
    except SyntaxError:
        call = None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise SpecError(f"cannot read {text!r} as a Spec; write {name} or {name}(arg=value)")
    if call.args or any(keyword.arg is None for keyword in call.keywords):
        raise SpecError(f"{text!r}: name every argument, as in {name}(arg=value)")
    names = [keyword.arg for keyword in call.keywords]
    if len(set(names)) < len(names):
        raise SpecError(f"{text!r}: an argument is given twice")
    try:
        values = [_hashable(ast.literal_eval(keyword.value)) for keyword in call.keywords]
    except (ValueError, TypeError):
        raise SpecError(f"{text!r}: arguments must be literals such as 0.5, 3, True or 'text'") from None
    return Spec(name, tuple(sorted(zip(names, values))))


def _hashable(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(_hashable(item) for item in value)
    if isinstance(value, (dict, set)):
        raise ValueError("mappings and sets have no canonical spelling")
    return value


def constructor(registry: Registry, spec: Spec, what: str) -> Callable[..., Any]:
    """The callable a Spec names: a registry entry, or what its import path leads to.

    Args:
      what: the kind of thing, for messages: "activation", "model", ...
    """
    if ":" not in spec.name:
        if spec.name not in registry:
            raise SpecError(nearest(spec.name, list(registry), what))
        return registry[spec.name]
    module_name, attribute = spec.name.split(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise SpecError(f"{what} {spec}: cannot import {module_name!r} ({error}); is it on PYTHONPATH?") from None
    if not callable(found := getattr(module, attribute, None)):
        names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise SpecError(f"module {module_name}: {nearest(attribute, names, what)}")
    return found


def canonical(registry: Registry, spec: Spec | str, what: str) -> Spec:
    """Validates a Spec against its constructor's signature and gives it its one spelling.

    Raises:
      SpecError: unknown name or argument, a missing argument, or an argument of the wrong type.
    """
    spec = parse(spec) if isinstance(spec, str) else spec
    parameters = inspect.signature(constructor(registry, spec, what)).parameters
    # flax modules are dataclasses: `parent` and `name` belong to flax, `kit` and `outputs` to assay.
    settable = {k: p for k, p in parameters.items() if k not in ("parent", "name", "kit", "outputs")}
    kept = []
    for key, value in spec.kwargs:
        if key not in settable:
            raise SpecError(f"{what} {spec.name}: {nearest(key, list(settable), 'argument')}")
        value = _typed(value, settable[key], f"{what} {spec.name}: argument {key}")
        if value != settable[key].default or type(value) is not type(settable[key].default):
            kept.append((key, value))
    given = {key for key, _ in spec.kwargs}
    for key, parameter in settable.items():
        if parameter.default is parameter.empty and key not in given:
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise SpecError(f"{what} {spec.name}: argument {key} is missing; write {spec.name}({key}=...)")
    return Spec(spec.name, tuple(kept))


def _typed(value: Any, parameter: inspect.Parameter, where: str) -> Any:
    wanted = parameter.annotation
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if wanted is float and number:
        return float(value)
    if wanted in (int, float, bool, str) and type(value) is not wanted:
        raise SpecError(f"{where} must be of type {wanted.__name__}, not {value!r}")
    return value


def canonical_text(registry: Registry, text: str, what: str) -> str:
    """`canonical`, from text to text."""
    return str(canonical(registry, text, what))


def build(registry: Registry, spec: Spec | str, what: str, **context: Any) -> Any:
    """Calls the constructor a Spec names.

    Args:
      context: arguments that come from the program, not from the Spec's text.

    Raises:
      SpecError: an invalid Spec, or one whose values the constructor refuses (ValueError).
    """
    spec = canonical(registry, spec, what)
    try:
        return constructor(registry, spec, what)(**dict(spec.kwargs), **context)
    except SpecError:
        raise
    except ValueError as error:
        raise SpecError(f"{what} {spec}: {error}") from error
