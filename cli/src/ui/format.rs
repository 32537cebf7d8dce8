//! Numbers, times and names as people read them.

pub use engine::words::{bytes, count, counted, short};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use repo_format::entry::{Entry, EntryKind, Time};
use repo_format::manifest::Root;

/// Longest line that is told on standard error, bytes.
const MESSAGE_LEN_MAX: usize = 4000;

/// The roots of a snapshot: their names in it, or the whole paths that were saved.
pub fn roots(roots: &[Root], paths: bool) -> String {
    roots.iter().map(|root| path(if paths { &root.path.0 } else { &root.name.0 })).collect::<Vec<_>>().join(", ")
}

/// A duration: `0.4 s`, `2 min 05 s`, `3 h 20 min`.
pub fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0..60 => format!("{seconds}.{} s", milliseconds % 1000 / 100),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// An age: `45 s`, `12 min`, `2 h 10 min`, `3 d 2 h`.
pub fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// A time in this machine's zone, to the second.
pub fn time(time: Time) -> String {
    match timestamp(time) {
        Some(stamp) => stamp.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        None => format!("@{}", time.seconds),
    }
}

/// A time as RFC 3339 in UTC, to the nanosecond.
pub fn rfc3339(time: Time) -> String {
    timestamp(time).map_or_else(|| format!("@{}", time.seconds), |stamp| stamp.to_string())
}

/// Seconds since 1970 as a [`Time`].
pub fn seconds(seconds: i64) -> Time {
    Time { seconds, nanoseconds: 0 }
}

fn timestamp(time: Time) -> Option<Timestamp> {
    Timestamp::new(time.seconds, i32::try_from(time.nanoseconds).ok()?).ok()
}

/// A path on one line: what a terminal might obey, and what is not UTF-8, is written as `\x1b`.
pub fn path(path: &[u8]) -> String {
    let mut out = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() || is_invisible(c) {
                out.extend(c.to_string().bytes().map(|byte| format!("\\x{byte:02x}")))
            } else {
                out.push(c)
            }
        }
        out.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    out
}

/// A message to the user, safe for a terminal: as [`path`] line by line, and not longer than anybody reads.
pub fn message(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(|line| path(shortened(line).as_bytes())).collect();
    lines.join("\n")
}

/// `text` without its middle, if it is very long: what somebody typed is repeated in messages.
pub fn shortened(text: &str) -> String {
    if text.len() <= MESSAGE_LEN_MAX {
        return text.to_owned();
    }
    let (start, end) =
        (text.floor_char_boundary(MESSAGE_LEN_MAX / 2), text.ceil_char_boundary(text.len() - MESSAGE_LEN_MAX / 4));
    format!("{} … ({} bytes left out) … {}", &text[..start], count((end - start) as u64), &text[end..])
}

/// A path in a snapshot, whose top has no name.
pub fn path_or_all(bytes: &[u8]) -> String {
    if bytes.is_empty() { "everything".to_owned() } else { path(bytes) }
}

/// Characters that reorder or hide the text around them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Kind and permissions as `ls -l` writes them: `-rw-r--r--`.
pub fn mode(entry: &Entry) -> String {
    let bit = |shift: u32, letter: char| if entry.mode >> shift & 1 == 1 { letter } else { '-' };
    let mut out = String::from(kind_letter(entry.kind));
    for (class, special, letter) in [(6, 11, 's'), (3, 10, 's'), (0, 9, 't')] {
        out.extend([bit(class + 2, 'r'), bit(class + 1, 'w')]);
        out.push(match (entry.mode >> special & 1 == 1, bit(class, 'x')) {
            (true, 'x') => letter,
            (true, _) => letter.to_ascii_uppercase(),
            (false, x) => x,
        });
    }
    out
}

fn kind_letter(kind: EntryKind) -> char {
    match kind {
        EntryKind::File => '-',
        EntryKind::Directory => 'd',
        EntryKind::Symlink => 'l',
        EntryKind::Fifo => 'p',
        EntryKind::Socket => 's',
        EntryKind::CharDevice => 'c',
        EntryKind::BlockDevice => 'b',
    }
}

/// `SomeName` as `some-name`: how kinds are called in JSON.
pub fn kebab(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// Bytes as lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    repo_format::hex::lower(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_short() {
        assert_eq!(
            (duration(450), duration(125_000), duration(12_000_000)),
            ("0.4 s".into(), "2 min 05 s".into(), "3 h 20 min".into())
        );
        let ages = [59, 60, 7800, 266_400].map(age);
        assert_eq!(ages, ["59 s", "1 min", "2 h 10 min", "3 d 2 h"]);
    }

    #[test]
    fn a_name_cannot_command_the_terminal() {
        assert_eq!(path("röntgen.jpg".as_bytes()), "röntgen.jpg");
        assert_eq!(path(b"a\x1b[31m\n\xff"), "a\\x1b[31m\\x0a\\xff");
        assert_eq!(path("a\u{202e}gpj".as_bytes()), "a\\xe2\\x80\\xaegpj");
    }

    #[test]
    fn modes_are_those_of_ls() {
        let mut entry = Entry::new(b"x".to_vec(), EntryKind::Directory);
        entry.mode = 0o1775;
        assert_eq!(mode(&entry), "drwxrwxr-t");
        entry.mode = 0o4644;
        assert_eq!(mode(&entry), "drwSr--r--");
    }

    #[test]
    fn kinds_are_kebab() {
        assert_eq!(kebab("NoRepository"), "no-repository");
    }
}
