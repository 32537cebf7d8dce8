//! The rights to read the binary log.

use super::backup::binlog_need;
use super::need::Need;
use crate::database::Server;
use crate::database::right::{Right, Scope};

/// Both are held on the whole server: the log has the changes of all schemas.
pub(super) fn needs(server: &Server) -> Vec<Need> {
    vec![
        Need::new(Right::ReplicationSlave, &Scope::Server, "the binary log cannot be read"),
        binlog_need(server, "the files of the binary log are not seen"),
    ]
}
