//! The marks of a new snapshot: tags, and the name of a machine.

use crate::snap::parse_tag;

/// Longest tag or name of a machine, bytes: each stands in every list of snapshots.
const LEN_MAX: usize = 64;

/// Checks a tag for a new snapshot.
///
/// # Errors
/// The fault, in words.
pub fn parse_new_tag(text: &str) -> Result<String, String> {
    if text.contains(',') {
        return Err("a tag holds no comma; give each tag separately".into());
    }
    check_length(text, "a tag")?;
    parse_tag(text)
}

/// Checks the name of a machine for a new snapshot.
///
/// # Errors
/// The fault, in words.
pub fn parse_host(text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("the name of a machine is a word".into());
    }
    check_length(text, "the name of a machine")?;
    Ok(text.to_owned())
}

fn check_length(text: &str, what: &str) -> Result<(), String> {
    if text.len() > LEN_MAX { Err(format!("{what} has at most {LEN_MAX} bytes")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_names_are_words_of_reasonable_length() {
        assert!(parse_new_tag("hourly").is_ok() && parse_host("db1.practice.example").is_ok());
        for tag in ["a,b", "a b", "", "a:b", &"x".repeat(65)] {
            assert!(parse_new_tag(tag).is_err(), "{tag}");
        }
        for host in ["", "a b", "a\n", &"x".repeat(65)] {
            assert!(parse_host(host).is_err(), "{host}");
        }
    }
}
