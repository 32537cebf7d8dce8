//! The rights that deleting old rows needs.

use super::need::{Need, place};
use super::reach::Holding;
use crate::database::Server;
use crate::database::right::{Right, Scope};

/// The rights for a purge.
pub(super) fn needs(server: &Server, places: &[(Scope, Holding)]) -> Vec<Need> {
    let unseen = "foreign keys of other schemas, by which their rows go too, are not seen";
    let mut needs = vec![Need::new(Right::Process, &Scope::Server, unseen)];
    if !server.lists_foreign_keys() {
        needs.push(Need::new(Right::Select, &Scope::Server, unseen));
    }
    for (on, _) in places {
        needs.push(Need::new(Right::Select, on, format!("rows {} cannot be compared with the snapshot", place(on))));
        needs.push(Need::new(Right::Delete, on, format!("rows {} cannot be deleted", place(on))));
        needs.push(Need::new(Right::LockTables, on, format!("tables {} cannot be locked", place(on))));
        needs.push(Need::new(Right::Trigger, on, format!("triggers {} that run on deletions are not seen", place(on))));
    }
    needs
}

/// The rights for a purge that rebuilds its tables.
pub(super) fn reclaim_needs(server: &Server, places: &[(Scope, Holding)]) -> Vec<Need> {
    let mut needs = needs(server, places);
    if server.is_mysql_from((8, 4, 0)) {
        let local = "tables cannot be rebuilt on this server alone";
        needs.push(Need::new(Right::OptimizeLocalTable, &Scope::Server, local));
    }
    let insert =
        |(on, _): &(Scope, Holding)| Need::new(Right::Insert, on, format!("tables {} cannot be rebuilt", place(on)));
    needs.extend(places.iter().map(insert));
    needs
}
