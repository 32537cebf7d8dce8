#!/usr/bin/env bash
# Make the data that compare.py measures with.
#
#   make.sh OUT [STEP...]        steps: images dump small (default: all three)
#
#   OUT/images/         1,327 made-up images, 1.08 GB, hardly compressible
#   OUT/db-first.sql    a dump of a made-up practice database, 1.10 GB
#   OUT/db-hour.sql     the same after an hour of work (about 3,900 rows inserted or changed)
#   OUT/small/          a copy of cargo's registry source folder: tens of thousands of small files
#   OUT/mysql/          the data folder of the private server (stopped; kept for later measurements)
#
# Needs about 8 GB of disk. Debian packages: mariadb-server python3-numpy python3-pil
# A step whose output exists already is skipped: delete the output to make it again.
#
# PYTHON       the Python that has numpy and pillow (default: python3)
# CARGO_HOME   where cargo keeps its registry (default: ~/.cargo)
# SMALL_FROM   the folder to copy to small/ instead of cargo's registry
set -euo pipefail

if [ $# -lt 1 ] || [ "${1#-}" != "$1" ]; then
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- images dump small

server_pid=
sockets=
stop_server() {
    if [ -n "$server_pid" ]; then
        mariadb-admin --no-defaults --socket="$sockets/s" --user=root shutdown || kill "$server_pid" || true
        wait "$server_pid" || true
        server_pid=
    fi
    [ -z "$sockets" ] || rm -rf "$sockets"
}
trap stop_server EXIT

start_server() { # a server of our own: no network, no passwords, no durability
    # The socket's path has a length limit, so it does not live below $out.
    sockets=$(mktemp -d)
    mariadbd --no-defaults --user="$(id -un)" --datadir="$out/mysql" --socket="$sockets/s" \
        --pid-file="$sockets/pid" --skip-networking --skip-grant-tables --skip-log-bin \
        --innodb-buffer-pool-size=2G --innodb-log-file-size=1G --innodb-flush-log-at-trx-commit=0 \
        --innodb-doublewrite=0 --max-allowed-packet=256M --log-error="$out/mysql.log" &
    server_pid=$!
    for _ in $(seq 120); do
        mariadb-admin --no-defaults --socket="$sockets/s" --user=root --silent ping >/dev/null 2>&1 && return
        kill -0 "$server_pid" 2>/dev/null || break
        sleep 0.5
    done
    echo "make.sh: the server did not start; see $out/mysql.log" >&2
    exit 1
}
load() { # load FILE: run the SQL in it
    mariadb --no-defaults --socket="$sockets/s" --user=root --default-character-set=utf8mb4 <"$1"
}
dump() { # dump FILE: complete under its name, or not there
    mariadb-dump --no-defaults --socket="$sockets/s" --user=root --single-transaction --skip-dump-date \
        opendental >"$1.part"
    mv "$1.part" "$1"
}

make_images() {
    [ ! -e "$out/images" ] || { echo "images: already there"; return; }
    rm -rf "$out/images.part"
    "${PYTHON:-python3}" "$here/images.py" "$out/images.part" 1024 1
    mv "$out/images.part" "$out/images"
}

make_dump() {
    if [ -e "$out/db-first.sql" ] && [ -e "$out/db-hour.sql" ]; then echo "dump: already there"; return; fi
    rm -rf "$out/mysql" "$out/db-first.sql" "$out/db-hour.sql"
    mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$out/mysql" --skip-test-db \
        --auth-root-authentication-method=normal >/dev/null
    start_server
    echo "dump: loading the database (some minutes)"
    load "$here/practice.sql"
    dump "$out/db-first.sql"
    load "$here/hour.sql"
    dump "$out/db-hour.sql"
    stop_server
}

make_small() {
    [ ! -e "$out/small" ] || { echo "small: already there"; return; }
    rm -rf "$out/small.part"
    mkdir "$out/small.part"
    if [ -n "${SMALL_FROM:-}" ]; then
        cp -a "$SMALL_FROM/." "$out/small.part/"
    else
        local sources=("${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/)
        [ -d "${sources[0]}" ] || { echo "make.sh: no cargo registry; set SMALL_FROM" >&2; exit 1; }
        cp -a "${sources[@]%/}" "$out/small.part/"
    fi
    mv "$out/small.part" "$out/small"
    echo "small: $(find "$out/small" -type f | wc -l) files, $(du -s --apparent-size -BM "$out/small" | cut -f1)"
}

for step in "$@"; do
    case $step in
        images) make_images ;;
        dump) make_dump ;;
        small) make_small ;;
        *) echo "make.sh: no such step: $step (images, dump, small)" >&2; exit 2 ;;
    esac
done
