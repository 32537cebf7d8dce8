//! Changes the definer in an object's definition, as whom the object runs.

/// The definition with the current user as its definer. The definer stands before the body, in quotes or as a name.
pub fn with_current_definer(create: &[u8]) -> Vec<u8> {
    const DEFINER: &[u8] = b"DEFINER=";
    /// CREATE OR REPLACE ALGORITHM=UNDEFINED comes before it at most.
    const WITHIN: usize = 80;
    let head = &create[..create.len().min(WITHIN)];
    let Some(start) = head.windows(DEFINER.len()).position(|window| window == DEFINER) else { return create.to_vec() };
    let start = start + DEFINER.len();
    let user = start + name_len(&create[start..]);
    let end = match create.get(user) {
        Some(b'@') => user + 1 + name_len(&create[user + 1..]),
        _ => user,
    };
    [&create[..start], b"CURRENT_USER", &create[end..]].concat()
}

/// The length of a name that may be quoted.
fn name_len(text: &[u8]) -> usize {
    let Some(quote) = text.first().copied().filter(|byte| matches!(byte, b'`' | b'\'' | b'"')) else {
        return text.iter().take_while(|byte| !byte.is_ascii_whitespace() && **byte != b'@').count();
    };
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        match (*byte == quote, text.get(at + 1) == Some(&quote)) {
            (true, true) => at += 2,
            (true, false) => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definers_become_the_current_user() {
        let of = |create: &str| String::from_utf8(with_current_definer(create.as_bytes())).unwrap();
        assert_eq!(
            of("CREATE ALGORITHM=UNDEFINED DEFINER=`a``@ b`@`%` SQL SECURITY DEFINER VIEW `v` AS select 1"),
            "CREATE ALGORITHM=UNDEFINED DEFINER=CURRENT_USER SQL SECURITY DEFINER VIEW `v` AS select 1"
        );
        assert_eq!(of("CREATE DEFINER=`r` FUNCTION f()"), "CREATE DEFINER=CURRENT_USER FUNCTION f()");
        assert_eq!(of("CREATE FUNCTION f()"), "CREATE FUNCTION f()");
    }
}
