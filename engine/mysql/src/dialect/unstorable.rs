//! Values that one server can store and another cannot, and the types of such columns.
//!
//! Without a strict mode a server stores something else, zero or the start of 1970, and warns. In a strict mode it
//! refuses values that were legal at the source. So this replaces them by the nearest value that the target can store,
//! and counts each.

use std::net::Ipv4Addr;

use repo_format::database::{Column, TableRecord, ValueEncoding};

use super::changed::Changed;
use super::reading::{Changes, Reading, Translated};
use super::tokens::Kind;
use super::versioned::{END_2106, Versioning, last_moment};
use crate::database::{Server, quote_name, rows};

/// The last time that MySQL holds: it holds no fraction of the second after it, as MariaDB does.
const CLOCK_END: &str = "838:59:59";
/// How MySQL and older MariaDB have the types of MariaDB: as the texts that these show.
const AS_TEXTS: [(&str, &str, Change); 3] = [
    ("uuid", "char(36)", Change::Uuid),
    ("inet6", "varchar(39)", Change::Inet6),
    ("inet4", "varchar(15)", Change::Inet4),
];
/// The most digits behind the point that MySQL has.
const SCALE_MAX: u32 = 30;

/// How the values of a column become those of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// A moment after the last one is the last one.
    Moment,
    /// A time after the last one is the last one.
    Clock,
    /// Vectors of fewer numbers are none.
    Vector(usize),
    /// A year of two digits has four.
    Year,
    /// Bytes are the text of the address, or number, that they stand for.
    Uuid,
    Inet4,
    Inet6,
}

/// How the values of a table come to a server that does not hold all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    /// By their places among the values of a row.
    changes: Vec<Option<Change>>,
    names: Vec<String>,
    /// The last moment of the target.
    last: String,
}

/// From which server rows come to which.
#[derive(Debug, Clone, Copy)]
pub struct Way<'s> {
    /// They come from it.
    pub source: &'s Server,
    /// They come to it.
    pub target: &'s Server,
    /// The last moment of its TIMESTAMP.
    pub last: &'s str,
}

impl Values {
    /// The replacements for `record` on `way`; `None` if the target can store all values. `versioning` handles the
    /// period of validity of rows.
    pub fn of(record: &TableRecord, versioning: Option<&Versioning>, way: &Way<'_>) -> Option<Self> {
        let apart = versioning.map(Versioning::period);
        let of = |(place, column): (usize, &Column)| {
            let is_apart = apart.is_some_and(|places| places.contains(&place));
            change(column, way).filter(|_| !is_apart)
        };
        let changes: Vec<_> = record.stored().enumerate().map(of).collect();
        let names = record.stored().map(|column| column.name.clone()).collect();
        changes.iter().any(Option::is_some).then(|| Values { changes, names, last: way.last.to_owned() })
    }

    /// Moments alone, on a server whose last one is `last`.
    pub fn of_moments(record: &TableRecord, versioning: Option<&Versioning>, last: &str) -> Option<Self> {
        // The newest server has every other type.
        let newest = Server::from_version("99.0.0-MariaDB");
        Values::of(record, versioning, &Way { source: &newest, target: &newest, last })
    }

    /// Whether values that are as they were are written otherwise.
    pub fn rewrites(&self) -> bool {
        let keeps = |change: &Change| matches!(change, Change::Moment | Change::Clock | Change::Vector(_));
        self.changes.iter().flatten().any(|change| !keeps(change))
    }

    /// Encoded rows as the target holds them, and what is otherwise in them.
    pub fn convert(&self, text: &[u8]) -> (Vec<u8>, Changed) {
        let (mut converted, mut changed) = (Vec::with_capacity(text.len()), Changed::default());
        for row in rows(text) {
            for (place, cell) in row.split(|byte| *byte == b'\t').enumerate() {
                if place > 0 {
                    converted.push(b'\t');
                }
                let other = self.changes.get(place).copied().flatten().and_then(|change| self.changed(change, cell));
                if other.as_ref().is_some_and(|(_, loss)| *loss == Loss::Value) {
                    changed.count(place);
                }
                converted.extend_from_slice(other.as_ref().map_or(cell, |(other, _)| other));
            }
            converted.push(b'\n');
        }
        (converted, changed)
    }

