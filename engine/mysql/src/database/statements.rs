//! Statements that sessions run now, and the tables that they name.

use std::time::Duration;

use super::{Connection, Row, Server, TableName, is_lost, outline, texts};
use engine_core::error::Result;

/// A session that runs a statement.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    /// The server's number of the session.
    pub id: u64,
    /// The user of the session.
    pub user: String,
    /// The time that it has been in its state.
    pub time: Duration,
    /// Its state, according to the server.
    pub state: String,
    statement: String,
    /// Names in its statement, each with its schema or the session's schema.
    names: Vec<TableName>,
}

impl Running {
    /// Whether its statement names the table. A name in another case may be the same table, depending on the server.
    pub fn names(&self, table: &TableName) -> bool {
        let is_same = |name: &TableName| {
            name.schema.eq_ignore_ascii_case(&table.schema) && name.table.eq_ignore_ascii_case(&table.table)
        };
        self.names.iter().any(is_same)
    }

    /// Whether it only reads, and locks nothing that it reads.
    pub fn only_reads(&self) -> bool {
        let begins =
            |word: &str| self.statement.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
        let reads = ["SELECT", "(SELECT", "SHOW", "WITH", "EXPLAIN", "DO", "SET"].into_iter().any(begins);
        reads && !self.statement.to_ascii_uppercase().contains("FOR UPDATE")
    }

    /// Whether its statement names a table that `other` names, and is working rather than waiting.
    pub fn is_in_the_way_of(&self, other: &Running) -> bool {
        let shares = || {
            self.names.iter().any(|name| name.table.len() > 1 && other.names.contains(name) && !is_word(&name.table))
        };
        self.id != other.id && !self.state.starts_with("Waiting for") && shares()
    }

    /// Whether MySQL is making its changes durable.
    pub fn is_committing(&self) -> bool {
        self.state.eq_ignore_ascii_case("waiting for handler commit")
    }

    /// An outline of its statement, without values.
    pub fn outline(&self) -> String {
        outline(&self.statement)
    }
}

/// The statements that run on the server, except those of `connection` itself. Without the right PROCESS these are only
/// the account's own.
///
/// # Errors
/// If the server does not answer.
pub(crate) fn running(connection: &mut Connection, server: &Server) -> Result<Vec<Running>> {
    let time = if server.is_mariadb() { "TIME_MS / 1000" } else { "TIME" };
    let asked = connection.rows(&format!(
        "SELECT ID, USER, {time}, STATE, DB, INFO FROM information_schema.PROCESSLIST \
         WHERE COMMAND NOT IN ('Sleep', 'Daemon', 'Binlog Dump', 'Binlog Dump GTID') AND ID <> CONNECTION_ID()"
    ));
    match asked {
        Ok(rows) => Ok(rows.into_iter().map(session).collect()),
        // While the server's disk is full, long statements do not fit into the answer.
        Err(error) if !is_lost(&error) => cut_short(connection),
        Err(error) => Err(error),
    }
}

/// The running statements, cut to their beginnings: this needs no space on the server's disk.
fn cut_short(connection: &mut Connection) -> Result<Vec<Running>> {
    const IDLE: [&str; 4] = ["Sleep", "Daemon", "Binlog Dump", "Binlog Dump GTID"];
    let own = u64::from(connection.id());
    let mut running = Vec::new();
    for row in connection.rows("SHOW PROCESSLIST")? {
        let cells: [Option<String>; 8] = texts(row.into_iter().take(8).collect()).try_into().unwrap_or_default();
        let [id, user, _host, schema, command, time, state, statement] = cells;
        if !command.is_some_and(|command| IDLE.contains(&&command[..])) {
            running.push(of_cells([id, user, time, state, schema, statement]));
        }
    }
    running.retain(|session| session.id != own);
    Ok(running)
}

