//! Records of a database in a snapshot: the server and the moment, schemas, tables (FORMAT.md, section 11.1).
//!
//! A database is a directory of the snapshot like any other, so every reader of trees can read it. The records are files in it:
//!
//! ```text
//! database/                      a root of kind 4
//!   .server                      ServerRecord
//!   .accounts                    AccountsRecord, if the user asked for accounts
//!   .receipt                     ReceiptRecord, in a receipt only
//!   <schema>/.schema             SchemaRecord: its definition, views, routines, triggers, events, sequences
//!   <schema>/<table>/.table      TableRecord
//!   <schema>/<table>/rows        the rows, as a segment list
//! ```

mod accounts;
mod name;
mod receipt;
mod schema;
mod server;
mod table;

pub use accounts::{Account, AccountsRecord};
pub use name::{escape_name, unescape_name};
pub use receipt::{KeyRange, Left, LeftFiles, PurgePhase, PurgedFile, PurgedFiles, PurgedTable, ReceiptRecord};
pub use schema::{ObjectType, SchemaObject, SchemaRecord};
pub use server::{
    Alterations, Binlog, BinlogPlace, CarriedTable, Flavour, LateTable, LeftOut, Moment, PartlyReadTable,
    ProfileRecord, ServerRecord, Variable,
};
pub use table::{Column, ROW_ENCODING, RowOrder, TableRecord, ValueEncoding};

use crate::cbor;
use crate::error::Result;
use crate::limits;

/// Name of the file that holds a [`ServerRecord`].
pub const SERVER_FILE: &[u8] = b".server";
/// Name of the file that holds an [`AccountsRecord`].
pub const ACCOUNTS_FILE: &[u8] = b".accounts";
/// Name of the file that holds a [`ReceiptRecord`].
pub const RECEIPT_FILE: &[u8] = b".receipt";
/// Name of the file that holds a [`SchemaRecord`].
pub const SCHEMA_FILE: &[u8] = b".schema";
/// Name of the file that holds a [`TableRecord`].
pub const TABLE_FILE: &[u8] = b".table";
/// Name of the file that holds the rows of a table.
pub const ROWS_FILE: &[u8] = b"rows";

macro_rules! record {
    ($type:ty, $what:expr, $check:expr) => {
        impl $type {
            /// Checks and encodes the record.
            ///
            /// # Errors
            /// [`crate::FormatError::Limit`] if it is too large; otherwise see [`crate::FormatError`].
            pub fn encode(&self) -> Result<Vec<u8>> {
                $check(self)?;
                cbor::encode_within($what, limits::DATABASE_RECORD, self)
            }

            /// Decodes and checks the record.
            ///
            /// # Errors
            /// See [`crate::FormatError`].
            pub fn decode(bytes: &[u8]) -> Result<Self> {
                let record: Self = cbor::decode_within($what, limits::DATABASE_RECORD, bytes)?;
                $check(&record)?;
                Ok(record)
            }
        }
    };
}

/// Records of little but statements: CBOR says everything, so there is nothing else to check.
#[expect(clippy::unnecessary_wraps, reason = "as the checks of other records")]
fn unchecked<T>(_: &T) -> Result<()> {
    Ok(())
}

record!(ServerRecord, server::WHAT, ServerRecord::check);
record!(AccountsRecord, accounts::WHAT, unchecked);
record!(ReceiptRecord, receipt::WHAT, ReceiptRecord::check);
record!(SchemaRecord, schema::WHAT, unchecked);
record!(TableRecord, table::WHAT, TableRecord::check);
