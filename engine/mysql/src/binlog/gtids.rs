//! The ids of all transactions up to a place.

use std::collections::BTreeMap;
use std::fmt;

use super::event::{Cursor, Gtid, Kind, Malformed, write_uuid};

/// All transactions up to a place in a log, by their ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gtids {
    /// MariaDB: the last sequence of each domain and server, and which server's was the last of the domain.
    mariadb: BTreeMap<(u32, u32), u64>,
    last: BTreeMap<u32, u32>,
    /// MySQL: the numbers of each server, as ranges from the first to the one behind the last.
    mysql: BTreeMap<[u8; 16], Vec<(u64, u64)>>,
}

impl Gtids {
    /// The ids in all files before this one, from an event at the beginning of a file; `None` if it is another event.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn before_file(kind: Kind, body: &[u8]) -> Result<Option<Self>, Malformed> {
        match kind {
            Kind::GTID_LIST => mariadb_list(body).map(Some),
            Kind::PREVIOUS_GTIDS => Ok(mysql_set(body)),
            _ => Ok(None),
        }
    }

    /// The ids that the text of [`fmt::Display`] names; what is none of them is left out.
    pub fn parse(text: &str) -> Self {
        let mut gtids = Gtids::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part.split_once(':') {
                Some((server, ranges)) => gtids.parse_mysql(server, ranges),
                None => gtids.parse_mariadb(part),
            }
        }
        gtids
    }

    fn parse_mariadb(&mut self, part: &str) {
        let numbers: Vec<u64> = part.split('-').filter_map(|number| number.parse().ok()).collect();
        if let [domain, server, sequence] = numbers[..]
            && let (Ok(domain), Ok(server)) = (u32::try_from(domain), u32::try_from(server))
        {
            self.add(&Gtid::MariaDb { domain, server, sequence });
        }
    }

    fn parse_mysql(&mut self, server: &str, ranges: &str) {
        let digits: Vec<u8> = server.bytes().filter(|byte| *byte != b'-').collect();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
        let Some(server) = bytes.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok()) else { return };
        for range in ranges.split(':') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            if let (Ok(first), Ok(last)) = (first.parse::<u64>(), last.parse::<u64>())
                && first <= last
            {
                self.add_range(server, first, last.saturating_add(1));
            }
        }
    }

    /// Adds a transaction.
    pub fn add(&mut self, gtid: &Gtid) {
        match *gtid {
            Gtid::MariaDb { domain, server, sequence } => {
                self.mariadb.insert((domain, server), sequence);
                self.last.insert(domain, server);
            }
            Gtid::MySql { server, number } => self.add_range(server, number, number.saturating_add(1)),
        }
    }

    fn add_range(&mut self, server: [u8; 16], first: u64, end: u64) {
        let ranges = self.mysql.entry(server).or_default();
        match ranges.last_mut() {
            // Nearly always: one transaction follows the other.
            Some(last) if last.1 == first => last.1 = end,
            _ => {
                ranges.push((first, end));
                ranges.sort_unstable();
                let mut joined: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
                for range in ranges.drain(..) {
                    match joined.last_mut() {
                        Some(last) if range.0 <= last.1 => last.1 = last.1.max(range.1),
                        _ => joined.push(range),
                    }
                }
                *ranges = joined;
            }
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.mariadb.is_empty() && self.mysql.is_empty()
    }

    /// Whether all of `others` are among them.
    pub fn has_all(&self, others: &Gtids) -> bool {
        let mariadb = others.mariadb.iter().all(|((domain, server), sequence)| {
            self.has(&Gtid::MariaDb { domain: *domain, server: *server, sequence: *sequence })
        });
        let within = |server: &[u8; 16], range: &(u64, u64)| {
            let own = self.mysql.get(server);
            own.is_some_and(|own| own.iter().any(|own| own.0 <= range.0 && range.1 <= own.1))
        };
        mariadb && others.mysql.iter().all(|(server, ranges)| ranges.iter().all(|range| within(server, range)))
    }

    /// Whether a transaction is among them. MariaDB: whether one of its domain and server that is as late is.
    pub fn has(&self, gtid: &Gtid) -> bool {
        match gtid {
            Gtid::MariaDb { domain, server, sequence } => {
                self.mariadb.get(&(*domain, *server)).is_some_and(|last| last >= sequence)
            }
            Gtid::MySql { server, number } => {
                let within = |range: &(u64, u64)| (range.0..range.1).contains(number);
                self.mysql.get(server).is_some_and(|ranges| ranges.iter().any(within))
            }
        }
    }
}

impl fmt::Display for Gtids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        // The last one of a domain stands last, as servers write it.
        let (others, last): (Vec<_>, Vec<_>) =
            self.mariadb.iter().partition(|((domain, server), _)| self.last.get(domain) != Some(server));
        for ((domain, server), sequence) in others.into_iter().chain(last) {
            write!(f, "{comma}{domain}-{server}-{sequence}")?;
            comma = ",";
        }
        for (server, ranges) in &self.mysql {
            f.write_str(comma)?;
            write_uuid(f, server)?;
            for (first, end) in ranges {
                let last = end - 1;
                if first == &last { write!(f, ":{first}")? } else { write!(f, ":{first}-{last}")? }
            }
            comma = ",";
        }
        Ok(())
    }
}

/// The count's low 28 bits; the others are flags.
const COUNT_BITS: u32 = (1 << 28) - 1;

fn mariadb_list(body: &[u8]) -> Result<Gtids, Malformed> {
    let mut cursor = Cursor::new(body);
    let (count, mut gtids) = (cursor.u32()? & COUNT_BITS, Gtids::default());
    for _ in 0..count {
        let (domain, server, sequence) = (cursor.u32()?, cursor.u32()?, cursor.u64()?);
        gtids.add(&Gtid::MariaDb { domain, server, sequence });
    }
    Ok(gtids)
}

/// Nothing comes of a set with tagged ids, which is written in a way of its own.
fn mysql_set(body: &[u8]) -> Option<Gtids> {
    let mut cursor = Cursor::new(body);
    let (servers, mut gtids) = (cursor.u64().ok()?, Gtids::default());
    for _ in 0..servers {
        let server: [u8; 16] = cursor.take(16).ok()?.try_into().ok()?;
        for _ in 0..cursor.u64().ok()? {
            let (first, end) = (cursor.u64().ok()?, cursor.u64().ok()?);
            (first < end).then(|| gtids.add_range(server, first, end))?;
        }
    }
    cursor.is_empty().then_some(gtids)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SERVER: [u8; 16] = [0x3e, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    #[test]
    fn ids_of_both_servers_read_as_they_are_written() {
        for text in ["", "0-1-17", "0-2-9,0-1-17,5-1-2", "3e010203-0405-0607-0809-0a0b0c0d0e0f:1-5:7:9-12"] {
            assert_eq!(Gtids::parse(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_id_is_left_out() {
        assert!(Gtids::parse("x,1-2,:,zz:1,3e01:4,--,9-3:2").is_empty());
    }

    proptest! {
        #[test]
        fn a_set_has_what_was_added_and_nothing_else(numbers in proptest::collection::vec(1u64..40, 0..40)) {
            let mut gtids = Gtids::default();
            numbers.iter().for_each(|number| gtids.add(&Gtid::MySql { server: SERVER, number: *number }));
            let again = Gtids::parse(&gtids.to_string());
            for number in 0..41 {
                let gtid = Gtid::MySql { server: SERVER, number };
                prop_assert_eq!(gtids.has(&gtid), numbers.contains(&number));
                prop_assert_eq!(again.has(&gtid), numbers.contains(&number));
            }
        }
    }
}
