//! `enamel purge plan` and `run`: what a user sees, and what is left when the program is killed.

use std::process::Stdio;
use std::time::{Duration, Instant};

use scenario_tests::databases::practice;
use scenario_tests::server::TestServer;

use crate::harness::Machine;

/// Rows of the log before 2022-02-01.
const OLD_ROWS: u64 = 31 * 24 * 60 - 1;
/// The log and its hashes.
const LOG: [&str; 2] = ["securitylog", "securityloghash"];
/// Times that the program is killed, on each engine; `ENAMEL_PURGE_KILLS` asks for more.
const KILLS: u64 = 5;
/// Waiting for something that never comes.
const TOO_LONG: Duration = Duration::from_secs(120);

struct Practice {
    machine: Machine,
    server: TestServer,
}

impl Practice {
    /// A practice that is saved.
    fn new(engine: &str) -> Self {
        Practice::with(engine, &[])
    }

    fn with(engine: &str, options: &[&str]) -> Self {
        let (machine, server) = (Machine::with_repository(), TestServer::start(options));
        practice(&server, 1, engine);
        machine.run(["backup", "--database", &server.url(), "--schema", "practice"]).expect(0);
        Practice { machine, server }
    }

    fn plan(&self, more: &[&str]) -> crate::harness::Answer {
        let url = self.server.url();
        let args = ["purge", "plan", "--database", &url, "--schema", "practice"];
        self.machine.run(args.iter().chain(more))
    }

    fn run(&self, more: &[&str]) -> crate::harness::Answer {
        let url = self.server.url();
        self.machine.run(["purge", "run", "log.plan", "--database", &url].iter().chain(more))
    }

    fn count(&self, sql: &str) -> u64 {
        self.server.value(&format!("SELECT COUNT(*) FROM practice.{sql}")).unwrap().parse().unwrap()
    }
}

#[test]
fn a_plan_is_shown_written_and_run() {
    let practice = Practice::new("MyISAM");
    let before = ["--through", "2022-01-31", "--output", "log.plan"];
    let shown = practice.plan(&before).expect(0);
    shown
        .prints("44,639")
        .prints("before 2022-02-01 00:00, that is through 2022-01-31")
        .prints("enamel purge run log.plan")
        .prints("about 18 s")
        .says("Deletions leave holes in `securitylog`, `securityloghash` (MyISAM). ")
        .says(" s at most.");
    practice.plan(&before).expect(2).says("there is such a file already");
    practice.run(&["--reason", "too large"]).expect(0).prints("44,639").prints("keeps them");
    assert_eq!(practice.count("securitylog"), 60_000 - OLD_ROWS);
    assert_eq!(practice.count("securityloghash"), 60_000 - OLD_ROWS);
    let again =
        practice.machine.run(["--json", "purge", "run", "log.plan", "--database", &practice.server.url()]).expect(0);
    assert_eq!((&again.last("summary")["rows"], &again.last("summary")["ended"]), (&0.into(), &"done".into()));
    practice.machine.run(["verify"]).expect(0);
}

#[test]
fn a_run_and_its_receipt_say_how_long_logs_have_the_removed_rows() {
    let log = ["--log-bin", "--binlog-format=ROW", "--server-id=1", "--expire-logs-days=3"];
    let practice = Practice::with("InnoDB", &log);
    practice.plan(&["--before", "2022-02-01", "--output", "log.plan"]).expect(0);
    let own = "the server's binary log has them for 3 d";
    practice.run(&[]).expect(0).prints(own).prints("as long as no rule says keep-log");
    let report = |name: &str| {
        practice.machine.run(["purge", "history", "--report", name]).expect(0);
        std::fs::read_to_string(practice.machine.path(name)).unwrap()
    };
    practice.machine.run(["backup", "--database", &practice.server.url(), "--schema", "practice"]).expect(0);
    let page = report("then.txt");
    assert!(page.contains("2 kept binary logs up to "), "{page}");
    // The server is named as people know it, and rows without dates have those of the rows that they belong to.
    let host = practice.server.value("SELECT @@hostname").unwrap();
    assert!(page.contains(&format!("  server        {host}, mysql://")), "{page}");
    assert!(page.contains("those of their rows in securitylog: 20") && !page.contains("unknown"), "{page}");
    let listed = practice.machine.run(["--json", "purge", "history"]).expect(0);
    assert_eq!(listed.last("purge")["kept_logs"].as_array().map(Vec::len), Some(2));
}

