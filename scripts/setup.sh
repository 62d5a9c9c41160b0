#!/usr/bin/env bash
# Makes .venv with gansmith and its development tools in it. Called by `make setup`.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
stop() {
  echo "setup: $1" >&2
  exit 1
}

command -v "$python" >/dev/null ||
  stop "$python was not found; install Python 3.11 or newer, or name one: make setup PYTHON=python3.12"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  stop "$("$python" --version) is too old; gansmith needs 3.11 or newer: make setup PYTHON=python3.12"
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
  stop "$python cannot make virtual environments; install its venv package (Debian, Ubuntu: apt install python3-venv)"

# An environment whose interpreter has gone (a moved or updated Python) is made anew.
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
  "$python" -m venv --clear .venv
fi
venv=.venv/bin/python

# uv does not read pip's configuration: hand it the machine's mirror and certificates.
setting() { "$venv" -m pip config get "global.$1" 2>/dev/null || true; }
index=${PIP_INDEX_URL:-$(setting index-url)}
if [ -n "$index" ] && [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
  export UV_DEFAULT_INDEX=$index
fi
certificates=${PIP_CERT:-$(setting cert)}
if [ -n "$certificates" ]; then
  export SSL_CERT_FILE=${SSL_CERT_FILE:-$certificates}
fi

"$venv" -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
# Compiled once here: where Python may not write bytecode, each start would compile torch for seconds.
if ! "$venv" -m uv pip install --python "$venv" --compile-bytecode \
  -c constraints.txt -b constraints.txt -e '.[dev]'; then
  echo "setup: uv could not install; trying pip, which reads this machine's own settings" >&2
  "$venv" -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'
fi
