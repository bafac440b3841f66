#!/usr/bin/env bash
# Installs what is missing, builds everything and runs all tests. Arguments go to ctest: launch/test.sh -R graph
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

launch/dependencies.sh
cmake --preset release
cmake --build --preset release
status=0
ctest --preset release --output-on-failure -j2 "$@" || status=$?
grep -h '^skipped: ' build/release/Testing/Temporary/LastTest.log 2> /dev/null | sort -u || true  # why tests were skipped
exit "$status"
