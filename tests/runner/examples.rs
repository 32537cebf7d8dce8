//! The examples of the library, run as they stand.

use std::fs;

use scenario_tests::server::TestServer;

// Each has a `main` of its own, which reads the command line.
#[allow(dead_code, reason = "the test calls what `main` calls")]
#[path = "../../engine/examples/custom_store.rs"]
mod custom_store;
#[allow(dead_code, reason = "the test calls what `main` calls")]
#[path = "../../engine/examples/database.rs"]
mod database;
#[allow(dead_code, reason = "the test calls what `main` calls")]
#[path = "../../engine/examples/folder.rs"]
mod folder;

#[test]
fn a_folder_is_saved_and_restored() {
    let work = tempfile::tempdir().unwrap();
    let source = work.path().join("images");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("tooth.txt"), "a tooth").unwrap();
    folder::run(&source, work.path()).unwrap();
    assert_eq!(fs::read_to_string(work.path().join("restored/images/tooth.txt")).unwrap(), "a tooth");
}

#[test]
fn a_store_of_ones_own_keeps_the_promises_and_takes_a_backup() {
    let work = tempfile::tempdir().unwrap();
    let counts = custom_store::run(work.path()).unwrap();
    assert!(counts["put_new"] >= 3, "a pack, an index segment and a manifest at least: {counts:?}");
}

#[test]
fn a_schema_is_saved_and_loaded_under_another_name() {
    let server = TestServer::start(&[]);
    server.run("CREATE DATABASE shop");
    server.run("CREATE TABLE shop.goods (id INT PRIMARY KEY, name VARCHAR(20))");
    server.run("INSERT INTO shop.goods VALUES (1, 'bread'), (2, 'milk')");
    let work = tempfile::tempdir().unwrap();
    let loaded = database::run(&server.address(), "shop", work.path()).unwrap();
    assert_eq!((loaded.rows, loaded.problem_count), (2, 0));
    assert_eq!(server.value("SELECT GROUP_CONCAT(name ORDER BY id) FROM copy_of_shop.goods").unwrap(), "bread,milk");
}
