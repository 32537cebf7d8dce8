//! Maps the content of a file to offsets in the file, around its holes.

use std::ops::Range;

use repo_format::entry::{Entry, Hole};

/// A piece of content and its offset in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// The range of the given content.
    pub content: Range<usize>,
    /// The offset in the file.
    pub offset: u64,
}

/// The places of `len` bytes of content from `position` on: one piece, or several around holes. Omits everything beyond
/// the file's size.
pub(super) fn pieces(entry: &Entry, position: u64, len: usize) -> Vec<Piece> {
    let holes = entry.holes.as_deref().unwrap_or_default();
    let mut pieces = Vec::with_capacity(1);
    let (mut offset, mut done) = (place(holes, position), 0);
    while done < len && offset < entry.size {
        let next_hole = holes.iter().map(|hole| hole.offset).find(|hole| *hole >= offset).unwrap_or(entry.size);
        if next_hole == offset {
            offset = behind(holes, offset);
            continue;
        }
        let room = usize::try_from(next_hole - offset).unwrap_or(usize::MAX);
        let here = room.min(len - done);
        pieces.push(Piece { content: done..done + here, offset });
        done += here;
        offset += here as u64;
    }
    pieces
}

/// The offset in the file of the content's byte at `position`.
fn place(holes: &[Hole], position: u64) -> u64 {
    let mut offset = position;
    for hole in holes {
        if hole.offset > offset {
            break;
        }
        offset = offset.saturating_add(hole.len);
    }
    offset
}

fn behind(holes: &[Hole], offset: u64) -> u64 {
    holes.iter().find(|hole| hole.offset == offset).map_or(offset, |hole| hole.offset + hole.len)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use repo_format::entry::EntryKind;

    use super::*;

    fn file(size: u64, holes: &[(u64, u64)]) -> Entry {
        let mut entry = Entry::new(b"x".to_vec(), EntryKind::File);
        entry.size = size;
        entry.holes = Some(holes.iter().map(|(offset, len)| Hole { offset: *offset, len: *len }).collect());
        entry
    }

    #[test]
    fn content_goes_around_holes() {
        let entry = file(100, &[(0, 10), (20, 30), (90, 10)]);
        let piece = |content, offset| Piece { content, offset };
        assert_eq!(pieces(&entry, 0, 10), [piece(0..10, 10)]);
        assert_eq!(pieces(&entry, 5, 10), [piece(0..5, 15), piece(5..10, 50)]);
        assert_eq!(pieces(&entry, 10, 40), [piece(0..40, 50)]);
        assert_eq!(pieces(&entry, 10, 99), [piece(0..40, 50)], "nothing is written beyond the end");
    }

    proptest! {
        #[test]
        fn every_byte_of_data_is_placed_once(size in 1u64..200, cuts in proptest::collection::btree_set(0u64..200, 0..8), step in 1usize..20) {
            let cuts: Vec<u64> = cuts.into_iter().filter(|cut| *cut < size).collect();
            let holes: Vec<(u64, u64)> = cuts.chunks_exact(2).map(|pair| (pair[0], pair[1] - pair[0])).collect();
            let entry = file(size, &holes);
            let data = size - entry.hole_bytes();
            let mut placed = Vec::new();
            let mut position = 0;
            while position < data {
                let len = usize::try_from(data - position).map_or(step, |left| step.min(left));
                for piece in pieces(&entry, position, len) {
                    placed.extend(piece.offset..piece.offset + piece.content.len() as u64);
                }
                position += len as u64;
            }
            let in_hole = |byte: &u64| holes.iter().any(|(offset, len)| (*offset..offset + len).contains(byte));
            let expected: Vec<u64> = (0..size).filter(|byte| !in_hole(byte)).collect();
            prop_assert_eq!(placed, expected);
        }
    }
}
