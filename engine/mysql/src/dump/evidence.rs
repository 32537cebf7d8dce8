//! Decides whether a table is the same as in the parent snapshot. It uses only evidence that every server keeps
//! exactly. All other tables are read.
//!
//! The evidence is the time at which the file of a MyISAM table was last written, according to the operating system.
//!
//! | a hidden change | is shown by; otherwise the table is read |
//! | --- | --- |
//! | rows of other engines | only MyISAM writes each change to its file at once. InnoDB forgets the time at a restart, Aria reports it late |
//! | a time from a cache of statistics | no cache answers: see `database/settings.rs` |
//! | a second change in the same second | the time is so much older than the snapshot that no second has both |
//! | a change that does not update the file's time | Windows updates it late, `myisam_use_mmap` too, and with external locking other programs write the file |
//! | another table under the name, with the same time | the server counts statements that alter, rename or flush tables: none was run since |
//! | rows exchanged between partitions | partitioned tables are read |
//! | changes, and their time, lost in a crash | the server has been running since then |
//! | another server, or a copy of it | its identity |
//! | a clock that was set | its offset to our clock is the same, and it is later than before |
//! | a table that was read later than the others | it is named as late |
//! | another definition | definitions are compared |
//! | documents whose types get lost, which is reported | tables with JSON of MySQL are read |
//! | an unforeseen case | every table is read at least once a week |
//! MERGE tables have no rows of their own: each part is judged separately.

use repo_format::database::{Alterations, Column, ServerRecord, TableRecord};

/// The number of seconds after which a table must really be read again: a week.
pub(super) const READ_WITHIN: i64 = 7 * 24 * 3600;
/// A change within this many seconds before a snapshot cannot be told from one just after it: more than [`PACE`] and
/// all rounding.
const NEAR: i64 = 10;
/// The offset between two clocks may vary by this many milliseconds: both are read in whole seconds.
const PACE: i64 = 5000;
/// The error, in seconds, of a value that is computed from two times in whole seconds.
const ROUNDED: i64 = 2;

/// The facts about a server at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct ServerFacts<'f> {
    pub identity: &'f str,
    /// When it was started.
    pub started: i64,
    /// Its clock: the moment.
    pub seconds: i64,
    /// Its clock minus ours, in milliseconds.
    pub clock_ahead: i64,
    /// How many statements have altered, renamed or flushed tables.
    pub alterations: Option<Alterations>,
}

impl<'f> ServerFacts<'f> {
    /// The facts that a snapshot tells.
    pub fn of(server: &'f ServerRecord) -> Self {
        ServerFacts {
            identity: &server.identity,
            started: server.started,
            seconds: server.moment.seconds,
            clock_ahead: server.clock_ahead,
            alterations: server.alterations,
        }
    }
}

/// A table in the parent snapshot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before<'f> {
    pub server: ServerFacts<'f>,
    pub record: &'f TableRecord,
    /// When it was last really read.
    pub read: i64,
    /// It shows a later time than the snapshot's moment.
    pub is_late: bool,
}

/// A table now, asked behind the barrier, while it is locked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now<'f> {
    pub server: ServerFacts<'f>,
    /// Whether the time of a file tells each change of it.
    pub keeps_times: bool,
    pub record: &'f TableRecord,
    /// When it was last changed.
    pub changed: Option<i64>,
}

/// Whether a table cannot have changed since the parent snapshot.
pub(super) fn is_unchanged(before: &Before<'_>, now: &Now<'_>) -> bool {
    let changed = before.record.changed.filter(|changed| now.changed == Some(*changed));
    let is_older = changed.is_some_and(|changed| changed + NEAR <= before.server.seconds);
    is_older
        && now.keeps_times
        && is_same_run(&before.server, &now.server)
        && has_same_names(&before.server, &now.server)
        && is_same_definition(before.record, now.record)
        && !before.is_late
        && now.server.seconds - before.read <= READ_WITHIN
}

/// Whether tables have kept their names, as far as statements decide on them.
pub(super) fn has_same_names(before: &ServerFacts<'_>, now: &ServerFacts<'_>) -> bool {
    let (Some(then), Some(counted)) = (before.alterations, now.alterations) else { return false };
    then.count == counted.count && (then.since - counted.since).abs() <= ROUNDED
}

