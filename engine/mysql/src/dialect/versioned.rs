//! Tables that keep history, on a server with a different end of time, or without history.
//!
//! A row of a system-versioned table is current while its end is the last moment that the server knows. That moment is
//! in 2038, and in 2106 since MariaDB 11.5. Without a translation another server would take it for an ordinary time,
//! and each current row for history.

use std::borrow::Cow;

use repo_format::database::{Column, TableRecord};

use super::changed::Changed;
use super::tokens::{Kind, Token, edited, is_keyword, tokens, unquote};
use crate::database::{Server, rows};

/// The last moment that fits in 31 bits.
pub const END_2038: &str = "2038-01-19 03:14:07.999999";
/// The last moment that fits in 32 bits.
pub const END_2106: &str = "2106-02-07 06:28:15.999999";

/// The part of a table's history that a server accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeps {
    /// All of it.
    History,
    /// It keeps history, and makes all of it itself.
    OnlyItsOwn,
    /// It has no such tables.
    Nothing,
}

/// How a versioned table comes to another server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioning {
    /// The source's end of time.
    from: &'static str,
    /// The target's end of time.
    to: String,
    keeps: Keeps,
    /// Places of start and end among the values of a row.
    period: [usize; 2],
    /// The definition names the columns of the period.
    is_explicit: bool,
}

/// Rows as the target takes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Converted {
    /// The encoded rows.
    pub text: Vec<u8>,
    /// How many.
    pub rows: u64,
    /// How many of these are current.
    pub current: u64,
    /// Rows of history that are not among them.
    pub left_out: u64,
    /// Values that are otherwise than they were.
    pub changed: Changed,
}

impl Versioning {
    /// That of a table on its way from the server `source` to `target`, to which `end` is the end of time; `None` if it has no history.
    pub fn of(record: &TableRecord, source: &Server, target: &Server, end: &str) -> Option<Self> {
        if record.versioned != Some(true) {
            return None;
        }
        let named = period(&record.create.0);
        let is_explicit = named.is_some();
        let names = named.unwrap_or_else(|| ["row_start".to_owned(), "row_end".to_owned()]);
        let place = |name: &String| record.stored().position(|column| column.name == *name);
        let keeps = match target.is_mariadb_from((10, 3, 4)) {
            true if target.version >= (10, 11, 0) => Keeps::History,
            true => Keeps::OnlyItsOwn,
            false => Keeps::Nothing,
        };
        let from = last_moment(source);
        let to = if keeps == Keeps::Nothing { END_2038.to_owned() } else { end.to_owned() };
        Some(Versioning { from, to, keeps, period: [place(&names[0])?, place(&names[1])?], is_explicit })
    }

    /// The columns that the target takes values for, and whether it has history to look through.
    pub fn record(&self, record: &TableRecord) -> TableRecord {
        let drops = self.drops();
        let mut place = 0;
        let is_kept = |column: &Column| {
            let at = place;
            place += usize::from(column.generated != Some(true));
            column.generated == Some(true) || !drops || !self.period.contains(&at)
        };
        let mut columns = record.columns.clone();
        let mut is_kept = is_kept;
        columns.retain(|column| is_kept(column));
        let versioned = (self.keeps == Keeps::History).then_some(true);
        TableRecord { columns, versioned, ..record.clone() }
    }

    /// Whether the period has no values on the target: it has no such columns, or makes these itself.
    fn drops(&self) -> bool {
        self.keeps == Keeps::OnlyItsOwn || self.keeps == Keeps::Nothing && !self.is_explicit
    }

    /// The definition for the target.
    pub fn definition(&self, create: &[u8]) -> Vec<u8> {
        if self.keeps == Keeps::Nothing { without_versioning(create) } else { create.to_vec() }
    }

