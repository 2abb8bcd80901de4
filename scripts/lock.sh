#!/bin/sh
# Locks every requirements.in, those of our tools included, for Python 3.13 on both of Lambda's architectures: scripts/lock.sh UV [--upgrade]
# The development environment is resolved first and constrains the functions, so that a library has one version everywhere.
set -eu
uv=$1
shift
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

compile() { # platform, output, arguments
  platform=$1 output=$2
  shift 2
  "$uv" pip compile --quiet --no-config --generate-hashes --no-header \
    --python-version 3.13 --python-platform "$platform" --output-file "$output" "$@"
}

lock() { # folder and name without .in, arguments
  lock=$1
  shift
  compile x86_64-manylinux_2_28 "$lock.txt" "$lock.in" "$@"
  cp "$lock.txt" "$scratch/lock.txt"
  compile aarch64-manylinux_2_28 "$scratch/lock.txt" "$lock.in" "$@"
  if ! cmp -s "$lock.txt" "$scratch/lock.txt"; then
    echo "$lock.in resolves differently on x86_64 and aarch64; one lock must serve both:" >&2
    diff "$lock.txt" "$scratch/lock.txt" >&2 || exit 1
  fi
  echo "$lock.txt"
}

lock requirements-dev "$@"
for input in lambda_src/*/requirements.in local/runtime-requirements.in scripts/backbones/requirements.in \
  benchmarks/*/requirements.in; do
  dependencies=
  case $input in benchmarks/imported/*) dependencies=--no-deps ;; esac # it lists all, and says why
  lock "${input%.in}" --constraints requirements-dev.txt $dependencies "$@"
done
for input in scripts/tools/*/requirements.in; do # each in an environment of its own
  lock "${input%.in}" "$@"
done
