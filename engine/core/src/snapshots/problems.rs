//! The problems of a snapshot, and the part of the snapshot that each concerns.

use repo_format::manifest::{Manifest, Root};
use repo_format::node::{Problem, decode_problems};
use repo_format::pack::ChunkKind;

use crate::error::{Error, Result};
use crate::pack::ChunkReader;
use crate::repository::Repository;

/// The problems that a snapshot recorded: everything that it could not save completely.
///
/// # Errors
/// If the lists cannot be read.
pub fn problems(repository: &Repository, manifest: &Manifest) -> Result<Vec<Problem>> {
    let reader = ChunkReader::new(repository);
    let mut all = Vec::new();
    for place in &manifest.problems.lists {
        let Some(id) = manifest.ids.get(*place as usize) else { continue };
        let node = reader.read(ChunkKind::Node, id)?;
        all.extend(decode_problems(&node).map_err(|e| Error::damaged(format!("problem list {id}"), e))?);
    }
    Ok(all)
}

/// Whether a problem with `path`, a path in the source, concerns `part` of the snapshot. `part` is a path in the
/// snapshot or in the source. In doubt it does.
pub fn concerns(roots: &[Root], path: &[u8], part: &[u8]) -> bool {
    let part = in_snapshot(roots, part).unwrap_or_else(|| components(part));
    match in_snapshot(roots, path) {
        Some(path) => path.iter().zip(&part).all(|(a, b)| a == b),
        None => true,
    }
}

/// The path in the snapshot of the thing that was at `path`, as parts; `None` if no root contains it.
fn in_snapshot<'p>(roots: &'p [Root], path: &'p [u8]) -> Option<Vec<&'p [u8]>> {
    let parts = components(path);
    let root = roots.iter().filter(|root| path.starts_with(b"/") && parts.starts_with(&components(&root.path.0)));
    let root = root.max_by_key(|root| root.path.0.len())?;
    let below = parts[components(&root.path.0).len()..].iter().copied();
    Some(std::iter::once(root.name.0.as_slice()).chain(below).collect())
}

fn components(path: &[u8]) -> Vec<&[u8]> {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use repo_format::cbor::ByteString;
    use repo_format::manifest::RootKind;

    use super::*;

    fn check(path: &str, part: &str) -> bool {
        let root = |name: &str, path: &str| Root {
            name: ByteString(name.into()),
            kind: RootKind::Folder,
            path: ByteString(path.into()),
        };
        concerns(&[root("images", "/srv/images"), root("old", "/srv/images/old")], path.as_bytes(), part.as_bytes())
    }

    #[test]
    fn a_problem_is_about_what_is_above_and_below_it() {
        for part in ["", "/", "images", "/srv/images", "images/S", "/srv/images/S/", "images/S/x.jpg"] {
            assert!(check("/srv/images/S/x.jpg", part), "{part}");
        }
        for part in ["old", "images/S/y.jpg", "/srv/images/T", "images/S/x.jp"] {
            assert!(!check("/srv/images/S/x.jpg", part), "{part}");
        }
        assert!(check("/srv/images/old/z", "old") && !check("/srv/images/old/z", "images"));
        assert!(check("mysql://server/od.claim", "images"), "where it is nobody knows");
    }
}
