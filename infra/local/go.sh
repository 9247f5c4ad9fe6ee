#!/usr/bin/env bash
# Prints the path of a program that a go line of engines.txt names, after building it where it is missing: `go.sh NAME`.
# With `--path` before the name it builds nothing and fails where it is missing.
# It stands outside the checkout, so that clones and clean checkouts share one, and is named by its version.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

refuse() { printf 'go.sh: %s\n' "$*" >&2; exit 1; }

builds=true
if [ "${1:-}" = --path ]; then builds=false; shift; fi
name=${1:?a name}
read -r module version < <(awk -v name="$name" '$1 == "go" && $2 ~ "/" name "$" { print $2, $3 }' engines.txt) ||
  refuse "engines.txt names no $name"
folder=${XDG_CACHE_HOME:-${HOME:?}/.cache}/matinee/$name-$version

if [ ! -x "$folder/$name" ]; then
  if [ "$builds" = false ]; then refuse "$name $version is not built; run scripts/setup.sh test"; fi
  mkdir -p "$folder"
  exec 9>"$folder.lock"
  flock 9
  if [ ! -x "$folder/$name" ]; then
    go=$(./python.sh)/bin/go
    building=$(mktemp -d "$folder/building.XXXXXX")
    trap 'rm -rf "$building"' EXIT
    # Only a release's own makefile would tell it its version otherwise.
    GOTOOLCHAIN=local GOBIN=$building "$go" install -ldflags "-X=main.Version=$version" "$module@$version" >&2
    # Seen whole or not at all: whoever looks meanwhile holds no lock.
    mv "$building/$name" "$folder/$name"
  fi
fi
printf '%s\n' "$folder/$name"
