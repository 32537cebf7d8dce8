//! The script that is being written: its first and last lines, and the settings of the session that runs it.

use std::io::Write;

use crate::error::{Error, Result};

/// The `sql_mode` for all but routines, triggers and events: every value is stored as it was.
const SQL_MODE: &str = "NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES";

/// A setting of a session: the first server that knows it, its name, its value.
struct Setting {
    /// What begins a comment that only servers run which know the setting; empty: all do.
    guard: &'static str,
    name: &'static str,
    value: &'static str,
}

const fn setting(guard: &'static str, name: &'static str, value: &'static str) -> Setting {
    Setting { guard, name, value }
}

/// MySQL and clients of old pass over comments of MariaDB.
const SETTINGS: [Setting; 13] = [
    setting("", "character_set_client", "utf8mb4"),
    setting("", "character_set_results", "utf8mb4"),
    setting("", "collation_connection", "utf8mb4_general_ci"),
    setting("", "time_zone", "'+00:00'"),
    setting("", "sql_mode", "'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'"),
    setting("", "foreign_key_checks", "0"),
    setting("", "unique_checks", "0"),
    setting("M!100201", "check_constraint_checks", "0"),
    setting("M!50201", "innodb_strict_mode", "0"),
    // In definitions of older servers `utf8` has three bytes.
    setting("M!100601", "old_mode", "'UTF8_IS_UTF8MB3'"),
    // A definition says all of a TIMESTAMP.
    setting("M!100804", "explicit_defaults_for_timestamp", "1"),
    setting("M!101100", "system_versioning_insert_history", "1"),
    // A character set without a collation means what it has always meant.
    setting("M!110201", "character_set_collations", "''"),
];

/// Under what a definition is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MadeUnder<'o> {
    pub sql_mode: &'o str,
    pub client: &'o str,
    pub collation: &'o str,
    pub time_zone: &'o str,
}

impl Default for MadeUnder<'_> {
    /// As the script's first lines set it.
    fn default() -> Self {
        MadeUnder { sql_mode: SQL_MODE, client: "utf8mb4", collation: "utf8mb4_general_ci", time_zone: "+00:00" }
    }
}

/// Writes a script, and knows what an error of its target means.
pub(super) struct Script<'w> {
    out: &'w mut dyn Write,
}

impl<'w> Script<'w> {
    /// Writes to `out`.
    pub fn new(out: &'w mut dyn Write) -> Self {
        Script { out }
    }

    /// Writes `bytes`.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(|e| Error::io("cannot write the SQL", e))
    }

    /// Writes `text` and a line feed.
    pub fn line(&mut self, text: &str) -> Result<()> {
        self.bytes(text.as_bytes())?;
        self.bytes(b"\n")
    }

    /// Writes `text` as a comment. What could end the comment is left out of it.
    pub fn comment(&mut self, text: &str) -> Result<()> {
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.line(format!("-- {text}").trim_end())
    }

    /// Keeps the settings of the session, and makes them what the script needs.
    pub fn begin(&mut self) -> Result<()> {
        for Setting { guard, name, value } in &SETTINGS {
            self.guarded(guard, &format!("SET @enamel_{name}=@@SESSION.{name}, SESSION {name}={value}"))?;
        }
        Ok(())
    }

    /// Makes the settings of the session what they were.
    pub fn end(&mut self) -> Result<()> {
        for Setting { guard, name, .. } in SETTINGS.iter().rev() {
            self.guarded(guard, &format!("SET SESSION {name}=@enamel_{name}"))?;
        }
        self.out.flush().map_err(|e| Error::io("cannot write the SQL", e))
    }

    /// Writes a statement that only servers run which `guard` names.
    pub fn guarded(&mut self, guard: &str, statement: &str) -> Result<()> {
        match guard {
            "" => self.line(&format!("{statement};")),
            guard => self.line(&format!("/*{guard} {statement} */;")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_set_back() {
        let mut out = Vec::new();
        let mut script = Script::new(&mut out);
        script.begin().unwrap();
        script.comment("a\nDROP\u{85}TABLE").unwrap();
        script.end().unwrap();
        let text = String::from_utf8(out).unwrap();
        for setting in &SETTINGS {
            assert_eq!(text.matches(&format!("@enamel_{}", setting.name)).count(), 2, "{}", setting.name);
        }
        assert!(text.contains("\n-- a DROP TABLE\n"));
        assert!(text.contains(&format!("sql_mode='{SQL_MODE}'")));
    }
}
