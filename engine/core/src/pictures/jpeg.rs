//! Whether a JPEG has its end. Decoders fill in what is cut off, and call it well.

use super::decode::Failure;

const END: u8 = 0xd9;
const SCAN: u8 = 0xda;

/// Looks for the end of the picture behind its last scan. Bytes behind the end do not matter.
///
/// # Errors
/// [`Failure::Damaged`] if it is cut off.
pub(super) fn has_its_end(bytes: &[u8]) -> Result<(), Failure> {
    let cut = |what: &str| Failure::Damaged(format!("it is cut off in {what}"));
    let mut at = 2;
    let mut has_scan = false;
    loop {
        let marker = marker_from(bytes, at).ok_or_else(|| cut(if has_scan { "its picture" } else { "its head" }))?;
        at = marker.behind;
        match marker.kind {
            END if has_scan => return Ok(()),
            END => return Err(Failure::Damaged("it has no picture".to_owned())),
            // Without a length.
            0x01 | 0xd0..=0xd8 => {}
            kind => {
                let length = bytes.get(at..at + 2).ok_or_else(|| cut("its head"))?;
                let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
                at = at.saturating_add(length.max(2));
                has_scan |= kind == SCAN;
            }
        }
    }
}

struct Marker {
    kind: u8,
    behind: usize,
}

/// The next marker from `at` on. In the data of a scan 0xff is followed by 0, and restarts are no markers here.
fn marker_from(bytes: &[u8], mut at: usize) -> Option<Marker> {
    loop {
        let rest = bytes.get(at..)?;
        let found = at + rest.iter().position(|byte| *byte == 0xff)?;
        let kind = *bytes.get(found + 1)?;
        match kind {
            0x00 | 0xd0..=0xd7 => at = found + 2,
            // Fill.
            0xff => at = found + 1,
            _ => return Some(Marker { kind, behind: found + 2 }),
        }
    }
}
