//! MySQL and MariaDB servers: how to reach one, what it is, and what is in it. Used by backup, restore, export and checks.

mod accounts;
mod address;
mod connection;
mod definition;
mod event;
mod fields;
mod grant;
mod name;
mod privileges;
mod right;
mod routine;
mod schema;
mod server;
mod table;
mod trigger;
mod view;
mod visibility;

pub use accounts::accounts;
pub use address::{Address, Credentials, Tls};
pub use connection::{Connection, Row, error_code, is_lost};
pub use name::{quote_name, quote_text};
pub use privileges::Privileges;
pub use right::{Right, Scope};
pub use schema::{SchemaContents, read_schema};
pub use server::{Server, Version};
pub use table::{TableInfo, describe_table, list_tables};
pub use visibility::{MissingRight, Purpose, Weight, grant_statements, missing, missing_for_backup};
