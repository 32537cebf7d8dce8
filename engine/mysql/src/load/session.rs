//! A session that loads, and the settings under which objects are made.

use crate::database::{Address, Binlog, COLLATION, Connection, LOAD_MODE, Server, Use, quote_text};
use crate::dialect::modes_for;
use engine_core::error::Result;

/// Connects and sets the session up for loading.
///
/// # Errors
/// If the server cannot be reached, or refuses a setting.
pub fn open(address: &Address, binlog: Binlog) -> Result<Connection> {
    let mut connection = Connection::open_for(address, Use::Load)?;
    connection.set_binlog(binlog)?;
    Ok(connection)
}

/// The settings under which an object of a schema was made, and is made again.
#[derive(Debug, Clone, Copy)]
pub struct MadeUnder<'o> {
    /// `sql_mode`.
    pub sql_mode: &'o str,
    /// `character_set_client`.
    pub client: &'o str,
    /// `collation_connection`.
    pub collation: &'o str,
    /// `time_zone`.
    pub time_zone: &'o str,
}

impl Default for MadeUnder<'_> {
    fn default() -> Self {
        MadeUnder { sql_mode: LOAD_MODE, client: "utf8mb4", collation: COLLATION, time_zone: "+00:00" }
    }
}

impl MadeUnder<'_> {
    /// Sets the session so. The default brings it back to what [`open`] set.
    ///
    /// # Errors
    /// If the server does not know one of them.
    pub fn set(&self, connection: &mut Connection, server: &Server) -> Result<()> {
        connection.run(&format!(
            "SET SESSION sql_mode={}, character_set_client={}, collation_connection={}, time_zone={}",
            quote_text(&modes_for(server, self.sql_mode)),
            quote_text(self.client),
            quote_text(self.collation),
            quote_text(self.time_zone)
        ))
    }
}
