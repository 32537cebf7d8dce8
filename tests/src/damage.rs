//! Tables of MyISAM that are not as they should be. Their names, and those of their schemas, are the names of their files: plain ones.

use std::path::PathBuf;

use engine::database::quote_name;

use crate::server::TestServer;

/// Makes a table `broken_utf8` of MyISAM whose column `v` holds, in the character set utf8mb4, bytes that are no UTF-8: cut letters,
/// latin1, and a byte that never occurs. No statement stores such a value, so the rows are those of a latin1 table of the same layout.
pub fn broken_utf8(server: &TestServer, schema: &str) {
    let quoted = quote_name(schema);
    server.script(format!(
        "USE {quoted};
         CREATE TABLE broken_utf8 (id INT NOT NULL PRIMARY KEY, v VARCHAR(10) CHARACTER SET utf8mb4) ENGINE=MyISAM;
         CREATE TABLE in_latin1 (id INT NOT NULL PRIMARY KEY, v VARCHAR(40) CHARACTER SET latin1) ENGINE=MyISAM;
         INSERT INTO in_latin1 VALUES (1, X'E4'), (2, X'61C362'), (3, X'F09F98'), (4, X'FF'), (5, X'C3A4'), (6, X'EDA080'), (7, NULL);
         FLUSH TABLES broken_utf8, in_latin1;"
    ));
    for extension in ["MYD", "MYI"] {
        let [from, to] = ["in_latin1", "broken_utf8"].map(|table| table_file(server, schema, table, extension));
        std::fs::copy(from, to).expect("a table's file");
    }
    server.run(&format!("DROP TABLE {quoted}.in_latin1"));
    server.run(&format!("FLUSH TABLES {quoted}.broken_utf8"));
}

/// Cuts the keys of a table of MyISAM, so that the server calls it crashed.
pub fn crash_table(server: &TestServer, schema: &str, table: &str) {
    server.run(&format!("FLUSH TABLES {}.{}", quote_name(schema), quote_name(table)));
    let path = table_file(server, schema, table, "MYI");
    let length = std::fs::metadata(&path).expect("a table's file").len();
    let file = std::fs::OpenOptions::new().write(true).open(&path).expect("a table's file");
    file.set_len(length / 2).expect("a file that can be cut");
}

/// Takes the rows of a table of MyISAM away, and leaves its definition: as an administrator's `rm` does.
pub fn lose_rows(server: &TestServer, schema: &str, table: &str) {
    server.run(&format!("FLUSH TABLES {}.{}", quote_name(schema), quote_name(table)));
    std::fs::remove_file(table_file(server, schema, table, "MYD")).expect("a table's file");
}

fn table_file(server: &TestServer, schema: &str, table: &str, extension: &str) -> PathBuf {
    server.data_folder().join(schema).join(format!("{table}.{extension}"))
}
