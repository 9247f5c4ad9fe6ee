#!/usr/bin/env bash
# Prints the Python environment that holds the pypi lines of engines.txt, after making it where it is missing:
# `python.sh`. With `--path` it makes nothing and fails where it is missing.
# It stands outside the checkout, so that clones and clean checkouts share one, and is named by what is in it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

refuse() { printf 'python.sh: %s\n' "$*" >&2; exit 1; }

command -v python3 >/dev/null 2>&1 || refuse "missing: python3"

mapfile -t packages < <(awk '$1 == "pypi" { print $2 "==" $3 }' engines.txt)
# An environment is of one Python: a newer one on the system leaves it without its libraries.
python=$(python3 -c 'import sys; print(sys.executable, *sys.version_info[:2])')
hash=$(printf '%s\n' "$python" "${packages[@]}" | sha256sum | cut -c1-12)
base=${XDG_CACHE_HOME:-${HOME:?}/.cache}/matinee
folder=$base/python-$hash

if [ ! -e "$folder/complete" ]; then
  if [ "${1:-}" = --path ]; then refuse "${packages[*]} not installed; run scripts/setup.sh test"; fi
  mkdir -p "$base"
  # One at a time: the scripts inside name their folder, so it cannot be built elsewhere and moved here.
  exec 9>"$folder.lock"
  flock 9
  if [ ! -e "$folder/complete" ]; then
    rm -rf "$folder"
    python3 -m venv "$folder" >&2
    "$folder/bin/python" -m pip install --quiet --no-input --disable-pip-version-check "${packages[@]}" >&2
    touch "$folder/complete"
  fi
fi
printf '%s\n' "$folder"
