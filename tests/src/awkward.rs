//! A server whose settings for everybody are awkward: each changes, refuses or hides something for a session that takes
//! it as it comes.

use engine::database::{Connection, error_code};

use crate::server::TestServer;

/// The server does not know the variable.
const UNKNOWN: u16 = 1193;

/// No server of any family has all of them.
const AWKWARD: [(&str, &str); 68] = [
    ("sql_select_limit", "1"),
    ("sql_auto_is_null", "1"),
    ("max_error_count", "0"),
    ("sql_notes", "0"),
    ("lc_messages", "'de_DE'"),
    ("lc_time_names", "'de_DE'"),
    ("system_versioning_asof", "'2001-01-01 00:00:00'"),
    ("show_gipk_in_create_table_and_information_schema", "OFF"),
    ("show_create_table_verbosity", "1"),
    ("sql_quote_show_create", "0"),
    ("sql_buffer_result", "1"),
    ("max_join_size", "1"),
    ("sql_big_selects", "0"),
    ("sql_safe_updates", "1"),
    ("max_statement_time", "0.001"),
    ("max_execution_time", "1"),
    ("idle_transaction_timeout", "1"),
    ("idle_readonly_transaction_timeout", "1"),
    ("idle_write_transaction_timeout", "1"),
    ("max_tmp_session_space_usage", "65536"),
    ("max_session_mem_used", "8388608"),
    ("net_write_timeout", "1"),
    ("net_read_timeout", "1"),
    ("wait_timeout", "1"),
    ("lock_wait_timeout", "1"),
    ("innodb_lock_wait_timeout", "1"),
    ("autocommit", "0"),
    ("completion_type", "'RELEASE'"),
    ("tx_read_only", "1"),
    ("transaction_read_only", "1"),
    ("tx_isolation", "'SERIALIZABLE'"),
    ("transaction_isolation", "'SERIALIZABLE'"),
    ("foreign_key_checks", "0"),
    ("unique_checks", "0"),
    ("check_constraint_checks", "1"),
    ("system_versioning_insert_history", "0"),
    ("div_precision_increment", "0"),
    ("default_week_format", "5"),
    ("default_regex_flags", "'EXTENDED'"),
    ("block_encryption_mode", "'aes-256-cbc'"),
    ("innodb_strict_mode", "1"),
    ("enforce_storage_engine", "'InnoDB'"),
    ("alter_algorithm", "'INSTANT'"),
    ("sql_if_exists", "1"),
    ("innodb_compression_default", "1"),
    ("mhnsw_default_m", "30"),
    ("mhnsw_default_distance", "'cosine'"),
    ("old_mode", "'NO_DUP_KEY_WARNINGS_WITH_IGNORE'"),
    ("character_set_collations", "'utf8mb4=utf8mb4_bin'"),
    ("explicit_defaults_for_timestamp", "0"),
    ("sql_require_primary_key", "1"),
    ("sql_generate_invisible_primary_key", "1"),
    ("restrict_fk_on_non_standard_key", "1"),
    ("default_table_encryption", "1"),
    ("max_heap_table_size", "16384"),
    ("optimizer_max_sel_args", "1"),
    ("range_optimizer_max_mem_size", "1"),
    ("in_predicate_conversion_threshold", "2"),
    ("big_tables", "1"),
    ("group_concat_max_len", "4"),
    ("low_priority_updates", "1"),
    ("max_sort_length", "8"),
    ("time_zone", "'-11:00'"),
    (
        "sql_mode",
        "'ANSI,TRADITIONAL,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,NO_UNSIGNED_SUBTRACTION,HIGH_NOT_PRECEDENCE'",
    ),
    ("default_storage_engine", "'MyISAM'"),
    ("updatable_views_with_limit", "0"),
    ("character_set_server", "'ucs2'"),
    ("init_connect", "'SET autocommit=0, sql_select_limit=1'"),
];

/// Makes all settings of the server awkward that it knows.
///
/// # Panics
/// If it refuses one.
pub fn make_awkward(server: &TestServer) {
    let mut connection: Connection = server.connect();
    let mut known = 0;
    for (name, value) in AWKWARD {
        match connection.run(&format!("SET GLOBAL {name}={value}")) {
            Ok(()) => known += 1,
            Err(error) if error_code(&error) == Some(UNKNOWN) => {}
            Err(error) => panic!("{name}: {error:?}"),
        }
    }
    assert!(known > AWKWARD.len() / 2, "{known}");
}
