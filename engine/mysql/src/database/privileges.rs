//! The privileges of a connection's account, according to the server's grants.

use super::connection::texts;
use super::grant::{Grant, Object, matches, specificity};
use super::right::{Right, Scope};
use super::rules::GrantRules;
use super::schemas::is_of_the_server;
use super::{Connection, Server};
use engine_core::error::Result;

/// The rights of an account: its own, and those of its active roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Privileges {
    /// The grants to the account itself, to its role, and to everybody. They are separate, because not all grants of
    /// one holder add up.
    holders: Vec<Vec<Grant>>,
    rules: GrantRules,
}

impl Privileges {
    /// Asks the server for the present privileges of the account of `connection`.
    ///
    /// # Errors
    /// If the server does not answer.
    pub fn read(connection: &mut Connection, server: &Server) -> Result<Self> {
        let rules = GrantRules::read(connection, server)?;
        let holders = if server.is_mariadb() {
            mariadb_grants(connection, server)?
        } else {
            vec![mysql_grants(connection, server)?]
        };
        Ok(Privileges { holders: holders.iter().map(|lines| parse(lines)).collect(), rules })
    }

    /// Parses lines of SHOW GRANTS for one holder.
    pub fn from_grants(lines: &[String]) -> Self {
        Privileges { holders: vec![parse(lines)], ..Privileges::default() }
    }

    /// Whether the account holds `right` on all of `schema`.
    pub fn has(&self, right: Right, schema: &str) -> bool {
        self.has_on(right, &Scope::Schema(schema.to_owned()))
    }

    /// Whether the account holds `right` on all of `scope`.
    pub fn has_on(&self, right: Right, scope: &Scope) -> bool {
        self.holders.iter().any(|grants| self.holder_has(grants, right, scope))
    }

    /// The meaning of grants on the server, and the rights that some things need.
    pub fn rules(&self) -> &GrantRules {
        &self.rules
    }

    fn holder_has(&self, grants: &[Grant], right: Right, scope: &Scope) -> bool {
        let on_server = grants.iter().any(|g| !g.revoked && g.on == Object::Server && g.gives(right));
        let revoked = |schema: &str| {
            let of_schema = |g: &&Grant| matches!(&g.on, Object::Schema(name) if self.same(name, schema));
            grants.iter().filter(of_schema).any(|g| g.revoked && g.gives(right))
        };
        match scope {
            // Schemas of the server itself hold no user data: an account that may not read them may still be able to
            // read everything.
            Scope::Server => {
                let narrows = |g: &&Grant| g.revoked && g.gives(right);
                let is_own = |g: &Grant| matches!(&g.on, Object::Schema(name) if is_of_the_server(name));
                on_server && grants.iter().filter(narrows).all(is_own)
            }
            Scope::Schema(schema) => on_server && !revoked(schema) || self.on_schema(grants, right, schema),
            Scope::Beside(schema) => self.on_schema(grants, right, &format!("{schema}__")) || on_server,
            Scope::Table(schema, table) => {
                let of_table =
                    |g: &&Grant| matches!(&g.on, Object::Table(s, t) if self.same(s, schema) && self.same(t, table));
                on_server && !revoked(schema)
                    || self.on_schema(grants, right, schema)
                    || grants.iter().filter(of_table).any(|g| g.gives(right))
            }
        }
    }

    /// The server applies only the most specific of the patterns that match a schema.
    fn on_schema(&self, grants: &[Grant], right: Right, schema: &str) -> bool {
        let matching = grants.iter().filter(|g| !g.revoked).filter_map(|grant| match &grant.on {
            Object::Schema(pattern) if self.matches(pattern, schema) => Some((specificity(pattern), grant)),
            _ => None,
        });
        let matching: Vec<_> = matching.collect();
        let most = matching.iter().map(|(specificity, _)| *specificity).max();
        matching.iter().any(|(specificity, grant)| Some(*specificity) == most && grant.gives(right))
    }

    fn matches(&self, pattern: &str, schema: &str) -> bool {
        match (self.rules.names_are_literal, self.rules.ignores_case) {
            (true, _) => self.same(pattern, schema),
            (false, true) => matches(&pattern.to_lowercase(), &schema.to_lowercase()),
            (false, false) => matches(pattern, schema),
        }
    }

