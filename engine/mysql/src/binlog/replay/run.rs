//! A replay: takes events in order, and keeps transactions as the log has them.

use std::sync::Arc;

use super::definers::Definers;
use super::group::{Frame, Group};
use super::loaded::LoadedFiles;
use super::outcome::{Doubt, ReplayOutcome};
use super::plain::{PlainEvent, each};
use super::rows::{RowFault, RowGroup};
use super::scope::{RowFate, Scope, Skipped};
use super::sequence;
use super::session::Session;
use super::{LeftOutKind, Position, ReplayOptions, Target};
use crate::binlog::event::{
    Counter, Event, Format, GtidEvent, Kind, LoadQuery, LoadedPiece, Malformed, MappedName, Query, UserVariable,
    XaPrepare, prepared_xid, seeds,
};
use crate::database::TableName;
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::monitor::{Monitor, Work};

/// A reader that does not know the event may pass over it.
const IGNORABLE: u16 = 0x80;
/// Kinds that change nothing at a replay: texts of rows, places, notes of a group of servers.
const SILENT: [u8; 6] = [28, 29, 36, 37, 160, 161];
/// Further pieces of a file; a file that no statement loads.
const APPEND_BLOCK: Kind = Kind(9);
const DELETE_FILE: Kind = Kind(11);

/// A replay that is under way.
pub struct Replay<'r> {
    pub(super) options: ReplayOptions,
    pub(super) monitor: &'r dyn Monitor,
    session: Session,
    /// The session of an XA transaction, which ends with it.
    xa: Option<Session>,
    format: Option<Arc<Format>>,
    pub(super) scope: Scope,
    pub(super) definers: Definers,
    pub(super) files: LoadedFiles,
    rows: RowGroup,
    group: Option<Group>,
    /// Where the current event begins.
    pub(super) at: Position,
    pub(super) prepared: Vec<Prepared>,
    pub(super) outcome: ReplayOutcome,
    /// The time zone of the target's machine, if it is another one than the source's.
    pub(super) other_zone: Option<String>,
}

/// An XA transaction that is prepared, with its session: another one could decide it only when the server has noticed that this one ended.
pub(super) struct Prepared {
    pub xid: String,
    pub session: Session,
}

/// Why an event was not applied.
pub(super) enum Stop {
    /// It, or something before it, cannot be done again.
    Refused(String),
    /// The target failed.
    Failed(Error),
}

