//! Roles, and which route needs which.

use http::Method;
use serde::{Deserialize, Serialize};

/// The things that somebody may do. A later one may do all of an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Nobody has come in yet.
    Anybody,
    /// Look at everything.
    Look,
    /// Back up, find, bring back into a copy.
    Staff,
    /// Remove, settings, people, the live system.
    Owner,
}

impl Role {
    /// The name that people see.
    pub fn name(self) -> &'static str {
        match self {
            Role::Anybody => "nobody",
            Role::Look => "may look",
            Role::Staff => "staff",
            Role::Owner => "owner",
        }
    }
}

/// A method, an address, and the role that it needs.
pub type Route = (&'static str, &'static str, Role);

/// The role that each route needs. A route that is not here is closed to everybody.
pub const ROUTES: &[Route] = &[
    ("GET", "/assets/console.css", Role::Anybody),
    ("GET", "/assets/console.js", Role::Anybody),
    ("GET", "/assets/certificate.css", Role::Look),
    ("GET", "/assets/icon.svg", Role::Anybody),
    ("GET", "/enter", Role::Anybody),
    ("GET", "/login", Role::Anybody),
    ("POST", "/login", Role::Anybody),
    ("POST", "/lock", Role::Look),
    ("GET", "/", Role::Look),
    ("GET", "/work", Role::Look),
    ("GET", "/progress", Role::Look),
    ("GET", "/find", Role::Look),
    ("POST", "/find", Role::Look),
    ("GET", "/backups/{id}", Role::Look),
    ("GET", "/compare/{id}", Role::Look),
    ("GET", "/things/{thing}", Role::Look),
    ("GET", "/things/{thing}/thumbnail", Role::Look),
    ("GET", "/things/{thing}/picture", Role::Look),
    ("GET", "/things/{thing}/copy", Role::Staff),
    ("GET", "/restore/{thing}", Role::Staff),
    ("POST", "/restore/check", Role::Staff),
    ("POST", "/restore", Role::Staff),
    ("GET", "/live/{thing}", Role::Owner),
    ("POST", "/live", Role::Owner),
    ("GET", "/moments", Role::Staff),
    ("POST", "/moments/look", Role::Staff),
    ("POST", "/moments/plan", Role::Staff),
    ("POST", "/moments/run", Role::Staff),
    ("GET", "/elsewhere", Role::Look),
    ("GET", "/remove", Role::Look),
    ("GET", "/remove/purge", Role::Look),
    ("GET", "/remove/report", Role::Look),
    ("GET", "/proof", Role::Look),
    ("GET", "/proof/certificate", Role::Look),
    ("POST", "/proof/test", Role::Staff),
    ("POST", "/proof/sign", Role::Owner),
    ("GET", "/proof/actions", Role::Owner),
    ("GET", "/settings", Role::Look),
    ("POST", "/settings/change", Role::Owner),
    ("POST", "/settings/notify-test", Role::Owner),
    ("POST", "/settings/people", Role::Owner),
    ("POST", "/settings/people/remove", Role::Owner),
    ("GET", "/supplemental", Role::Look),
    ("GET", "/supplemental/emergency", Role::Look),
    ("POST", "/supplemental/look", Role::Staff),
    ("POST", "/supplemental/run", Role::Staff),
    ("POST", "/supplemental/read", Role::Staff),
    ("POST", "/backup", Role::Staff),
    ("POST", "/remove/look", Role::Staff),
    ("POST", "/remove/review", Role::Owner),
    ("POST", "/remove/run", Role::Owner),
    ("POST", "/remove/tonight", Role::Owner),
    ("POST", "/remove/tonight/end", Role::Owner),
    ("POST", "/remove/put-back", Role::Owner),
    ("POST", "/remove/let-go", Role::Owner),
    ("POST", "/stop", Role::Staff),
    ("GET", "/trouble", Role::Look),
    ("POST", "/trouble/answer", Role::Owner),
];

/// The same for the page of the first start: only who has the link sees it.
pub const SETUP_ROUTES: &[Route] = &[
    ("GET", "/assets/console.css", Role::Anybody),
    ("GET", "/assets/console.js", Role::Anybody),
    ("GET", "/assets/icon.svg", Role::Anybody),
    ("GET", "/enter", Role::Anybody),
    ("GET", "/", Role::Owner),
    ("POST", "/setup/what", Role::Owner),
    ("POST", "/setup/where", Role::Owner),
    ("POST", "/setup/make", Role::Owner),
    ("POST", "/setup/paper", Role::Owner),
    ("POST", "/setup/tell", Role::Owner),
    ("POST", "/setup/tell-test", Role::Owner),
    ("POST", "/setup/end", Role::Owner),
];

/// The role that a route needs; `None` if it is not in the table.
pub fn needed(routes: &[Route], method: &Method, path: &str) -> Option<Role> {
    // A page that answers GET answers HEAD.
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    routes.iter().find(|(of, at, _)| *of == method && *at == path).map(|(_, _, role)| *role)
}
