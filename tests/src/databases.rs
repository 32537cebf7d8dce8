//! The schemas in a test's server: awkward ones, many of them, and one like a practice.

use crate::server::{TestServer, Version};

/// The options a MariaDB needs for [`torture`], and for its copy. MySQL needs none.
pub const TORTURE_OPTIONS: &[&str] = &["--plugin-load-add=ha_archive"];
/// The schemas that [`torture`] makes.
pub const TORTURE_SCHEMAS: [&str; 2] = ["torture", "odd `name'. /%é"];
/// Rows of a table of [`many_tables`], by its number: few tables are large.
const ROWS: [u32; 6] = [20, 50, 100, 300, 20, 2000];

/// Starts a server of a version that can hold what [`torture`] makes.
pub fn torture_server(version: Version, options: &[&str]) -> TestServer {
    let needed = if version.is_mysql() { &[] } else { TORTURE_OPTIONS };
    TestServer::of(version, &[needed, options].concat())
}

/// Everything that a table of this server can hold, and everything that is awkward about it.
pub fn torture(server: &TestServer) {
    let script: &[u8] = if server.version().is_mysql() {
        include_bytes!("../databases/torture-mysql.sql")
    } else {
        include_bytes!("../databases/torture.sql")
    };
    server.script(script);
}

/// A schema `many` of so many tables, each of an engine of `engines` in turn, with 20 to 2000 rows.
pub fn many_tables(server: &TestServer, count: usize, engines: &[&str]) {
    let mut script = String::from("CREATE DATABASE many; USE many;\n");
    for (number, engine) in (0..count).zip(engines.iter().cycle()) {
        let rows = ROWS[number % ROWS.len()];
        script += &format!(
            "CREATE TABLE t{number:04} (Num BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, PatNum BIGINT NOT NULL, \
             Note TEXT NOT NULL, Fee DOUBLE NOT NULL, DateEntry DATE NOT NULL DEFAULT '0001-01-01', \
             SecDateTEdit TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, KEY PatNum (PatNum)) \
             ENGINE={engine} DEFAULT CHARSET=utf8mb3;\n\
             INSERT INTO t{number:04} SELECT seq, seq MOD 97, REPEAT(LEFT(SHA2(seq + {number}, 256), 32), seq MOD 4), seq / 3, \
             '2020-01-01' + INTERVAL seq MOD 1000 DAY, '2024-01-01' + INTERVAL seq MINUTE FROM seq_1_to_{rows};\n"
        );
    }
    server.script(script);
}

/// Rows of each table of [`practice`] at scale 1.
#[derive(Debug, Clone, Copy)]
struct Table {
    name: &'static str,
    rows: u32,
    columns: &'static str,
    values: &'static str,
}

