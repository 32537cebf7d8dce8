//! A line of SHOW GRANTS.

use super::right::Right;

/// The object of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Object {
    Server,
    /// A pattern: `%`, `_`, and `\` before a literal character.
    Schema(String),
    Table(String, String),
}

/// Rights on something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    /// In capitals. Rights on single columns are omitted.
    rights: Vec<String>,
    pub on: Object,
    /// The rights are subtracted from a wider grant (MySQL, `partial_revokes`).
    pub revoked: bool,
}

impl Grant {
    /// Parses `line`; `None` if it is about a role, a proxy or a routine.
    pub fn parse(line: &str) -> Option<Self> {
        let (revoked, rest) = match (line.strip_prefix("GRANT "), line.strip_prefix("REVOKE ")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return None,
        };
        let at = top_level(rest, " ON ").next()?;
        let object = &rest[at + " ON ".len()..];
        let end = top_level(object, if revoked { " FROM " } else { " TO " }).next()?;
        let on = object_of(&object[..end])?;
        let list = &rest[..at];
        let mut rights = Vec::new();
        let mut begin = 0;
        for end in top_level(list, ",").chain([list.len()]) {
            rights.push(list[begin..end].trim().to_uppercase());
            begin = (end + 1).min(list.len());
        }
        rights.retain(|right| !right.contains('('));
        Some(Grant { rights, on, revoked })
    }

    /// Whether `right` is among the rights.
    pub fn gives(&self, right: Right) -> bool {
        self.rights.iter().any(|name| name == right.name() || name == "ALL PRIVILEGES" || name == "ALL")
    }
}

fn object_of(text: &str) -> Option<Object> {
    if text == "*.*" {
        return Some(Object::Server);
    }
    let text = text.strip_prefix("TABLE ").unwrap_or(text);
    let (schema, rest) = quoted(text)?;
    match rest.strip_prefix('.')? {
        "*" => Some(Object::Schema(schema)),
        table => quoted(table).filter(|(_, rest)| rest.is_empty()).map(|(table, _)| Object::Table(schema, table)),
    }
}

/// A name in backquotes, and the text after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('`')?;
    let mut name = String::new();
    let mut chars = inside.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '`' if chars.next_if(|(_, next)| *next == '`').is_some() => name.push('`'),
            '`' => return Some((name, &inside[at + 1..])),
            c => name.push(c),
        }
    }
    None
}

/// The positions of `mark` outside of quotes and parentheses.
fn top_level<'t>(text: &'t str, mark: &'t str) -> impl Iterator<Item = usize> + 't {
    let mut quote = None;
    let mut depth = 0_usize;
    text.char_indices().filter_map(move |(at, c)| {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '`' | '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        (quote.is_none() && depth == 0 && text[at..].starts_with(mark)).then_some(at)
    })
}

/// Whether `name` matches `pattern`.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let mut chars = pattern.chars();
    let mut rest = name.chars();
    match chars.next() {
        None => name.is_empty(),
        Some('%') => {
            let after = chars.as_str();
            let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            // A run of wildcards counts as one, which keeps the search short.
            if after.starts_with('%') {
                return matches(after, name);
            }
            ends.into_iter().any(|at| matches(after, &name[at..]))
        }
        Some('_') => rest.next().is_some() && matches(chars.as_str(), rest.as_str()),
        Some('\\') if !chars.as_str().is_empty() => {
            let literal = chars.next();
            rest.next() == literal && matches(chars.as_str(), rest.as_str())
        }
        Some(c) => rest.next() == Some(c) && matches(chars.as_str(), rest.as_str()),
    }
}

/// The specificity of a pattern: the later its first wildcard, the higher.
pub(super) fn specificity(pattern: &str) -> usize {
    let mut escaped = false;
    for (at, c) in pattern.char_indices() {
        if !escaped && matches!(c, '%' | '_') {
            return at;
        }
        escaped = !escaped && c == '\\';
    }
    usize::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_servers_write_them() {
        let grant =
            Grant::parse("GRANT SELECT, LOCK TABLES ON `open\\_dental`.* TO `u`@`%` WITH GRANT OPTION").unwrap();
        assert_eq!(grant.on, Object::Schema("open\\_dental".into()));
        assert!(grant.gives(Right::LockTables) && !grant.gives(Right::Insert));
        let grant =
            Grant::parse("GRANT ALL PRIVILEGES ON *.* TO 'root'@'localhost' IDENTIFIED BY PASSWORD '*A'").unwrap();
        assert!(grant.on == Object::Server && grant.gives(Right::Reload));
        let grant = Grant::parse("GRANT SELECT (`a`, `b ON `), INSERT ON `s`.`t ON `` TO ` TO `u`@`h`").unwrap();
        assert_eq!(grant.on, Object::Table("s".into(), "t ON ` TO ".into()));
        assert!(!grant.gives(Right::Select) && grant.gives(Right::Insert));
        assert!(Grant::parse("REVOKE SELECT ON `mysql`.* FROM `u`@`%`").unwrap().revoked);
        for other in
            ["GRANT `r` TO `u`@`h`", "GRANT PROXY ON ``@`%` TO `root`@`localhost`", "SET DEFAULT ROLE `r` FOR `u`"]
        {
            assert_eq!(Grant::parse(other), None, "{other}");
        }
        assert_eq!(Grant::parse("GRANT EXECUTE ON FUNCTION `s`.`f` TO `u`@`h`"), None);
    }

    #[test]
    fn patterns_match_as_in_grants() {
        assert!(matches("open\\_dental", "open_dental") && !matches("open\\_dental", "openxdental"));
        assert!(matches("open_dental", "openxdental") && matches("open%", "open") && matches("%%a%", "bab"));
        assert!(!matches("a", "ab") && !matches("ab", "a"));
        assert!(specificity("shop") > specificity("sho_") && specificity("a\\_b") > specificity("a_b"));
    }
}
