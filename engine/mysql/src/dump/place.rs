//! Takes snapshots of one moment without a lock, and finds their place in the binary log.
//!
//! MariaDB reports the place of each snapshot in the log. MySQL writes a commit to its log first and then makes it
//! visible, and reports all the while that it is under way. So snapshots that begin between two looks show one moment
//! if the log did not grow in between, and no commit was under way at either look.

use repo_format::database::Binlog;

use crate::database::{Connection, Server, log_status, quote_text};
use engine_core::error::Result;

/// A place in the binary log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub file: String,
    pub position: u64,
    pub gtid: String,
}

/// Begins a snapshot in each session, and compares them.
///
/// Gives the place of all of them in the log; `None` if they may differ, or if that cannot be told. They have begun all the same.
///
/// # Errors
/// If the server does not answer.
pub(super) fn begin(control: &mut Connection, server: &Server, snapshots: &mut [Connection]) -> Result<Option<Place>> {
    if server.is_mariadb() {
        start(snapshots)?;
        return same_place(control, snapshots);
    }
    let before = Standing::before(control, server)?;
    start(snapshots)?;
    let after = Standing::after(control, server)?;
    Ok(before.filter(|before| after.as_ref() == Some(before)).map(|standing| standing.place))
}

/// Begins a snapshot in each session.
///
/// # Errors
/// If the server does not answer.
pub(super) fn start(snapshots: &mut [Connection]) -> Result<()> {
    snapshots.iter_mut().try_for_each(|snapshot| snapshot.run("START TRANSACTION WITH CONSISTENT SNAPSHOT"))
}

/// Ends the snapshots.
///
/// # Errors
/// If the server does not answer.
pub(super) fn end(snapshots: &mut [Connection]) -> Result<()> {
    snapshots.iter_mut().try_for_each(|snapshot| snapshot.run("ROLLBACK"))
}

/// The place in the log now, if the server writes one and shows it.
///
/// # Errors
/// If the server does not answer.
pub(super) fn now(control: &mut Connection, server: &Server) -> Result<Option<Place>> {
    let Some(row) = log_status(control, server)? else { return Ok(None) };
    let position = row.get(1).cloned().flatten().and_then(|text| text.parse().ok());
    let Some((file, position)) = row.first().cloned().flatten().zip(position) else { return Ok(None) };
    let gtid = if server.is_mariadb() {
        control.value("SELECT @@global.gtid_binlog_pos")?.unwrap_or_default()
    } else {
        row.get(4).cloned().flatten().unwrap_or_default()
    };
    Ok(Some(Place { file, position, gtid }))
}

/// Where the log of MySQL stands while no commit is under way.
#[derive(PartialEq, Eq)]
struct Standing {
    place: Place,
    /// All transactions that are done, also those that are not in the log.
    executed: String,
}

impl Standing {
    /// To be asked before something: the place first, then whether a commit is under way.
    fn before(control: &mut Connection, server: &Server) -> Result<Option<Self>> {
        let place = now(control, server)?;
        let executed = executed_if_quiet(control)?;
        Ok(place.zip(executed).map(|(place, executed)| Standing { place, executed }))
    }

    /// To be asked after something: the other way round.
    fn after(control: &mut Connection, server: &Server) -> Result<Option<Self>> {
        let executed = executed_if_quiet(control)?;
        let place = now(control, server)?;
        Ok(place.zip(executed).map(|(place, executed)| Standing { place, executed }))
    }
}

/// The executed transactions; `None` while a commit is under way.
fn executed_if_quiet(control: &mut Connection) -> Result<Option<String>> {
    let row = control.first("SELECT @@global.gtid_owned, @@global.gtid_executed, @@global.gtid_mode")?;
    let mut row = row.unwrap_or_default().into_iter().map(Option::unwrap_or_default);
    let mut next = || row.next().unwrap_or_default();
    let (owned, executed, mode) = (next(), next(), next());
    if !owned.is_empty() {
        return Ok(None);
    }
    // With this mode each commit has an id.
    let is_quiet = mode == "ON" || control.status("Ongoing_anonymous_transaction_count")?.as_deref() == Some("0");
    Ok(is_quiet.then_some(executed))
}

/// The place of all snapshots of a MariaDB server, if it is the same.
fn same_place(control: &mut Connection, snapshots: &mut [Connection]) -> Result<Option<Place>> {
    let mut places = snapshots.iter_mut().map(snapshot_position).collect::<Result<Vec<_>>>()?;
    places.dedup();
    let [Some((file, position))] = &places[..] else { return Ok(None) };
    let sql = format!("SELECT BINLOG_GTID_POS({}, {position})", quote_text(file));
    let gtid = control.value(&sql)?.unwrap_or_default();
    Ok(Some(Place { file: file.clone(), position: *position, gtid }))
}

fn snapshot_position(snapshot: &mut Connection) -> Result<Option<(String, u64)>> {
    let rows = snapshot.rows("SHOW STATUS LIKE 'binlog_snapshot_%'")?;
    let find = |name: &[u8]| {
        let row = rows.iter().find(|row| row.first().is_some_and(|cell| cell.as_deref() == Some(name)))?;
        row.get(1)?.as_ref().map(|value| String::from_utf8_lossy(value).into_owned())
    };
    let position = find(b"Binlog_snapshot_position").and_then(|text| text.parse().ok());
    let file = find(b"Binlog_snapshot_file").filter(|file| !file.is_empty());
    Ok(file.zip(position))
}

impl Place {
    /// For the record of the server.
    ///
    /// # Errors
    /// If the server does not answer.
    pub fn described(self, control: &mut Connection, server: &Server) -> Result<Binlog> {
        // MySQL before 5.6 has no row image.
        let has_row_image = server.is_mariadb_from((10, 1, 6)) || server.is_mysql_from((5, 6, 2));
        let image = if has_row_image { control.value("SELECT @@global.binlog_row_image")? } else { None };
        let format = control.value("SELECT @@global.binlog_format")?;
        let status = log_status(control, server)?.unwrap_or_default();
        let filters: Vec<_> = status.into_iter().skip(2).take(2).map(Option::unwrap_or_default).collect();
        Ok(Binlog {
            file: self.file,
            position: self.position,
            gtid: self.gtid,
            format: format.unwrap_or_default(),
            row_image: image.unwrap_or_default(),
            filters: filters.join("/").trim_matches('/').to_owned(),
        })
    }
}