const PRACTICE: &[Table] = &[
    Table {
        name: "patient",
        rows: 5_000,
        columns: "PatNum BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, LName VARCHAR(100) NOT NULL DEFAULT '', \
                  FName VARCHAR(100) NOT NULL DEFAULT '', Birthdate DATE NOT NULL DEFAULT '0001-01-01', SSN VARCHAR(100) NOT NULL DEFAULT '', \
                  AddrNote TEXT NOT NULL, EstBalance DOUBLE NOT NULL DEFAULT 0, ImageFolder VARCHAR(100) NOT NULL DEFAULT '', \
                  KEY indexLName (LName(10))",
        values: "seq, CONCAT('Müller', seq MOD 700), ELT(seq MOD 3 + 1, 'Ann', 'Bo', 'Zoë'), '1930-01-01' + INTERVAL seq * 7 DAY, \
                 IF(seq MOD 5, '', LPAD(seq, 9, '0')), IF(seq MOD 4, '', 'rings\\n  twice'), seq MOD 900 / 7, CONCAT('MullerA', seq)",
    },
    Table {
        name: "procedurelog",
        rows: 40_000,
        columns: "ProcNum BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, PatNum BIGINT NOT NULL, ProcDate DATE NOT NULL DEFAULT '0001-01-01', \
                  ProcFee DOUBLE NOT NULL, ToothNum CHAR(2) NOT NULL, ProcStatus TINYINT UNSIGNED NOT NULL, \
                  DateTStamp TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, KEY PatNum (PatNum), KEY ProcDate (ProcDate)",
        values: "seq, seq MOD 5000 + 1, '2015-01-01' + INTERVAL seq DIV 12 DAY, seq MOD 300 + 0.25, seq MOD 32 + 1, seq MOD 6, \
                 '2015-01-01' + INTERVAL seq HOUR",
    },
    Table {
        name: "appointment",
        rows: 10_000,
        columns: "AptNum BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, PatNum BIGINT NOT NULL, Pattern VARCHAR(255) NOT NULL, \
                  AptDateTime DATETIME NOT NULL DEFAULT '0001-01-01 00:00:00', Note TEXT NOT NULL, KEY PatNum (PatNum)",
        values: "seq, seq MOD 5000 + 1, REPEAT('/X', seq MOD 9), '2020-01-01' + INTERVAL seq * 20 MINUTE, IF(seq MOD 6, '', 'crown')",
    },
    Table {
        name: "claimproc",
        rows: 20_000,
        columns: "ClaimProcNum BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, ProcNum BIGINT NOT NULL, InsPayEst DOUBLE NOT NULL, \
                  Remarks VARCHAR(255) NOT NULL, KEY ProcNum (ProcNum)",
        values: "seq, seq * 2, seq MOD 100 / 3, IF(seq MOD 10, '', 'it''s paid')",
    },
    Table {
        name: "document",
        rows: 4_000,
        columns: "DocNum BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, PatNum BIGINT NOT NULL, FileName VARCHAR(255) NOT NULL, \
                  DateCreated DATETIME NOT NULL, RawBase64 MEDIUMTEXT NOT NULL, Thumbnail TEXT NOT NULL",
        values: "seq, seq MOD 5000 + 1, CONCAT('scan', seq, '.jpg'), '2021-01-01' + INTERVAL seq HOUR, '', REPEAT(LEFT(SHA2(seq, 256), 32), seq MOD 8)",
    },
    Table {
        name: "securitylog",
        rows: 60_000,
        columns: "SecurityLogNum BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, PermType SMALLINT NOT NULL, LogDateTime DATETIME NOT NULL, \
                  LogText TEXT, PatNum BIGINT NOT NULL, KEY PatNum (PatNum)",
        values: "seq, seq MOD 200, '2022-01-01' + INTERVAL seq MINUTE, CONCAT('opened chart of ', seq MOD 5000), seq MOD 5000 + 1",
    },
    Table {
        name: "securityloghash",
        rows: 60_000,
        columns: "SecurityLogHashNum BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, SecurityLogNum BIGINT NOT NULL, \
                  LogHash VARCHAR(255) NOT NULL, KEY SecurityLogNum (SecurityLogNum)",
        values: "seq, seq, TO_BASE64(LEFT(UNHEX(SHA2(seq, 256)), 20))",
    },
];

/// A schema `practice`, as Open Dental has it: at scale 1 about 200,000 rows.
pub fn practice(server: &TestServer, scale: u32, engine: &str) {
    let mut script = format!(
        "CREATE DATABASE practice DEFAULT CHARACTER SET utf8mb3; USE practice; SET sql_mode = '';\n\
         CREATE TABLE preference (PrefNum BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, PrefName VARCHAR(255) NOT NULL, ValueString TEXT NOT NULL) \
         ENGINE={engine};\n\
         INSERT INTO preference (PrefName, ValueString) VALUES ('DocPath', '/srv/OpenDentImages/'), ('ProgramVersion', '23.3.30.0'), \
         ('DataBaseVersion', '23.3.30.0'), ('PracticeTitle', 'Dr. Äpfel'), ('AtoZfolderUsed', '1');\n"
    );
    for Table { name, rows, columns, values } in PRACTICE {
        let rows = rows * scale;
        script += &format!(
            "CREATE TABLE {name} ({columns}) ENGINE={engine};\nINSERT INTO {name} SELECT {values} FROM seq_1_to_{rows};\n"
        );
    }
    server.script(script);
}