#[test]
fn tables_are_rebuilt_if_that_is_wished() {
    let practice = Practice::new("MyISAM");
    practice.plan(&["--before", "2022-02-01", "--output", "log.plan"]).expect(0);
    practice.run(&["--reclaim"]).expect(0).says("is locked for about").prints("securitylog rebuilt: ");
    let url = practice.server.url();
    let again = practice.machine.run(["--json", "purge", "run", "log.plan", "--reclaim", "--database", &url]).expect(0);
    let rebuilt = again.last("reclaimed");
    assert_eq!((&rebuilt["table"], &rebuilt["problem"]), (&"securityloghash".into(), &serde_json::Value::Null));
    assert!(rebuilt["after_bytes"].as_u64().unwrap() <= rebuilt["before_bytes"].as_u64().unwrap());
    practice.server.run("CREATE USER ann@'%'");
    practice.server.run("GRANT SELECT, DELETE, TRIGGER, LOCK TABLES ON practice.* TO ann@'%'");
    let url = url.replace("root", "ann");
    let poor = practice.machine.run(["purge", "run", "log.plan", "--reclaim", "--database", &url]);
    poor.expect(1).says("INSERT").says("enamel grants reclaim");
    practice.server.run("CREATE USER bob@'%'");
    let nobody = url.replace("ann", "bob");
    let args = ["purge", "plan", "--database", &nobody, "--schema", "practice", "--before", "2022-02-01"];
    practice.machine.run(args).expect(1).says("enamel grants purge");
}

#[test]
fn a_plan_is_run_as_it_was_made_or_not_at_all() {
    let practice = Practice::new("InnoDB");
    practice.plan(&["--before", "2022-02-01", "--output", "log.plan"]).expect(0);
    let path = practice.machine.path("log.plan");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\nbefore = \"2022-02-01\"", "\nbefore = \"2023-02-01\"")).unwrap();
    practice.run(&[]).expect(2).says("somebody edited it");
    // Anyone can make the digest: this one is right for the edited plan, but not the seal.
    practice.plan(&["--before", "2021-02-01", "--output", "other.plan"]).expect(0);
    let other = std::fs::read_to_string(practice.machine.path("other.plan")).unwrap();
    let line = |text: &str, name: &str| text.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    let edited = text.replace(&line(&text, "digest"), &line(&other, "digest"));
    std::fs::write(&path, edited.replace(&line(&text, "before"), &line(&other, "before"))).unwrap();
    practice.run(&[]).expect(2).says("make a new plan");
    std::fs::write(&path, text.replace(&line(&text, "epoch"), "epoch = 0")).unwrap();
    practice.run(&[]).expect(1).says("make a new plan");
    std::fs::write(&path, "hello").unwrap();
    practice.run(&[]).expect(2).says("cannot use the plan");
    std::fs::write(&path, text).unwrap();
    let other = TestServer::start(&[]);
    practice
        .machine
        .run(["purge", "run", "log.plan", "--database", &other.url()])
        .expect(1)
        .says("the plan is for the server");
    assert_eq!(practice.count("securitylog"), 60_000);
}

