//! Splits SQL into tokens, so that quoted text is never taken for something else.

use std::ops::Range;

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A name without quotes, a keyword, a number.
    Word,
    /// A name in backticks.
    Name,
    /// A string in single or double quotes.
    Text,
    /// `(`.
    Open,
    /// `)`.
    Close,
    /// `,`.
    Comma,
    /// Any other character.
    Other,
    /// A comment that every server skips; or what opens or closes one that some execute.
    Comment,
}

/// A token, and how many parentheses are open around it.
#[derive(Debug, Clone)]
pub struct Token {
    /// The kind of this token.
    pub kind: Kind,
    /// Where it stands.
    pub at: Range<usize>,
    /// Open parentheses; those of a pair have the number outside of it.
    pub depth: usize,
}

/// How quotes are read. The `sql_mode` decides under which a text was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quoting {
    /// Double quotes hold a name, not a string.
    pub quotes_names: bool,
    /// In a string a backslash is a character like others.
    pub keeps_backslashes: bool,
}

impl Quoting {
    /// That of the `sql_mode` `modes`.
    pub fn of(modes: &str) -> Self {
        const QUOTES_NAMES: [&str; 6] = ["ANSI_QUOTES", "ANSI", "ORACLE", "MSSQL", "DB2", "POSTGRESQL"];
        let mut modes = modes.split(',');
        let quotes_names = modes.clone().any(|mode| QUOTES_NAMES.contains(&mode));
        Quoting { quotes_names, keeps_backslashes: modes.any(|mode| mode == "NO_BACKSLASH_ESCAPES") }
    }
}

/// The tokens of `sql`, as a server shows definitions; `None` when a quote, comment or parenthesis is not closed.
pub fn tokens(sql: &[u8]) -> Option<Vec<Token>> {
    tokens_by(sql, Quoting::default())
}

/// The tokens of `sql`, which was written with such quotes.
pub fn tokens_by(sql: &[u8], quoting: Quoting) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let (mut at, mut depth) = (0, 0usize);
    while let Some(&byte) = sql.get(at) {
        if byte.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let (kind, end) = token(sql, at, quoting)?;
        if kind == Kind::Close {
            depth = depth.checked_sub(1)?;
        }
        tokens.push(Token { kind, at: at..end, depth });
        if kind == Kind::Open {
            depth += 1;
        }
        at = end;
    }
    (depth == 0).then_some(tokens)
}

fn token(sql: &[u8], at: usize, quoting: Quoting) -> Option<(Kind, usize)> {
    let rest = &sql[at..];
    Some(match rest[0] {
        b'`' => (Kind::Name, quoted_end(sql, at, Backslash::Plain)?),
        b'"' if quoting.quotes_names => (Kind::Name, quoted_end(sql, at, Backslash::Plain)?),
        b'\'' | b'"' if quoting.keeps_backslashes => (Kind::Text, quoted_end(sql, at, Backslash::Plain)?),
        b'\'' | b'"' => (Kind::Text, quoted_end(sql, at, Backslash::Escapes)?),
        b'(' => (Kind::Open, at + 1),
        b')' => (Kind::Close, at + 1),
        b',' => (Kind::Comma, at + 1),
        b'#' => (Kind::Comment, line_end(sql, at)),
        b'-' if is_line_comment(rest) => (Kind::Comment, line_end(sql, at)),
        b'*' if rest.starts_with(b"*/") => (Kind::Comment, at + 2),
        b'/' if rest.starts_with(b"/*") => (Kind::Comment, comment_end(sql, at)?),
        byte if is_word(byte) => (Kind::Word, at + rest.iter().take_while(|b| is_word(**b)).count()),
        _ => (Kind::Other, at + 1),
    })
}

/// Two dashes begin a comment only before white space.
fn is_line_comment(rest: &[u8]) -> bool {
    rest.starts_with(b"--") && rest.get(2).is_none_or(u8::is_ascii_whitespace)
}

fn line_end(sql: &[u8], at: usize) -> usize {
    sql[at..].iter().position(|b| *b == b'\n').map_or(sql.len(), |length| at + length)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// The meaning of a backslash within quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Backslash {
    Escapes,
    Plain,
}

/// The end of what is quoted at `at`: a quote within is doubled, or follows a backslash that escapes.
fn quoted_end(sql: &[u8], at: usize, backslash: Backslash) -> Option<usize> {
    let quote = sql[at];
    let mut end = at + 1;
    loop {
        match *sql.get(end)? {
            b'\\' if backslash == Backslash::Escapes => end += 2,
            byte if byte != quote => end += 1,
            _ if sql.get(end + 1) == Some(&quote) => end += 2,
            _ => return Some(end + 1),
        }
    }
}