    /// One sentence for each column of which values are otherwise.
    pub fn sentences(&self, changed: &Changed) -> Vec<String> {
        let counts = changed.counts().enumerate().filter(|(_, count)| **count > 0);
        let sentence = |(place, count): (usize, &u64)| {
            let name = quote_name(self.names.get(place)?);
            let (values, stand) = if *count == 1 { ("value", "stands") } else { ("values", "stand") };
            let last = match self.changes.get(place).copied().flatten()? {
                Change::Vector(_) => {
                    return Some(format!(
                        "{count} {values} of its column {name} {stand} as NULL: the server holds vectors of one length only"
                    ));
                }
                Change::Clock => CLOCK_END,
                _ => self.last.split('.').next().unwrap_or_default(),
            };
            Some(format!(
                "{count} {values} of its column {name} {stand} as {last}, the nearest that the server holds: each was beyond it"
            ))
        };
        counts.filter_map(sentence).collect()
    }

    fn changed(&self, change: Change, cell: &[u8]) -> Option<(Vec<u8>, Loss)> {
        let fraction = || cell.split(|byte| *byte == b'.').nth(1).map_or(0, <[u8]>::len);
        match change {
            Change::Moment => {
                let digits = fraction();
                let end = self.last.len().min(self.last.find('.')? + if digits > 0 { digits + 1 } else { 0 });
                let last = &self.last.as_bytes()[..end];
                // Times of one form are in the order of their texts.
                (cell.first()?.is_ascii_digit() && cell > last).then(|| (last.to_vec(), Loss::Value))
            }
            Change::Clock => {
                let (sign, digits) = cell.strip_prefix(b"-").map_or((&b""[..], cell), |digits| (&b"-"[..], digits));
                let rest = digits.strip_prefix(CLOCK_END.as_bytes())?.strip_prefix(b".")?;
                let last = || [sign, CLOCK_END.as_bytes(), b".", &vec![b'0'; rest.len()]].concat();
                rest.iter().any(|digit| *digit != b'0').then(|| (last(), Loss::Value))
            }
            Change::Vector(bytes) => {
                let is_other = unescape_cell(cell)?.len() != bytes;
                is_other.then(|| (b"\\N".to_vec(), Loss::Value))
            }
            Change::Year => {
                let year: u16 = std::str::from_utf8(cell).ok()?.parse().ok().filter(|year| *year < 100)?;
                let century = if year < 70 { 2000 } else { 1900 };
                Some(((century + year).to_string().into_bytes(), Loss::Nothing))
            }
            Change::Uuid | Change::Inet4 | Change::Inet6 => {
                let bytes = unescape_cell(cell)?;
                let text = match change {
                    Change::Uuid => uuid(&bytes)?,
                    Change::Inet4 => Ipv4Addr::from(<[u8; 4]>::try_from(&bytes[..]).ok()?).to_string(),
                    _ => inet6(&bytes)?,
                };
                Some((text.into_bytes(), Loss::Nothing))
            }
        }
    }
}

/// Whether a value is otherwise than it was, or only written otherwise.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Loss {
    Nothing,
    Value,
}

fn change(column: &Column, way: &Way<'_>) -> Option<Change> {
    let Way { source, target, last } = *way;
    let kind = column.column_type.to_ascii_lowercase();
    let is_of_fraction =
        |name: &str| kind.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('('));
    if is_of_fraction("timestamp") && last < last_moment(source) {
        return Some(Change::Moment);
    }
    if kind.starts_with("time(") && source.is_mariadb() && !target.is_mariadb() {
        return Some(Change::Clock);
    }
    if kind.starts_with("year(2)") && !target.is_mariadb() {
        return Some(Change::Year);
    }
    if let Some(length) = kind.strip_prefix("vector(").filter(|_| !source.is_mariadb() && target.is_mariadb()) {
        let numbers: usize = length.strip_suffix(')')?.parse().ok()?;
        return Some(Change::Vector(numbers.checked_mul(4)?));
    }
    AS_TEXTS.iter().find(|(name, ..)| *name == kind && !has_type(target, name)).map(|(.., change)| *change)
}

