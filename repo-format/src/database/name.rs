//! Names of schemas and tables as names in a directory.

/// The name of a schema or table as a name in a directory: `%`, `/`, control characters and a `.` at its beginning
/// become `%XX`.
pub fn escape_name(name: &str) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        let special = byte == b'%' || byte == b'/' || byte < 0x20 || byte == 0x7f || at == 0 && byte == b'.';
        if special { escaped.extend(format!("%{byte:02X}").bytes()) } else { escaped.push(byte) }
    }
    escaped
}

/// The name that [`escape_name`] has written like this; `None` if it writes none like this.
pub fn unescape_name(escaped: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'%' => {
                let (digits, after) = after.split_first_chunk::<2>()?;
                bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
                rest = after;
            }
            _ => bytes.push(*first),
        }
    }
    // Each name has one form only.
    String::from_utf8(bytes).ok().filter(|name| escape_name(name) == escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_names_in_a_directory_and_come_back() {
        for (name, escaped) in [
            ("patient", "patient"),
            ("a/b", "a%2Fb"),
            ("100%", "100%25"),
            (".server", "%2Eserver"),
            ("..", "%2E."),
            ("a.b", "a.b"),
            ("\u{0}\t\u{7f}", "%00%09%7F"),
            ("größe", "größe"),
        ] {
            assert_eq!(escape_name(name), escaped.as_bytes());
            assert_eq!(unescape_name(escaped.as_bytes()).as_deref(), Some(name));
        }
    }

    #[test]
    fn what_is_no_escaped_name_has_none() {
        for escaped in ["%", "%2", "%2f", "%41", "%+1", ".x", "a/b", "a\t", "%FF", "%2%2"] {
            assert_eq!(unescape_name(escaped.as_bytes()), None, "{escaped}");
        }
        assert_eq!(unescape_name(b"\xff"), None);
    }
}
