//! Every role at every route. Both come from the table of the door, so a new route is here by itself.

use std::io::{BufRead, BufReader, Write};

use super::client::{Browser, Console, form};
use crate::harness::Machine;

const TABLE: &str = include_str!("../../../src/console/door/role.rs");
const QUIET: &str =
    "[schedule]\nbackup = \"off\"\notherwise = \"off\"\nverify = \"off\"\ndrill = \"off\"\nforget = \"off\"\n";
const PASSWORD: &str = "correct horse";
/// Roles, from the least to the most.
const ROLES: [&str; 4] = ["Anybody", "Look", "Staff", "Owner"];

/// A route of the console.
pub struct Route {
    method: String,
    /// Its address. Its parts with a value are 0.
    pub path: String,
    has_value: bool,
    /// The place of the role that it needs.
    needs: usize,
}

impl Route {
    /// Whether it is a page that a browser opens by its address alone.
    pub fn is_page(&self) -> bool {
        let is_other = ["/assets/", "/progress", "/enter", "/remove/purge", "/remove/report"]
            .iter()
            .any(|start| self.path.starts_with(start));
        self.method == "GET" && !self.has_value && !is_other
    }
}

/// All routes of the table.
pub fn all() -> Vec<Route> {
    let (_, table) = TABLE.split_once("pub const ROUTES").unwrap();
    let (table, _) = table.split_once("];").unwrap();
    let lines = table.lines().filter_map(|line| line.trim().strip_prefix("(\""));
    let routes = lines.map(|line| {
        let (method, rest) = line.split_once("\", \"").unwrap();
        let (path, rest) = rest.split_once("\", Role::").unwrap();
        let role = rest.trim_end_matches("),");
        let parts: Vec<_> = path.split('/').map(|part| if part.starts_with('{') { "0" } else { part }).collect();
        Route {
            method: method.to_owned(),
            path: parts.join("/"),
            has_value: path.contains('{'),
            needs: ROLES.iter().position(|name| *name == role).unwrap(),
        }
    });
    let routes: Vec<_> = routes.collect();
    assert!(routes.len() > 40, "the table is read in another way now");
    routes
}

/// The status of an answer, and where it leads. Its body may have no end.
fn answer(console: &Console, request: &str) -> (u16, String) {
    let mut stream = console.connect();
    stream.write_all(request.as_bytes()).unwrap();
    let lines = BufReader::new(stream).lines().map(Result::unwrap).take_while(|line| !line.is_empty());
    let head: Vec<_> = lines.collect();
    let status = head[0].split(' ').nth(1).unwrap().parse().unwrap();
    let place = head.iter().find_map(|line| line.strip_prefix("location: ")).unwrap_or_default();
    (status, place.to_owned())
}

fn ask(console: &Console, method: &str, path: &str, browser: Option<&Browser<'_>>) -> (u16, String) {
    let token = browser.map(Browser::token).unwrap_or_default();
    let body = if method == "GET" { String::new() } else { form(&[("token", &token)]) };
    let cookie = browser.map(|browser| browser.cookie().to_owned()).unwrap_or_default();
    let origin = console.origin();
    let headers = [
        ("Cookie", cookie.as_str()),
        ("Origin", origin.as_str()),
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Content-Length", &body.len().to_string()),
    ]
    .map(|(name, value)| format!("{name}: {value}\r\n"));
    let host = format!("Host: 127.0.0.1:{}\r\nConnection: close\r\n", console.port);
    answer(console, &format!("{method} {path} HTTP/1.1\r\n{host}{}\r\n{body}", headers.concat()))
}

#[test]
fn each_role_gets_exactly_the_routes_that_the_table_gives_it() {
    let console = Console::open(Machine::with_snapshot(), QUIET);
    let owner = console.enter();
    for role in ["look", "staff", "owner"] {
        let fields = [("name", role), ("password", PASSWORD), ("again", PASSWORD), ("role", role)];
        owner.post("/settings/people", &fields).expect(303);
    }
    let people = ["look", "staff", "owner"].map(|name| console.log_in(name, PASSWORD));
    let mut routes = all();
    // It ends the session.
    routes.sort_by_key(|route| route.path == "/lock");
    for Route { method, path, needs, .. } in &routes {
        for (has, role) in ROLES.iter().enumerate() {
            let browser = has.checked_sub(1).map(|place| &people[place]);
            let (status, place) = ask(&console, method, path, browser);
            let what = format!("{method} {path} as {role}: {status} {place}");
            if has >= *needs {
                let is_shown_out = place == "/login" && path != "/lock";
                assert!(![401, 403, 404, 405, 421].contains(&status) && !is_shown_out, "refused: {what}");
            } else if has == 0 && method == "GET" {
                assert_eq!((status, place.as_str()), (303, "/login"), "let in: {what}");
            } else {
                assert_eq!(status, 403, "let in: {what}");
            }
        }
    }
}

#[test]
fn a_method_that_is_not_in_the_table_is_closed_to_everybody() {
    let console = Console::open(Machine::with_snapshot(), QUIET);
    let owner = console.enter();
    let routes = all();
    for path in routes.iter().map(|route| &route.path) {
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "POST", "GET"] {
            let is_listed = routes.iter().any(|route| route.path == *path && route.method == method);
            if !is_listed {
                assert_eq!(ask(&console, method, path, Some(&owner)).0, 404, "{method} {path}");
            }
        }
    }
}
