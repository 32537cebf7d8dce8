//! Outlines a statement for messages: its first words and the names among them. It never contains a value, which may be
//! a password or a patient's data.

/// The number of words and names that are shown: `CREATE TABLE IF NOT EXISTS`, and a schema and a table.
const PARTS_MAX: usize = 8;

/// The beginning of `sql` up to its first value or parenthesis; for a query also the tables that it reads.
pub(crate) fn outline(sql: &str) -> String {
    let start = beginning(sql);
    let Some(from) = from_clause(sql).filter(|_| start.starts_with("SELECT")) else { return start };
    format!("SELECT … {}", beginning(from))
}

/// The words and names that `sql` begins with.
fn beginning(sql: &str) -> String {
    let mut rest = sql.trim_start();
    let mut shown = String::new();
    for _ in 0..PARTS_MAX {
        let Some(len) = part_len(rest) else { break };
        if !shown.is_empty() {
            shown.push(' ');
        }
        shown.push_str(&rest[..len]);
        rest = rest[len..].trim_start();
    }
    if shown.is_empty() { "a statement".to_owned() } else { shown }
}

/// The length of the word, or of the dotted names, at the beginning of `text`. Returns `None` if a value follows, as in
/// `X'…'` or `a=`.
fn part_len(text: &str) -> Option<usize> {
    let mut len = 0;
    loop {
        let rest = &text[len..];
        len += match rest.strip_prefix('`') {
            Some(name) => 2 + name_len(name)?,
            None => rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '@'))).unwrap_or(rest.len()),
        };
        match text[len..].strip_prefix('.') {
            Some(next) if next.starts_with('`') => len += 1,
            _ => break,
        }
    }
    let starts_well = text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '`' | '@'));
    // A single `@` stands between an account and its host.
    let is_value = text[len..].starts_with(['\'', '"']) || &text[..len] == "@";
    (len > 0 && starts_well && !is_value).then_some(len)
}

/// The length of a quoted name without its closing quote. A doubled quote does not end it.
fn name_len(name: &str) -> Option<usize> {
    let mut len = 0;
    loop {
        len += name[len..].find('`')?;
        if name[len + 1..].starts_with('`') { len += 2 } else { return Some(len) }
    }
}

/// The text after the first `FROM` outside of quotes and parentheses.
fn from_clause(sql: &str) -> Option<&str> {
    let (mut depth, mut quote) = (0_u32, None);
    for (at, c) in sql.char_indices() {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"' | '`') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, 'F') if depth == 0 && sql[at..].starts_with("FROM ") => return Some(&sql[at..]),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_statement_is_named_without_its_values() {
        for (sql, shown) in [
            ("CREATE USER 'ann'@'%' IDENTIFIED BY PASSWORD '*94BD'", "CREATE USER"),
            ("CREATE USER `ann`@`%` IDENTIFIED BY 'x'", "CREATE USER `ann`"),
            ("GRANT SELECT ON `s`.`t` TO `ann`@`%`", "GRANT SELECT ON `s`.`t` TO `ann`"),
            ("INSERT INTO `s`.`t` (`a`, `b`) VALUES ('1',X'536D697468')", "INSERT INTO `s`.`t`"),
            ("SELECT `a`, 'FROM x' FROM `s`.`t` WHERE `a` = 'Smith'", "SELECT … FROM `s`.`t` WHERE `a`"),
            ("SELECT 'Smith'", "SELECT"),
            ("SELECT X'536D697468'", "SELECT"),
            ("DELETE FROM `s`.`t` WHERE `k` IN (1,2)", "DELETE FROM `s`.`t` WHERE `k` IN"),
            ("SET SESSION time_zone='+00:00'", "SET SESSION time_zone"),
            ("SHOW CREATE TABLE `a``b`.`c`", "SHOW CREATE TABLE `a``b`.`c`"),
            ("SELECT @@max_allowed_packet", "SELECT @@max_allowed_packet"),
            ("KILL QUERY 5", "KILL QUERY"),
            ("/*M!100*/ x", "a statement"),
            ("", "a statement"),
            ("`open", "a statement"),
        ] {
            assert_eq!(outline(sql), shown, "{sql}");
        }
    }

    proptest! {
        #[test]
        fn no_value_is_shown_wherever_it_stands(before in "[A-Za-z`.=(), *@]{0,20}", value in "SECRET[0-9]{3}", quote in "['\"]", after in "\\PC{0,20}") {
            let shown = outline(&format!("{before} {quote}{value}{quote} {after}"));
            let quoted = before.matches('`').count() % 2 == 1;
            prop_assert!(quoted || !shown.contains("SECRET"), "{}", shown);
            let _ = outline(&after);
        }
    }
}
