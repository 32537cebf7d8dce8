//! Reads a condition: the grammar stands at the head of [`super`].

use super::syntax::{Condition, Literal, Operand, Test};
use super::tokens::{Token, tokens};

/// Parentheses and NOT within each other; nobody writes more, and each takes room on the stack.
const DEPTH_MAX: u32 = 64;
/// Words that cannot be columns unless they are quoted.
const WORDS: [&str; 9] = ["AND", "OR", "NOT", "IN", "BETWEEN", "IS", "NULL", "LIKE", "SELECT"];

type Parsed<T> = Result<T, String>;

/// Reads `text`, or says why it is no condition, as the end of a sentence about it.
pub(super) fn parse(text: &str) -> Parsed<Condition> {
    let mut parser = Parser { tokens: tokens(text)?.into_iter().peekable(), depth: 0 };
    let condition = parser.any()?;
    match parser.tokens.next() {
        None => Ok(condition),
        Some(token) => Err(unexpected(&token)),
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    depth: u32,
}

impl Parser {
    fn any(&mut self) -> Parsed<Condition> {
        let mut any = vec![self.all()?];
        while self.takes_word("OR") {
            any.push(self.all()?);
        }
        Ok(if any.len() == 1 { any.swap_remove(0) } else { Condition::Any(any) })
    }

    fn all(&mut self) -> Parsed<Condition> {
        let mut all = vec![self.one()?];
        while self.takes_word("AND") {
            all.push(self.one()?);
        }
        Ok(if all.len() == 1 { all.swap_remove(0) } else { Condition::All(all) })
    }

    fn one(&mut self) -> Parsed<Condition> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("is too deep".to_owned());
        }
        let condition = if self.takes_word("NOT") {
            Condition::Not(Box::new(self.one()?))
        } else if self.tokens.next_if_eq(&Token::Open).is_some() {
            let condition = self.any()?;
            self.expect(&Token::Close)?;
            condition
        } else {
            self.predicate()?
        };
        self.depth -= 1;
        Ok(condition)
    }

    fn predicate(&mut self) -> Parsed<Condition> {
        let left = self.operand()?;
        if let Some(Token::Sign(sign)) = self.tokens.next_if(|token| matches!(token, Token::Sign(_))) {
            return Ok(Condition::Compare { left, sign, right: self.operand()? });
        }
        let Operand::Column(column) = left else { return Err("tests a value instead of a column".to_owned()) };
        if self.takes_word("IS") {
            let negated = self.takes_word("NOT");
            return if self.takes_word("NULL") {
                Ok(Condition::Test { column, negated, test: Test::Null })
            } else {
                Err(self.wrong_next())
            };
        }
        let negated = self.takes_word("NOT");
        let test = self.test()?;
        Ok(Condition::Test { column, negated, test })
    }

    fn test(&mut self) -> Parsed<Test> {
        if self.takes_word("IN") {
            self.expect(&Token::Open)?;
            let mut values = vec![self.literal()?];
            while self.tokens.next_if_eq(&Token::Comma).is_some() {
                values.push(self.literal()?);
            }
            self.expect(&Token::Close)?;
            return Ok(Test::Among(values));
        }
        if self.takes_word("BETWEEN") {
            let low = self.literal()?;
            return if self.takes_word("AND") {
                Ok(Test::Between(low, self.literal()?))
            } else {
                Err(self.wrong_next())
            };
        }
        if self.takes_word("LIKE") {
            return match self.literal()? {
                Literal::Text(pattern) => Ok(Test::Like(pattern)),
                Literal::Number(_) => Err("has a pattern without quotes".to_owned()),
            };
        }
        Err(self.wrong_next())
    }

    fn operand(&mut self) -> Parsed<Operand> {
        let is_column = |token: &Token| match token {
            Token::Name(_) => true,
            Token::Word(word) => !is_one_of(word, &WORDS) && !is_one_of(word, &["TRUE", "FALSE"]),
            _ => false,
        };
        let Some(token) = self.tokens.next_if(is_column) else { return self.literal().map(Operand::Literal) };
        let (Token::Name(name) | Token::Word(name)) = token else { return Err(unexpected(&token)) };
        match self.tokens.peek() {
            Some(Token::Open) => Err(format!("calls `{name}`: it may name columns and values only")),
            _ => Ok(Operand::Column(name)),
        }
    }

    fn literal(&mut self) -> Parsed<Literal> {
        let minus = self.tokens.next_if_eq(&Token::Minus).is_some();
        match self.tokens.next() {
            Some(Token::Number(number)) if minus => Ok(Literal::Number(format!("-{number}"))),
            Some(Token::Number(number)) => Ok(Literal::Number(number)),
            Some(Token::Text(text)) if !minus => Ok(Literal::Text(text)),
            Some(Token::Word(word)) if !minus && word.eq_ignore_ascii_case("TRUE") => {
                Ok(Literal::Number("1".to_owned()))
            }
            Some(Token::Word(word)) if !minus && word.eq_ignore_ascii_case("FALSE") => {
                Ok(Literal::Number("0".to_owned()))
            }
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("NULL") => {
                Err("compares with NULL, which nothing is equal to: write IS NULL".to_owned())
            }
            Some(token) => Err(unexpected(&token)),
            None => Err(ends_early()),
        }
    }

    fn takes_word(&mut self, wanted: &str) -> bool {
        let is_wanted = |token: &Token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(wanted));
        self.tokens.next_if(is_wanted).is_some()
    }

    fn expect(&mut self, wanted: &Token) -> Parsed<()> {
        match self.tokens.next_if_eq(wanted) {
            Some(_) => Ok(()),
            None => Err(self.wrong_next()),
        }
    }

    fn wrong_next(&mut self) -> String {
        self.tokens.peek().map_or_else(ends_early, unexpected)
    }
}

fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|one| one.eq_ignore_ascii_case(word))
}

fn unexpected(token: &Token) -> String {
    format!("has `{}` where a condition cannot have it", token.shown())
}

fn ends_early() -> String {
    "ends where something should follow".to_owned()
}