#[test]
fn what_makes_no_sense_is_told() {
    let practice = Practice::new("InnoDB");
    practice.plan(&[]).expect(2).says("--before");
    practice.plan(&["--before", "2022-02-01", "--through", "2022-02-01"]).expect(2).says("cannot be used with");
    practice.plan(&["--before", "2122-02-01"]).expect(2).says("in the future");
    practice
        .plan(&["--before", "2022-02-01", "--category", "patient"])
        .expect(2)
        .says("there is no category `patient`");
    practice.plan(&["--before", "2022-02-01", "--category", "taskhist"]).expect(1).says("is not in this schema");
    practice.plan(&["--before", "2022-02-01", "--except", "PatNum"]).expect(2).says("COLUMN=VALUE");
    let both = ["--before", "2022-02-01", "--category", "taskhist", "--category", "securitylog"];
    practice.plan(&both).expect(3).says("taskhist is refused");
    practice.server.run("CREATE USER ann@'%'");
    practice.server.run("GRANT SELECT, DELETE ON practice.* TO ann@'%'");
    let url = practice.server.url().replace("root", "ann");
    let poor = ["purge", "plan", "--database", &url, "--schema", "practice", "--before", "2022-02-01"];
    practice.machine.run(poor).expect(1).says("TRIGGER").says("enamel grants purge");
}

#[test]
fn settings_name_categories_but_not_beside_the_repository() {
    let practice = Practice::new("InnoDB");
    let settings = "[purge.visits]\ntable = 'appointment'\ndate = 'AptDateTime'\ncondition = \"Note = 'crown'\"\n";
    practice.machine.write("etc/enamel.toml", settings);
    let by_settings = ["--config", "etc/enamel.toml", "--before", "2021-01-01", "--category", "visits"];
    let rows = practice.count("appointment WHERE AptDateTime < '2021-01-01' AND Note = 'crown'");
    practice.plan(&[&by_settings[..], &["--output", "log.plan"]].concat()).expect(0);
    practice.run(&[]).expect(1).says("the category `visits` of the plan is not known here");
    practice.machine.write("etc/other.toml", settings.replace("crown", "filling"));
    practice.run(&["--config", "etc/other.toml"]).expect(1).says("is not what it is today");
    assert_eq!(practice.count("appointment"), 10_000);
    practice.run(&["--config", "etc/enamel.toml"]).expect(0);
    assert!(rows > 0);
    assert_eq!(practice.count("appointment"), 10_000 - rows);
    practice.machine.write("enamel.toml", settings);
    let beside = practice.plan(&["--before", "2021-01-01", "--category", "visits"]);
    beside.expect_one_of(&[1, 2]).says("there is no category `visits`");
}

#[test]
fn a_run_ends_when_its_time_is_up_and_goes_on_later() {
    let practice = Practice::new("InnoDB");
    practice.plan(&["--before", "2022-02-01", "--output", "log.plan"]).expect(0);
    practice.run(&["--for", "1s", "--max-rows-per-second", "500"]).expect(0).prints("the time was up");
    let left = practice.count("securitylog");
    assert!(left < 60_000 && left > 60_000 - OLD_ROWS, "{left}");
    practice.run(&[]).expect(0);
    assert_eq!(practice.count("securitylog"), 60_000 - OLD_ROWS);
}

#[test]
fn a_killed_run_leaves_nothing_that_the_next_does_not_finish() {
    for engine in ["InnoDB", "MyISAM"] {
        let practice = Practice::new(engine);
        practice.plan(&["--before", "2022-02-01", "--output", "log.plan"]).expect(0);
        keep_copies(&practice.server);
        let kills = kills();
        for kill in 1..=kills {
            note_what_is_there(&practice.server);
            kill_when_removed(&practice, kill * OLD_ROWS / (kills + 2));
            assert_eq!(lost(&practice), 0, "{engine}, kill {kill}");
            assert_eq!(without(&practice, "securitylog", "securityloghash"), 0, "{engine}, kill {kill}");
            let orphans = without(&practice, "securityloghash", "securitylog");
            assert!(orphans == 0 || engine == "MyISAM" && orphans <= 10_000, "{engine}, kill {kill}: {orphans}");
        }
        practice.run(&[]).expect(0);
        assert_eq!(without(&practice, "securitylog", "securityloghash"), 0, "{engine}");
        assert_eq!(without(&practice, "securityloghash", "securitylog"), 0, "{engine}");
        assert_eq!(practice.count("securitylog"), 60_000 - OLD_ROWS, "{engine}");
        assert_eq!(practice.count("securitylog WHERE LogDateTime >= '2022-02-01'"), 60_000 - OLD_ROWS, "{engine}");
    }
}