    /// Encoded rows for the target.
    pub fn convert(&self, text: &[u8]) -> Converted {
        let mut converted = Converted { text: Vec::with_capacity(text.len()), ..Converted::default() };
        for row in rows(text) {
            let is_current = row.split(|byte| *byte == b'\t').nth(self.period[1]) == Some(self.from.as_bytes());
            if !is_current && self.keeps != Keeps::History {
                converted.left_out += 1;
                continue;
            }
            converted.rows += 1;
            converted.current += u64::from(is_current);
            self.write(row, is_current, &mut converted.text);
        }
        converted
    }

    fn write(&self, row: &[u8], is_current: bool, out: &mut Vec<u8>) {
        let mut is_first = true;
        for (at, cell) in row.split(|byte| *byte == b'\t').enumerate() {
            if self.drops() && self.period.contains(&at) {
                continue;
            }
            if !std::mem::take(&mut is_first) {
                out.push(b'\t');
            }
            let is_end = is_current && at == self.period[1];
            out.extend_from_slice(if is_end { self.to.as_bytes() } else { cell });
        }
        out.push(b'\n');
    }

    /// An encoded row as it was saved, of one that the target has; only where it takes history.
    pub fn as_saved<'t>(&self, row: &'t [u8]) -> Cow<'t, [u8]> {
        if self.from == self.to {
            return Cow::Borrowed(row);
        }
        let line = row.strip_suffix(b"\n").unwrap_or(row);
        let cell = |(at, cell): (usize, &'t [u8])| {
            let is_end = at == self.period[1] && cell == self.to.as_bytes();
            if is_end { self.from.as_bytes() } else { cell }
        };
        let cells: Vec<&[u8]> = line.split(|byte| *byte == b'\t').enumerate().map(cell).collect();
        Cow::Owned([&cells.join(&b'\t')[..], b"\n"].concat())
    }

    /// Whether the target takes all rows as they were.
    pub fn keeps_all(&self) -> bool {
        self.keeps == Keeps::History
    }

    /// The loss on the target; `None` if it accepts everything.
    pub fn loss(&self) -> Option<&'static str> {
        match self.keeps {
            Keeps::History => None,
            Keeps::OnlyItsOwn => Some("its rows are current from now on: MariaDB before 10.11 takes no history"),
            Keeps::Nothing => Some("it no longer keeps history: the server has no system-versioned tables"),
        }
    }

    /// The place of a row's end among the values that the target takes, and what it is as long as the row is current; `None` where it takes none.
    pub fn end(&self) -> Option<(usize, &str)> {
        (self.keeps == Keeps::History).then_some((self.period[1], self.from))
    }

    /// The places of start and end among the values of a row.
    pub(super) fn period(&self) -> [usize; 2] {
        self.period
    }

    /// Whether the target tells current rows from history.
    pub fn counts_current(&self) -> bool {
        self.keeps != Keeps::Nothing
    }
}

/// The last moment of the TIMESTAMP of a server that cannot be asked.
pub fn last_moment(server: &Server) -> &'static str {
    if server.is_mariadb_from((11, 5, 0)) { END_2106 } else { END_2038 }
}

/// The names of the columns that hold from when to when a row was current, if the definition names them.
fn period(create: &[u8]) -> Option<[String; 2]> {
    let tokens = tokens(create)?;
    let of = |edge: &str| {
        let found = tokens.windows(3).position(|three| {
            is_keyword(create, &three[0], "AS")
                && is_keyword(create, &three[1], "ROW")
                && is_keyword(create, &three[2], edge)
        })?;
        let name = tokens[..found].iter().rposition(|token| token.kind == Kind::Comma && token.depth == 1);
        let start = name.or_else(|| tokens.iter().position(|token| token.kind == Kind::Open))?;
        let name = tokens.get(start + 1)?;
        Some(String::from_utf8_lossy(&unquote(&create[name.at.clone()])).into_owned())
    };
    Some([of("START")?, of("END")?])
}

