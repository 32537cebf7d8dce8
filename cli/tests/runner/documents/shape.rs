//! The shape of an output: its words, whatever its numbers, dates and ids are.

const UNITS: [&str; 14] =
    ["s", "ms", "min", "h", "d", "B", "KiB", "MiB", "GiB", "TiB", "second", "seconds", "minute", "minutes"];
/// A sentence that goes on in the next line begins so there.
const INDENT: &str = "               ";
/// Stands for a number, and for all numbers beside it.
const NUMBER: &str = "#";

/// The words of each line. Numbers, dates and ids are all alike, and so are one and several of a thing.
pub fn of(output: &str) -> Vec<String> {
    // A lock that lasts less than a millisecond is not printed.
    let output = output.replace(&format!("\n{INDENT}"), " ");
    output.lines().map(line).filter(|line| !line.is_empty() && !line.starts_with("locked ")).collect()
}

fn line(line: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in line.split_whitespace() {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let last_is_number = words.last() == Some(&NUMBER);
        if is_number(bare) || (last_is_number && UNITS.contains(&bare)) {
            if !last_is_number {
                words.push(NUMBER);
            }
        } else {
            words.push(if bare.starts_with("packs/") { "packs" } else { bare.strip_suffix('s').unwrap_or(bare) });
        }
    }
    // A file that was written moments ago is read again, which a reader of the page need not see.
    words.join(" ").replace("# read again ", "")
}

/// Whether a word is an id, or begins one.
pub fn is_id(word: &str) -> bool {
    word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_number(word: &str) -> bool {
    is_id(word) || word.starts_with(|c: char| c.is_ascii_digit())
}

#[test]
fn numbers_and_one_or_several_do_not_matter() {
    assert_eq!(of("1 pack, 12.4 KiB in 1 min 3 s"), of("3 packs, 9 B in 2 ms"));
    assert_eq!(of("lease 0a1b2c3d of 2026-11-23 13:44:15"), of("lease deadbeef of 2027-01-01 00:00:00"));
    assert_eq!(of("1 new, 2 read again, 3 unchanged"), of("1 new, 2 unchanged"));
    assert_eq!(of("  ! 2 minutes\n               old"), of("  ! 2 seconds old"));
    assert_ne!(of("3 lost"), of("3 found"));
}
