//! `restore --to-database`: its options, and what is wrong with them.

use scenario_tests::server::{TestServer, Version};

use crate::harness::Machine;

const URL: &str = "mysql://root@127.0.0.1:1";

#[test]
fn a_restore_goes_into_a_folder_or_into_a_server() {
    let machine = Machine::with_snapshot();
    machine.run(["restore", "latest"]).expect(2).says("--target");
    machine.run(["restore", "latest", "--target", "out", "--to-database", URL]).expect(2).says("cannot be used with");
    machine.run(["restore", "latest", "--to-database", URL, "--delete"]).expect(2).says("cannot be used with");
    machine.run(["restore", "latest", "--target", "out", "--check"]).expect(2).says("--to-database");
    machine.run(["restore", "latest", "--target", "out", "--tls"]).expect(2).says("use --to-database");
    machine.run(["restore", "latest:source/A", "--to-database", URL]).expect(2).says("a path chooses files");
    assert!(!machine.path("out").exists());
}

#[test]
fn schemas_and_tables_are_named_as_they_are_in_the_snapshot() {
    let machine = Machine::with_snapshot();
    for (option, value) in [("--schema", "a="), ("--schema", "=b"), ("--table", "patient"), ("--table", ".x")] {
        machine.run(["restore", "latest", "--to-database", URL, option, value]).expect(2).says(option);
    }
}

#[test]
fn a_snapshot_without_a_database_says_so() {
    let machine = Machine::with_snapshot();
    machine.run(["restore", "latest", "--to-database", URL]).expect(1).says("holds no database");
}

#[test]
fn passwords_do_not_stand_in_the_url() {
    let machine = Machine::with_snapshot();
    machine
        .run(["restore", "latest", "--to-database", "mysql://root:secret@127.0.0.1"])
        .expect(2)
        .says("holds a password");
}

#[test]
fn no_password_of_an_account_is_shown_that_the_server_refuses() {
    let (machine, server) = (Machine::with_repository(), TestServer::start(&[]));
    server.script("CREATE DATABASE shop; CREATE TABLE shop.t (a INT PRIMARY KEY);");
    server.run("CREATE USER 'clerk'@'%' IDENTIFIED BY 'new'");
    let hash = server.value("SELECT PASSWORD('new')").unwrap();
    machine.run(["backup", "--database", &server.url(), "--schema", "shop", "--with-grants"]).expect_one_of(&[0, 3]);
    server.run("CREATE USER 'poor'@'%'");
    server.run("GRANT ALL ON *.* TO 'poor'@'%'");
    server.run("REVOKE CREATE USER ON *.* FROM 'poor'@'%'");
    let url = server.url().replace("root", "poor");
    for (before, schema) in [(&[][..], "shop=a"), (&["--json"][..], "shop=b")] {
        server.run("DROP USER 'clerk'@'%'");
        let args = ["restore", "latest", "--to-database", &url, "--schema", schema, "--with-grants"];
        let answer = machine.run(before.iter().chain(&args)).expect(3);
        let said = format!("{}{}", answer.out, answer.err);
        assert!(said.contains("cannot give the account its rights"), "{said}");
        assert!(!said.contains(&hash[1..11]) && !said.contains("IDENTIFIED"), "{said}");
    }
}

#[test]
fn a_moment_before_a_mistake_comes_back_beside_the_live_schema() {
    let (machine, server) = (Machine::with_repository(), TestServer::start(&["--log-bin=binlog", "--server-id=7"]));
    server.script("CREATE DATABASE shop; CREATE TABLE shop.t (a INT PRIMARY KEY, v TEXT); INSERT INTO shop.t VALUES (1, 'saved');");
    machine.run(["backup", "--database", &server.url()]).expect(0);
    server.run("INSERT INTO shop.t VALUES (2, 'later')");
    let row = server.rows("SHOW MASTER STATUS").remove(0);
    let place = format!("{}:{}", row[0].as_deref().unwrap(), row[1].as_deref().unwrap());
    server.run("DELETE FROM shop.t");

    let program = Version::Installed.program(&machine.path("home"));
    let (program, folder) = (program.display().to_string(), std::env::temp_dir().display().to_string());
    let url = server.url();
    let args = |schema: &'static str, place: &str| {
        let place = place.to_owned();
        let words = ["restore", "latest", "--to-database", &url, "--schema", schema, "--before", &place];
        let words = words.into_iter().chain(["--server-program", &program, "--scratch-folder", &folder]);
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    // Nobody has fetched the log since the backup.
    let plan = machine.run([args("shop=then", &place), vec!["--plan".to_owned()]].concat()).expect(0);
    assert!(plan.out.contains(&place) && plan.out.contains("first outside"), "{}", plan.out);
    assert_eq!(server.value("SHOW DATABASES LIKE 'then'"), None);

    machine.run(args("shop=then", &place)).expect(0);
    let values = server.rows("SELECT v FROM `then`.t ORDER BY a").concat();
    assert_eq!(values, [Some("saved".to_owned()), Some("later".to_owned())]);
    assert_eq!(server.value("SELECT COUNT(*) FROM shop.t").as_deref(), Some("0"));
    machine.run(args("shop=never", "binlog.000099:4")).expect(1).says("no transaction begins at binlog.000099:4");
    assert_eq!(server.value("SHOW DATABASES LIKE 'never'"), None);
}

#[test]
fn a_moment_needs_a_server_and_is_one() {
    let machine = Machine::with_snapshot();
    machine.run(["restore", "latest", "--target", "out", "--newest"]).expect(2);
    machine.run(["restore", "latest", "--to-database", URL, "--plan"]).expect(2);
    machine
        .run(["restore", "latest", "--to-database", URL, "--newest", "--gtid", "0-1-1"])
        .expect(2)
        .says("cannot be used with");
    machine.run(["restore", "latest", "--to-database", URL, "--before", "binlog"]).expect(2).says("FILE:POS");
}