/// The definition of a table that keeps no history. Columns of the period that it names stay, as ordinary ones.
pub fn without_versioning(create: &[u8]) -> Vec<u8> {
    let Some(tokens) = tokens(create) else { return create.to_vec() };
    let is = |at: usize, words: &[&str]| {
        words.iter().enumerate().all(|(n, word)| tokens.get(at + n).is_some_and(|t| is_keyword(create, t, word)))
    };
    let mut edits = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let start = tokens[at].at.start;
        let through = |last: usize| tokens.get(last).map_or(create.len(), |token: &Token| token.at.end);
        if is(at, &["PARTITION", "BY", "SYSTEM_TIME"]) {
            edits.push((start..create.len(), String::new()));
            break;
        } else if is(at, &["WITH", "SYSTEM", "VERSIONING"]) || is(at, &["WITHOUT", "SYSTEM", "VERSIONING"]) {
            edits.push((start..through(at + 2), String::new()));
            at += 3;
        } else if is(at, &["GENERATED", "ALWAYS", "AS", "ROW"]) {
            let is_moment =
                at > 0 && tokens[..at].iter().rev().take(4).any(|token| is_keyword(create, token, "timestamp"));
            let value = match (is(at + 4, &["START"]), is_moment) {
                (true, true) => "CURRENT_TIMESTAMP(6)".to_owned(),
                (false, true) => format!("'{END_2038}'"),
                (true, false) => "0".to_owned(),
                (false, false) => u64::MAX.to_string(),
            };
            edits.push((start..through(at + 4), format!("NOT NULL DEFAULT {value}")));
            at += 5;
        } else if tokens[at].kind == Kind::Comma && is(at + 1, &["PERIOD", "FOR", "SYSTEM_TIME"]) {
            let close = tokens[at..].iter().position(|token| token.kind == Kind::Close).map_or(at, |n| at + n);
            edits.push((start..through(close), String::new()));
            at = close + 1;
        } else {
            at += 1;
        }
    }
    edited(create, &edits)
}

#[cfg(test)]
mod tests {
    use repo_format::cbor::ByteString;
    use repo_format::database::{ROW_ENCODING, RowOrder, ValueEncoding};

    use super::*;

    const NAMED: &str = "CREATE TABLE `t` (\n  `id` int(11) NOT NULL,\n  `x` int(11) DEFAULT NULL WITHOUT SYSTEM VERSIONING,\n  \
                         `st` timestamp(6) GENERATED ALWAYS AS ROW START INVISIBLE,\n  `en` timestamp(6) GENERATED ALWAYS AS ROW END,\n  \
                         PRIMARY KEY (`id`,`en`),\n  PERIOD FOR SYSTEM_TIME (`st`, `en`)\n) ENGINE=InnoDB WITH SYSTEM VERSIONING\n \
                         PARTITION BY SYSTEM_TIME \n(PARTITION `p` HISTORY ENGINE = InnoDB,\n PARTITION `c` CURRENT ENGINE = InnoDB)";

    fn record(create: &str, columns: &[&str]) -> TableRecord {
        let column = |name: &&str| Column {
            generated: (*name == "g").then_some(true),
            ..Column::new(name, "", ValueEncoding::DateTime)
        };
        TableRecord {
            name: "t".to_owned(),
            create: ByteString(create.as_bytes().to_vec()),
            engine: "InnoDB".to_owned(),
            columns: columns.iter().map(column).collect(),
            key: Vec::new(),
            order: RowOrder::RowBytes,
            encoding: ROW_ENCODING,
            versioned: Some(true),
            changed: None,
            segment_bits: None,
            kept_digests: None,
        }
    }

    fn converted(
        record: &TableRecord,
        source: &str,
        target: &str,
        end: &str,
        text: &str,
    ) -> (String, Versioning, [u64; 3]) {
        let (source, target) = (Server::from_version(source), Server::from_version(target));
        let versioning = Versioning::of(record, &source, &target, end).unwrap();
        let Converted { text, rows, current, left_out, .. } = versioning.convert(text.as_bytes());
        (String::from_utf8(text).unwrap(), versioning, [rows, current, left_out])
    }

