//! The settings of a session: one list for everything that reads a server, fills it, deletes from it, or runs an
//! exported script.
//!
//! A server's global value of each may be anything, and each changes, refuses or hides data that is read or made. So no
//! value is taken on trust. A session asks the server for all of them, and sets those that differ. So a setting that is
//! right already needs no right, and a setting that the server does not know is skipped.
//!
//! Some are left to the server on purpose. `optimizer_switch` may work around a fault of the server, and results do not
//! depend on it. Sizes of buffers make a server slow, not wrong. Words that a full-text key omits (`innodb_ft_…`)
//! belong to the server. Roles belong to the account.

use std::collections::HashMap;

use super::{Connection, Server, Version};
use engine_core::error::{Error, Result};

/// The number of warnings of one statement that the server keeps in a session that loads: the maximum.
pub const WARNINGS_KEPT: usize = 65_535;
/// Stores every value as it was, even if the server would refuse it today.
pub const LOAD_MODE: &str = "NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES";
/// The collation of literals that state none.
pub const COLLATION: &str = "utf8mb4_general_ci";

/// Used while a purge holds locks, because others may wait behind the session. So it waits only briefly, and the server
/// soon releases the locks if this machine goes to sleep or loses its network.
pub const HASTY: &str = "SET SESSION lock_wait_timeout=1, innodb_lock_wait_timeout=1, wait_timeout=20, \
                         net_read_timeout=20, net_write_timeout=20";
/// Used otherwise.
pub const PATIENT: &str = "SET SESSION lock_wait_timeout=60, innodb_lock_wait_timeout=60, wait_timeout=86400, \
                           net_read_timeout=3600, net_write_timeout=3600";

/// Set before the list is requested: a server that truncates results, or ends statements at once, would spoil the
/// answer.
const FIRST: &str = "SET SESSION sql_select_limit=18446744073709551615, sql_big_selects=1 \
                     /*M!100101 , max_statement_time=0 */ /*M!110500 , max_tmp_session_space_usage=0 */ \
                     /*!50708 , max_execution_time=0 */";

/// The use of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Reads what the server has: backup, checks, plans, proofs.
    Read,
    /// Makes schemas and fills them: restore.
    Load,
    /// Deletes rows and rebuilds tables: purge.
    Delete,
    /// The client session that runs an exported script.
    Script,
    /// Does again what a binary log says: everything else is as the log has it.
    Replay,
}

/// Whether changes enter the server's binary log, and so its replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Binlog {
    /// As the server is set up.
    #[default]
    Write,
    /// Not.
    Skip,
}

/// A setting of a session.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// The variable.
    pub name: &'static str,
    /// Its value, as SQL.
    pub value: &'static str,
    /// The first MariaDB that knows it, as in a version comment: 100601 is 10.6.1. `None` if MariaDB does not have it.
    pub mariadb: Option<u32>,
    /// The first MySQL that knows it.
    pub mysql: Option<u32>,
    /// The account may lack the right to set it; the session then continues without.
    pub optional: bool,
    /// The consequence of continuing without it, if nothing else reports that.
    pub without: Option<&'static str>,
    uses: &'static [Use],
}

/// Sessions of our own.
const OURS: &[Use] = &[Use::Read, Use::Load, Use::Delete];
const READ: &[Use] = &[Use::Read, Use::Delete];
const MAKE: &[Use] = &[Use::Load, Use::Script];
const LOAD: &[Use] = &[Use::Load];
const DELETE: &[Use] = &[Use::Delete];
const SCRIPT: &[Use] = &[Use::Script];
const ALL: &[Use] = &[Use::Read, Use::Load, Use::Delete, Use::Script];
/// Settings that change nothing of what is stored.
const HARMLESS: &[Use] = &[Use::Read, Use::Load, Use::Delete, Use::Script, Use::Replay];
const OURS_HARMLESS: &[Use] = &[Use::Read, Use::Load, Use::Delete, Use::Replay];

