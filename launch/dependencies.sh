#!/usr/bin/env bash
# Installs the packages Chorale is built with, if any is missing: Debian 12, Ubuntu 24.04 or newer. Asks nothing.
# Elsewhere it names them and goes on. Refuses a CMake that is too old to know the presets.
set -euo pipefail

packages=(cmake ninja-build g++ openmpi-bin libopenmpi-dev libprotobuf-dev protobuf-compiler libspdlog-dev
  libfmt-dev libboost-test-dev libboost-context-dev libcli11-dev nlohmann-json3-dev libxxhash-dev libhwy-dev
  librandom123-dev pkg-config python3)
cmake_needed=3.25

say() { printf '%s\n' "$*" >&2; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    env DEBIAN_FRONTEND=noninteractive "$@"
  elif ! command -v sudo > /dev/null; then
    say "chorale: not root and there is no sudo; ask an administrator to run: $*"
    return 4
  elif [ -t 0 ]; then
    sudo env DEBIAN_FRONTEND=noninteractive "$@"
  else
    sudo -n env DEBIAN_FRONTEND=noninteractive "$@"
  fi
}

install_missing() {
  local missing=() package
  for package in "${packages[@]}"; do
    case $(dpkg-query -W -f='${db:Status-Status}' "$package" 2> /dev/null || true) in
      installed) ;;
      *) missing+=("$package") ;;
    esac
  done
  if [ ${#missing[@]} -eq 0 ]; then return 0; fi
  say "chorale: installing ${missing[*]}"
  as_root apt-get update || say "chorale: apt-get update failed; trying with the package lists at hand"
  as_root apt-get install -y --no-install-recommends "${missing[@]}"
}

check_cmake() {
  local found oldest
  if ! command -v cmake > /dev/null; then
    say "chorale: error: cmake is not installed; version $cmake_needed or newer is needed"
    return 4
  fi
  found=$(cmake --version | sed -n '1s/[^0-9]*\([0-9.]*\).*/\1/p')
  oldest=$(printf '%s\n%s\n' "$cmake_needed" "$found" | sort -V | head -n 1)
  if [ "$oldest" != "$cmake_needed" ]; then
    say "chorale: error: cmake is $found, expected $cmake_needed or newer"
    say "  hint: https://cmake.org/download, or pip install cmake"
    return 4
  fi
}

if command -v apt-get > /dev/null && command -v dpkg-query > /dev/null; then
  install_missing
else
  say "chorale: this is not a Debian or Ubuntu system; these must be installed (Debian's names):"
  say "  ${packages[*]}"
fi
check_cmake
