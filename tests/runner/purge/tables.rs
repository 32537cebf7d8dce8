//! Tables that are damaged, and tables that refer to each other.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use engine::ErrorKind;
use engine::error::chain;
use engine::monitor::NullMonitor;
use engine::purge::{Category, Child, PlanOptions};

use super::practice::{OLD_ROWS, Practice, log_options};

/// Where the head of a MyISAM index says in which state the table is, and that it is crashed.
const STATE: (u64, u8) = (26, 2);

/// A practice of MyISAM on a server without automatic repair.
fn unrepaired() -> Practice {
    Practice::with_options("MyISAM", &["--myisam-recover-options=OFF"], |_| {})
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Damage {
    MarkedAsCrashed,
    CutOff,
}

fn damage(practice: &Practice, table: &str, how: Damage) {
    practice.server.run(&format!("FLUSH TABLES practice.{table}"));
    let path = |extension: &str| practice.server.data_folder().join("practice").join(format!("{table}.{extension}"));
    let open = |extension: &str| OpenOptions::new().read(true).write(true).open(path(extension)).unwrap();
    match how {
        Damage::MarkedAsCrashed => {
            let (file, mut state) = (open("MYI"), [0]);
            file.read_exact_at(&mut state, STATE.0).unwrap();
            file.write_all_at(&[state[0] | STATE.1], STATE.0).unwrap();
        }
        Damage::CutOff => {
            let file = open("MYD");
            file.set_len(file.metadata().unwrap().len() / 2).unwrap();
        }
    }
}

#[test]
fn a_damaged_table_stops_the_run_with_the_command_that_repairs_it() {
    for how in [Damage::MarkedAsCrashed, Damage::CutOff] {
        for table in ["securitylog", "securityloghash"] {
            let practice = unrepaired();
            let plan = practice.plan(&log_options()).unwrap().plan;
            damage(&practice, table, how);
            let error = practice.try_run(&plan, &NullMonitor).unwrap_err();
            let text = chain(&error);
            assert!(text.contains(&format!("REPAIR TABLE `practice`.`{table}`")), "{how:?}: {text}");
            practice.server.run(&format!("REPAIR TABLE practice.{table}"));
            assert_eq!(practice.count("securitylog WHERE SecurityLogNum = 1"), 1, "nothing went");
            assert_eq!(practice.count("securityloghash WHERE SecurityLogNum = 1"), 1, "nothing went");
            if how == Damage::MarkedAsCrashed {
                assert_eq!(practice.run(&plan).categories[0].tables[0].1, OLD_ROWS);
                practice.assert_log_is_whole();
            }
        }
    }
}

#[test]
fn rows_that_refer_to_others_go_before_them() {
    let practice = Practice::with("InnoDB", |server| {
        server.script(
            "USE practice; CREATE TABLE visit (a INT PRIMARY KEY, at DATE) ENGINE=InnoDB;\n\
             CREATE TABLE visitnote (a INT PRIMARY KEY, v INT, note TEXT, FOREIGN KEY (v) REFERENCES visit (a) ON DELETE RESTRICT) ENGINE=InnoDB;\n\
             INSERT INTO visit SELECT seq, '2022-01-01' + INTERVAL seq DAY FROM seq_1_to_100;\n\
             INSERT INTO visitnote SELECT seq, seq DIV 3 + 1, 'x' FROM seq_1_to_200;",
        );
    });
    let category = Category {
        name: "visits".to_owned(),
        table: "visit".to_owned(),
        date: "at".to_owned(),
        children: vec![Child { table: "visitnote".to_owned(), column: "v".to_owned() }],
        attachments: None,
        condition: None,
        keep_years: None,
        note: None,
    };
    let options = PlanOptions { categories: vec![category], ..log_options() };
    let plan = practice.plan(&options).unwrap().plan;
    // A note that nobody has saved keeps its visit.
    practice.server.run("INSERT INTO practice.visitnote VALUES (900, 7, 'new')");
    let removed = practice.run(&plan).categories.remove(0);
    assert_eq!((removed.tables[0].1, removed.left.children), (29, 1));
    assert_eq!(practice.count("visit WHERE at < '2022-02-01'"), 1);
    assert_eq!(practice.count("visitnote WHERE v = 7"), 4);
    assert_eq!(practice.count("visitnote n LEFT JOIN practice.visit v ON v.a = n.v WHERE v.a IS NULL"), 0);
}

#[test]
fn a_trigger_that_came_after_the_plan_stops_the_run() {
    let practice = Practice::new("InnoDB");
    let plan = practice.plan(&log_options()).unwrap().plan;
    practice
        .server
        .run("CREATE TRIGGER practice.t AFTER DELETE ON practice.securityloghash FOR EACH ROW SET @gone = 1");
    let error = practice.try_run(&plan, &NullMonitor).unwrap_err();
    assert!(error.kind() == ErrorKind::Refused && error.to_string().contains("trigger `t`"), "{error}");
    assert_eq!(practice.count("securitylog"), 60_000);
}
