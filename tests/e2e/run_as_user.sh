#!/bin/sh
# As root: run the end-to-end tests once more as an ordinary user, who has neither the build tree nor
# any privilege: with copies of the programs in a directory of its own.  Without root there is nothing
# new to learn: skip.
set -eu
build=${abs_top_builddir:-$(pwd)}
[ "$(id -u)" -eq 0 ] || { echo 'skipped: this needs root, to become somebody else'; exit 77; }
command -v setpriv >/dev/null 2>&1 || { echo 'skipped: setpriv is missing (util-linux)'; exit 77; }
id nobody >/dev/null 2>&1 || { echo 'skipped: there is no user nobody'; exit 77; }

place=$(mktemp -d "${TMPDIR:-/tmp}/superd-e2e-user.XXXXXX")
trap 'rm -rf "$place"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$place/tmp" "$place/services" "$place/superd" "$place/tests" "$place/tests/e2e" "$place/tests/e2e/handlers"
cp "$build/superd/superd" "$place/superd/"
cp "$build/tests/e2e/handlers/specimen" "$place/tests/e2e/handlers/"
if [ -x "$build/services/echo" ]; then cp "$build/services/echo" "$place/services/"; fi
if [ -f "$build/tests/e2e/fault.so" ]; then cp "$build/tests/e2e/fault.so" "$place/tests/e2e/"; fi
for t in contract fault hostile_clients launch_failures listener_mode listeners options readiness reload \
    stderr stop upgrade upgrade_refused; do
    cp "$build/tests/e2e/test_$t" "$place/tests/e2e/"
done
chmod 755 "$place"
chown -R nobody "$place"

status=0
cd "$place"
for program in tests/e2e/test_*; do
    result=0
    env -i PATH="$PATH" HOME=/ TMPDIR="$place/tmp" E2E_BUILD="$place" \
        E2E_SUPERD="$place/superd/superd" E2E_SPECIMEN="$place/tests/e2e/handlers/specimen" \
        ${ASAN_OPTIONS:+ASAN_OPTIONS="$ASAN_OPTIONS"} ${LSAN_OPTIONS:+LSAN_OPTIONS="$LSAN_OPTIONS"} \
        setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups --inh-caps=-all \
        --bounding-set=-all "$program" || result=$?
    case $result in 0 | 77) ;; *) status=1 ;; esac
done
exit $status
