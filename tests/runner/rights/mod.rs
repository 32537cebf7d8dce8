//! Rights of an account: what is granted for a purpose is enough for it, and what is missing is named.

mod each;

use engine::database::{
    AccountName, Address, Connection, Credentials, GrantRules, MissingRight, Privileges, Purpose, Reach, Server,
    accounts, grant_statements, missing, read_schema,
};
use repo_format::database::AccountsRecord;
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

pub(super) const READER: AccountName<'static> = AccountName { user: "reader", host: "%" };

/// The `_` is a wildcard in grants.
const SCHEMA: &str = "my_shop";

on_each_server!(
    what_is_granted_for_a_backup_shows_everything_of_a_schema,
    each_right_that_is_revoked_is_named_and_what_it_shows_is_not_seen,
    rights_of_an_active_role_count,
    what_is_granted_to_restore_makes_what_others_have_defined,
);

/// A server with a schema that holds something of everything.
fn start(version: Version) -> (TestServer, Server) {
    let server = TestServer::of(version, &["--log-bin"]);
    let sequence = if version.is_mysql() { "" } else { "CREATE SEQUENCE s;" };
    server.script(format!(
        "CREATE DATABASE {SCHEMA}; USE {SCHEMA}; CREATE TABLE t (a INT) ENGINE=InnoDB; CREATE VIEW v AS SELECT a FROM t;
         CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1; CREATE PROCEDURE p() SELECT 1; {sequence}
         CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1; CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1;
         CREATE TABLE locked (a INT PRIMARY KEY) ENGINE=MyISAM; INSERT INTO locked VALUES (1); CREATE USER reader;"
    ));
    let detected = Server::detect(&mut server.connect()).unwrap();
    (server, detected)
}

fn reader(server: &TestServer) -> Address {
    let credentials = Credentials { user: "reader".into(), password: None };
    Address { credentials, ..server.address() }
}

fn as_reader(server: &TestServer) -> Connection {
    Connection::open(&reader(server)).unwrap()
}

fn lacking(server: &TestServer, detected: &Server, purpose: Purpose) -> Vec<MissingRight> {
    let privileges = Privileges::read(&mut as_reader(server), detected).unwrap();
    missing(&privileges, detected, purpose, &Reach::unknown(&[SCHEMA.into()]))
}

/// The purpose of the schema, with nothing more known of it.
fn statements(server: &TestServer, detected: &Server, purpose: Purpose) -> Vec<String> {
    let rules = GrantRules::read(&mut server.connect(), detected).unwrap();
    grant_statements(detected, &rules, purpose, &Reach::unknown(&[SCHEMA.into()]), READER)
}

fn grant(server: &TestServer, detected: &Server, purpose: Purpose) -> Vec<String> {
    let statements = statements(server, detected, purpose);
    statements.iter().for_each(|statement| server.run(statement));
    statements
}

/// The rights of `statements` one by one, each with what it is on.
fn rights_of(statements: &[String]) -> Vec<(String, String)> {
    let each = |statement: &String| {
        let (rights, rest) = statement.strip_prefix("GRANT ").unwrap().split_once(" ON ").unwrap();
        let on = rest.split_once(" TO ").unwrap().0;
        rights.split(", ").map(|right| (right.to_owned(), on.to_owned())).collect::<Vec<_>>()
    };
    statements.iter().flat_map(each).collect()
}

fn what_is_granted_for_a_backup_shows_everything_of_a_schema(version: Version) {
    let (server, detected) = start(version);
    grant(&server, &detected, Purpose::Backup);
    assert_eq!(lacking(&server, &detected, Purpose::Backup), []);
    let whole = read_schema(&mut server.connect(), &detected, SCHEMA).unwrap();
    let seen = read_schema(&mut as_reader(&server), &detected, SCHEMA).unwrap();
    let objects = if version.is_mysql() { 5 } else { 6 };
    assert_eq!((seen.record.objects.len(), &seen), (objects, &whole));
    // Nothing is granted on other schemas, so the whole server is not seen.
    let privileges = Privileges::read(&mut as_reader(&server), &detected).unwrap();
    let missing = |names: &[String]| missing(&privileges, &detected, Purpose::Backup, &Reach::unknown(names));
    assert!(!missing(&[]).is_empty() && !missing(&["myxshop".into()]).is_empty());
}

