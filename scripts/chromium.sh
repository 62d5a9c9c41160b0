#!/usr/bin/env bash
# Brings a Chromium for the tests that open the report in a browser. Never fails: without a
# browser those tests are skipped, and pytest counts them as such.
cd "$(dirname "$0")/.." || exit 0

for name in chromium chromium-browser google-chrome google-chrome-stable; do
  command -v "$name" >/dev/null && exit 0
done
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "chromium: none found; the page tests will be skipped (install Chromium to run them)"
  exit 0
fi
echo "chromium: installing it for the page tests"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
install() { timeout 300 apt-get install -y --no-install-recommends chromium; }
if { install || { timeout 120 apt-get update && install; }; } >"$log" 2>&1; then
  chromium --version 2>/dev/null
else
  tail -n 3 "$log"
  echo "chromium: could not be installed; the page tests will be skipped"
fi
rm -f "$log"
exit 0
