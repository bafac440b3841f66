#!/usr/bin/env bash
# All tests under the sanitizers: addresses, leaks and undefined behaviour, then threads. Arguments go to
# ctest. What Open MPI needs to be quiet is in tests/sanitizers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

launch/dependencies.sh
status=0
for preset in asan tsan; do
  printf '\n== %s\n' "$preset"
  cmake --preset "$preset"
  cmake --build --preset "$preset"
  ctest --preset "$preset" --output-on-failure -j2 "$@" || status=$?
done
exit "$status"
