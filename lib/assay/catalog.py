"""Lists the experiments, or says which of them was meant.

Standard library alone, so that it runs before anything is installed.
"""

import ast
import difflib
import pathlib
import sys
import textwrap


def experiments(folder: pathlib.Path) -> dict[str, tuple[str, str]]:
    """(question, cost) of every experiment by name."""
    return {path.stem: question_and_cost(_docstring(path)) for path in sorted(folder.glob("[!_]*.py"))}


def _docstring(path: pathlib.Path) -> str:
    try:
        return ast.get_docstring(ast.parse(path.read_bytes())) or ""
    except (SyntaxError, ValueError) as error:  # one experiment under way must not hide the others
        return f"(cannot be read: {error})"


def question_and_cost(docstring: str) -> tuple[str, str]:
    """The first line of an experiment's docstring, and what follows "Cost:"; empty where it has none."""
    lines = docstring.splitlines() or [""]
    cost = next((line.removeprefix("Cost:").strip() for line in lines if line.startswith("Cost:")), "")
    return lines[0], cost


def main(arguments: list[str]) -> int:
    """Prints the list of the experiments in the folder that is the first argument.

    With a second argument, an unknown experiment's name, it says which one is nearest (exit code 2).
    """
    found = experiments(pathlib.Path(arguments[0]))
    if len(arguments) > 1:
        known = [*found, "claims", "test"]
        close = difflib.get_close_matches(arguments[1], known, n=1, cutoff=0.4)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        line = f"launch.sh: unknown experiment {arguments[1]!r}{hint} (known: {', '.join(known)})"
        print(line, file=sys.stderr)
        return 2
    print("Experiments; run one with ./launch.sh NAME, see its flags with ./launch.sh NAME --help\n")
    for name, (question, cost) in found.items():
        print(name)
        print(textwrap.indent(textwrap.fill(question, 96), "    "))
        print(f"    {cost}\n")
    print("claims\n    The ledger: every claim with its verdict; --run settles them, --show tells all about one.\n")
    print("test\n    The test suite.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
