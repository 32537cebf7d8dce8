//! The result of a survey of a database, for people and for programs.

use engine::Result;
use engine::database::{Address, LockMethod, Obstacle, Weight};
use engine::survey::{SchemaSurvey, Survey};
use repo_format::database::LeftOut;
use serde::Serialize;

use super::{Align, Table, Ui, format};

/// A clock that is wrong by less than this, in milliseconds, is nothing to speak of.
const CLOCK_TOLERANCE: u64 = 2000;

#[derive(Serialize)]
struct SurveyMessage<'a> {
    address: String,
    version: &'a str,
    hostname: &'a str,
    account: &'a str,
    tls: Option<&'a str>,
    clock_ahead_milliseconds: i64,
    binlog: Option<BinlogMessage<'a>>,
    moment: &'static str,
    locked_tables: u64,
    locked_bytes: u64,
    schemas: Vec<SchemaMessage<'a>>,
    engines: Vec<EngineMessage<'a>>,
    damaged: Vec<DamagedMessage<'a>>,
    unknown_types: Vec<DamagedMessage<'a>>,
    missing_rights: Vec<RightMessage<'a>>,
    missing_rights_for_log: Vec<RightMessage<'a>>,
    obstacles: Vec<String>,
}

#[derive(Serialize)]
struct BinlogMessage<'a> {
    format: &'a str,
    row_image: Option<&'a str>,
}

#[derive(Serialize)]
struct SchemaMessage<'a> {
    name: &'a str,
    tables: u64,
    rows: u64,
    data_bytes: u64,
    views: u64,
    routines: u64,
    triggers: u64,
    events: u64,
    sequences: u64,
}

#[derive(Serialize)]
struct EngineMessage<'a> {
    name: &'a str,
    transactional: bool,
    tables: u64,
    data_bytes: u64,
}

#[derive(Serialize)]
struct DamagedMessage<'a> {
    schema: &'a str,
    table: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct RightMessage<'a> {
    right: &'static str,
    on: String,
    consequence: &'a str,
    needed: bool,
}

/// Prints `survey` of the server at `address`.
///
/// # Errors
/// Standard output cannot be written.
pub fn print(ui: &Ui, address: &Address, survey: &Survey) -> Result<()> {
    if ui.is_json() {
        return ui.message("survey", message(address, survey));
    }
    ui.fields(&fields(address, survey))?;
    ui.line("")?;
    ui.table(&schemas(&survey.schemas))?;
    ui.line("")?;
    ui.table(&engines(survey))?;
    print_troubles(ui, survey)
}

fn fields(address: &Address, survey: &Survey) -> Vec<(&'static str, String)> {
    let server = &survey.server;
    let connection = match (&server.tls, &address.socket) {
        (Some(version), _) => format!("encrypted, {version}"),
        (None, Some(_)) => "by a socket of this machine".to_owned(),
        (None, None) if address.is_local() => "on this machine".to_owned(),
        (None, None) => "not encrypted".to_owned(),
    };
    let mut fields = vec![
        ("server", format!("{} on {}", server.server.version_text, format::path(server.hostname.as_bytes()))),
        ("address", address.public()),
        ("account", format::path(server.account.as_bytes())),
        ("connection", connection),
        ("binary log", binlog(survey)),
        ("moment", moment(survey.locks.method).to_owned()),
        ("under lock", under_lock(survey)),
    ];
    if server.clock_ahead.unsigned_abs() >= CLOCK_TOLERANCE {
        let side = if server.clock_ahead > 0 { "ahead of" } else { "behind" };
        let by = format::duration(server.clock_ahead.unsigned_abs());
        fields.push(("clock", format!("{by} {side} this machine's")));
    }
    fields
}

fn binlog(survey: &Survey) -> String {
    let Some(log) = &survey.server.binlog else { return "off".to_owned() };
    let image = log.row_image.as_ref().map_or_else(String::new, |image| format!(", row image {image}"));
    let lacking: Vec<_> = survey.missing_for_log.iter().map(|missing| missing.right.name()).collect();
    let kept = match lacking.join(", ") {
        rights if rights.is_empty() => String::new(),
        rights => format!("; a backup does not keep it: the account lacks {rights}, see `enamel grants watch`"),
    };
    format!("on, format {}{image}{kept}", log.format)
}

fn moment(method: LockMethod) -> &'static str {
    match method {
        LockMethod::Snapshots => "by snapshots alone: nobody waits",
        LockMethod::BackupStages => "by BACKUP STAGE: commits wait for an instant",
        LockMethod::OneSnapshot => "by one snapshot, which one session reads: nobody waits",
        LockMethod::TableLocks => "by locks on tables without transactions: sessions that write to these wait",
    }
}

fn under_lock(survey: &Survey) -> String {
    match survey.locks.tables {
        0 => "no table".to_owned(),
        tables => {
            let size = format::bytes(survey.locks.data_bytes);
            format!("{}, {size}, without transactions: read under a lock if changed", format::counted(tables, "table"))
        }
    }
}

fn schemas(schemas: &[SchemaSurvey]) -> Table {
    let mut table = Table::new(&[
        ("SCHEMA", Align::Left),
        ("TABLES", Align::Right),
        ("ROWS", Align::Right),
        ("SIZE", Align::Right),
        ("VIEWS", Align::Right),
        ("ROUTINES", Align::Right),
        ("TRIGGERS", Align::Right),
        ("EVENTS", Align::Right),
    ]);
    for schema in schemas {
        table.row([
            format::path(schema.name.as_bytes()),
            format::count(schema.tables),
            format::count(schema.rows),
            format::bytes(schema.data_bytes),
            format::count(schema.views),
            format::count(schema.routines),
            format::count(schema.triggers),
            format::count(schema.events),
        ]);
    }
    table
}

