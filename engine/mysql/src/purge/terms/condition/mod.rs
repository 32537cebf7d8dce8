//! Conditions that a user writes about a row. They are parsed, and written anew as SQL: no text of the user's reaches a server as SQL.
//!
//! ```text
//! condition  = and { OR and }             and = not { AND not }             not = [NOT] ( predicate | "(" condition ")" )
//! predicate  = operand comparison operand
//!            | column [NOT] IN "(" literal { "," literal } ")"  | column [NOT] BETWEEN literal AND literal
//!            | column [NOT] LIKE text                           | column IS [NOT] NULL
//! operand    = column | literal           literal = number | text | TRUE | FALSE
//! comparison = "=" | "<>" | "!=" | "<" | "<=" | ">" | ">=" | "<=>"
//! ```
//!
//! So there are no functions, stored ones neither, no variables, and no queries. Literals must be of the kind of their column: servers
//! convert a text beside a number in surprising ways.

mod parser;
mod syntax;
mod tokens;

use repo_format::database::Column;

use crate::database::{quote_name, quote_text};
use engine_core::error::{Error, ErrorKind, Result};

pub(in crate::purge) use syntax::Condition;
use syntax::{Literal, Operand, Test};

/// The kind of a column's values. Literals must be of the same kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    Moment,
    /// Its values are compared with no literal: in another zone, or not as they are shown.
    Opaque,
}

/// Finds the column of a name in any case.
type Lookup<'c> = &'c dyn Fn(&str) -> Option<&'c Column>;

impl Condition {
    /// The condition as SQL about a row of a table whose columns `lookup` knows.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if `text` is no condition, or not one about this table; the message says why.
    pub fn to_sql(text: &str, lookup: Lookup<'_>) -> Result<String> {
        let sql = parser::parse(text).and_then(|condition| Columns(lookup).condition(&condition));
        sql.map_err(|why| Error::new(ErrorKind::Refused, format!("the condition `{text}` {why}")))
    }
}

struct Columns<'c>(Lookup<'c>);

type Rendered = std::result::Result<String, String>;

impl Columns<'_> {
    fn condition(&self, condition: &Condition) -> Rendered {
        match condition {
            Condition::All(all) => self.joined(all, " AND "),
            Condition::Any(any) => self.joined(any, " OR "),
            Condition::Not(condition) => Ok(format!("(NOT {})", self.condition(condition)?)),
            Condition::Compare { left, sign, right } => self.compare(left, sign, right),
            Condition::Test { column, negated, test } => self.test(column, *negated, test),
        }
    }

    fn joined(&self, conditions: &[Condition], between: &str) -> Rendered {
        let all = conditions.iter().map(|condition| self.condition(condition));
        Ok(format!("({})", all.collect::<std::result::Result<Vec<_>, _>>()?.join(between)))
    }

    fn compare(&self, left: &Operand, sign: &str, right: &Operand) -> Rendered {
        let (left, right) = match (left, right) {
            (Operand::Column(left), Operand::Column(right)) => {
                let (left, right) = (self.column(left)?, self.column(right)?);
                if left.kind != right.kind || left.kind == Kind::Opaque {
                    return Err(format!("compares {} with {}, which are not of the same kind", left.name, right.name));
                }
                (left.name, right.name)
            }
            (Operand::Column(column), Operand::Literal(value)) => {
                let column = self.column(column)?;
                let value = column.value(value)?;
                (column.name, value)
            }
            (Operand::Literal(value), Operand::Column(column)) => {
                let column = self.column(column)?;
                (column.value(value)?, column.name)
            }
            (Operand::Literal(_), Operand::Literal(_)) => return Err("compares nothing of the row".to_owned()),
        };
        Ok(format!("({left} {sign} {right})"))
    }

    fn test(&self, name: &str, negated: bool, test: &Test) -> Rendered {
        let known = self.column(name)?;
        let column = &known.name;
        let not = if negated { "NOT " } else { "" };
        Ok(match test {
            Test::Null => format!("({column} IS {not}NULL)"),
            Test::Among(values) => {
                let values = values.iter().map(|value| known.value(value));
                let values = values.collect::<std::result::Result<Vec<_>, _>>()?;
                format!("({column} {not}IN ({}))", values.join(", "))
            }
            Test::Between(low, high) => {
                let (low, high) = (known.value(low)?, known.value(high)?);
                format!("({column} {not}BETWEEN {low} AND {high})")
            }
            Test::Like(_) if known.kind != Kind::Text => {
                return Err(format!("has LIKE for {column}, which holds no text"));
            }
            Test::Like(pattern) => format!("({column} {not}LIKE {})", quote_text(pattern)),
        })
    }

    fn column(&self, name: &str) -> std::result::Result<Known, String> {
        let found = (self.0)(name).ok_or_else(|| format!("cannot be used: the table has no column `{name}`"))?;
        Ok(Known { name: quote_name(&found.name), kind: kind(&found.column_type) })
    }
}

