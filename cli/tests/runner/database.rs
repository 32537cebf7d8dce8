//! Which server is meant, how to get in, and what `check` and `grants` say of it.

use scenario_tests::server::TestServer;
use serde_json::Value;

use crate::harness::{Answer, Machine};

/// The words of an option of the kind `--name=value`.
fn socket(server: &TestServer, user: &str) -> String {
    format!("--database={}", server.address().public().replace("mysql://", &format!("mysql://{user}@")))
}

fn server() -> TestServer {
    let server = TestServer::start(&["--log-bin"]);
    server.run("CREATE USER ann@localhost IDENTIFIED BY 'se#cret'");
    server.run("CREATE DATABASE shop");
    server.run("CREATE TABLE shop.orders (id INT PRIMARY KEY) ENGINE=InnoDB");
    server.run("CREATE TABLE shop.log (id INT PRIMARY KEY) ENGINE=MyISAM");
    server.run("CREATE VIEW shop.v AS SELECT id FROM shop.orders");
    server.run("CREATE TRIGGER shop.t BEFORE INSERT ON shop.orders FOR EACH ROW SET NEW.id = NEW.id + 1");
    server
}

fn statements(answer: &Answer) -> Vec<String> {
    answer.messages().iter().map(|message| message["statement"].as_str().unwrap().to_owned()).collect()
}

fn of_kind(answer: &Answer, kind: &str) -> Value {
    answer.messages().into_iter().find(|message| message["message_type"] == kind).unwrap()
}

#[test]
fn what_grants_prints_is_what_check_misses() {
    let (machine, server) = (Machine::new(), server());
    let args = [&socket(&server, "root"), "--schema", "shop"];
    let grants = machine.run_bare(&[&["--json", "grants", "backup", "--for", "ann@localhost"], &args[..]].concat(), []);
    let password = || [("ENAMEL_DB_PASSWORD", "se#cret".into())];
    let by_ann = ["--json", "check", &socket(&server, "ann"), "--schema", "shop"];

    // An account without any right does not even see the schema.
    machine.run_bare(&by_ann, password()).expect(1).says("no schema `shop`");
    server.run("GRANT SELECT ON shop.* TO ann@localhost");
    let poor = machine.run_bare(&by_ann, password()).expect(1);
    let missing = of_kind(&poor, "survey")["missing_rights"].to_string();
    for right in ["LOCK TABLES", "TRIGGER", "EVENT", "RELOAD"] {
        assert!(missing.contains(right), "{missing}");
    }
    statements(&grants.expect(0)).iter().for_each(|statement| server.run(statement));
    let rich = machine.run_bare(&by_ann, password()).expect(0);
    let survey = of_kind(&rich, "survey");
    assert_eq!(survey["missing_rights"], Value::Array(Vec::new()));
    assert_eq!((&survey["account"], &survey["moment"]), (&"ann@localhost".into(), &"backup-stages".into()));
    let shop = &survey["schemas"][0];
    assert_eq!((&shop["tables"], &shop["views"], &shop["triggers"]), (&2.into(), &1.into(), &1.into()));
    assert_eq!(survey["locked_tables"], 1);
    let own = machine.run_bare(&["grants", "backup", by_ann[2], "--schema", "shop"], password());
    own.expect(0).says("has all these rights already").prints("TO 'ann'@'localhost';");
}

#[test]
fn nothing_is_locked_for_tables_with_transactions() {
    let (machine, server) = (Machine::new(), server());
    server.run("DROP TABLE shop.log");
    let answer = machine.run_bare(&["check", &socket(&server, "root")], []).expect(0);
    answer.prints("nobody waits").prints("no table").prints("A backup would be complete.");
}

#[test]
fn what_is_damaged_or_in_the_way_is_named() {
    let (machine, mut server) = (Machine::new(), server());
    let check = ["check", &socket(&server, "root")];
    {
        let mut other = server.connect();
        other.run("BACKUP STAGE START").unwrap();
        machine.run_bare(&check, []).expect(0).prints("another backup holds BACKUP STAGE");
    }
    machine.write("letter", "");
    machine.run_bare(&[check[0], check[1], "letter"], []).expect(0);
    machine.run_bare(&[check[0], check[1], "letter", "lost"], []).expect(1).says("lost");
    server.stop();
    std::fs::write(server.data_folder().join("shop/log.MYI"), "damaged").unwrap();
    server.restart();
    machine.run_bare(&check, []).expect(3).prints("damaged: shop.log").prints("would be missing in it");
}

#[test]
fn a_password_comes_from_a_file_or_the_environment_and_never_from_the_url() {
    let (machine, server) = (Machine::new(), server());
    let ann = socket(&server, "ann");
    let grants = ["grants", "backup", &ann];
    machine.run_bare(&grants, []).expect(1).says("using password: NO").says("--database-password-file");
    machine.run_bare(&grants, [("ENAMEL_DB_PASSWORD", "se#cret".into())]).expect(0);
    machine.write("password", "se#cret\n");
    let with_file = [&grants[..], &["--database-password-file", "password"]].concat();
    machine.run_bare(&with_file, []).expect(0).says("other users can read the file password");
    machine.run_bare(&with_file, [("ENAMEL_DB_PASSWORD", "wrong".into())]).expect(0);

    let path = server.address().socket.unwrap();
    machine.write("my.cnf", format!("[client]\nuser=ann\npassword='se#cret'\nsocket={}\n", path.display()));
    let by_file = ["grants", "backup", "--database", "mysql://", "--defaults-file", "my.cnf"];
    machine.run_bare(&by_file, []).expect(0).prints("TO 'ann'@'localhost'");
    machine.run_bare(&[&by_file[..], &["--tls"]].concat(), []).expect(2).says("TLS is for TCP");

    let refused = machine.run_bare(&["check", "--database", "mysql://ann:se%23cret@localhost"], []).expect(2);
    assert!(!refused.says("list of processes").err.contains("se%23cret"));
    machine.run_bare(&["check"], []).expect(2).says("no database is named");
    machine.run_bare(&["check", "--tls"], []).expect(2).says("--database");
    machine.run_bare(&["check", "--database", "mysql://h", "--tls-cert", "c"], []).expect(2).says("--tls-key");
}

#[test]
fn the_settings_name_a_database() {
    let (machine, server) = (Machine::new(), server());
    let settings = format!("database = '{}'\nschemas = ['shop']\nsources = ['../source']", server.url());
    machine.write("etc/enamel.toml", settings);
    let check = ["--config", "etc/enamel.toml", "--json", "check"];
    let answer = machine.run_bare(&check, []).expect(0);
    assert_eq!(of_kind(&answer, "survey")["schemas"][0]["name"], "shop");
    assert_eq!(of_kind(&answer, "path")["ok"], true);
    let config = ["--config", "etc/enamel.toml", "--repo", "repo", "--key-file", "key", "config", "check"];
    machine.run(["init"]).expect(0);
    machine.run_bare(&config, []).expect(0).prints("database").prints("MariaDB");
}
