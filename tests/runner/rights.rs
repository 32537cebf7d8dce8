//! Rights of an account: what is granted for a purpose is enough for it, and what is missing is named.

use engine::database::{
    Address, Connection, Credentials, MissingRight, Privileges, Purpose, Server, accounts, grant_statements, missing,
    missing_for_backup, read_schema,
};
use repo_format::database::AccountsRecord;
use scenario_tests::server::TestServer;

/// The `_` is a wildcard in grants.
const SCHEMA: &str = "my_shop";

fn start() -> (TestServer, Server) {
    let server = TestServer::start(&["--log-bin"]);
    server.script(format!(
        "CREATE DATABASE {SCHEMA}; USE {SCHEMA}; CREATE TABLE t (a INT); CREATE SEQUENCE s; CREATE VIEW v AS SELECT a FROM t;
         CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1; CREATE PROCEDURE p() SELECT 1;
         CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1; CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1;
         CREATE USER reader;"
    ));
    let detected = Server::detect(&mut server.connect()).unwrap();
    (server, detected)
}

fn as_reader(server: &TestServer) -> Connection {
    let credentials = Credentials { user: "reader".into(), password: None };
    Connection::open(&Address { credentials, ..server.address() }).unwrap()
}

fn lacking(server: &TestServer, detected: &Server, purpose: Purpose) -> Vec<MissingRight> {
    let privileges = Privileges::read(&mut as_reader(server), detected).unwrap();
    missing(&privileges, detected, purpose, &[SCHEMA.into()])
}

fn grant(server: &TestServer, detected: &Server, purpose: Purpose) -> Vec<String> {
    let statements = grant_statements(purpose, detected, "reader", "%", &[SCHEMA.into()]);
    statements.iter().for_each(|statement| server.run(statement));
    statements
}

#[test]
fn what_is_granted_for_a_backup_shows_everything_of_a_schema() {
    let (server, detected) = start();
    grant(&server, &detected, Purpose::Backup);
    assert_eq!(lacking(&server, &detected, Purpose::Backup), []);
    let whole = read_schema(&mut server.connect(), &detected, SCHEMA).unwrap();
    let seen = read_schema(&mut as_reader(&server), &detected, SCHEMA).unwrap();
    assert_eq!((seen.record.objects.len(), &seen), (6, &whole));
    // Nothing is granted on other schemas, so the whole server is not seen.
    let privileges = Privileges::read(&mut as_reader(&server), &detected).unwrap();
    assert!(!missing_for_backup(&privileges, &detected, &[]).is_empty());
    assert!(!missing_for_backup(&privileges, &detected, &["myxshop".into()]).is_empty());
}

#[test]
fn each_right_that_is_revoked_is_named_and_what_it_shows_is_not_seen() {
    let (server, detected) = start();
    let mut unseen = Vec::new();
    for statement in grant(&server, &detected, Purpose::Backup) {
        let (rights, rest) = statement.strip_prefix("GRANT ").unwrap().split_once(" ON ").unwrap();
        let on = rest.split_once(" TO ").unwrap().0;
        for right in rights.split(", ") {
            server.run(&format!("REVOKE {right} ON {on} FROM reader"));
            let lacking = lacking(&server, &detected, Purpose::Backup);
            let named: Vec<_> = lacking.iter().map(|lack| (lack.right.name(), lack.on.to_string())).collect();
            assert_eq!(named, [(right, on.to_owned())]);
            let seen = read_schema(&mut as_reader(&server), &detected, SCHEMA);
            if !seen.is_ok_and(|seen| seen.record.objects.len() == 6) {
                unseen.push(right.to_owned());
            }
            server.run(&statement);
        }
    }
    // The last SELECT is that on the bodies of routines. The others are for the moment.
    assert_eq!(unseen, ["SELECT", "SHOW VIEW", "TRIGGER", "EVENT", "SELECT"]);
}

#[test]
fn rights_of_an_active_role_count() {
    let (server, detected) = start();
    server.script(
        "CREATE ROLE inner_role; CREATE ROLE outer_role; GRANT inner_role TO outer_role; GRANT outer_role TO reader;",
    );
    for statement in grant_statements(Purpose::Backup, &detected, "reader", "%", &[SCHEMA.into()]) {
        server.run(&statement.replace("'reader'@'%'", "inner_role"));
    }
    assert!(!lacking(&server, &detected, Purpose::Backup).is_empty(), "the role is not active");
    server.run("SET DEFAULT ROLE outer_role FOR reader");
    assert_eq!(lacking(&server, &detected, Purpose::Backup), []);
}

#[test]
fn what_is_granted_to_restore_makes_what_others_have_defined() {
    let (server, detected) = start();
    for purpose in [Purpose::Restore, Purpose::Purge, Purpose::Reclaim] {
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
    let (server, detected) = start();
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

/// But for what whoever makes a role gets: the right to grant it.
fn of_others(mut record: AccountsRecord) -> AccountsRecord {
    for account in &mut record.accounts {
        account.grants.retain(|grant| !grant.contains("_role` TO `root`"));
    }
    record
}
