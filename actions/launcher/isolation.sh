#!/usr/bin/env bash
# On a runner that GitHub throws away after the job: bubblewrap, and the user namespaces that it needs.
# Whatever cannot be had is left: mlassay says so, and policy (isolation_from) refuses where it matters.
set -u
root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
if ! command -v bwrap >/dev/null; then
  root apt-get install --yes --quiet --no-install-recommends bubblewrap >/dev/null 2>&1 ||
    { root apt-get update --quiet && root apt-get install --yes --quiet --no-install-recommends bubblewrap; } >/dev/null 2>&1
fi
closed=/proc/sys/kernel/apparmor_restrict_unprivileged_userns
if [ -r "$closed" ] && [ "$(cat "$closed")" = 1 ]; then
  root sysctl --quiet --write kernel.apparmor_restrict_unprivileged_userns=0
fi
exit 0
