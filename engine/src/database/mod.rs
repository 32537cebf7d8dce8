//! MySQL and MariaDB servers: how to reach one, what it is, and what is in it. Used by backup, restore, export and checks.

mod accounts;
mod address;
mod connection;
mod definition;
mod event;
mod failure;
mod fields;
mod grant;
mod name;
mod option_file;
mod privileges;
mod right;
mod routine;
mod rows;
mod schema;
mod server;
mod table;
mod trigger;
mod view;
mod visibility;

pub use accounts::accounts;
pub use address::{Address, AddressParts, Credentials, Password, Tls, TlsParts};
pub use connection::{Connection, Row};
pub use failure::{error_code, is_lost};
pub use name::{quote_name, quote_text};
pub use option_file::read_option_file;
pub use privileges::Privileges;
pub use right::{Right, Scope};
pub use rows::{RowEncoder, RowKey, escape, select_list};
pub use schema::{SchemaContents, read_schema};
pub use server::{Server, Version};
pub use table::{TableInfo, describe_table, list_tables};
pub use visibility::{MissingRight, Purpose, Weight, grant_statements, missing, missing_for_backup};