/// Whether a name is more likely a word of SQL.
fn is_word(name: &str) -> bool {
    const WORDS: [&str; 14] = [
        "SELECT", "FROM", "WHERE", "UPDATE", "INSERT", "INTO", "VALUES", "SET", "DELETE", "TABLE", "TABLES", "AND",
        "AS", "ALTER",
    ];
    WORDS.iter().any(|word| name.eq_ignore_ascii_case(word))
}

fn session(row: Row) -> Running {
    of_cells(texts(row).try_into().unwrap_or_default())
}

fn of_cells(cells: [Option<String>; 6]) -> Running {
    let [id, user, seconds, state, schema, statement] = cells.map(Option::unwrap_or_default);
    let time = seconds.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let names = names(&statement, &schema);
    Running { id: id.parse().unwrap_or(0), user, time: time.unwrap_or_default(), state, statement, names }
}

/// Names in `statement` that may be tables: `a.b`, and `a` in `schema`. Words of SQL are among them.
fn names(statement: &str, schema: &str) -> Vec<TableName> {
    let mut found = Vec::new();
    let mut before: Option<String> = None;
    let mut rest = statement;
    while let Some(c) = rest.chars().next() {
        let (name, len) = match c {
            '`' => quoted(rest),
            '\'' | '"' => (None, text_len(rest, c)),
            c if is_of_name(c) => {
                let len = rest.find(|c: char| !is_of_name(c)).unwrap_or(rest.len());
                (Some(rest[..len].to_owned()), len)
            }
            c => (None, c.len_utf8()),
        };
        rest = &rest[len..];
        let Some(name) = name else { continue };
        let of = before.take();
        found.push(TableName::new(of.unwrap_or_else(|| schema.to_owned()), name.clone()));
        let behind = rest.trim_start();
        if let Some(behind) = behind.strip_prefix('.') {
            before = Some(name);
            rest = behind;
        }
    }
    found
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

/// The name in backquotes at the beginning of `text`, and its length there.
fn quoted(text: &str) -> (Option<String>, usize) {
    let mut name = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '`' if chars.next_if(|(_, next)| *next == '`').is_some() => name.push('`'),
            '`' => return (Some(name), at + 1),
            c => name.push(c),
        }
    }
    // The statement was cut short.
    (None, text.len())
}

/// The length of the quoted text at the beginning of `text`.
fn text_len(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session_of(statement: &str) -> Running {
        let cells = ["7", "ann", "1.5", "", "shop", statement];
        session(cells.into_iter().map(|cell| Some(cell.as_bytes().to_vec())).collect())
    }

    fn is_named(statement: &str, schema: &str, table: &str) -> bool {
        session_of(statement).names(&TableName::new(schema, table))
    }

    #[test]
    fn a_statement_names_a_table_and_no_other_whose_name_holds_its_name() {
        let statement = "UPDATE patientnote SET note = 'patient, it''s \\' x' WHERE `the patient` = 1";
        assert!(is_named(statement, "shop", "patientnote"));
        assert!(!is_named(statement, "shop", "patient"));
        assert!(!is_named(statement, "other", "patientnote"));
        let joined = "INSERT INTO other . `a``b` SELECT * FROM patient p JOIN shop.visit";
        assert!(is_named(joined, "other", "a`b") && !is_named(joined, "shop", "a`b"));
        assert!(is_named(joined, "shop", "PATIENT") && is_named(joined, "shop", "visit"));
        assert!(!is_named("SELECT 1 FROM `cut", "shop", "cut"));
    }

    #[test]
    fn a_statement_that_is_being_made_durable_is_known() {
        let of = |state: &str| {
            of_cells(["7", "ann", "1", state, "shop", "INSERT INTO t VALUES (1)"].map(|c| Some(c.to_owned())))
        };
        assert!(of("waiting for handler commit").is_committing());
        assert!(!of("update").is_committing());
    }

    #[test]
    fn a_select_only_reads_unless_it_locks_what_it_reads() {
        assert!(session_of("select * from t").only_reads());
        assert!(!session_of("SELECT * FROM t FOR UPDATE").only_reads());
        assert!(!session_of("UPDATE t SET a = 1").only_reads());
    }
}