/// Whether the server has been running since, with a clock that went on.
pub(super) fn is_same_run(before: &ServerFacts<'_>, now: &ServerFacts<'_>) -> bool {
    before.identity == now.identity
        && (before.started - now.started).abs() <= ROUNDED
        && before.started <= before.seconds
        && before.seconds <= now.seconds
        && (before.clock_ahead - now.clock_ahead).abs() <= PACE
}

fn is_same_definition(before: &TableRecord, now: &TableRecord) -> bool {
    const PARTITIONS: &[u8] = b"PARTITION BY";
    let is_plain = |record: &TableRecord| {
        let is_json = |column: &Column| column.column_type.eq_ignore_ascii_case("json");
        record.engine.eq_ignore_ascii_case("MyISAM")
            && !record.columns.iter().any(is_json)
            && !record.create.0.windows(PARTITIONS.len()).any(|part| part.eq_ignore_ascii_case(PARTITIONS))
    };
    is_plain(now) && before.engine == now.engine && before.columns == now.columns && before.create == now.create
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use repo_format::cbor::ByteString;
    use repo_format::database::{ROW_ENCODING, RowOrder};

    use super::*;

    fn record(changed: Option<i64>) -> TableRecord {
        TableRecord {
            name: "t".to_owned(),
            create: ByteString(b"CREATE TABLE `t` (\n  `a` int\n) ENGINE=MyISAM".to_vec()),
            engine: "MyISAM".to_owned(),
            columns: Vec::new(),
            key: Vec::new(),
            order: RowOrder::RowBytes,
            encoding: ROW_ENCODING,
            versioned: None,
            changed,
            segment_bits: None,
            kept_digests: None,
        }
    }

    const SERVER: ServerFacts<'_> = ServerFacts {
        identity: "a",
        started: 1000,
        seconds: 5000,
        clock_ahead: 0,
        alterations: Some(Alterations { count: 3, since: 1000 }),
    };

    /// Asks about a table that is as it was, but for what `change` changes.
    fn ask(change: impl FnOnce(&mut Before<'_>, &mut Now<'_>, &mut TableRecord)) -> bool {
        let (then, mut is) = (record(Some(4000)), record(None));
        let placeholder = record(None);
        let mut before = Before { server: SERVER, record: &then, read: 5000, is_late: false };
        let server = ServerFacts { seconds: 90_000, ..SERVER };
        let mut now = Now { server, keeps_times: true, record: &placeholder, changed: Some(4000) };
        change(&mut before, &mut now, &mut is);
        is_unchanged(&before, &Now { record: &is, ..now })
    }

    #[test]
    fn a_table_is_carried_over_on_whole_evidence_only() {
        assert!(ask(|_, _, _| {}));
        assert!(!ask(|_, now, _| now.changed = Some(4001)), "it changed");
        assert!(!ask(|_, now, _| now.changed = None), "nobody knows when it changed");
        assert!(!ask(|before, _, _| before.server.seconds = 4009), "it changed just before the snapshot");
        assert!(!ask(|before, _, _| before.is_late = true), "it was read later");
        assert!(!ask(|_, now, _| now.keeps_times = false), "files tell it late");
        assert!(!ask(|_, now, _| now.server.identity = "b"), "another server");
        assert!(!ask(|_, now, _| now.server.started = 1500), "it was started again");
        assert!(
            !ask(|_, now, _| now.server.alterations = Some(Alterations { count: 4, since: 1000 })),
            "a table was renamed"
        );
        assert!(!ask(|_, now, _| now.server.alterations = Some(Alterations { count: 3, since: 1500 })), "counted anew");
        assert!(!ask(|before, _, _| before.server.alterations = None), "an older snapshot did not count");
        assert!(!ask(|_, now, _| now.server.seconds = 4999), "the clock went back");
        assert!(!ask(|_, now, _| now.server.clock_ahead = -60_000), "the clock was set");
        assert!(!ask(|_, now, _| now.server.seconds = 5001 + READ_WITHIN), "it was not read for a week");
        assert!(!ask(|_, _, is| is.create.0.extend_from_slice(b" COMMENT='x'")), "another definition");
        assert!(!ask(|_, _, is| is.engine = "Aria".to_owned()), "another engine");
    }

    #[test]
    fn other_engines_and_partitioned_tables_are_read() {
        let of = |engine: &str, create: &[u8]| {
            let create = ByteString(create.to_vec());
            let record = TableRecord { engine: engine.to_owned(), create, ..record(Some(4000)) };
            let before = Before { server: SERVER, record: &record, read: 5000, is_late: false };
            is_unchanged(&before, &Now { server: SERVER, keeps_times: true, record: &record, changed: Some(4000) })
        };
        assert!(of("MyISAM", b"CREATE TABLE `t` (a int)"));
        for engine in ["InnoDB", "Aria", "MEMORY", "CSV", "ARCHIVE", "MRG_MyISAM", "FEDERATED", ""] {
            assert!(!of(engine, b"CREATE TABLE `t` (a int)"), "{engine}");
        }
        assert!(!of("MyISAM", b"CREATE TABLE `t` (a int)\n PARTITION BY HASH (a)"));
    }

    /// Events of a server and its files, with times in quarters of a second.
    #[derive(Debug, Clone, Copy)]
    enum Event {
        Wait(i64),
        Write(usize),
        /// Two tables swap their names.
        Swap,
        Restart,
        /// Its clock is set back by so many quarters.
        SetBack(i64),
        Backup,
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            4 => (0..100i64).prop_map(Event::Wait),
            3 => (0..2usize).prop_map(Event::Write),
            1 => Just(Event::Swap),
            1 => Just(Event::Restart),
            1 => (0..400i64).prop_map(Event::SetBack),
            4 => Just(Event::Backup),
        ]
    }

    /// A server with two tables of one definition: what each holds, and when its file was written.
    struct Model {
        true_time: i64,
        clock: i64,
        started: i64,
        renamed: u64,
        written: u64,
        tables: [(u64, i64); 2],
    }

    impl Model {
        fn facts(&self) -> ServerFacts<'static> {
            let seconds = self.clock.div_euclid(4);
            let started = self.started.div_euclid(4);
            ServerFacts {
                identity: "a",
                started,
                seconds,
                clock_ahead: (seconds - self.true_time.div_euclid(4)) * 1000,
                alterations: Some(Alterations { count: self.renamed, since: started }),
            }
        }

        fn happen(&mut self, event: Event) {
            match event {
                Event::Wait(quarters) => {
                    (self.true_time, self.clock) = (self.true_time + quarters, self.clock + quarters)
                }
                Event::Write(table) => {
                    self.written += 1;
                    self.tables[table] = (self.written, self.clock.div_euclid(4));
                }
                Event::Swap => (self.renamed, self.tables) = (self.renamed + 1, [self.tables[1], self.tables[0]]),
                // A crash may lose the last change, and its time. No server is started again within ten seconds while its clock is set back.
                Event::Restart => {
                    self.happen(Event::Wait(40));
                    (self.started, self.renamed) = (self.clock, 0);
                    self.tables[0].0 += 1_000_000;
                }
                Event::SetBack(quarters) => self.clock -= quarters,
                Event::Backup => {}
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn what_is_carried_over_is_what_is_there(events in prop::collection::vec(event(), 1..40)) {
            let start = 4_000_000;
            let (true_time, clock, started) = (start, start, start);
            let mut model = Model { true_time, clock, started, renamed: 0, written: 0, tables: [(0, 0), (1, 0)] };
            // The findings of the last backup: the server, the time when the table was written, its contents.
            let mut last: Option<(ServerFacts<'_>, i64, u64)> = None;
            for event in events {
                model.happen(event);
                if !matches!(event, Event::Backup) {
                    continue;
                }
                let (holds, written) = model.tables[0];
                if let Some((server, then, held)) = last {
                    let (then, is) = (record(Some(then)), record(None));
                    let before = Before { server, record: &then, read: server.seconds, is_late: false };
                    let now = Now { server: model.facts(), keeps_times: true, record: &is, changed: Some(written) };
                    if is_unchanged(&before, &now) {
                        prop_assert_eq!(held, holds);
                    }
                }
                last = Some((model.facts(), written, holds));
            }
        }
    }
}
