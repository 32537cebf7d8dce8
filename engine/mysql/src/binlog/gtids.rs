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
    /// MySQL: the numbers of each server, as ranges: the first number, and the one behind the last.
    mysql: BTreeMap<[u8; 16], BTreeMap<u64, u64>>,
    /// Some ids cannot be read, so that the others are not all.
    is_unknown: bool,
}

impl Gtids {
    /// The ids in all files before this one, from an event at the beginning of a file; `None` if it is another event.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn before_file(kind: Kind, body: &[u8]) -> Result<Option<Self>, Malformed> {
        match kind {
            Kind::GTID_LIST => mariadb_list(body).map(Some),
            Kind::PREVIOUS_GTIDS => Ok(Some(mysql_set(body).unwrap_or_else(Self::unknown))),
            _ => Ok(None),
        }
    }

    fn unknown() -> Self {
        Gtids { is_unknown: true, ..Gtids::default() }
    }

    /// Adds a transaction whose id cannot be read: from here on it is not known which ids there are.
    pub fn add_unknown(&mut self) {
        *self = Self::unknown();
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
        let (mut first, mut end) = (first, end);
        // The ranges that it touches become one with it, from the last to the first.
        while let Some((&start, &behind)) = ranges.range(..=end).next_back().filter(|(_, behind)| **behind >= first) {
            ranges.remove(&start);
            (first, end) = (first.min(start), end.max(behind));
        }
        ranges.insert(first, end);
    }

    /// Whether there is none that is known.
    pub fn is_empty(&self) -> bool {
        self.mariadb.is_empty() && self.mysql.is_empty()
    }

    /// Whether all of `others` are among them; also if it is not known which they are.
    pub fn has_all(&self, others: &Gtids) -> bool {
        self.lacks_none(others, |_| true)
    }

    /// Whether some of `before`, which a server had named, are not among those that it names later. A domain of MariaDB that it names no more says
    /// nothing: an administrator may have deleted it (`FLUSH BINARY LOGS DELETE_DOMAIN_ID`). If none is left, all are lost.
    pub fn has_lost(&self, before: &Gtids) -> bool {
        let is_left = |domain: u32| self.last.contains_key(&domain);
        let has_none_left = !before.last.is_empty() && !before.last.keys().any(|domain| is_left(*domain));
        !self.lacks_none(before, |domain| has_none_left || is_left(domain))
    }

    /// Whether all of `others` are among them, as far as the domains of MariaDB `count`.
    fn lacks_none(&self, others: &Gtids, counts: impl Fn(u32) -> bool) -> bool {
        if self.is_unknown || others.is_unknown {
            return true;
        }
        let mut counted = others.mariadb.iter().filter(|((domain, _), _)| counts(*domain));
        let mariadb = counted.all(|((domain, server), sequence)| {
            self.has(&Gtid::MariaDb { domain: *domain, server: *server, sequence: *sequence })
        });
        let mut mysql =
            others.mysql.iter().flat_map(|(server, ranges)| ranges.iter().map(move |range| (server, range)));
        mariadb && mysql.all(|(server, (first, end))| self.mysql_end(server, *first).is_some_and(|own| own >= *end))
    }

    /// Whether a transaction is among them. MariaDB: whether one of its domain and server that is as late is.
    pub fn has(&self, gtid: &Gtid) -> bool {
        match gtid {
            Gtid::MariaDb { domain, server, sequence } => {
                self.mariadb.get(&(*domain, *server)).is_some_and(|last| last >= sequence)
            }
            Gtid::MySql { server, number } => self.mysql_end(server, *number).is_some_and(|end| end > *number),
        }
    }

    /// The number behind the last one of the range that `number` is in, or would be.
    fn mysql_end(&self, server: &[u8; 16], number: u64) -> Option<u64> {
        let (_, end) = self.mysql.get(server)?.range(..=number).next_back()?;
        Some(*end)
    }
}

impl fmt::Display for Gtids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_unknown {
            return Ok(());
        }
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

/// Nothing comes of a set with tagged ids, which is written in a different way.
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

        #[test]
        fn a_set_has_all_of_another_exactly_if_it_has_each(own in proptest::collection::vec(1u64..20, 0..20), other in proptest::collection::vec(1u64..20, 0..5)) {
            let set = |numbers: &[u64]| {
                let mut gtids = Gtids::default();
                numbers.iter().for_each(|number| gtids.add(&Gtid::MySql { server: SERVER, number: *number }));
                gtids
            };
            prop_assert_eq!(set(&own).has_all(&set(&other)), other.iter().all(|number| own.contains(number)));
        }
    }

    #[test]
    fn a_domain_that_is_named_no_more_is_not_lost_but_one_that_is_behind_is() {
        let before = Gtids::parse("0-1-17,5-1-2,5-2-9");
        for (later, has_lost) in [
            ("0-1-17,5-1-2,5-2-9", false),
            ("0-1-20", false),
            ("5-1-2,5-2-9", false),
            ("0-1-16", true),
            ("0-1-20,5-1-2", true),
            ("0-2-20", true),
            ("7-1-1", true),
            ("", true),
        ] {
            assert_eq!(Gtids::parse(later).has_lost(&before), has_lost, "{later}");
        }
        assert!(!Gtids::parse("").has_lost(&Gtids::default()));
    }

    #[test]
    fn a_set_of_very_many_ranges_reads_at_once() {
        let mut body = 1u64.to_le_bytes().to_vec();
        body.extend_from_slice(&SERVER);
        let ranges = 300_000u64;
        body.extend_from_slice(&ranges.to_le_bytes());
        for nth in (1..=ranges).rev() {
            body.extend_from_slice(&(3 * nth).to_le_bytes());
            body.extend_from_slice(&(3 * nth + 1).to_le_bytes());
        }
        let before = Gtids::before_file(Kind::PREVIOUS_GTIDS, &body).unwrap().unwrap();
        assert!(before.has(&Gtid::MySql { server: SERVER, number: 3 * ranges }));
        assert!(before.has_all(&Gtids::parse(&before.to_string())));
    }

    #[test]
    fn a_set_with_an_id_that_cannot_be_read_names_none_and_lacks_none() {
        let mut gtids = Gtids::parse("3e010203-0405-0607-0809-0a0b0c0d0e0f:1-5");
        let before = gtids.clone();
        gtids.add_unknown();
        gtids.add(&Gtid::MySql { server: SERVER, number: 9 });
        assert_eq!(gtids.to_string(), "");
        assert!(gtids.has_all(&before) && before.has_all(&gtids));
        let tagged = Gtids::before_file(Kind::PREVIOUS_GTIDS, &[1, 0, 0, 0, 0, 0, 0, 1]).unwrap().unwrap();
        assert!(tagged.has_all(&before) && tagged.is_empty());
    }
}