const SETTINGS: &[Setting] = &[
    // Texts arrive as they are stored, times in UTC; nothing changes values on their way.
    both("character_set_client", "utf8mb4", ALL),
    both("character_set_results", "NULL", OURS_HARMLESS),
    both("character_set_results", "utf8mb4", SCRIPT),
    both("collation_connection", COLLATION, ALL),
    both("time_zone", "'+00:00'", ALL),
    both("sql_mode", "''", READ),
    both("sql_mode", "'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'", MAKE),
    // The program reads the server's messages, too: they must be in English.
    both("lc_messages", "'en_US'", OURS_HARMLESS),
    both("sql_notes", "1", LOAD),
    mysql(80000, "max_error_count", "65535", LOAD).optional(),
    mariadb(0, "max_error_count", "65535", LOAD),
    // Results are complete and current: no cache of results or statistics answers, and history does not pass for the
    // present.
    both("sql_select_limit", "18446744073709551615", OURS),
    both("sql_auto_is_null", "0", OURS),
    mysql(80000, "information_schema_stats_expiry", "0", OURS),
    mariadb(0, "query_cache_type", "OFF", OURS),
    mysql(0, "query_cache_type", "OFF", OURS),
    mariadb(100300, "system_versioning_asof", "DEFAULT", OURS),
    mariadb(0, "wsrep_dirty_reads", "0", OURS),
    mysql(80000, "use_secondary_engine", "OFF", OURS),
    // Definitions describe a table completely, in the form that every server reads, and contain nothing else. Two of
    // these settings enter the definitions of triggers and views.
    both("sql_quote_show_create", "1", ALL),
    both("sql_buffer_result", "0", ALL),
    mysql(80030, "show_gipk_in_create_table_and_information_schema", "1", OURS),
    mysql(50700, "show_old_temporals", "0", OURS),
    mysql(80011, "show_create_table_verbosity", "0", OURS),
    mysql(80018, "show_create_table_skip_secondary_engine", "0", OURS),
    mysql(80017, "print_identified_with_as_hex", "1", OURS),
    // No statement is refused or ended because it is long or large.
    both("sql_big_selects", "1", OURS),
    both("sql_safe_updates", "0", OURS),
    mariadb(100101, "max_statement_time", "0", HARMLESS),
    mysql(50708, "max_execution_time", "0", HARMLESS),
    mariadb(100300, "idle_transaction_timeout", "0", HARMLESS),
    mariadb(100300, "idle_readonly_transaction_timeout", "0", HARMLESS),
    mariadb(100300, "idle_write_transaction_timeout", "0", HARMLESS),
    mariadb(110500, "max_tmp_session_space_usage", "0", HARMLESS),
    mariadb(100201, "max_session_mem_used", "9223372036854775807", OURS_HARMLESS),
    mysql(80028, "connection_memory_limit", "18446744073709551615", OURS_HARMLESS).optional(),
    both("net_write_timeout", "3600", OURS_HARMLESS),
    both("net_read_timeout", "3600", OURS_HARMLESS),
    both("wait_timeout", "86400", HARMLESS),
    both("lock_wait_timeout", "86400", READ),
    both("lock_wait_timeout", "600", LOAD),
    both("innodb_lock_wait_timeout", "50", LOAD),
    // Transactions begin and end where the program says so.
    both("autocommit", "1", ALL),
    both("completion_type", "'NO_CHAIN'", OURS),
    mariadb(0, "tx_read_only", "0", ALL),
    mysql(50605, "tx_read_only", "0", OURS),
    mysql(50720, "transaction_read_only", "0", ALL),
    mariadb(0, "tx_isolation", "'REPEATABLE-READ'", OURS),
    mysql(0, "tx_isolation", "'REPEATABLE-READ'", OURS),
    mysql(50720, "transaction_isolation", "'REPEATABLE-READ'", OURS),
    // Rows are stored as they were: in any order, even if the server would refuse them today.
    both("foreign_key_checks", "0", MAKE),
    both("unique_checks", "1", LOAD),
    both("unique_checks", "0", SCRIPT),
    mariadb(100201, "check_constraint_checks", "0", MAKE),
    mariadb(101100, "system_versioning_insert_history", "1", MAKE),
    // Generated columns and checks compute the same values as with a server's defaults.
    both("lc_time_names", "'en_US'", MAKE),
    both("div_precision_increment", "4", MAKE),
    both("default_week_format", "0", MAKE),
    mariadb(100005, "default_regex_flags", "''", MAKE),
    mariadb(110200, "block_encryption_mode", "'aes-128-ecb'", MAKE),
    mysql(50700, "block_encryption_mode", "'aes-128-ecb'", MAKE),
    // A definition describes a table completely: the server neither adds to it nor refuses parts of it.
    mariadb(50201, "innodb_strict_mode", "0", MAKE),
    mysql(50700, "innodb_strict_mode", "0", MAKE).optional(),
    mariadb(100103, "enforce_storage_engine", "NULL", MAKE).optional(),
    mariadb(100300, "alter_algorithm", "'DEFAULT'", MAKE),
    mariadb(100504, "sql_if_exists", "0", MAKE),
    mariadb(100103, "innodb_compression_default", "0", MAKE),
    mariadb(110701, "mhnsw_default_m", "6", MAKE),
    mariadb(110701, "mhnsw_default_distance", "'euclidean'", MAKE),
    // In definitions of older servers `utf8` has three bytes.
    mariadb(100601, "old_mode", "'UTF8_IS_UTF8MB3'", MAKE),
    // A character set alone means its traditional default collation.
    mariadb(110201, "character_set_collations", "''", MAKE),
    mysql(80011, "default_collation_for_utf8mb4", "'utf8mb4_0900_ai_ci'", MAKE)
        .without("columns of utf8mb4 whose definition names no collation get the one that the server is set to"),
    // A definition describes a TIMESTAMP completely.
    mariadb(100804, "explicit_defaults_for_timestamp", "1", MAKE),
    mysql(80000, "explicit_defaults_for_timestamp", "1", MAKE)
        .without("TIMESTAMP columns without a default get one from the server"),
    mysql(80013, "sql_require_primary_key", "0", MAKE)
        .without("the server refuses tables that have no primary key; SESSION_VARIABLES_ADMIN would help"),
    mysql(80030, "sql_generate_invisible_primary_key", "0", MAKE).without(
        "tables without a primary key get an invisible one from the server; SESSION_VARIABLES_ADMIN would help",
    ),
    mysql(80400, "restrict_fk_on_non_standard_key", "0", MAKE)
        .without("the server refuses foreign keys that refer to other than unique keys"),
    mysql(80016, "default_table_encryption", "0", MAKE)
        .without("the server encrypts schemas and tables whose definition says nothing of it"),
    // A table of the engine MEMORY can hold as much as before.
    both("max_heap_table_size", "4294966272", MAKE),
    both("myisam_sort_buffer_size", "67108864", LOAD),
    // Rows are deleted by key, and rows that refer to them are deleted, too, or prevent it.
    both("foreign_key_checks", "1", DELETE),
    mariadb(100300, "in_predicate_conversion_threshold", "0", DELETE),
    mariadb(101100, "optimizer_max_sel_args", "4294967295", DELETE),
    mariadb(100503, "optimizer_max_sel_arg_weight", "0", DELETE),
    mysql(50709, "range_optimizer_max_mem_size", "0", DELETE),
];

