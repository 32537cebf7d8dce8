//! The work of writers in one round.

use engine::Result;
use engine::database::quote_name;

use super::Client;
use crate::server::TestServer;

/// Tables with accounts for transfers in transactions.
pub const ACCOUNT_TABLES: u64 = 4;
/// Accounts in each of them, and in each of the tables that are locked.
pub const ACCOUNTS: u64 = 200;
/// The first balance of each account.
pub const BALANCE: u64 = 1000;

/// The kinds of writers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// InnoDB: moves an amount between two of four tables, logs it and counts it, in one transaction.
    Transfers,
    /// MyISAM: moves an amount between two tables while it holds both with `LOCK TABLES`.
    Locked,
    /// MyISAM: appends a parent, and after it its child.
    Parents,
    /// Appends to an InnoDB table and to a MyISAM table in one transaction.
    Mixed,
    /// An UPDATE, an INSERT and a SELECT of one row, in both engines.
    SingleRows,
}

impl Kind {
    /// One of each.
    pub const ALL: [Kind; 5] = [Kind::Transfers, Kind::Locked, Kind::Parents, Kind::Mixed, Kind::SingleRows];

    pub(super) fn round(self, client: &mut Client, round: u64) -> Result<()> {
        match self {
            Kind::Transfers => transfer(client),
            Kind::Locked => locked(client),
            Kind::Parents => parents(client, round),
            Kind::Mixed => mixed(client, round),
            Kind::SingleRows => single_rows(client),
        }
    }
}

/// Makes a schema for writers of every kind. Each writer runs once in it: their numbers are in the rows.
pub fn prepare(server: &TestServer, schema: &str) {
    let schema = quote_name(schema);
    let mut script = format!("CREATE DATABASE {schema}; USE {schema};\n");
    let names = (0..ACCOUNT_TABLES).map(|number| (format!("account{number}"), "InnoDB"));
    for (name, engine) in names.chain(["a", "b"].map(|side| (format!("locked_{side}"), "MyISAM"))) {
        script += &format!(
            "CREATE TABLE {name} (id INT PRIMARY KEY, amount BIGINT NOT NULL) ENGINE={engine};
             INSERT INTO {name} VALUES {};\n",
            rows(ACCOUNTS, BALANCE)
        );
    }
    script += "
        CREATE TABLE transfer (id BIGINT AUTO_INCREMENT PRIMARY KEY, writer INT NOT NULL, amount BIGINT NOT NULL) ENGINE=InnoDB;
        CREATE TABLE transfer_count (writer INT PRIMARY KEY, n BIGINT NOT NULL) ENGINE=InnoDB;
        CREATE TABLE z_parent (writer INT, n BIGINT, PRIMARY KEY (writer, n)) ENGINE=MyISAM;
        CREATE TABLE a_child (writer INT, n BIGINT, note VARCHAR(100), PRIMARY KEY (writer, n)) ENGINE=MyISAM;
        CREATE TABLE mixed_order (writer INT, n BIGINT, PRIMARY KEY (writer, n)) ENGINE=InnoDB;
        CREATE TABLE mixed_log (writer INT, n BIGINT, PRIMARY KEY (writer, n)) ENGINE=MyISAM;
        CREATE TABLE single_innodb (id BIGINT AUTO_INCREMENT PRIMARY KEY, n BIGINT NOT NULL) ENGINE=InnoDB;
        CREATE TABLE single_myisam (id BIGINT AUTO_INCREMENT PRIMARY KEY, n BIGINT NOT NULL) ENGINE=MyISAM;
";
    let zeros = rows(ACCOUNTS, 0);
    script += &format!("INSERT INTO single_innodb VALUES {zeros}; INSERT INTO single_myisam VALUES {zeros};");
    server.script(script);
}

/// So many rows for an INSERT, numbered from 1, each with `value`.
fn rows(count: u64, value: u64) -> String {
    (1..=count).map(|id| format!("({id}, {value})")).collect::<Vec<_>>().join(", ")
}

fn transfer(client: &mut Client) -> Result<()> {
    let [from, to] = [0, 0].map(|_: u32| client.below(ACCOUNT_TABLES));
    let [giver, taker] = [0, 0].map(|_: u32| client.below(ACCOUNTS) + 1);
    let (amount, writer) = (client.below(50), client.number);
    client.run("START TRANSACTION")?;
    client.run(&format!("UPDATE account{from} SET amount = amount - {amount} WHERE id = {giver}"))?;
    client.run(&format!("INSERT INTO transfer (writer, amount) VALUES ({writer}, {amount})"))?;
    client.run(&format!("UPDATE account{to} SET amount = amount + {amount} WHERE id = {taker}"))?;
    client.run(&format!("INSERT INTO transfer_count VALUES ({writer}, 1) ON DUPLICATE KEY UPDATE n = n + 1"))?;
    client.run("COMMIT")
}

fn locked(client: &mut Client) -> Result<()> {
    let [giver, taker] = [0, 0].map(|_: u32| client.below(ACCOUNTS) + 1);
    let amount = client.below(50);
    client.run("LOCK TABLES locked_a WRITE, locked_b WRITE")?;
    client.run(&format!("UPDATE locked_a SET amount = amount - {amount} WHERE id = {giver}"))?;
    client.run(&format!("UPDATE locked_b SET amount = amount + {amount} WHERE id = {taker}"))?;
    client.run("UNLOCK TABLES")
}

/// The child's table comes first in order of names: who reads one table after the other sees children without parents.
fn parents(client: &mut Client, round: u64) -> Result<()> {
    let writer = client.number;
    client.run(&format!("INSERT IGNORE INTO z_parent VALUES ({writer}, {round})"))?;
    client.run(&format!("INSERT INTO a_child VALUES ({writer}, {round}, 'child')"))
}

/// A round that is undone and done again finds its row in the log: nothing undoes that.
fn mixed(client: &mut Client, round: u64) -> Result<()> {
    let writer = client.number;
    client.run("START TRANSACTION")?;
    client.run(&format!("INSERT INTO mixed_order VALUES ({writer}, {round})"))?;
    client.run(&format!("INSERT IGNORE INTO mixed_log VALUES ({writer}, {round})"))?;
    client.run("COMMIT")
}

fn single_rows(client: &mut Client) -> Result<()> {
    for table in ["single_innodb", "single_myisam"] {
        let id = client.below(200) + 1;
        client.run(&format!("UPDATE {table} SET n = n + 1 WHERE id = {id}"))?;
        client.run(&format!("INSERT INTO {table} (n) VALUES (0)"))?;
        client.run(&format!("SELECT n FROM {table} WHERE id = {id}"))?;
    }
    Ok(())
}
