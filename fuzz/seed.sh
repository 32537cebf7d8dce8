#!/bin/sh
# Writes the seed corpus: from the format's golden files, and for the cutter what repeats, what does not, and nothing but zeros.
set -eu
cd "$(dirname "$0")"
golden=../repo-format/tests/golden/v1

# seed TARGET NAME [SELECTOR]: standard input, after the byte that chooses a decoder, becomes a seed.
seed() {
    mkdir -p "corpus/$1"
    { printf "${3-}"; cat; } > "corpus/$1/$2"
}

# body NAME: the body of a clear object: without head and length, tag and checksum.
body() {
    tail -c +21 "$golden/$1.bin" | head -c -64
}

body config | seed decode_clear config-body '\000'
body member-password | seed decode_clear member-password-body '\001'
body member-key-file | seed decode_clear member-key-file-body '\001'
body keyring | seed decode_clear keyring-body '\002'
body keyring-retired | seed decode_clear keyring-retired-body '\002'
body card | seed decode_clear card-body '\003'
seed decode_clear config '\000' < "$golden/config.bin"
for object in pack pack-table index-segment manifest void-record lease list-of-condemned-packs epoch-note; do
    seed decode_sealed "$object" < "$golden/$object.bin"
done
seed decode_pack_table table < "$golden/plain-pack-table.bin"
seed decode_segment segment < "$golden/plain-index-segment.bin"
for node in content-0 content-1 directory-0 directory-1 directory-rows problems segments-0 segments-1; do
    seed decode_node "$node" < "$golden/plain-node-$node.bin"
done
seed decode_manifest manifest < "$golden/plain-manifest.bin"
seed decode_manifest forget < "$golden/plain-manifest-forget.bin"
seed decode_manifest evidence < "$golden/plain-manifest-evidence.bin"
seed decode_manifest actions < "$golden/plain-manifest-actions.bin"
seed decode_small lease '\000' < "$golden/plain-lease.bin"
seed decode_small void-record '\001' < "$golden/plain-void-record.bin"
seed decode_small condemned '\002' < "$golden/plain-condemned.bin"
seed decode_small secrets '\003' < "$golden/plain-secrets.bin"
seed decode_small member-secret '\004' < "$golden/plain-member-secret.bin"
seed decode_small epoch-note '\005' < "$golden/plain-epoch-note.bin"
seed decode_record server '\000' < "$golden/plain-server-record.bin"
seed decode_record accounts '\001' < "$golden/plain-accounts-record.bin"
seed decode_record schema '\002' < "$golden/plain-schema-record.bin"
seed decode_record table '\003' < "$golden/plain-table-record.bin"
seed decode_record receipt '\004' < "$golden/plain-receipt-record.bin"
seed decode_record log '\005' < "$golden/plain-log-record.bin"
printf 'a%%2Fb%%25' | seed decode_record name '\007'

head -c 4096 /dev/zero | seed cutter zeros '\001\000\000\100\007\007\007\007'
seed cutter repeats '\002\100\001\100\000\377\000\377' < ../LICENSE-MIT
seed cutter sealed '\003\377\002\377\020\001\002\003' < "$golden/keyring.bin"