const fn both(name: &'static str, value: &'static str, uses: &'static [Use]) -> Setting {
    Setting { name, value, mariadb: Some(0), mysql: Some(0), optional: false, without: None, uses }
}

const fn mariadb(since: u32, name: &'static str, value: &'static str, uses: &'static [Use]) -> Setting {
    Setting { mariadb: Some(since), mysql: None, ..both(name, value, uses) }
}

const fn mysql(since: u32, name: &'static str, value: &'static str, uses: &'static [Use]) -> Setting {
    Setting { mariadb: None, mysql: Some(since), ..both(name, value, uses) }
}

impl Setting {
    const fn optional(self) -> Self {
        Setting { optional: true, ..self }
    }

    const fn without(self, without: &'static str) -> Self {
        Setting { optional: true, without: Some(without), ..self }
    }

    /// The assignment in the form of SET SESSION.
    pub fn assignment(&self) -> String {
        format!("{}={}", self.name, self.value)
    }

    fn is_of(&self, server: &Server) -> bool {
        let since = if server.is_mariadb() { self.mariadb } else { self.mysql };
        since.is_some_and(|since| number(server.version) >= since)
    }

    /// Whether the server's value is already right.
    pub fn is_shown(&self, shown: &str) -> bool {
        let wanted = self.value.trim_matches('\'');
        match (wanted, shown) {
            ("NULL", shown) => shown.is_empty(),
            ("0", "OFF") | ("1", "ON") => true,
            (wanted, shown) => shown.strip_suffix(".000000").unwrap_or(shown).eq_ignore_ascii_case(wanted),
        }
    }
}

/// The settings for this use.
pub fn settings(of: Use) -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(move |setting| setting.uses.contains(&of))
}

