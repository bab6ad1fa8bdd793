#!/usr/bin/env bash
# Brings the Redis server that the tests of the shared key-value store start and stop by themselves. Where it cannot be
# had, those tests are reported as not run; so this never fails a build.
set -u
command -v redis-server >/dev/null 2>&1 && exit 0
if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" != 0 ]; then
  echo 'redis-server is not installed, and only root on Debian can install it here' >&2
  exit 0
fi
# Runlevel 1: the package must not start a service of its own.
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
{ apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-server; } >/dev/null 2>&1 ||
  echo 'redis-server could not be installed' >&2
exit 0