fn kills() -> u64 {
    std::env::var("ENAMEL_PURGE_KILLS").map_or(KILLS, |text| text.parse().unwrap())
}

/// The first state.
fn keep_copies(server: &TestServer) {
    server.script("CREATE DATABASE kept; CREATE DATABASE back; USE kept;");
    for table in LOG {
        server.run(&format!("CREATE TABLE kept.{table} LIKE practice.{table}"));
        server.run(&format!("INSERT INTO kept.{table} SELECT * FROM practice.{table}"));
    }
}

fn note_what_is_there(server: &TestServer) {
    for table in LOG {
        server
            .run(&format!("CREATE OR REPLACE TABLE back.old_{table} ENGINE=MyISAM AS SELECT * FROM practice.{table}"));
    }
}

/// Rows that the killed run has removed and that its receipt does not bring back as they were.
fn lost(practice: &Practice) -> u64 {
    let receipt = practice.machine.run(["--json", "purge", "history"]).expect(0).last("purge");
    let (url, receipt) = (practice.server.url(), receipt["receipt"].as_str().unwrap().to_owned());
    let to = LOG.map(|table| format!("practice.{table}=back.{table}"));
    let tables = to.iter().flat_map(|to| ["--table", to]);
    LOG.iter().for_each(|table| practice.server.run(&format!("DROP TABLE IF EXISTS back.{table}")));
    let args = ["restore", "--purged", &receipt, "--to-database", &url];
    practice.machine.run(args.into_iter().chain(tables)).expect(0);
    let lost = LOG.map(|table| {
        let key = if table == "securitylog" { "SecurityLogNum" } else { "SecurityLogHashNum" };
        let columns = if table == "securitylog" { "PermType, LogDateTime, LogText, PatNum" } else { "SecurityLogNum, LogHash" };
        practice.count(&format!(
            "{table} live RIGHT JOIN back.old_{table} old USING ({key}) LEFT JOIN (SELECT b.* FROM back.{table} b JOIN kept.{table} k USING \
             ({key}, {columns})) same ON same.{key} = old.{key} WHERE live.{key} IS NULL AND same.{key} IS NULL"
        ))
    });
    lost.iter().sum()
}

/// Rows of the one table that have none in the other.
fn without(practice: &Practice, table: &str, other: &str) -> u64 {
    let sql = format!("{table} a LEFT JOIN practice.{other} b USING (SecurityLogNum) WHERE b.SecurityLogNum IS NULL");
    practice.count(&sql)
}

/// Begins a run, and kills it as soon as the row of this number is gone, which is somewhere in a batch: rows go in order
/// of their keys.
fn kill_when_removed(practice: &Practice, row: u64) {
    let mut command = practice.machine.command(["purge", "run", "log.plan", "--database", &practice.server.url()]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while practice.count(&format!("securitylog WHERE SecurityLogNum = {row}")) > 0 {
        assert!(began.elapsed() < TOO_LONG, "nothing is removed");
        assert!(child.try_wait().unwrap().is_none(), "the run ended before it was killed");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // The server notices that nobody is there any more when it has done what it was doing. Each question has a connection
    // of its own: one
    // that lasts for a minute gets a second session, which watches the server.
    while let Some(sessions) = sessions_of_others(&practice.server) {
        assert!(began.elapsed() < TOO_LONG, "the session stays: {sessions}");
    }
}

/// All sessions of clients but the one that asks, and what they do.
fn sessions_of_others(server: &TestServer) -> Option<String> {
    let columns = "ID, USER, COMMAND, TIME, IFNULL(STATE, ''), IFNULL(INFO, '')";
    let sql = format!(
        "SELECT GROUP_CONCAT(CONCAT_WS('|', {columns}) SEPARATOR ' ; ') FROM information_schema.PROCESSLIST \
         WHERE ID <> CONNECTION_ID() AND USER = 'root'"
    );
    server.connect().value(&sql).unwrap()
}