/// Whether the server has a type that came later, or in one family only.
fn has_type(target: &Server, name: &str) -> bool {
    match name {
        "uuid" => target.is_mariadb_from((10, 7, 0)),
        "inet4" => target.is_mariadb_from((10, 10, 0)),
        "inet6" => target.is_mariadb_from((10, 5, 0)),
        "vector" => target.is_mariadb_from((11, 7, 0)) || target.is_mysql_from((9, 0, 0)),
        _ => true,
    }
}

/// Writes the types of columns in the words of `target`.
pub(super) fn translate_types(translated: &mut Translated, target: &Server) {
    translated.apply(|reading| types(reading, target));
}

fn types(reading: &Reading<'_>, target: &Server) -> Changes {
    let mut changes = Changes::default();
    for item in reading.columns() {
        let at = item.start + 1;
        let name = reading.name(&item);
        if let Some((old, new, _)) = AS_TEXTS.iter().find(|(old, ..)| reading.is(at, old) && !has_type(target, old)) {
            changes
                .replace(reading.tokens[at].at.clone(), &format!("{new} CHARACTER SET ascii COLLATE ascii_general_ci"));
            changes.notes.push(format!("its column {name} is {new}, as the server has no {old}: it holds the texts"));
        } else if reading.is(at, "year") && reading.text(at + 2) == "2" && !target.is_mariadb() {
            changes.replace(reading.tokens[at + 1].at.start..reading.tokens[at + 3].at.end, "");
            changes.notes.push(format!("the years of its column {name} have four digits, as the server has no others"));
        }
    }
    changes
}

/// Defaults after the last moment of a server, which it refuses.
pub(super) fn late_defaults(reading: &Reading<'_>, last: &str) -> Changes {
    let mut changes = Changes::default();
    for item in reading.columns().filter(|item| last < END_2106 && reading.is(item.start + 1, "timestamp")) {
        let is_late = |at: &usize| {
            reading.is(at - 1, "DEFAULT")
                && reading.tokens[*at].kind == Kind::Text
                && reading.text(*at).trim_matches('\'') > last
        };
        if let Some(at) = item.clone().find(is_late) {
            let at = reading.tokens[at - 1].at.start..reading.tokens[at].at.end;
            let name = reading.name(&item);
            changes.replace(at, "");
            changes
                .missed
                .push(format!("its column {name} has no default any more: it is beyond what the server holds"));
        }
    }
    changes
}

/// The columns of `record` as the target has them.
pub(super) fn with_types(record: &TableRecord, target: &Server) -> TableRecord {
    let mut record = record.clone();
    for column in &mut record.columns {
        let Some((_, new, _)) = AS_TEXTS.iter().find(|(old, ..)| column.column_type == *old && !has_type(target, old))
        else {
            continue;
        };
        let character_set = Some("ascii".to_owned());
        *column = Column {
            column_type: (*new).to_owned(),
            encoding: ValueEncoding::Bytes,
            character_set,
            select: None,
            ..column.clone()
        };
    }
    record
}

/// Why a server makes no table of such columns.
pub(super) fn refusal(record: &TableRecord, target: &Server) -> Option<String> {
    let server = if target.is_mariadb() { "this MariaDB" } else { "this MySQL" };
    record.columns.iter().find_map(|column| {
        let kind = column.column_type.to_ascii_lowercase();
        let is_float = matches!(column.encoding, ValueEncoding::Float | ValueEncoding::Double);
        let why = if kind.starts_with("vector") && !has_type(target, "vector") {
            format!("has the type {kind}, which {server} does not have")
        } else if column.character_set.as_deref() == Some("gb18030") && target.is_mariadb() {
            "has the character set gb18030, which MariaDB does not have".to_owned()
        } else if !target.is_mariadb() && kind.starts_with("decimal") && scale(&kind) > SCALE_MAX {
            format!("has the type {kind}, and MySQL holds {SCALE_MAX} digits behind the point")
        } else if target.is_mysql_from((8, 4, 0)) && is_float && column.auto_increment == Some(true) {
            format!("counts in the type {kind}, in which {server} does not count")
        } else {
            return None;
        };
        Some(format!("its column {} {why}", quote_name(&column.name)))
    })
}

