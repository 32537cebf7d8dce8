//! The rights that reading everything needs.

use super::need::{Need, Weight, place};
use super::reach::Reach;
use crate::database::Server;
use crate::database::right::{Right, Scope};
use crate::database::rules::GrantRules;

/// The rights for a backup.
pub(super) fn needs(server: &Server, rules: &GrantRules, reach: &Reach) -> Vec<Need> {
    let whole = &Scope::Server;
    let mut needs = Vec::new();
    for (on, holding) in &reach.places() {
        let of = place(on);
        needs.push(Need::new(Right::Select, on, format!("tables {of} are not seen, or cannot be read")));
        if holding.locked_tables {
            needs.push(Need::new(Right::LockTables, on, format!("tables {of} cannot be locked for the moment")));
        }
        needs.extend(showing(server, on).into_iter().filter(|need| holding.views || need.right != Right::ShowView));
    }
    if matches!(reach, Reach::Server(_)) {
        let unseen = "schemas that the account has no right on are not seen";
        needs.push(Need::new(Right::Select, whole, unseen).weighs(Weight::Whole));
    }
    if server.has_backup_stages() {
        let otherwise = "tables without transactions are locked one by one, or one session alone reads";
        needs.push(Need::new(Right::Reload, whole, otherwise).weighs(Weight::Useful));
    }
    let unwatched = "waiting clients are not seen: no lock is held longer than a client may wait";
    needs.push(Need::new(Right::Process, whole, unwatched).weighs(Weight::Useful));
    if rules.has_binlog {
        needs.push(binlog_need(server, "the place in the binary log is not recorded").weighs(Weight::Useful));
    }
    needs
}

/// The rights that show every object on `on` that is not a table. Without them these objects are omitted.
pub(super) fn showing(server: &Server, on: &Scope) -> [Need; 4] {
    let of = place(on);
    let needs = [
        Need::new(Right::ShowView, on, format!("views {of} are seen without their definitions")),
        Need::new(Right::Trigger, on, format!("triggers {of} are not seen")),
        Need::new(Right::Event, on, format!("events {of} are not seen")),
        routine_need(server, on),
    ];
    needs.map(|need| need.weighs(Weight::Whole))
}

/// The rights that show users, roles and their grants.
pub(super) fn accounts_needs() -> Vec<Need> {
    let tables = Scope::Schema("mysql".to_owned());
    vec![Need::new(Right::Select, &tables, "users, roles and their grants are not seen")]
}

/// The right that shows the bodies of routines. Before it had a name, it was the right to read the table that contains
/// them.
fn routine_need(server: &Server, on: &Scope) -> Need {
    let table = Scope::Table("mysql".to_owned(), "proc".to_owned());
    let consequence = "functions and procedures are not seen, or without their bodies";
    if server.is_mariadb_from((11, 3, 0)) {
        let consequence = format!("functions and procedures {} are not seen, or without their bodies", place(on));
        return Need::new(Right::ShowCreateRoutine, on, consequence).or(Right::Select, table);
    }
    if server.is_mysql_from((8, 0, 20)) {
        return Need::new(Right::ShowRoutine, &Scope::Server, consequence).or(Right::Select, Scope::Server);
    }
    if server.is_mysql_from((8, 0, 0)) {
        return Need::new(Right::Select, &Scope::Server, consequence);
    }
    Need::new(Right::Select, &table, consequence)
}

pub(super) fn binlog_need(server: &Server, consequence: &str) -> Need {
    if server.is_mariadb_from((10, 5, 2)) {
        return Need::new(Right::BinlogMonitor, &Scope::Server, consequence);
    }
    Need::new(Right::ReplicationClient, &Scope::Server, consequence).or(Right::Super, Scope::Server)
}
