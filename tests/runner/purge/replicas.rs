//! Busy servers, and replicas that lag: they are waited for.

use std::time::{Duration, Instant};

use engine::monitor::NullMonitor;
use engine::purge::{Ended, PaceOptions};
use scenario_tests::server::TestServer;

use super::practice::{OLD_ROWS, Practice, log_options};
use crate::support::Listener;

/// Waiting for something that never comes.
const TOO_LONG: Duration = Duration::from_secs(60);
/// The column of SHOW SLAVE STATUS that says by how much it lags.
const SECONDS_BEHIND: usize = 32;

#[test]
fn a_busy_server_and_a_replica_that_stands_still_are_waited_for() {
    let practice = Practice::new("InnoDB");
    let plan = practice.plan(&log_options()).unwrap().plan;
    let time = Some(Duration::from_millis(300));
    let busy = PaceOptions { threads_running: 0, time, ..PaceOptions::default() };
    let replica = PaceOptions { replicas: vec![practice.server.address()], time, ..PaceOptions::default() };
    for (pace, says) in [(busy, "threads of the server are at work"), (replica, "replicates again")] {
        let listener = Listener::default();
        let outcome = practice.run_with(&plan, pace, &listener).unwrap();
        assert_eq!((outcome.ended, outcome.categories[0].tables[0].1), (Ended::TimeIsUp, 0));
        assert_eq!(listener.heard(says), 1, "{says}");
    }
    assert_eq!(practice.count("securitylog"), 60_000);
}

/// A replica of one table of `server`, so that it lags by nothing else.
fn replica(server: &TestServer) -> TestServer {
    let beat = "CREATE DATABASE IF NOT EXISTS practice; CREATE TABLE practice.beat (a INT PRIMARY KEY) ENGINE=InnoDB";
    let replica = TestServer::start(&["--server-id=2", "--replicate-do-table=practice.beat"]);
    server.script(beat);
    replica.script(beat);
    let place = server.rows("SHOW MASTER STATUS").remove(0);
    let (file, position) = (place[0].as_ref().unwrap(), place[1].as_ref().unwrap());
    let port = server.tcp_address().port;
    replica.run(&format!(
        "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={port}, MASTER_USER='root', MASTER_LOG_FILE='{file}', MASTER_LOG_POS={position}"
    ));
    replica.run("START SLAVE");
    replica
}

fn wait_until_it_lags(replica: &TestServer) {
    let began = Instant::now();
    loop {
        let status = replica.rows("SHOW SLAVE STATUS").remove(0);
        if status[SECONDS_BEHIND].as_ref().is_some_and(|seconds| seconds.parse::<u64>().unwrap() > 5) {
            return;
        }
        assert!(began.elapsed() < TOO_LONG, "{status:?}");
    }
}

#[test]
fn a_replica_that_lags_is_waited_for() {
    let practice = Practice::with_options("InnoDB", &["--log-bin", "--server-id=1"], |_| {});
    let plan = practice.plan(&log_options()).unwrap().plan;
    let replica = replica(&practice.server);
    let mut holder = replica.connect();
    holder.run("LOCK TABLES practice.beat WRITE").unwrap();
    let mut master = practice.server.connect();
    master.run("SET timestamp = UNIX_TIMESTAMP() - 3600").unwrap();
    master.run("INSERT INTO practice.beat VALUES (1)").unwrap();
    wait_until_it_lags(&replica);
    let pace = |time| PaceOptions { replicas: vec![replica.address()], time, ..PaceOptions::default() };
    let listener = Listener::default();
    let outcome = practice.run_with(&plan, pace(Some(Duration::from_millis(300))), &listener).unwrap();
    assert_eq!((outcome.ended, outcome.categories[0].tables[0].1), (Ended::TimeIsUp, 0));
    assert_eq!(listener.heard("lags"), 1);
    holder.run("UNLOCK TABLES").unwrap();
    let outcome = practice.run_with(&plan, pace(None), &NullMonitor).unwrap();
    assert_eq!((outcome.ended, outcome.categories[0].tables[0].1), (Ended::Done, OLD_ROWS));
}