fn scale(kind: &str) -> u32 {
    let digits =
        kind.split_once(',').map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// The bytes of a cell; `None` if it is NULL or no cell.
fn unescape_cell(cell: &[u8]) -> Option<Vec<u8>> {
    crate::database::cells(cell, 1).next()?.flatten().map(std::borrow::Cow::into_owned)
}

fn uuid(bytes: &[u8]) -> Option<String> {
    let bytes: [u8; 16] = bytes.try_into().ok()?;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Some([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

/// As MariaDB writes an address: the first of the longest rows of zeros is `::`, also if it is one zero, and an address of the former
/// family keeps its dots.
fn inet6(bytes: &[u8]) -> Option<String> {
    let bytes: [u8; 16] = bytes.try_into().ok()?;
    let groups: Vec<u16> = bytes.chunks_exact(2).map(|two| u16::from_be_bytes([two[0], two[1]])).collect();
    let zeros = |from: usize| groups[from..].iter().take_while(|group| **group == 0).count();
    let start = (0..8).rev().max_by_key(|from| zeros(*from)).unwrap_or(0);
    let length = zeros(start);
    let dotted = Ipv4Addr::new(bytes[12], bytes[13], bytes[14], bytes[15]);
    let hex = |groups: &[u16]| groups.iter().map(|group| format!("{group:x}")).collect::<Vec<_>>().join(":");
    Some(match (start, length) {
        (0, 6) => format!("::{dotted}"),
        (0, 5) if groups[5] == 0xffff => format!("::ffff:{dotted}"),
        (_, 0) => hex(&groups),
        (start, length) => format!("{}::{}", hex(&groups[..start]), hex(&groups[start + length..])),
    })
}

#[cfg(test)]
mod tests {
    use repo_format::cbor::ByteString;
    use repo_format::database::{ROW_ENCODING, RowOrder};

    use super::super::versioned::END_2038;
    use super::*;

    fn record(types: &[&str]) -> TableRecord {
        let column = |(at, kind): (usize, &&str)| Column::new(&format!("c{at}"), kind, ValueEncoding::Bytes);
        TableRecord {
            name: "t".to_owned(),
            create: ByteString(Vec::new()),
            engine: "InnoDB".to_owned(),
            columns: types.iter().enumerate().map(column).collect(),
            key: Vec::new(),
            order: RowOrder::RowBytes,
            encoding: ROW_ENCODING,
            versioned: None,
            changed: None,
            segment_bits: None,
            kept_digests: None,
        }
    }

    fn converted(types: &[&str], target: &str, text: &str) -> (String, Vec<String>) {
        let target = Server::from_version(target);
        // The vectors of MySQL alone are of any length.
        let source = Server::from_version(if types[0].starts_with("vector") { "9.7.0" } else { "11.8.2-MariaDB" });
        let way = Way { source: &source, target: &target, last: END_2038 };
        let values = Values::of(&record(types), None, &way).unwrap();
        let (text, changed) = values.convert(text.as_bytes());
        (String::from_utf8(text).unwrap(), values.sentences(&changed))
    }

    #[test]
    fn moments_beyond_the_last_one_are_the_last_one_and_are_counted() {
        let (text, said) = converted(
            &["int", "timestamp", "timestamp(3)"],
            "10.11.2-MariaDB",
            "1\t2038-01-19 03:14:07\t2038-01-19 03:14:07.999\n2\t2038-01-19 03:14:08\t2050-01-01 00:00:00.000\n3\t\\N\t0000-00-00 00:00:00.000\n",
        );
        assert_eq!(
            text,
            "1\t2038-01-19 03:14:07\t2038-01-19 03:14:07.999\n2\t2038-01-19 03:14:07\t2038-01-19 03:14:07.999\n3\t\\N\t0000-00-00 00:00:00.000\n"
        );
        assert!(
            said.len() == 2 && said[0].starts_with("1 value of its column `c1` stands as 2038-01-19 03:14:07,"),
            "{said:?}"
        );
        let [newest, older] = ["11.8.2-MariaDB", "10.11.2-MariaDB"].map(Server::from_version);
        for (source, target, last) in
            [(&newest, &newest, END_2106), (&older, &older, END_2038), (&older, &newest, END_2106)]
        {
            assert_eq!(Values::of(&record(&["timestamp"]), None, &Way { source, target, last }), None);
        }
    }

    #[test]
    fn times_and_vectors_that_a_server_does_not_hold_are_counted() {
        let (text, said) =
            converted(&["time(6)", "time"], "9.7.0", "-838:59:59.999999\t838:59:59\n838:59:59.000000\t\\N\n");
        assert_eq!(text, "-838:59:59.000000\t838:59:59\n838:59:59.000000\t\\N\n");
        assert!(said.len() == 1 && said[0].starts_with("1 value of its column `c0` stands as 838:59:59,"), "{said:?}");
    }

    #[test]
    fn types_that_a_server_does_not_have_are_texts_there() {
        let uuid = "\\\\\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}\u{8}\\t\\n\u{b}\u{c}\u{d}\u{e}\u{f}";
        let (text, said) = converted(
            &["uuid", "inet4", "year(2)"],
            "9.7.0",
            &format!("{uuid}\t\u{7f}\\0\\0\u{1}\t69\n\\N\t\\N\t70\n"),
        );
        assert_eq!(text, "5c010203-0405-0607-0809-0a0b0c0d0e0f\t127.0.0.1\t2069\n\\N\t\\N\t1970\n");
        assert_eq!(said, [""; 0]);
        let typed = with_types(&record(&["uuid", "int"]), &Server::from_version("10.5.2-MariaDB"));
        assert_eq!([&typed.columns[0].column_type[..], &typed.columns[1].column_type], ["char(36)", "int"]);
    }

    #[test]
    fn addresses_are_written_as_mariadb_writes_them() {
        for (groups, expected) in [
            ([1, 0, 2, 3, 4, 5, 6, 7], "1::2:3:4:5:6:7"),
            ([1, 0, 0, 3, 0, 0, 6, 7], "1::3:0:0:6:7"),
            ([0, 0, 0, 0, 0, 0xffff, 0x102, 0x304], "::ffff:1.2.3.4"),
            ([0, 0, 0, 0, 0, 0, 0x102, 0x304], "::1.2.3.4"),
            ([0, 0, 0, 0, 0, 0, 0, 4], "::4"),
            ([0; 8], "::"),
            ([1, 0, 0, 0, 0, 0, 0, 0], "1::"),
            ([1, 2, 0, 4, 0, 0, 0, 8], "1:2:0:4::8"),
            ([1, 2, 3, 4, 5, 6, 7, 0xabcd], "1:2:3:4:5:6:7:abcd"),
        ] {
            let bytes: Vec<u8> = groups.iter().flat_map(|group: &u16| group.to_be_bytes()).collect();
            assert_eq!(inet6(&bytes).unwrap(), expected);
        }
    }

    #[test]
    fn tables_that_a_server_cannot_hold_are_refused() {
        let why = |kind: &str, target: &str| refusal(&record(&[kind]), &Server::from_version(target));
        assert!(why("vector(3)", "10.11.2-MariaDB").unwrap().contains("the type vector(3)"));
        assert!(why("decimal(65,38)", "9.7.0").unwrap().contains("30 digits"));
        assert_eq!(
            why("vector(3)", "9.7.0").or(why("decimal(65,30)", "9.7.0")).or(why("decimal(65,38)", "10.5.0-MariaDB")),
            None
        );
    }
}