fn engines(survey: &Survey) -> Table {
    let columns = [("ENGINE", Align::Left), ("TABLES", Align::Right), ("SIZE", Align::Right), ("READ", Align::Whole)];
    let mut table = Table::new(&columns);
    for engine in &survey.engines {
        let read = if engine.transactional { "from a snapshot" } else { "under a lock" };
        let name = format::path(engine.name.as_bytes());
        table.row([name, format::count(engine.tables), format::bytes(engine.data_bytes), read.to_owned()]);
    }
    table
}

fn print_troubles(ui: &Ui, survey: &Survey) -> Result<()> {
    let left_out = |what: &str, table: &LeftOut| {
        let name = format::path(format!("{}.{}", table.schema, table.name).as_bytes());
        format!("{what}: {name}: {}", format::path(table.why.as_bytes()))
    };
    let damaged = survey.damaged.iter().map(|table| left_out("damaged", table));
    let unknown = survey.unknown.iter().map(|table| left_out("cannot be saved", table));
    let missing = survey.missing.iter().map(|missing| {
        let what = format::path(format!("{} on {}", missing.right, missing.on).as_bytes());
        format!("missing right: {what}: {}", format::path(missing.consequence.as_bytes()))
    });
    let obstacles = survey.obstacles.iter().map(|obstacle| format!("in the way: {}", describe(obstacle)));
    for (number, trouble) in damaged.chain(unknown).chain(missing).chain(obstacles).enumerate() {
        if number == 0 {
            ui.line("")?;
        }
        ui.prose(trouble)?;
    }
    Ok(())
}

fn describe(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::BackupStage => {
            "another backup holds BACKUP STAGE; a backup waits three minutes for it, and then locks its tables otherwise".to_owned()
        }
        Obstacle::Connections { needed, free, limit } => {
            format!("a backup opens {needed} connections at once, and {limit} leaves {free}: raise it, or end other sessions")
        }
        Obstacle::LongStatement { id, user, seconds, does } => {
            let running = format::duration(seconds.saturating_mul(1000));
            let user = format::path(user.as_bytes());
            format!(
                "session {id} of {user} has been running for {running}: {does}; a backup waits for it before it locks its tables"
            )
        }
    }
}

fn message<'a>(address: &Address, survey: &'a Survey) -> SurveyMessage<'a> {
    let server = &survey.server;
    let row_image = |log: &'a engine::survey::BinlogSurvey| log.row_image.as_deref();
    SurveyMessage {
        address: address.public(),
        version: &server.server.version_text,
        hostname: &server.hostname,
        account: &server.account,
        tls: server.tls.as_deref(),
        clock_ahead_milliseconds: server.clock_ahead,
        binlog: server.binlog.as_ref().map(|log| BinlogMessage { format: &log.format, row_image: row_image(log) }),
        moment: match survey.locks.method {
            LockMethod::Snapshots => "snapshots",
            LockMethod::BackupStages => "backup-stages",
            LockMethod::OneSnapshot => "one-snapshot",
            LockMethod::TableLocks => "table-locks",
        },
        locked_tables: survey.locks.tables,
        locked_bytes: survey.locks.data_bytes,
        schemas: survey.schemas.iter().map(SchemaMessage::from).collect(),
        engines: survey.engines.iter().map(EngineMessage::from).collect(),
        damaged: survey.damaged.iter().map(DamagedMessage::from).collect(),
        unknown_types: survey.unknown.iter().map(DamagedMessage::from).collect(),
        missing_rights: survey.missing.iter().map(RightMessage::from).collect(),
        missing_rights_for_log: survey.missing_for_log.iter().map(RightMessage::from).collect(),
        obstacles: survey.obstacles.iter().map(describe).collect(),
    }
}

impl<'a> From<&'a SchemaSurvey> for SchemaMessage<'a> {
    fn from(schema: &'a SchemaSurvey) -> Self {
        SchemaMessage {
            name: &schema.name,
            tables: schema.tables,
            rows: schema.rows,
            data_bytes: schema.data_bytes,
            views: schema.views,
            routines: schema.routines,
            triggers: schema.triggers,
            events: schema.events,
            sequences: schema.sequences,
        }
    }
}

impl<'a> From<&'a LeftOut> for DamagedMessage<'a> {
    fn from(table: &'a LeftOut) -> Self {
        DamagedMessage { schema: &table.schema, table: &table.name, message: &table.why }
    }
}

impl<'a> From<&'a engine::survey::EngineSurvey> for EngineMessage<'a> {
    fn from(engine: &'a engine::survey::EngineSurvey) -> Self {
        EngineMessage {
            name: &engine.name,
            transactional: engine.transactional,
            tables: engine.tables,
            data_bytes: engine.data_bytes,
        }
    }
}

impl<'a> From<&'a engine::database::MissingRight> for RightMessage<'a> {
    fn from(missing: &'a engine::database::MissingRight) -> Self {
        RightMessage {
            right: missing.right.name(),
            on: missing.on.to_string(),
            consequence: &missing.consequence,
            needed: missing.weight == Weight::Needed,
        }
    }
}
