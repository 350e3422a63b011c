#!/bin/sh
# The programs that the tests start for themselves. Installs what is missing on Debian and Ubuntu as root, never starts
# a service, and elsewhere says what is missing; it never fails, for the tests that need an absent server skip by name.
set -eu
PATH="$PATH:/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"

missing() {
    command -v redis-server >/dev/null || echo redis-server
    command -v rabbitmq-server >/dev/null && command -v erl_call >/dev/null || echo rabbitmq-server
    command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || echo postgresql
    command -v openssl >/dev/null || echo openssl
    command -v prometheus >/dev/null && command -v promtool >/dev/null || echo prometheus
}

wanted=$(missing | tr '\n' ' ')
[ -n "$wanted" ] || exit 0

if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "installing $wanted(for the tests; no service is started)"
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
        trap 'rm -f "$policy"' EXIT INT TERM
    fi
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    { apt-get update -q && apt-get install -q -y --no-install-recommends $wanted; } >/tmp/storehand-servers.log 2>&1 ||
        echo "apt-get failed; see /tmp/storehand-servers.log"
fi

left=$(missing | tr '\n' ' ')
[ -z "$left" ] || echo "not on this machine: $left- the tests that need them will be skipped (install them, then run again)"
