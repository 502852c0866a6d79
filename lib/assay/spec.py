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
import math
import re
from typing import Any

Registry = Mapping[str, Callable[..., Any]]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*(:[A-Za-z_][A-Za-z0-9_]*)?")
_OPEN, _CLOSE = "([{", ")]}"
_TYPES = {"int": int, "float": float, "bool": bool, "str": str, "tuple": tuple, "None": type(None)}


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
    return f"unknown {what} {_quoted(name)}{hint} (known: {', '.join(sorted(known)) or 'none'})"


def _quoted(text: str) -> str:
    """A user's text in a message: on one line, and not longer than the message can bear."""
    return repr(text) if len(text) <= 200 else f"{text[:200]!r}..."


def split(text: str) -> list[str]:
    """Splits at top-level commas: `"tanh,elu(alpha=0.5)"` -> `["tanh", "elu(alpha=0.5)"]`.

    Raises:
      SpecError: unbalanced brackets or quotes, or an empty item.
    """
    items, depth, quote, start, escaped = [], 0, "", 0, False
    for i, char in enumerate(text):
        if escaped:
            escaped = False
        elif quote:
            quote, escaped = "" if char == quote else quote, char == "\\"
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
        raise SpecError(f"unbalanced brackets or quotes in {_quoted(text)}")
    items.append(text[start:].strip())
    if not all(items):
        raise SpecError(f"empty item in {_quoted(text)}; separate values by single commas, as in 'tanh,relu'")
    return items


def parse(text: str) -> Spec:
    """Reads `name`, `name(arg=literal, ...)` or `pkg.module:name(...)`.

    Raises:
      SpecError: not of that form, a positional argument, or a value that is no Python literal.
    """
    text = text.strip()
    shown, match = _quoted(text), _NAME.match(text)
    if not match:
        raise SpecError(f"cannot read {shown} as a Spec; write name or name(arg=value)")
    name, arguments = match.group(), text[match.end() :].strip()
    if "." in name and ":" not in name:
        raise SpecError(f"cannot read {shown}; an import path is written pkg.module:name(arg=value)")
    if not arguments:
        return Spec(name)
    try:
        call = ast.parse(f"f{arguments}", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):  # a null byte; nested too deeply
        call = None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise SpecError(f"cannot read {shown} as a Spec; write {name} or {name}(arg=value)")
    if call.args or any(keyword.arg is None for keyword in call.keywords):
        raise SpecError(f"{shown}: name every argument, as in {name}(arg=value)")
    names = [keyword.arg for keyword in call.keywords]
    if len(set(names)) < len(names):
        raise SpecError(f"{shown}: an argument is given twice")
    try:
        values = [_literal(ast.literal_eval(keyword.value)) for keyword in call.keywords]
    except (ValueError, TypeError, MemoryError, RecursionError):
        wanted = "0.5, 3, True, 'text' or (1,2)"
        raise SpecError(f"{shown}: arguments must be literals such as {wanted}") from None
    return Spec(name, tuple(sorted(zip(names, values))))