/// The end of the comment at `at`. For a comment that some servers execute, only its beginning, `/*!80016` or
/// `/*M!100300`, is skipped: its contents are SQL.
fn comment_end(sql: &[u8], at: usize) -> Option<usize> {
    let marker = match &sql[at + 2..] {
        [b'!', ..] => 3,
        [b'M', b'!', ..] => 4,
        rest => return rest.windows(2).position(|two| two == b"*/").map(|length| at + 2 + length + 2),
    };
    let digits = sql[at + marker..].iter().take_while(|b| b.is_ascii_digit()).count();
    Some(at + marker + digits)
}

/// A name without its quotes.
pub fn unquote(name: &[u8]) -> Vec<u8> {
    let inner_of = |quote: u8| name.strip_prefix(&[quote]).and_then(|n| n.strip_suffix(&[quote])).map(|n| (n, quote));
    let Some((inner, quote)) = inner_of(b'`').or_else(|| inner_of(b'"')) else { return name.to_vec() };
    let mut plain = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        plain.push(*byte);
        if *byte == quote {
            bytes.next();
        }
    }
    plain
}

/// `sql` with other text in the place of some of its ranges, which are in order and apart.
pub fn edited(sql: &[u8], edits: &[(Range<usize>, String)]) -> Vec<u8> {
    let mut text = Vec::with_capacity(sql.len());
    let mut copied = 0;
    for (range, new) in edits {
        text.extend_from_slice(&sql[copied..range.start]);
        text.extend_from_slice(new.as_bytes());
        copied = range.end;
    }
    text.extend_from_slice(&sql[copied..]);
    text
}

/// Whether the token is this keyword.
pub fn is_keyword(sql: &[u8], token: &Token, keyword: &str) -> bool {
    token.kind == Kind::Word && sql[token.at.clone()].eq_ignore_ascii_case(keyword.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(sql: &str) -> Option<Vec<&str>> {
        Some(tokens(sql.as_bytes())?.into_iter().map(|token| &sql[token.at]).collect())
    }

    #[test]
    fn quotes_hide_what_is_in_them() {
        assert_eq!(shown("a 'it''s, (\\'x' `b``,(` \"c)\"").unwrap(), ["a", "'it''s, (\\'x'", "`b``,(`", "\"c)\""]);
        assert_eq!(shown("'\\\\' , x").unwrap(), ["'\\\\'", ",", "x"]);
    }

    #[test]
    fn the_mode_says_what_quotes_mean() {
        let shown = |sql: &str, modes: &str| -> Option<Vec<(Kind, String)>> {
            let tokens = tokens_by(sql.as_bytes(), Quoting::of(modes))?;
            Some(tokens.into_iter().map(|token| (token.kind, sql[token.at].to_owned())).collect())
        };
        assert_eq!(shown("\"a\\\"", "STRICT_ALL_TABLES,ANSI_QUOTES").unwrap(), [(Kind::Name, "\"a\\\"".to_owned())]);
        assert_eq!(shown("'a\\'", "NO_BACKSLASH_ESCAPES").unwrap(), [(Kind::Text, "'a\\'".to_owned())]);
        assert_eq!(shown("'a\\'", ""), None);
    }

    #[test]
    fn what_some_servers_execute_is_read_and_other_comments_are_not() {
        assert_eq!(shown("a /*!80023 INVISIBLE */ b").unwrap(), ["a", "/*!80023", "INVISIBLE", "*/", "b"]);
        assert_eq!(shown("a /* (it's */ b").unwrap(), ["a", "/* (it's */", "b"]);
        assert_eq!(shown("a -- it's\nb # (\nc").unwrap(), ["a", "-- it's", "b", "# (", "c"]);
        assert_eq!(shown("3--1").unwrap(), ["3", "-", "-", "1"]);
    }

    #[test]
    fn what_is_not_closed_is_refused() {
        assert!(["'a", "`a", "(a", "a)", "/* a", "'a\\"].iter().all(|sql| shown(sql).is_none()));
    }

    #[test]
    fn names_lose_their_quotes() {
        assert_eq!(unquote(b"`a``b`"), b"a`b");
        assert_eq!(unquote(b"\"a\"\"`b\""), b"a\"`b");
        assert_eq!(unquote(b"plain"), b"plain");
    }
}
