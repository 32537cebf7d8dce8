//! Names of the files that hold events.

use crate::database::{escape_name, unescape_name};

/// The name of the file that holds events of the server's file `file` from `offset` on.
pub fn part_name(file: &str, offset: u64) -> Vec<u8> {
    let mut name = escape_name(file);
    name.extend_from_slice(format!("@{offset}").as_bytes());
    name
}

/// The server's file and the offset of such a name; `None` if it is none.
pub fn parse_part_name(name: &[u8]) -> Option<(String, u64)> {
    let at = name.iter().rposition(|byte| *byte == b'@')?;
    let digits = std::str::from_utf8(&name[at + 1..]).ok()?;
    let offset: u64 = digits.parse().ok()?;
    (offset.to_string() == digits).then_some(())?;
    Some((unescape_name(&name[..at])?, offset))
}