/// A column of the table.
struct Known {
    /// As SQL has it.
    name: String,
    kind: Kind,
}

impl Known {
    /// A value to compare it with, if it is of the same kind.
    fn value(&self, value: &Literal) -> Rendered {
        let column = &self.name;
        Ok(match (self.kind, value) {
            (Kind::Number, Literal::Number(number)) => number.clone(),
            (Kind::Text, Literal::Text(text)) => quote_text(text),
            (Kind::Moment, Literal::Text(text)) if is_moment(text) => quote_text(text),
            (Kind::Number, _) => return Err(format!("compares {column}, which holds numbers, with something else")),
            (Kind::Text, _) => return Err(format!("compares {column}, which holds text, with a number: use quotes")),
            (Kind::Moment, _) => {
                return Err(format!(
                    "compares {column} with something that is not a date as in '2024-01-31' or '2024-01-31 10:00:00'"
                ));
            }
            (Kind::Opaque, _) => return Err(format!("compares {column}, whose type can only be tested by IS NULL")),
        })
    }
}

fn kind(column_type: &str) -> Kind {
    const NUMBERS: [&str; 10] =
        ["tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double", "year", "numeric"];
    const TEXTS: [&str; 8] = ["char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"];
    let lower = column_type.to_lowercase();
    let name = lower.split(['(', ' ']).next().unwrap_or_default();
    match name {
        name if NUMBERS.contains(&name) => Kind::Number,
        name if TEXTS.contains(&name) => Kind::Text,
        "date" | "datetime" => Kind::Moment,
        _ => Kind::Opaque,
    }
}

