#!/usr/bin/env bash
# Entry to assay:
#   ./launch.sh                    lists the experiments, each with its question and cost
#   ./launch.sh NAME [--flags]     runs an experiment; first use sets up .venv
#   ./launch.sh NAME --help        its flags
#   ./launch.sh claims [--flags]   the ledger of claims: what is settled and how; --run settles, --show tells
#   ./launch.sh test [arguments]   the test suite
# --engine=ray and --engine=slurm install what they need (docs/cluster.md).
# PYTHON=/path/to/python chooses the interpreter; ACCELERATOR=cuda or tpu installs JAX for it.
set -euo pipefail
CDPATH='' cd "$(dirname "${BASH_SOURCE[0]}")"

fail() { echo "launch.sh: $1" >&2; exit 2; }

# Runs at all (a pyenv shim may not), is a supported version, and can make an environment.
usable() {
  "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
    >/dev/null 2>&1
}

newest_python() {
  local version candidate
  for version in 3.13 3.12 3.11; do
    for candidate in "$(command -v "python$version" || true)" \
      "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/"$version".*/bin/python; do
      if [ -x "$candidate" ] && usable "$candidate"; then echo "$candidate"; return; fi
    done
  done
  fail "found no Python 3.11, 3.12 or 3.13 with the venv module; PYTHON=/path/to/python names one"
}

chosen_python() {
  if [ -z "${PYTHON:-}" ]; then
    newest_python
  else
    command -v "$PYTHON" && usable "$PYTHON" ||
      fail "PYTHON=$PYTHON is no Python 3.11 to 3.13 that runs and has venv"
  fi
}

set_up() {  # set_up EXTRA...: makes or updates .venv so that it has assay with these extras
  local python extras list wanted installed=.venv/assay-installed
  [[ ${ACCELERATOR:-cuda} =~ ^(cuda|tpu)$ ]] || fail "ACCELERATOR must be cuda or tpu, not '$ACCELERATOR'"
  if [ -z "${PYTHON:-}" ] && [ -f "$installed" ] && usable .venv/bin/python; then
    python=$(head -1 "$installed")
  else
    python=$(chosen_python)
  fi
  extras=$(printf '%s\n' "$@" ${ACCELERATOR:-} $(tail -n +3 "$installed" 2>/dev/null) | sort -u | sed '/^$/d')
  # The folder counts: in a copied or moved one, .venv would still lead to the old one's code.
  wanted=$(printf '%s\n' "$python" "$(cat pyproject.toml constraints.txt | cksum) $PWD" "$extras")
  [ "$(cat "$installed" 2>/dev/null)" != "$wanted" ] || return 0
  # A cluster's jobs come here at the same time: one of them sets up, the others wait and look again.
  if [ -z "${set_up_alone:-}" ] && command -v flock >/dev/null; then
    exec 9>.venv.lock
    flock 9
    set_up_alone=yes set_up "$@"
    exec 9>&-
    return
  fi
  if [ "$(head -1 "$installed" 2>/dev/null)" != "$python" ]; then
    echo "launch.sh: $("$python" --version) at $python; setting up .venv (about a minute)" >&2
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' ||
      echo "launch.sh: on a CPU, Python 3.12 or newer is faster: its JAX has faster convolutions" >&2
    rm -rf .venv
    "$python" -m venv .venv
  else
    echo "launch.sh: updating .venv" >&2
  fi
  rm -f "$installed"
  list=${extras//$'\n'/,}
  .venv/bin/python -m pip install --quiet --disable-pip-version-check \
    -c constraints.txt -e ".${list:+[$list]}" ||
    fail "the installation failed (see above); the next start tries again"
  echo "$wanted" > "$installed"
}

engine_extra() {  # engine_extra ARGUMENT...: the extra that --engine=ray or --engine=slurm needs
  local named=' --?engine[= ](ray|slurm)[( ]'
  [[ " $* " =~ $named ]] && echo "${BASH_REMATCH[1]}" || true
}

if [ $# -eq 0 ] || [[ $1 =~ ^(-h|--help|help)$ ]]; then
  python=$(chosen_python)
  exec "$python" lib/assay/catalog.py experiments
fi

name=$1
shift
if [ "$name" = test ]; then
  set_up test
  # A core that is done takes over from the others; more than 8 processes would only wait for memory.
  exec .venv/bin/python -m pytest --numprocesses=auto --maxprocesses=8 --dist=worksteal "$@"
fi
if [ "$name" = claims ]; then
  set_up
  exec .venv/bin/python -m experiments.ledger "$@"
fi
if [ ! -f "experiments/$name.py" ] || [[ $name == *[!a-z0-9_]* ]] || [ "$name" = __init__ ]; then
  python=$(chosen_python)
  exec "$python" lib/assay/catalog.py experiments "$name"
fi
set_up $(engine_extra "$@")
exec .venv/bin/python -m "experiments.$name" "$@"
