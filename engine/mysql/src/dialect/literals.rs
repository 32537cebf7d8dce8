//! Literals in another character set than the definition that contains them.
//!
//! A server shows `_latin1'…'` with latin1 bytes amid UTF-8 text. No driver sends such a text, and MariaDB forgets the
//! character set of a literal that is written `_latin1 X'…'`.

use super::tokens::{Kind, Quoting, edited, tokens_by};
use crate::database::{Server, quote_bytes};

/// `sql` in which no literal has bytes of another character set.
pub fn with_plain_literals(sql: &[u8], target: &Server, quoting: Quoting) -> Vec<u8> {
    let tokens = tokens_by(sql, quoting).unwrap_or_default();
    let edits = tokens.windows(2).filter_map(|pair| {
        let [introducer, text] = pair else { return None };
        let set = std::str::from_utf8(&sql[introducer.at.clone()]).ok()?.strip_prefix('_')?;
        let bytes = &sql[text.at.clone()];
        let is_literal = introducer.kind == Kind::Word && text.kind == Kind::Text;
        let is_foreign = is_literal && !bytes.is_ascii() && !set.to_ascii_lowercase().starts_with("utf8");
        is_foreign.then(|| (introducer.at.start..text.at.end, plain(set, &value(bytes, quoting), target)))
    });
    edited(sql, &edits.collect::<Vec<_>>())
}

fn plain(set: &str, bytes: &[u8], target: &Server) -> String {
    let quoted = quote_bytes(bytes);
    match (target.is_mariadb(), set) {
        (_, "binary") => quoted,
        (true, _) => format!("convert({quoted} using {set})"),
        (false, _) => format!("_{set} {quoted}"),
    }
}

/// The bytes that a string literal stands for.
fn value(literal: &[u8], quoting: Quoting) -> Vec<u8> {
    let Some((quote, rest)) = literal.split_first() else { return Vec::new() };
    let inner = rest.strip_suffix(&[*quote]).unwrap_or(rest);
    let mut value = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if !quoting.keeps_backslashes => value.extend(bytes.next().map(escaped)),
            byte if byte == quote => value.extend(bytes.next()),
            byte => value.push(*byte),
        }
    }
    value
}

/// The byte that a backslash and this byte stand for.
fn escaped(byte: &u8) -> u8 {
    match byte {
        b'0' => 0,
        b'b' => 8,
        b't' => b'\t',
        b'n' => b'\n',
        b'r' => b'\r',
        b'Z' => 26,
        other => *other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sql: &[u8], version: &str) -> String {
        let plain = with_plain_literals(sql, &Server::from_version(version), Quoting::default());
        String::from_utf8(plain).unwrap()
    }

    #[test]
    fn literals_of_other_character_sets_are_written_by_their_bytes() {
        let sql = b"concat(`l`,_latin1'\xe4''\\'\\n',_utf8mb4'\xc3\xa4','\xc3\xa4',_latin1'a',_binary'\xff')";
        assert_eq!(of(sql, "9.7.0"), "concat(`l`,_latin1 X'E427270A',_utf8mb4'ä','ä',_latin1'a',X'FF')");
        assert_eq!(
            of(sql, "10.11.6-MariaDB"),
            "concat(`l`,convert(X'E427270A' using latin1),_utf8mb4'ä','ä',_latin1'a',X'FF')"
        );
    }

    #[test]
    fn what_is_no_literal_stays() {
        let sql = "SELECT `_latin1` 'ä', '_latin1''ä' -- _latin1'ä'";
        assert_eq!(of(sql.as_bytes(), "9.7.0"), sql);
    }
}
