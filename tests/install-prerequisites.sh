#!/usr/bin/env bash
# Installs the programs that the tests run and no Python package brings, where they are missing.
# Only root on Debian or Ubuntu can; to everybody else it says what to install.
set -euo pipefail

packages=()

# needs PACKAGE PROGRAM…: one of the programs must be there.
needs() {
    local package=$1 program
    shift
    for program in "$@"; do
        if command -v "$program" >/dev/null; then return; fi
    done
    packages+=("$package")
}

needs chromium chromium chromium-browser google-chrome google-chrome-stable
needs chromium-driver chromedriver
needs espeak-ng espeak-ng
needs ffmpeg ffmpeg
needs libchromaprint-tools fpcalc
needs pgbouncer pgbouncer /usr/sbin/pgbouncer

# The fuzzer's runtime comes in a package of its own, named after the version of clang.
fuzzer=there
if ! clang -x c - -fsanitize=fuzzer,address,undefined -o /dev/null 2>/dev/null <<'END'
int LLVMFuzzerTestOneInput(const char *data, unsigned long size) { return size && *data ? 0 : 0; }
END
then
    fuzzer=missing
    packages+=(clang)
fi

if [ ${#packages[@]} -eq 0 ]; then exit 0; fi

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "The tests need programs that are missing. Install them:" \
        "apt install ${packages[*]} (names of Debian and Ubuntu packages)" >&2
    exit 1
fi

echo "Installing what the tests need: ${packages[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
if [ $fuzzer = missing ]; then
    version=$(apt-cache depends clang | sed -n 's/^ *Depends: clang-\([0-9]*\)$/\1/p')
    packages+=("libclang-rt-$version-dev")
fi
apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