def _literal(value: Any) -> Any:
    """The value if it has a spelling that reads back as the same value; lists become tuples.

    Raises:
      ValueError: it has none, as mappings, sets, bytes, infinite and complex numbers.
    """
    if isinstance(value, (list, tuple)):
        return tuple(_literal(item) for item in value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("not a finite number")
    if value is not None and not isinstance(value, (bool, int, float, str)):
        raise ValueError(f"no argument of a Spec: {value!r}")
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
    except Exception as error:  # a user's module may raise anything
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        hint = "; is it on PYTHONPATH?" if isinstance(error, ModuleNotFoundError) else ""
        raise SpecError(f"{what} {spec}: cannot import {module_name!r} ({reason}){hint}") from error
    if not callable(found := getattr(module, attribute, None)):
        names = [name for name, value in vars(module).items() if callable(value) and name[0] != "_"]
        raise SpecError(f"module {module_name}: {nearest(attribute, names, what)}")
    return found


def canonical(registry: Registry, spec: Spec | str, what: str) -> Spec:
    """Validates a Spec against its constructor's signature and gives it its one spelling.

    Raises:
      SpecError: unknown name or argument, a missing argument, or an argument of the wrong type.
    """
    spec = parse(spec) if isinstance(spec, str) else spec
    settable, any_name = _settable(constructor(registry, spec, what), what, spec.name)
    kept = []
    for key, value in spec.kwargs:
        if key not in settable and not any_name:
            raise SpecError(f"{what} {spec.name}: {nearest(key, list(settable), 'argument')}")
        if key in settable:
            value = _typed(value, settable[key].annotation, f"{what} {spec.name}: argument {key}")
            if value == settable[key].default and type(value) is type(settable[key].default):
                continue
        kept.append((key, value))
    given = {key for key, _ in spec.kwargs}
    for key, parameter in settable.items():
        if parameter.default is parameter.empty and key not in given:
            hint = f"; an import path names a function that returns the {what}" if ":" in spec.name else ""
            where = f"{what} {spec.name}: argument {key}"
            raise SpecError(f"{where} is missing; write {spec.name}({key}=...){hint}")
    return Spec(spec.name, tuple(kept))


def _settable(found: Callable[..., Any], what: str, name: str) -> tuple[dict[str, inspect.Parameter], bool]:
    """The parameters that a Spec can name, and whether the constructor takes others too (`**kwargs`)."""
    try:
        parameters = inspect.signature(found).parameters
    except ValueError as error:
        raise SpecError(f"{what} {name}: {error}") from error
    # flax modules are dataclasses: `parent` and `name` belong to flax, `kit` and `outputs` to assay.
    reserved = ("parent", "name", "kit", "outputs") if what == "model" else ()
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    settable = {k: p for k, p in parameters.items() if k not in reserved and p.kind not in variadic}
    return settable, any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())


def _typed(value: Any, annotation: Any, where: str) -> Any:
    """The value as its parameter's annotation wants it: 1 becomes 1.0 for a float.

    Raises:
      SpecError: it is of another type.
    """
    wanted = _types(annotation)
    if float in wanted and int not in wanted and type(value) in (int, float):
        try:
            return float(value) + 0.0  # -0.0 is spelt 0.0
        except OverflowError:
            raise SpecError(f"{where} is too large") from None
    if wanted and type(value) not in wanted:
        names = " or ".join(kind.__name__ for kind in wanted)
        raise SpecError(f"{where} must be of type {names}, not {value!r}")
    return value


def _types(annotation: Any) -> tuple[type, ...]:
    """What `float` or `float | str` allows; () for an annotation that is not of the types that literals have.

    Under `from __future__ import annotations` an annotation is text.
    """
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    found = [_TYPES.get(part.split("[")[0].strip()) for part in text.split("|")]
    return () if None in found else tuple(found)


def canonical_text(registry: Registry, text: str, what: str) -> str:
    """`canonical`, from text to text."""
    return str(canonical(registry, text, what))


def build(
    registry: Registry, spec: Spec | str, what: str, then: Callable[[Any], Any] = lambda made: made, **context: Any
) -> Any:
    """Calls the constructor a Spec names.

    Args:
      then: applied to what it makes; may refuse it by a ValueError.
      context: arguments that come from the program, not from the Spec's text.

    Raises:
      SpecError: an invalid Spec; one whose values the constructor refuses (ValueError, TypeError); or whatever a
        user's own constructor, one with an import path, raises.
    """
    spec = canonical(registry, spec, what)
    expected = Exception if ":" in spec.name else (ValueError, TypeError)
    try:
        return then(constructor(registry, spec, what)(**dict(spec.kwargs), **context))
    except SpecError:
        raise
    except expected as error:
        raise SpecError(f"{what} {spec}: {first_line(error)}") from error


def first_line(error: BaseException) -> str:
    """What an error says, in one line; its type where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
