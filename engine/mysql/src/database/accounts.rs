//! Users, roles, and their privileges.

use std::collections::{BTreeMap, BTreeSet};

use repo_format::database::{Account, AccountsRecord, LeftOut};

use super::connection::texts;
use super::fields::Fields;
use super::{Connection, Server, error_code, quote_name, quote_text};
use engine_core::error::{Error, ErrorKind, Result};

/// Users that belong to the server itself: each server makes its own.
const OF_THE_SERVER: [&str; 4] = ["mariadb.sys", "mysql.sys", "mysql.session", "mysql.infoschema"];
/// Authentication plugins whose password is part of SHOW GRANTS on servers without SHOW CREATE USER.
const SHOWN_BY_GRANTS: [&str; 3] = ["", "mysql_native_password", "mysql_old_password"];
/// MariaDB's name for everybody.
const EVERYBODY: &str = "PUBLIC";

/// "There is no such grant defined".
const NOT_IN_EFFECT: u16 = 1141;

/// The result of [`accounts`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountsContents {
    /// Users and roles.
    pub record: AccountsRecord,
    /// Users in the server's tables that are not in effect, so that the server does not show them.
    pub left_out: Vec<LeftOut>,
}

/// A user or role: its name and host. Roles of MariaDB have none.
type Who = (String, String);

/// Reads all users and roles with their grants, except those of the server itself. A role comes before the users and
/// roles that hold it. The account needs SELECT on the schema `mysql`.
///
/// # Errors
/// If the server refuses.
pub fn accounts(connection: &mut Connection, server: &Server) -> Result<AccountsContents> {
    let users = users(connection, server)?;
    let granted = granted_roles(connection, server)?;
    let mut order = Vec::new();
    for who in users.keys() {
        put_after_roles(who, &granted, &users, &mut order);
    }
    let mut seen = BTreeSet::new();
    let mut contents = AccountsContents::default();
    for who in order {
        let user = &users[&who];
        let mut grants = match grants(connection, server, user) {
            Err(e) if error_code(&e) == Some(NOT_IN_EFFECT) => {
                let why = "it is not in effect: its host is a name and the server looks up none, or it was not loaded";
                let (name, what) = (user.name.clone(), "account".to_owned());
                contents.left_out.push(LeftOut { schema: "mysql".to_owned(), name, what, why: why.to_owned() });
                continue;
            }
            grants => grants?,
        };
        // The grants of a role include those of its own roles.
        grants.retain(|grant| seen.insert(grant.clone()));
        let create = create(connection, server, user)?;
        contents.record.accounts.push(Account { name: user.name.clone(), create, grants });
    }
    Ok(contents)
}

/// A user or role in the server's table.
struct User {
    /// Its name in statements.
    name: String,
    is_role: bool,
    default_role: String,
    plugin: String,
    authentication: String,
}

fn users(connection: &mut Connection, server: &Server) -> Result<BTreeMap<Who, User>> {
    let roles = if server.is_mariadb_from((10, 1, 1)) { "is_role, default_role" } else { "'N', ''" };
    let sql = format!("SELECT User, Host, plugin, authentication_string, {roles} FROM mysql.user");
    let mut users = BTreeMap::new();
    for row in connection.rows(&sql)? {
        let mut row = Fields::of(row);
        let (user, host) = (row.text(), row.text());
        let (plugin, authentication) = (row.text(), row.text());
        let (is_role, default_role) = (row.text() == "Y", row.text());
        if OF_THE_SERVER.contains(&user.as_str()) {
            continue;
        }
        let name = match is_role {
            true if user == EVERYBODY => user.clone(),
            true => quote_name(&user),
            false => format!("{}@{}", quote_text(&user), quote_text(&host)),
        };
        users.insert((user, host), User { name, is_role, default_role, plugin, authentication });
    }
    Ok(users)
}

/// The roles that each user or role holds.
fn granted_roles(connection: &mut Connection, server: &Server) -> Result<BTreeMap<Who, Vec<Who>>> {
    let sql = match (server.is_mariadb_from((10, 0, 5)), server.is_mysql_from((8, 0, 0))) {
        (true, _) => "SELECT User, Host, Role, '' FROM mysql.roles_mapping",
        (_, true) => "SELECT TO_USER, TO_HOST, FROM_USER, FROM_HOST FROM mysql.role_edges",
        _ => return Ok(BTreeMap::new()),
    };
    let mut granted = BTreeMap::<Who, Vec<Who>>::new();
    for row in connection.rows(sql)? {
        let mut row = Fields::of(row);
        granted.entry((row.text(), row.text())).or_default().push((row.text(), row.text()));
    }
    Ok(granted)
}

/// Appends `who` after all roles it holds, unless it is listed already. Servers do not let a role hold itself.
fn put_after_roles(who: &Who, granted: &BTreeMap<Who, Vec<Who>>, users: &BTreeMap<Who, User>, order: &mut Vec<Who>) {
    let mut path = vec![(who.clone(), 0)];
    while let Some((who, next)) = path.pop() {
        if order.contains(&who) {
            continue;
        }
        let role = granted.get(&who).and_then(|roles| roles.get(next));
        path.push((who, next + 1));
        match role {
            Some(role) if users.contains_key(role) && !path.iter().any(|(on_path, _)| on_path == role) => {
                path.push((role.clone(), 0));
            }
            Some(_) => {}
            None => order.extend(path.pop().map(|(who, _)| who)),
        }
    }
}

fn create(connection: &mut Connection, server: &Server, user: &User) -> Result<String> {
    let name = &user.name;
    if user.is_role {
        return Ok(match name == EVERYBODY {
            // This grant always exists; it has no effect.
            true => format!("GRANT USAGE ON *.* TO {name}"),
            false => format!("CREATE ROLE {name}"),
        });
    }
    if server.is_mariadb_from((10, 2, 0)) || server.is_mysql_from((5, 7, 6)) {
        let shown = connection.value(&format!("SHOW CREATE USER {name}"))?;
        return shown
            .ok_or_else(|| Error::new(ErrorKind::Database, format!("the server does not show the user {name}")));
    }
    Ok(if SHOWN_BY_GRANTS.contains(&user.plugin.as_str()) {
        format!("CREATE USER {name}")
    } else {
        let (plugin, authentication) = (quote_name(&user.plugin), quote_text(&user.authentication));
        format!("CREATE USER {name} IDENTIFIED WITH {plugin} AS {authentication}")
    })
}

fn grants(connection: &mut Connection, server: &Server, user: &User) -> Result<Vec<String>> {
    const DEFAULT_ROLE: &str = "SET DEFAULT ROLE ";
    let rows = connection.rows(&format!("SHOW GRANTS FOR {}", user.name))?;
    let mut grants: Vec<String> = rows.into_iter().filter_map(|row| texts(row).into_iter().next().flatten()).collect();
    let is_shown = grants.iter().any(|grant| grant.starts_with(DEFAULT_ROLE));
    if server.is_mariadb() && !user.default_role.is_empty() && !is_shown {
        grants.push(format!("{DEFAULT_ROLE}{} FOR {}", quote_name(&user.default_role), user.name));
    }
    Ok(grants)
}
