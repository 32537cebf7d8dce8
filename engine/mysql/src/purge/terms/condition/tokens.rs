//! A condition, taken apart into words, values and signs.

use std::iter::Peekable;
use std::str::Chars;

/// A piece of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A word without quotes: one of the language, or a column.
    Word(String),
    /// A column in backquotes.
    Name(String),
    /// Digits, perhaps with a fraction.
    Number(String),
    Text(String),
    /// A comparison, as SQL has it.
    Sign(&'static str),
    Open,
    Close,
    Comma,
    Minus,
}

impl Token {
    /// As the user wrote it, about.
    pub fn shown(&self) -> String {
        match self {
            Token::Word(word) | Token::Name(word) | Token::Number(word) => word.clone(),
            Token::Text(_) => "'…'".to_owned(),
            Token::Sign(sign) => (*sign).to_owned(),
            Token::Open => "(".to_owned(),
            Token::Close => ")".to_owned(),
            Token::Comma => ",".to_owned(),
            Token::Minus => "-".to_owned(),
        }
    }
}

/// The pieces of `text`, or why it has something that no condition has.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut rest = text.chars().peekable();
    let mut found = Vec::new();
    while let Some(c) = rest.next() {
        let token = match c {
            c if c.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '-' => Token::Minus,
            '`' => Token::Name(quoted(&mut rest, c)?),
            '\'' | '"' => Token::Text(quoted(&mut rest, c)?),
            '=' | '<' | '>' | '!' => Token::Sign(sign(c, &mut rest)?),
            c if c.is_ascii_digit() => Token::Number(number(c, &mut rest)?),
            c if is_of_word(c) => Token::Word(word(c, &mut rest)),
            c => return Err(format!("has a `{}`, which no condition has", c.escape_default())),
        };
        found.push(token);
    }
    Ok(found)
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

fn word(first: char, rest: &mut Peekable<Chars<'_>>) -> String {
    let mut word = String::from(first);
    while let Some(c) = rest.next_if(|c| is_of_word(*c)) {
        word.push(c);
    }
    word
}

fn number(first: char, rest: &mut Peekable<Chars<'_>>) -> Result<String, String> {
    let mut number = word(first, rest);
    if let Some(point) = rest.next_if_eq(&'.') {
        number.push(point);
        while let Some(c) = rest.next_if(|c| is_of_word(*c)) {
            number.push(c);
        }
    }
    let mut parts = number.split('.');
    if parts.all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())) {
        Ok(number)
    } else {
        Err(format!("has a number `{number}`, which is none"))
    }
}

fn sign(first: char, rest: &mut Peekable<Chars<'_>>) -> Result<&'static str, String> {
    let mut next = |c| rest.next_if_eq(&c).is_some();
    Ok(match first {
        '=' => "=",
        '>' if next('=') => ">=",
        '>' => ">",
        '<' if next('>') => "<>",
        '<' if next('=') => {
            if next('>') {
                "<=>"
            } else {
                "<="
            }
        }
        '<' => "<",
        '!' if next('=') => "<>",
        _ => return Err("has a `!`: write NOT".to_owned()),
    })
}

/// The text between `quote` and its end, as the server would read it. A doubled quote stands for one.
fn quoted(rest: &mut Peekable<Chars<'_>>, quote: char) -> Result<String, String> {
    let mut text = String::new();
    while let Some(c) = rest.next() {
        match c {
            '\\' if quote != '`' => match rest.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('r') => text.push('\r'),
                Some('b') => text.push('\u{8}'),
                Some('Z') => text.push('\u{1a}'),
                Some('0') => text.push('\0'),
                // In a pattern these stand for themselves, and keep their backslash.
                Some(wild @ ('%' | '_')) => text.extend(['\\', wild]),
                Some(other) => text.push(other),
                None => break,
            },
            c if c == quote && rest.next_if_eq(&quote).is_none() => return Ok(text),
            c => text.push(c),
        }
    }
    Err(format!("has a {quote} without its end"))
}