    fn same(&self, a: &str, b: &str) -> bool {
        a == b || self.rules.ignores_case && a.to_lowercase() == b.to_lowercase()
    }
}

fn parse(lines: &[String]) -> Vec<Grant> {
    lines.iter().filter_map(|line| Grant::parse(line)).collect()
}

fn lines(connection: &mut Connection, sql: &str) -> Result<Vec<String>> {
    Ok(connection.rows(sql)?.into_iter().filter_map(|row| texts(row).into_iter().next().flatten()).collect())
}

/// The account's own grants, those of its current role (including that role's roles), and those of everybody.
fn mariadb_grants(connection: &mut Connection, server: &Server) -> Result<Vec<Vec<String>>> {
    let mut holders = vec![lines(connection, "SHOW GRANTS FOR CURRENT_USER")?];
    if connection.value("SELECT CURRENT_ROLE()")?.is_some_and(|role| role != "NONE") {
        holders.push(lines(connection, "SHOW GRANTS FOR CURRENT_ROLE")?);
    }
    if server.is_mariadb_from((10, 11, 0)) {
        holders.push(lines(connection, "SHOW GRANTS FOR PUBLIC")?);
    }
    Ok(holders)
}

fn mysql_grants(connection: &mut Connection, server: &Server) -> Result<Vec<String>> {
    let roles = if server.is_mysql_from((8, 0, 0)) {
        connection.value("SELECT CURRENT_ROLE()")?.filter(|roles| roles != "NONE")
    } else {
        None
    };
    match roles {
        Some(roles) => lines(connection, &format!("SHOW GRANTS FOR CURRENT_USER() USING {roles}")),
        None => lines(connection, "SHOW GRANTS FOR CURRENT_USER()"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Privileges {
        Privileges::from_grants(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn rights_count_where_they_are_granted() {
        let held = of(&["GRANT RELOAD ON *.* TO `u`@`%`", "GRANT SELECT ON `shop\\_a`.* TO `u`@`%`"]);
        assert!(held.has(Right::Select, "shop_a") && !held.has(Right::Select, "shopxa"));
        assert!(held.has_on(Right::Select, &Scope::Table("shop_a".into(), "t".into())));
        assert!(held.has_on(Right::Reload, &Scope::Server) && !held.has_on(Right::Select, &Scope::Server));
        let all = of(&["GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION"]);
        assert!(all.has(Right::Trigger, "any") && all.has_on(Right::Process, &Scope::Server));
    }

    #[test]
    fn of_two_patterns_the_more_specific_one_counts() {
        let held = of(&["GRANT SELECT, EVENT ON `shop%`.* TO `u`@`%`", "GRANT SELECT ON `shop`.* TO `u`@`%`"]);
        assert!(held.has(Right::Select, "shop") && !held.has(Right::Event, "shop"));
        assert!(held.has(Right::Event, "shopping"));
    }

    #[test]
    fn what_was_revoked_of_a_schema_is_not_held_there() {
        let held = of(&["GRANT SELECT, EVENT ON *.* TO `u`@`%`", "REVOKE SELECT ON `shop`.* FROM `u`@`%`"]);
        assert!(held.has(Right::Select, "other") && !held.has(Right::Select, "shop") && held.has(Right::Event, "shop"));
        assert!(!held.has_on(Right::Select, &Scope::Server));
        // The server's own schemas are not saved.
        let held = of(&["GRANT SELECT ON *.* TO `u`@`%`", "REVOKE SELECT ON `mysql`.* FROM `u`@`%`"]);
        assert!(!held.has(Right::Select, "mysql") && held.has_on(Right::Select, &Scope::Server));
    }

    #[test]
    fn a_right_on_one_table_is_none_on_its_schema() {
        let held = of(&["GRANT SELECT ON `mysql`.`proc` TO `u`@`%`"]);
        assert!(!held.has(Right::Select, "mysql"));
        assert!(held.has_on(Right::Select, &Scope::Table("mysql".into(), "proc".into())));
    }
}
