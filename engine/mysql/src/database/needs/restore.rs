//! The rights that making schemas and their contents needs.

use super::backup;
use super::need::{Need, Weight, place};
use super::reach::Holding;
use crate::database::Server;
use crate::database::right::{Right, Scope};
use crate::database::rules::GrantRules;

/// The rights that making and filling tables needs.
const TABLES: [Right; 6] = [Right::Select, Right::Insert, Right::Delete, Right::Create, Right::Drop, Right::Alter];

/// The rights for a restore into `places`, which describe the future contents.
pub(super) fn needs(server: &Server, rules: &GrantRules, places: &[(Scope, Holding)]) -> Vec<Need> {
    let mut needs = Vec::new();
    for (on, holding) in places {
        let of = place(on);
        needs.extend(TABLES.map(|right| Need::new(right, on, format!("tables {of} cannot be made and filled"))));
        let objects = |rights: &'static [Right], what: &'static str| {
            let need = move |right: &Right| Need::new(*right, on, format!("{what} {} cannot be made", place(on)));
            rights.iter().map(need).map(|need| need.weighs(Weight::Whole))
        };
        needs.extend(objects(&[Right::Update], "tables made of others"));
        if !server.is_mariadb() {
            needs.extend(objects(&[Right::References], "foreign keys"));
        }
        if holding.views {
            needs.extend(objects(&[Right::CreateView], "views"));
        }
        if holding.routines {
            needs.extend(objects(&[Right::CreateRoutine], "functions and procedures"));
            let again = format!("functions and procedures {of} that an interrupted restore has made stay in its way");
            needs.push(Need::new(Right::AlterRoutine, on, again).weighs(Weight::Useful));
        }
        if holding.triggers {
            needs.extend(objects(&[Right::Trigger], "triggers"));
        }
        if holding.events {
            needs.extend(objects(&[Right::Event], "events"));
        }
    }
    let any = |is: fn(&Holding) -> bool| places.iter().any(|(_, holding)| is(holding));
    if any(|holding| holding.definers) {
        needs.extend(definer_needs(server));
    }
    needs.extend(log_need(server, rules));
    if rules.guards_functions() && any(|holding| holding.routines || holding.triggers) {
        let guarded = "functions and triggers cannot be made while the server writes a binary log";
        needs.push(Need::new(Right::Super, &Scope::Server, guarded).weighs(Weight::Whole));
    }
    needs
}

/// The rights for a restore that replaces the contents of `places`. They are made again elsewhere, so all of them must
/// be visible.
pub(super) fn replace_needs(server: &Server, rules: &GrantRules, places: Vec<(Scope, Holding)>) -> Vec<Need> {
    let seen: Vec<_> = places.iter().flat_map(|(on, _)| backup::showing(server, on)).collect();
    let mut needs = needs(server, rules, &with_neighbours(places, rules));
    needs.extend(seen.into_iter().map(|need| need.weighs(Weight::Needed)));
    needs
}

/// Adds the schemas that a replacement is loaded into, and that keep the old contents. Their names are not known in
/// advance; if GRANT takes no patterns, that means all schemas.
fn with_neighbours(places: Vec<(Scope, Holding)>, rules: &GrantRules) -> Vec<(Scope, Holding)> {
    let neighbour = |(on, holding): (Scope, Holding)| match on {
        Scope::Schema(schema) if !rules.names_are_literal => {
            vec![(Scope::Schema(schema.clone()), holding.clone()), (Scope::Beside(schema), holding)]
        }
        _ => vec![(Scope::Server, holding)],
    };
    places.into_iter().flat_map(neighbour).collect()
}

/// The rights that making things in the names of others needs.
fn definer_needs(server: &Server) -> Vec<Need> {
    let need = |right, consequence: &str| Need::new(right, &Scope::Server, consequence).weighs(Weight::Whole);
    let or_super = |need: Need| need.or(Right::Super, Scope::Server);
    let definers = "objects that other users have defined cannot be made in their names";
    if server.is_mariadb_from((11, 0, 1)) {
        return vec![need(Right::SetUser, definers)];
    }
    if server.is_mariadb_from((10, 5, 2)) {
        return vec![or_super(need(Right::SetUser, definers))];
    }
    if server.is_mariadb() || !server.is_mysql_from((8, 0, 14)) {
        return vec![need(Right::Super, definers)];
    }
    let mut needs = if server.is_mysql_from((8, 2, 0)) {
        let nobody = "objects of users that do not exist cannot be made in their names";
        vec![or_super(need(Right::SetAnyDefiner, definers)), or_super(need(Right::AllowNonexistentDefiner, nobody))]
    } else {
        vec![or_super(need(Right::SetUserId, definers))]
    };
    if server.is_mysql_from((8, 0, 16)) {
        let system = "objects of users with SYSTEM_USER, such as root, cannot be made in their names";
        needs.push(need(Right::SystemUser, system));
    }
    needs
}

/// The right that keeps a restore out of the binary log, if the user wishes that.
fn log_need(server: &Server, rules: &GrantRules) -> Option<Need> {
    let right = match server {
        _ if !rules.has_binlog => return None,
        server if server.is_mariadb_from((10, 5, 2)) => Right::BinlogAdmin,
        server if server.is_mysql_from((8, 0, 14)) => Right::SessionVariablesAdmin,
        _ => Right::Super,
    };
    let need = Need::new(right, &Scope::Server, "restored data is written to the binary log");
    let need = need.weighs(Weight::Useful);
    // Since then SUPER no longer includes all of its earlier rights.
    Some(if server.is_mariadb_from((11, 0, 1)) { need } else { need.or(Right::Super, Scope::Server) })
}