    fn names(record: &TableRecord) -> Vec<&str> {
        record.columns.iter().map(|column| column.name.as_str()).collect()
    }

    #[test]
    fn the_end_of_time_is_that_of_the_target() {
        let record = record("CREATE TABLE `t` (`id` int) WITH SYSTEM VERSIONING", &["id", "g", "row_start", "row_end"]);
        let old = format!("1\t2020-01-01\t{END_2038}\n1\t2019-01-01\t2020-01-01\n");
        let new = old.replace(END_2038, END_2106);
        let (text, versioning, counts) = converted(&record, "10.5.1-MariaDB", "11.8.1-MariaDB", END_2106, &old);
        assert_eq!((text.as_str(), counts), (new.as_str(), [2, 1, 0]));
        assert_eq!(versioning.record(&record), record);
        let (text, ..) = converted(&record, "11.8.1-MariaDB", "10.11.1-MariaDB", END_2038, &new);
        assert_eq!(text, old);
        let (text, ..) = converted(&record, "11.5.1-MariaDB", "11.8.1-MariaDB", END_2106, &new);
        assert_eq!(text, new);
    }

    #[test]
    fn servers_that_take_no_history_get_current_rows() {
        let implicit =
            record("CREATE TABLE `t` (`id` int) WITH SYSTEM VERSIONING", &["id", "g", "row_start", "row_end"]);
        let rows = format!("1\ta\t{END_2106}\n2\tb\t2020-01-01\n3\tc\t{END_2038}\n");
        for target in ["10.5.2-MariaDB", "9.7.0"] {
            let (text, versioning, counts) = converted(&implicit, "11.8.1-MariaDB", target, END_2038, &rows);
            assert_eq!((text.as_str(), counts), ("1\n", [1, 1, 2]));
            let record = versioning.record(&implicit);
            assert_eq!((names(&record), record.versioned), (vec!["id", "g"], None));
            assert!(versioning.loss().is_some());
        }
        let named = record(NAMED, &["id", "x", "st", "en"]);
        let rows = format!("1\t5\ta\t{END_2106}\n");
        let (text, versioning, _) = converted(&named, "11.8.1-MariaDB", "8.4.0", END_2106, &rows);
        assert_eq!(
            (text, names(&versioning.record(&named))),
            (format!("1\t5\ta\t{END_2038}\n"), vec!["id", "x", "st", "en"])
        );
        let (text, versioning, _) = converted(&named, "11.8.1-MariaDB", "10.5.0-MariaDB", END_2038, &rows);
        assert_eq!((text.as_str(), names(&versioning.record(&named))), ("1\t5\n", vec!["id", "x"]));
    }

    #[test]
    fn a_definition_without_history_is_an_ordinary_table() {
        assert_eq!(
            String::from_utf8(without_versioning(NAMED.as_bytes())).unwrap(),
            format!(
                "CREATE TABLE `t` (\n  `id` int(11) NOT NULL,\n  `x` int(11) DEFAULT NULL ,\n  \
                 `st` timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) INVISIBLE,\n  `en` timestamp(6) NOT NULL DEFAULT '{END_2038}',\n  \
                 PRIMARY KEY (`id`,`en`)\n) ENGINE=InnoDB \n "
            )
        );
        let by_transaction = "CREATE TABLE `t` (`s` bigint(20) unsigned GENERATED ALWAYS AS ROW START, `e` bigint(20) unsigned GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (`s`, `e`)) WITH SYSTEM VERSIONING";
        assert_eq!(
            String::from_utf8(without_versioning(by_transaction.as_bytes())).unwrap(),
            "CREATE TABLE `t` (`s` bigint(20) unsigned NOT NULL DEFAULT 0, `e` bigint(20) unsigned NOT NULL DEFAULT 18446744073709551615) "
        );
    }
}