fn each_right_that_is_revoked_is_named_and_what_it_shows_is_not_seen(version: Version) {
    let (server, detected) = start(version);
    let whole = read_schema(&mut server.connect(), &detected, SCHEMA).unwrap();
    let rules = GrantRules::read(&mut server.connect(), &detected).unwrap();
    let mut unseen = Vec::new();
    for (right, on) in rights_of(&grant(&server, &detected, Purpose::Backup)) {
        server.run(&format!("REVOKE {right} ON {on} FROM reader"));
        let lacking = lacking(&server, &detected, Purpose::Backup);
        let named: Vec<_> = lacking.iter().map(|lack| (lack.right.name(), lack.on.in_grant(&rules))).collect();
        assert_eq!(named, [(&right[..], on.clone())]);
        let seen = read_schema(&mut as_reader(&server), &detected, SCHEMA);
        if !seen.is_ok_and(|seen| seen.record == whole.record) {
            unseen.push(right.clone());
        }
        server.run(&format!("GRANT {right} ON {on} TO reader"));
    }
    let bodies = match version {
        Version::MySql97 => "SHOW_ROUTINE",
        Version::MariaDb118 => "SHOW CREATE ROUTINE",
        // It is on the table that has them.
        Version::Installed | Version::MariaDb105 => "SELECT",
    };
    // The others are for the moment.
    assert_eq!(unseen, ["SELECT", "SHOW VIEW", "TRIGGER", "EVENT", bodies]);
}

fn rights_of_an_active_role_count(version: Version) {
    let (server, detected) = start(version);
    server.script(
        "CREATE ROLE inner_role; CREATE ROLE outer_role; GRANT inner_role TO outer_role; GRANT outer_role TO reader;",
    );
    for statement in statements(&server, &detected, Purpose::Backup) {
        server.run(&statement.replace("'reader'@'%'", "inner_role"));
    }
    assert!(!lacking(&server, &detected, Purpose::Backup).is_empty(), "the role is not active");
    let activate = if version.is_mysql() {
        "SET DEFAULT ROLE outer_role TO reader"
    } else {
        "SET DEFAULT ROLE outer_role FOR reader"
    };
    server.run(activate);
    assert_eq!(lacking(&server, &detected, Purpose::Backup), []);
}

fn what_is_granted_to_restore_makes_what_others_have_defined(version: Version) {
    let (server, detected) = start(version);
    for purpose in [Purpose::Restore, Purpose::Replace, Purpose::Purge, Purpose::Reclaim] {
        grant(&server, &detected, purpose);
        assert_eq!(lacking(&server, &detected, purpose), []);
    }
    let whole = read_schema(&mut server.connect(), &detected, SCHEMA).unwrap();
    let mut reader = as_reader(&server);
    for statement in ["DROP DATABASE my_shop", "CREATE DATABASE my_shop", "USE my_shop", "CREATE TABLE t (a INT)"] {
        reader.run(statement).unwrap();
    }
    for object in &whole.record.objects {
        reader.run(std::str::from_utf8(&object.create.0).unwrap()).unwrap();
    }
    let made = read_schema(&mut server.connect(), &detected, SCHEMA).unwrap();
    let definers = |contents: engine::database::SchemaContents| -> Vec<_> {
        contents.record.objects.into_iter().map(|object| (object.name, object.definer)).collect()
    };
    assert_eq!(definers(made), definers(whole));
}

#[test]
fn accounts_are_made_again_by_their_statements() {
    let (server, detected) = start(Version::Installed);
    server.script(
        "CREATE ROLE a_role; CREATE ROLE b_role; GRANT b_role TO a_role; GRANT SELECT ON my_shop.* TO b_role;
         CREATE USER 'o''neil'@'10.%' IDENTIFIED BY 'secret' REQUIRE SSL ACCOUNT LOCK; GRANT a_role TO 'o''neil'@'10.%';
         GRANT SELECT (a), INSERT ON my_shop.t TO 'o''neil'@'10.%'; SET DEFAULT ROLE a_role FOR 'o''neil'@'10.%';
         GRANT EXECUTE ON FUNCTION my_shop.f TO PUBLIC;",
    );
    grant(&server, &detected, Purpose::Backup);
    grant(&server, &detected, Purpose::Accounts);
    let contents = accounts(&mut as_reader(&server), &detected).unwrap();
    assert_eq!(contents, accounts(&mut server.connect(), &detected).unwrap());
    // The server of a test looks up no names of hosts.
    assert!(contents.left_out.iter().all(|left_out| left_out.name.starts_with("'root'@")), "{:?}", contents.left_out);

    let copy = TestServer::start(&[]);
    copy.script(
        "CREATE DATABASE my_shop; CREATE TABLE my_shop.t (a INT); CREATE FUNCTION my_shop.f() RETURNS INT RETURN 1;",
    );
    for account in contents.record.accounts.iter().filter(|account| !account.name.starts_with("'root'")) {
        copy.run(&account.create);
        account.grants.iter().for_each(|grant| copy.run(grant));
    }
    let made = accounts(&mut copy.connect(), &detected).unwrap();
    assert_eq!(of_others(made.record), of_others(contents.record));
}

/// Except the right to grant a role, which its maker gets.
fn of_others(mut record: AccountsRecord) -> AccountsRecord {
    for account in &mut record.accounts {
        account.grants.retain(|grant| !grant.contains("_role` TO `root`"));
    }
    record
}