impl From<Malformed> for Stop {
    fn from(malformed: Malformed) -> Self {
        Stop::Refused(malformed.to_string())
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

impl From<RowFault> for Stop {
    fn from(fault: RowFault) -> Self {
        Stop::Refused(match fault {
            RowFault::Malformed(malformed) => malformed.to_string(),
            RowFault::Unknown => "there are rows of a table that was not named before".to_owned(),
            RowFault::NotRepeatable(table, why) => {
                format!(
                    "the snapshot read {} while others wrote it, and its rows in the log cannot make up for that: {why}",
                    table.shown()
                )
            }
        })
    }
}

/// Whether two names are of one time zone, in summer or in winter: a server keeps the name that it started under.
fn is_same_zone(a: &str, b: &str) -> bool {
    const SUMMER: [(&str, &str); 10] = [
        ("CEST", "CET"),
        ("EEST", "EET"),
        ("WEST", "WET"),
        ("BST", "GMT"),
        ("EDT", "EST"),
        ("CDT", "CST"),
        ("MDT", "MST"),
        ("PDT", "PST"),
        ("AKDT", "AKST"),
        ("NZDT", "NZST"),
    ];
    let winter =
        |name: &str| SUMMER.iter().find(|(summer, _)| *summer == name).map_or(name, |(_, winter)| winter).to_owned();
    winter(a) == winter(b)
}

pub(super) type Step = std::result::Result<(), Stop>;

impl<'r> Replay<'r> {
    /// Connects to the target.
    ///
    /// # Errors
    /// If it cannot be reached, or refuses a setting.
    pub fn begin(options: ReplayOptions, monitor: &'r dyn Monitor) -> Result<Self> {
        let mut definers = Definers::open(&options.target)?;
        let zone = definers.system_zone()?;
        let is_other = |zone: &String| options.system_zone.as_ref().is_some_and(|source| !is_same_zone(source, zone));
        Ok(Replay {
            other_zone: zone.filter(is_other),
            session: Session::open(&options.target, &options.source)?,
            xa: None,
            format: None,
            scope: Scope::of(&options),
            definers,
            files: LoadedFiles::new(&options.folder),
            rows: RowGroup::default(),
            group: None,
            at: options.from.clone(),
            prepared: Vec::new(),
            outcome: ReplayOutcome::default(),
            options,
            monitor,
        })
    }

    /// Begins a file of the server's log, whose events are to be read as `format` says.
    ///
    /// # Errors
    /// If the target does not take its format.
    pub fn file(&mut self, name: &str, format: Format) -> Result<()> {
        name.clone_into(&mut self.at.file);
        self.cut_short().map_err(|stop| self.explained(stop))?;
        self.session.set_format(&format).map_err(|e| self.explained(e.into()))?;
        self.format = Some(Arc::new(format));
        Ok(())
    }

    /// Takes the next event, which begins at `begin` in the server's file.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if it cannot be done again, [`ErrorKind::Database`] if the target fails: the message says where it stands; if the
    /// monitor wishes to stop.
    pub fn event(&mut self, begin: u64, event: &Event<'_>) -> Result<()> {
        if self.monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        self.at.offset = begin;
        self.scope.advance(&self.at.file, begin);
        if !self.scope.has_reached(&self.options.from) {
            return Ok(());
        }
        let bytes = event.bytes().len() as u64;
        self.outcome.bytes += bytes;
        self.monitor.advance(Work { items: 0, bytes });
        let Some(format) = self.format.clone() else {
            return Err(self.explained(Malformed("the file has no format description").into()));
        };
        each(event, &format, |plain| self.take(plain, &format)).map_err(|stop| self.explained(stop))
    }

    /// Nothing else happened before `place`.
    pub fn pass_to(&mut self, place: &Position) {
        self.scope.advance(&place.file, place.offset);
    }

    /// Ends the replay between two transactions.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if the last event stands in the middle of one, or a table of the base is of a later time.
    pub fn end(mut self) -> Result<ReplayOutcome> {
        if self.group.as_ref().is_some_and(|group| group.is_begun) || !self.rows.is_empty() {
            return Err(self.explained(Stop::Refused("the log ends in the middle of a transaction".to_owned())));
        }
        if let Some(window) = self.scope.open_windows().next() {
            let message = format!(
                "{} was read until {} in the log, after the moment that is asked for: choose a later moment, or an earlier snapshot",
                window.table.shown(),
                window.after
            );
            return Err(Error::new(ErrorKind::Refused, message));
        }
        for Prepared { xid, mut session } in std::mem::take(&mut self.prepared) {
            session.run(&format!("XA ROLLBACK {xid}"))?;
            self.outcome.undecided.push(xid);
        }
        Ok(self.outcome)
    }

    fn take(&mut self, event: &PlainEvent<'_>, format: &Format) -> Step {
        match event.kind {
            kind if kind.is_gtid() => self.begin_group(event),
            Kind::QUERY => self.statement(event, &Query::read(&event.body)?, None),
            Kind::EXECUTE_LOAD_QUERY => {
                let load = LoadQuery::read(&event.body)?;
                self.statement(event, &load.query()?, Some(&load))
            }
            Kind::XID => self.end_group("COMMIT"),
            Kind::XA_PREPARE => self.prepare(&XaPrepare::read(&event.body)?),
            Kind::TABLE_MAP => self.map(event, format),
            Kind::INTVAR => {
                self.group().before.counters.push(Counter::read(&event.body)?);
                Ok(())
            }
            Kind::RAND => {
                self.group().before.seeds = Some(seeds(&event.body)?);
                Ok(())
            }
            Kind::USER_VAR => {
                self.group().before.variables.push(UserVariable::read(&event.body)?);
                Ok(())
            }
            Kind::BEGIN_LOAD_QUERY | APPEND_BLOCK | DELETE_FILE if self.is_rehearsal() => Ok(()),
            Kind::BEGIN_LOAD_QUERY => Ok(self.files.begin(&LoadedPiece::read(&event.body)?)?),
            APPEND_BLOCK => Ok(self.files.append(&LoadedPiece::read(&event.body)?)?),
            DELETE_FILE => {
                self.files.forget(LoadedPiece::read(&event.body)?.file);
                Ok(())
            }
            Kind::INCIDENT => Err(Stop::Refused("the server says that it has lost events here".to_owned())),
            Kind::STOP | Kind::ROTATE | Kind::FORMAT => self.cut_short(),
            _ if event.has_rows() => self.add_rows(event, format),
            kind if kind.is_of_file() || SILENT.contains(&kind.0) || event.header.flags & IGNORABLE != 0 => Ok(()),
            Kind(number) => Err(Stop::Refused(format!("an event of the kind {number} is not known"))),
        }
    }

    fn begin_group(&mut self, event: &PlainEvent<'_>) -> Step {
        self.cut_short()?;
        let gtid = GtidEvent::read(&event.header, &event.body)?;
        let xid = if event.kind == Kind::MARIADB_GTID { prepared_xid(&event.body)? } else { None };
        let mut group = Group::new(self.at.offset, gtid.gtid, xid);
        if gtid.is_standalone == Some(false) && group.frame == Frame::Single {
            group.frame = Frame::Transaction;
        }
        self.group = Some(group);
        Ok(())
    }

    /// The group that the event is in. Old servers do not say where one begins.
    pub(super) fn group(&mut self) -> &mut Group {
        let begin = self.at.offset;
        self.group.get_or_insert_with(|| Group::new(begin, None, None))
    }

    /// The session for what is in the group.
    pub(super) fn session(&mut self) -> &mut Session {
        self.xa.as_mut().unwrap_or(&mut self.session)
    }

    /// Whether nothing is done.
    pub(super) fn is_rehearsal(&self) -> bool {
        matches!(self.options.target, Target::Nobody { .. })
    }

    /// Tells the target that the group begins, if it does not know yet.
    pub(super) fn begin_at_target(&mut self) -> Step {
        self.group().is_applied = true;
        if std::mem::replace(&mut self.group().is_begun, true) {
            return Ok(());
        }
        match self.group().frame.clone() {
            Frame::Single => Ok(()),
            Frame::Transaction => Ok(self.session.run("START TRANSACTION")?),
            Frame::Xa(xid) => {
                self.outcome.xa_transactions += 1;
                let mut session = Session::open(&self.options.target, &self.options.source)?;
                if let Some(format) = &self.format {
                    session.set_format(format)?;
                }
                session.run(&format!("XA START {xid}"))?;
                self.xa = Some(session);
                Ok(())
            }
        }
    }

    /// Ends the group: by `statement`, if the target knows of it.
    pub(super) fn end_group(&mut self, statement: &str) -> Step {
        if !self.rows.is_empty() {
            return Err(Stop::Refused("a transaction ends in the middle of a statement's rows".to_owned()));
        }
        let Some(group) = self.group.take() else { return Ok(()) };
        self.outcome.transactions += u64::from(group.is_applied);
        if group.is_begun && group.frame == Frame::Transaction {
            self.session.run(statement)?;
        }
        Ok(())
    }

    /// A statement that stands for itself has been done.
    pub(super) fn end_single(&mut self) {
        if let Some(group) = self.group.take_if(|group| group.frame == Frame::Single) {
            self.outcome.transactions += u64::from(group.is_applied);
        }
    }

    /// The server died in the middle of a transaction: it never took place.
    fn cut_short(&mut self) -> Step {
        self.rows.end();
        self.xa = None;
        let Some(group) = self.group.take() else { return Ok(()) };
        if group.is_begun && group.frame == Frame::Transaction {
            self.session.run("ROLLBACK")?;
            let at = Position { offset: group.begin, ..self.at.clone() };
            let why = "the server died in the middle of this transaction: what it had changed in tables without transactions may be gone";
            self.outcome.doubt(Doubt { at, why, text: String::new() });
        }
        Ok(())
    }

    /// Ends the session of an XA transaction, which stays prepared, or is committed.
    fn prepare(&mut self, event: &XaPrepare) -> Step {
        self.begin_at_target()?;
        let xid = event.xid.to_sql();
        let is_ended = self.group().is_xa_ended;
        if let Some(mut session) = self.xa.take() {
            if !is_ended {
                session.run(&format!("XA END {xid}"))?;
            }
            if event.is_one_phase {
                session.run(&format!("XA COMMIT {xid} ONE PHASE"))?;
            } else {
                session.run(&format!("XA PREPARE {xid}"))?;
                self.prepared.push(Prepared { xid, session });
            }
        }
        self.end_group("")
    }

    fn map(&mut self, event: &PlainEvent<'_>, format: &Format) -> Step {
        self.group();
        let name = MappedName::read(&event.body)?;
        let key = TableName::of_bytes(&name.schema, &name.table);
        let mut fate = self.scope.fate(&key);
        let is_applied = !matches!(fate, RowFate::Skip(_));
        if is_applied && sequence::may_be(&event.body)? && self.definers.has_sequence(&key)? {
            fate = RowFate::SetSequence;
        }
        Ok(self.rows.map(event, format, name, fate)?)
    }

    fn add_rows(&mut self, event: &PlainEvent<'_>, format: &Format) -> Step {
        let session = self.xa.as_ref().unwrap_or(&self.session);
        if self.rows.is_full_for(event.body.len(), session) {
            self.send_rows(format)?;
        }
        let added = self.rows.add(event, format)?;
        self.group().has_changes = true;
        if let Some(taken) = added.taken {
            match taken.fate {
                RowFate::Skip(Skipped::Schema) => {
                    self.leave_out_schema(&taken.key.schema);
                }
                RowFate::Skip(Skipped::InBase | Skipped::NotAsked | Skipped::Kept) => {}
                RowFate::Apply | RowFate::Repeat | RowFate::SetSequence => self.outcome.row_events += 1,
            }
        }
        if added.ends {
            self.send_rows(format)?;
            self.rows.end();
            self.group().before = super::group::Before::default();
            self.end_single();
        }
        Ok(())
    }

    fn send_rows(&mut self, format: &Format) -> Step {
        if !self.rows.has_rows() {
            return Ok(());
        }
        self.begin_at_target()?;
        let session = self.xa.as_mut().unwrap_or(&mut self.session);
        let tables = self.rows.tables();
        Ok(self.rows.send(session, format).map_err(|e| e.context(format!("rows of {tables} are not as they were")))?)
    }

    /// Counts a change in a schema that is not replayed.
    pub(super) fn leave_out_schema(&mut self, schema: &str) {
        let kind = match schema {
            "mysql" => LeftOutKind::Accounts,
            "sys" | "performance_schema" | "information_schema" => LeftOutKind::Server,
            _ => LeftOutKind::OtherSchema,
        };
        self.outcome.leave_out(kind, schema.to_owned());
    }

    /// An error that says where in the log it happened.
    fn explained(&self, stop: Stop) -> Error {
        let name = self.group.as_ref().map(Group::name).unwrap_or_default();
        let place = format!("the log cannot be replayed beyond {}{name}", self.at);
        match stop {
            Stop::Refused(why) => Error::new(ErrorKind::Refused, format!("{place}: {why}")),
            Stop::Failed(error) if error.kind() == ErrorKind::Cancelled => error,
            Stop::Failed(error) => error.context(place),
        }
    }
}
