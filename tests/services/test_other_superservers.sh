#!/bin/sh
# superd's handlers are independent programs: echo, daytime and page run under tcpserver, inetd and
# xinetd as they do under superd. Each of the three is used as it is installed, or unpacked from its
# Debian package into a temporary directory; one that cannot be had is skipped, and so is the test
# when there is none of them.
set -eu
services=$(cd "${SERVICES:-services}" && pwd)
directory=$(mktemp -d)
pids=
ran=0
failed=0

clean() {
    for pid in $pids; do kill "$pid" 2>/dev/null || :; done
    for pid in $pids; do wait "$pid" 2>/dev/null || :; done
    rm -rf "$directory"
}
trap clean EXIT
trap 'exit 1' HUP INT TERM

if ! perl -MIO::Socket::INET -e 1 2>/dev/null; then
    echo "SKIP: perl is not installed, which is the client here"
    exit 77
fi

# ---- Programs -------------------------------------------------------------------------------------

# have PROGRAM PACKAGE: sets $program.
have() {
    for program in "/usr/bin/$1" "/usr/sbin/$1"; do
        if [ -x "$program" ]; then return 0; fi
    done
    mkdir -p "$directory/packages/$2"
    (cd "$directory/packages/$2" &&
        timeout 60 apt-get -o Acquire::Retries=0 -o Acquire::http::Timeout=10 download "$2" &&
        dpkg -x ./*.deb .) >"$directory/apt.log" 2>&1 || :
    for program in "$directory/packages/$2/usr/bin/$1" "$directory/packages/$2/usr/sbin/$1"; do
        # It may lack a library, which apt-get download does not bring.
        if [ -x "$program" ] && ! ldd "$program" 2>&1 | grep -q 'not found'; then return 0; fi
    done
    echo "SKIP: $1: neither installed nor to be had from package $2"
    return 1
}

# ---- Client ---------------------------------------------------------------------------------------

# A port that was free a moment ago.
free_port() {
    perl -MIO::Socket::INET -e \
        'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport'
}

# talk PORT: say standard input, close that side, print the answer. Tries to connect until somebody
# listens, for 20 seconds. Reads while it writes: echo answers before it has everything.
talk() {
    perl -MIO::Socket::INET -e '
        my ($port, $peer, $end) = (@ARGV, undef, time + 20);
        until ($peer = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $port)) {
            die "nobody listens on port $port\n" if time > $end;
            select undef, undef, undef, 0.02;
        }
        binmode $_ for *STDIN, *STDOUT, $peer;
        alarm 30;
        if (!fork) {
            local $/ = \65536;
            while (my $piece = <STDIN>) { print $peer $piece or last }
            $peer->flush;
            shutdown $peer, 1;
            exit 0;
        }
        while (sysread $peer, my $piece, 65536) { print $piece }
        wait;' "$1"
}

# ---- What must hold -------------------------------------------------------------------------------

printf 'nonsense\r\n\377\000\r' >"$directory/said"
head -c 3000000 "$services/echo" >>"$directory/said" # any bytes
mkdir "$directory/site"
echo '<p>the page' >"$directory/site/index.html"

fail() {
    echo "FAIL: $1"
    failed=1
}

# check SUPERSERVER ECHO-PORT DAYTIME-PORT [PAGE-PORT]
check() {
    talk "$2" <"$directory/said" >"$directory/heard"
    cmp "$directory/said" "$directory/heard" || fail "$1: echo"
    printf '' | talk "$2" >"$directory/heard"
    [ ! -s "$directory/heard" ] || fail "$1: echo of nothing"
    talk "$3" </dev/null >"$directory/heard"
    LC_ALL=C grep -Eq "$(LC_ALL=C date +%Y)" "$directory/heard" || fail "$1: daytime"
    [ "$(wc -l <"$directory/heard")" -eq 1 ] || fail "$1: daytime is one line"
    if [ -n "${4-}" ]; then
        printf 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' |
            talk "$4" >"$directory/heard"
        head -n 1 "$directory/heard" | grep -q '^HTTP/1.1 200 ' || fail "$1: page: status"
        [ "$(tail -n 1 "$directory/heard")" = '<p>the page' ] || fail "$1: page: body"
    fi
    ran=$((ran + 1))
    echo "done: $1"
}

page=
if [ -x "$services/page/page" ]; then page=$services/page/page; fi

# ---- tcpserver: one process for each port, which it tells ------------------------------------------

# under_tcpserver PROGRAM [ARGUMENT...]: sets $port.
under_tcpserver() {
    mkfifo "$directory/port"
    "$program" -1 -HRl localhost 127.0.0.1 0 "$@" >"$directory/port" 2>"$directory/tcpserver.log" &
    pids="$pids $!"
    read -r port <"$directory/port"
    rm "$directory/port"
}

if have tcpserver ucspi-tcp; then
    under_tcpserver "$services/echo"
    echo_port=$port
    under_tcpserver "$services/daytime"
    daytime_port=$port
    page_port=
    if [ -n "$page" ]; then
        under_tcpserver "$page" "$directory/site"
        page_port=$port
    fi
    check tcpserver "$echo_port" "$daytime_port" "$page_port"
fi

# ---- inetd and xinetd: a file of services; both want to be root ------------------------------------

choose_ports() {
    echo_port=$(free_port) daytime_port=$(free_port) page_port=
    if [ -n "$page" ]; then page_port=$(free_port); fi
}

inetd_conf() {
    echo "127.0.0.1:$echo_port stream tcp nowait root $services/echo echo"
    echo "127.0.0.1:$daytime_port stream tcp nowait root $services/daytime daytime"
    if [ -n "$page" ]; then
        echo "127.0.0.1:$page_port stream tcp nowait root $page page $directory/site"
    fi
}

# entry NAME PORT PROGRAM [ARGUMENTS]
xinetd_entry() {
    printf 'service %s\n{\n type = UNLISTED\n port = %s\n bind = 127.0.0.1\n protocol = tcp\n' \
        "$1" "$2"
    printf ' socket_type = stream\n wait = no\n user = root\n server = %s\n' "$3"
    printf ' server_args = %s\n}\n' "${4-}" | grep -v 'args = $'
}

xinetd_conf() {
    xinetd_entry echo "$echo_port" "$services/echo"
    xinetd_entry daytime "$daytime_port" "$services/daytime"
    if [ -n "$page" ]; then xinetd_entry page "$page_port" "$page" "$directory/site"; fi
}

if [ "$(id -u)" -ne 0 ]; then
    echo "SKIP: inetd, xinetd: they want root"
else
    if have inetd openbsd-inetd; then
        choose_ports
        inetd_conf >"$directory/inetd.conf"
        "$program" -i "$directory/inetd.conf" >"$directory/inetd.log" 2>&1 &
        pids="$pids $!"
        check inetd "$echo_port" "$daytime_port" "$page_port"
    fi
    if have xinetd xinetd; then
        choose_ports
        xinetd_conf >"$directory/xinetd.conf"
        "$program" -dontfork -f "$directory/xinetd.conf" -pidfile "$directory/xinetd.pid" \
            -filelog "$directory/xinetd.log" >"$directory/xinetd.said" 2>&1 &
        pids="$pids $!"
        check xinetd "$echo_port" "$daytime_port" "$page_port"
    fi
fi

[ "$failed" -eq 0 ] || exit 1
[ "$ran" -gt 0 ] || exit 77