/// Whether `text` is a day, or a day and a time: the server makes something of other texts, too.
fn is_moment(text: &str) -> bool {
    let fits = |text: &str, shape: &str| {
        text.len() == shape.len()
            && text.bytes().zip(shape.bytes()).all(|(b, s)| if s == b'0' { b.is_ascii_digit() } else { b == s })
    };
    fits(text, "0000-00-00") || fits(text, "0000-00-00 00:00:00")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use repo_format::database::ValueEncoding;

    use super::*;

    fn sql(text: &str) -> Rendered {
        const COLUMNS: [(&str, &str); 8] = [
            ("PermType", "tinyint(4)"),
            ("n", "bigint(20) unsigned"),
            ("m", "int"),
            ("Note", "varchar(255)"),
            ("select", "enum('x','y')"),
            ("at", "datetime"),
            ("stamp", "timestamp"),
            ("odd`name", "decimal(10,2)"),
        ];
        let columns = COLUMNS.map(|(name, kind)| Column::new(name, kind, ValueEncoding::Bytes));
        let find = |name: &str| columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        parser::parse(text).and_then(|condition| Columns(&find).condition(&condition))
    }

    #[test]
    fn a_condition_is_written_anew() {
        for (text, wanted) in [
            ("permtype = 5", "(`PermType` = 5)"),
            ("5 != n", "(5 <> `n`)"),
            ("(n>-1 or m<=2) AND `select` <> 'x'';--'", "(((`n` > -1) OR (`m` <= 2)) AND (`select` <> 'x'';--'))"),
            ("not n = 1 and not (m = 2)", "((NOT (`n` = 1)) AND (NOT (`m` = 2)))"),
            ("n = 1 OR m = 2 AND n <=> 3", "((`n` = 1) OR ((`m` = 2) AND (`n` <=> 3)))"),
            ("n < m", "(`n` < `m`)"),
            ("n IN (1, 2,3)", "(`n` IN (1, 2, 3))"),
            ("n not in (1)", "(`n` NOT IN (1))"),
            ("n BETWEEN 1 AND 2 AND m = 3", "((`n` BETWEEN 1 AND 2) AND (`m` = 3))"),
            ("at < '2020-01-31 00:00:00'", "(`at` < '2020-01-31 00:00:00')"),
            ("stamp is not null", "(`stamp` IS NOT NULL)"),
            (r"Note LIKE '%\'%'", "(`Note` LIKE '%''%')"),
            (r"Note LIKE '10\%'", "(`Note` LIKE _utf8 X'31305C25')"),
            ("Note = \"a\"\"b\"", "(`Note` = 'a\"b')"),
            ("`odd``name` > 1.50", "(`odd``name` > 1.50)"),
            ("n = true", "(`n` = 1)"),
        ] {
            assert_eq!(sql(text).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_no_condition_about_the_row_is_refused_with_its_reason() {
        for (text, why) in [
            ("", "ends where"),
            (" ", "ends where"),
            ("n", "ends where"),
            ("n = 1) OR (n = 2", "has `)`"),
            ("n = 1), n FROM t UNION ALL SELECT (1", "has `)`"),
            ("(n = 1", "ends where"),
            ("Note = 'x", "without its end"),
            (r"Note = 'x\'", "without its end"),
            ("Note = `x", "without its end"),
            ("n = 1; DROP TABLE t", "has a `;`"),
            ("n = 1 -- more", "has `-`"),
            ("n = 1 # more", "has a `#`"),
            ("n = 1 /* more */", "has a `/`"),
            ("n IN (select id from other)", "has `select`"),
            ("n IN ()", "has `)`"),
            ("n = ?", "has a `?`"),
            ("n = @v", "has a `@`"),
            ("n = sleep(9)", "calls `sleep`"),
            ("drop_all(n)", "calls `drop_all`"),
            ("n = m + 1", "has a `+`"),
            ("t.n = 1", "has a `.`"),
            ("n = 1.", "has a number"),
            ("n = 1x", "has a number"),
            ("n = 0x10", "has a number"),
            ("n = NULL", "IS NULL"),
            ("1 = 1", "nothing of the row"),
            ("n = 'a'", "holds numbers"),
            ("Note = 0", "holds text"),
            ("n = Note", "same kind"),
            ("at < 'yesterday'", "not a date"),
            ("stamp < '2020-01-01'", "IS NULL"),
            ("n LIKE '1%'", "holds no text"),
            ("nothing = 1", "no column `nothing`"),
            ("n XOR m", "has `XOR`"),
            ("n = 1 n = 2", "has `n`"),
        ] {
            let refused = sql(text).unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }

    #[test]
    fn a_condition_within_a_thousand_parentheses_is_refused() {
        let deep = format!("{}n = 1{}", "(".repeat(100_000), ")".repeat(100_000));
        assert!(sql(&deep).unwrap_err().contains("deep"));
        assert!(sql(&"NOT ".repeat(100_000)).unwrap_err().contains("deep"));
    }

    proptest! {
        /// Outside of quotes there is nothing but words, numbers and signs of the grammar.
        #[test]
        fn whatever_is_written_nothing_but_the_grammar_comes_out(text in "(n|m|Note|`|'|\"|\\\\|=|<|\\(|\\)|AND|OR|NOT|IN|LIKE|1|,|;|--|/\\*|#| |\\PC){0,20}") {
            if let Ok(sql) = sql(&text) {
                let again = super::parser::parse(&sql.replace("_utf8 X", ""));
                prop_assert!(again.is_ok(), "{} became {}", text, sql);
            }
        }
    }
}