/// Sets a session up; returns the settings that the account may not change.
///
/// # Errors
/// If the server refuses a required one, or does not answer.
pub(super) fn set_up(connection: &mut Connection, of: Use) -> Result<Vec<&'static Setting>> {
    connection.run(FIRST)?;
    let shown = shown(connection, of)?;
    let server = Server::from_version(shown.get("version").map(String::as_str).unwrap_or_default());
    let differs = |setting: &&Setting| {
        setting.is_of(&server) && shown.get(setting.name).is_some_and(|shown| !setting.is_shown(shown))
    };
    let to_set: Vec<_> = settings(of).filter(differs).collect();
    if to_set.is_empty() {
        return Ok(Vec::new());
    }
    let all: Vec<_> = to_set.iter().map(|setting| setting.assignment()).collect();
    let result = connection.run(&format!("SET SESSION {}", all.join(", ")));
    match result {
        Ok(()) => Ok(Vec::new()),
        Err(error) if super::is_lost(&error) => Err(error),
        Err(_) => one_by_one(connection, to_set),
    }
}

/// Finds out which settings the server refuses.
fn one_by_one(connection: &mut Connection, to_set: Vec<&'static Setting>) -> Result<Vec<&'static Setting>> {
    let mut refused = Vec::new();
    for setting in to_set {
        let result: std::result::Result<(), Error> = connection.run(&format!("SET SESSION {}", setting.assignment()));
        match result {
            Err(error) if !setting.optional || super::is_lost(&error) => return Err(error),
            Err(_) => refused.push(setting),
            Ok(()) => {}
        }
    }
    Ok(refused)
}

/// The session's present values of the settings that the server knows.
fn shown(connection: &mut Connection, of: Use) -> Result<HashMap<String, String>> {
    let names: Vec<_> = settings(of).map(|setting| format!("'{}'", setting.name)).collect();
    let sql = format!("SHOW SESSION VARIABLES WHERE Variable_name IN ('version', {})", names.join(", "));
    let text = |cell: Option<Vec<u8>>| String::from_utf8_lossy(&cell.unwrap_or_default()).into_owned();
    let pair = |row: super::Row| {
        let mut cells = row.into_iter().map(text);
        Some((cells.next()?.to_ascii_lowercase(), cells.next()?))
    };
    Ok(connection.rows(&sql)?.into_iter().filter_map(pair).collect())
}

fn number((major, minor, patch): Version) -> u32 {
    major * 10_000 + minor * 100 + patch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_gets_each_setting_once() {
        let servers = [
            "5.5.62",
            "5.6.45",
            "5.7.44",
            "8.0.36",
            "8.4.2",
            "9.7.4",
            "10.1.48-MariaDB",
            "10.5.23-MariaDB",
            "11.8.9-MariaDB",
        ];
        for server in servers.map(Server::from_version) {
            for of in *HARMLESS.first_chunk::<5>().unwrap() {
                let names: Vec<_> = settings(of).filter(|setting| setting.is_of(&server)).map(|s| s.name).collect();
                let twice = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
                assert_eq!(twice, None, "{} for {of:?}", server.version_text);
            }
        }
    }

    #[test]
    fn what_is_as_it_should_be_is_not_set() {
        let is_shown = |value, shown| both("v", value, ALL).is_shown(shown);
        assert!(is_shown("0", "OFF") && is_shown("1", "ON") && is_shown("0", "0.000000") && is_shown("NULL", ""));
        assert!(is_shown("'REPEATABLE-READ'", "REPEATABLE-READ") && is_shown("65535", "65535"));
        assert!(
            !is_shown("0", "ON")
                && !is_shown("1", "0")
                && !is_shown("''", "STRICT_ALL_TABLES")
                && !is_shown("NULL", "utf8")
        );
    }

    #[test]
    fn only_what_needs_a_right_is_optional() {
        let optional: Vec<_> = SETTINGS.iter().filter(|setting| setting.optional).map(|setting| setting.name).collect();
        assert!(
            !optional.contains(&"information_schema_stats_expiry") && !optional.contains(&"sql_mode"),
            "{optional:?}"
        );
        let silent = SETTINGS.iter().filter(|setting| !setting.optional && setting.without.is_some());
        assert_eq!(silent.count(), 0);
    }

    #[test]
    fn the_mode_of_loading_is_the_list_s() {
        let of_load = settings(Use::Load).find(|setting| setting.name == "sql_mode").unwrap();
        assert_eq!(of_load.value.trim_matches('\''), LOAD_MODE);
    }
}
