//! Groups snapshots that are judged together.

use std::collections::BTreeMap;

use repo_format::manifest::{Manifest, RootKind};

use super::{Group, GroupBy, Judged};

/// The common properties of a group's snapshots.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    host: Option<String>,
    roots: Option<Vec<(RootKind, Vec<u8>)>>,
    tags: Option<Vec<String>>,
}

/// The groups in the order of their common properties; the snapshots of each are sorted oldest first.
pub(super) fn groups(snapshots: Vec<Manifest>, by: &[GroupBy]) -> Vec<Group> {
    let mut groups: BTreeMap<Key, Vec<Manifest>> = BTreeMap::new();
    for manifest in snapshots {
        groups.entry(key(&manifest, by)).or_default().push(manifest);
    }
    groups.into_iter().map(|(key, manifests)| group(key, manifests, by)).collect()
}

/// Identifies a source: the host and the saved roots, in any order.
pub(super) fn source(manifest: &Manifest) -> (&str, Vec<(RootKind, Vec<u8>)>) {
    (&manifest.host, roots(manifest))
}

fn roots(manifest: &Manifest) -> Vec<(RootKind, Vec<u8>)> {
    sorted(manifest.roots.iter().map(|root| (root.kind, root.plain_path().to_vec())))
}

fn key(manifest: &Manifest, by: &[GroupBy]) -> Key {
    let host = by.contains(&GroupBy::Host).then(|| manifest.host.clone());
    let roots = by.contains(&GroupBy::Roots).then(|| roots(manifest));
    let tags = by.contains(&GroupBy::Tags).then(|| sorted(manifest.tags.iter().cloned()));
    Key { host, roots, tags }
}

/// Each once, in order.
fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<_> = items.collect();
    items.sort();
    items.dedup();
    items
}

fn group(key: Key, mut manifests: Vec<Manifest>, by: &[GroupBy]) -> Group {
    manifests.sort_by_key(|m| (m.seconds, m.nanoseconds, m.id));
    let newest = manifests.last().filter(|_| by.contains(&GroupBy::Roots));
    Group {
        host: key.host,
        roots: newest.map(|manifest| manifest.roots.clone()),
        tags: key.tags,
        members: manifests.into_iter().map(|manifest| Judged { manifest, reasons: Vec::new() }).collect(),
    }
}
