//! Writes the script: its first and last lines, and the settings of the session that runs it.

use std::io::Write;

use crate::database::{COLLATION, LOAD_MODE, Setting, Use, quote_name, quote_text, settings};
use crate::dialect::Check;
use engine_core::error::{Error, Result};

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
        MadeUnder { sql_mode: LOAD_MODE, client: "utf8mb4", collation: COLLATION, time_zone: "+00:00" }
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

    /// Writes `text` as a comment. Removes everything that could end the comment.
    pub fn comment(&mut self, text: &str) -> Result<()> {
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.line(format!("-- {text}").trim_end())
    }

    /// Keeps the settings of the session, and makes them what the script needs.
    pub fn begin(&mut self) -> Result<()> {
        for setting in settings(Use::Script) {
            let Setting { name, value, .. } = setting;
            let keep = format!("SET @enamel_{name}=@@SESSION.{name}");
            if setting.optional {
                self.guarded(&guard(setting), &keep)?;
                self.set_if_other(setting, value)?;
            } else {
                self.guarded(&guard(setting), &format!("{keep}, SESSION {name}={value}"))?;
            }
        }
        Ok(())
    }

    /// Has a check of `table` enforced, unless rows break it: these stay, and the client is told.
    pub fn enforce(&mut self, table: &str, check: &Check) -> Result<()> {
        let name = check.name(table);
        let enforce = format!("ALTER TABLE {} {}", quote_name(table), check.enforcing(table));
        let message = format!("rows of {table} break its check {name}, which is not enforced");
        let tell = format!("SELECT {} AS `not as it was`", quote_text(&message));
        self.bytes(format!("SET @enamel_do=IF((SELECT COUNT(*) FROM {} WHERE NOT (", quote_name(table)).as_bytes())?;
        self.bytes(&check.expression)?;
        self.line(&format!("))=0, {}, {});", quote_text(&enforce), quote_text(&tell)))?;
        self.prepared("")
    }

    /// Stops the client on a server that does not hold the moments that follow.
    pub fn require_late_moments(&mut self) -> Result<()> {
        self.comment("The rows that follow hold moments after 2038. A server whose TIMESTAMP ends there would store others in their place, so")?;
        self.comment("the next statements fail there: name that server by --for, and the script has the nearest moments that it holds.")?;
        let fails = "SELECT the_TIMESTAMP_of_this_server_ends_in_2038_and_rows_are_later";
        // MySQL computes with later moments than its tables hold.
        let holds = "FROM_UNIXTIME(4294967295) IS NOT NULL AND VERSION() LIKE '%MariaDB%'";
        self.line(&format!("SET @enamel_do=IF({holds}, 'DO 0', '{fails}');"))?;
        self.prepared("")
    }

    /// Runs the statement in `@enamel_do`.
    fn prepared(&mut self, guard: &str) -> Result<()> {
        ["PREPARE enamel FROM @enamel_do", "EXECUTE enamel", "DEALLOCATE PREPARE enamel"]
            .iter()
            .try_for_each(|statement| self.guarded(guard, statement))
    }

    /// Makes the settings of the session what they were.
    pub fn end(&mut self) -> Result<()> {
        let mut all: Vec<_> = settings(Use::Script).collect();
        all.reverse();
        for setting in all {
            let Setting { name, .. } = setting;
            if setting.optional {
                self.set_if_other(setting, &format!("@enamel_{name}"))?;
            } else {
                self.guarded(&guard(setting), &format!("SET SESSION {name}=@enamel_{name}"))?;
            }
        }
        self.out.flush().map_err(|e| Error::io("cannot write the SQL", e))
    }

    /// Sets what takes a right, and so only if it is otherwise: who needs no other value needs no right.
    fn set_if_other(&mut self, setting: &Setting, value: &str) -> Result<()> {
        let (guard, name) = (guard(setting), setting.name);
        let statement = quote_text(&format!("SET SESSION {name}={value}"));
        self.guarded(&guard, &format!("SET @enamel_do=IF(@@SESSION.{name}<=>{value}, 'DO 0', {statement})"))?;
        self.prepared(&guard)
    }

    /// Writes a statement that only servers run which `guard` names.
    pub fn guarded(&mut self, guard: &str, statement: &str) -> Result<()> {
        match guard {
            "" => self.line(&format!("{statement};")),
            guard => self.line(&format!("/*{guard} {statement} */;")),
        }
    }
}

/// The beginning of a comment that only servers with the setting execute; empty if all do. MySQL and old clients ignore
/// comments of MariaDB, and MariaDB ignores those of MySQL 5.7 and later.
fn guard(setting: &Setting) -> String {
    match (setting.mariadb, setting.mysql) {
        (Some(since), None) if since > 0 => format!("M!{since:06}"),
        (Some(_), None) => "M!".to_owned(),
        (None, Some(since)) => format!("!{since}"),
        (_, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_set_back() {
        let written = |write: &dyn Fn(&mut Script<'_>)| {
            let mut out = Vec::new();
            write(&mut Script::new(&mut out));
            String::from_utf8(out).unwrap()
        };
        let begin = written(&|script| script.begin().unwrap());
        let end = written(&|script| script.end().unwrap());
        for setting in settings(Use::Script) {
            let (keep, back) =
                (format!("@enamel_{0}=@@SESSION.{0}", setting.name), format!("SESSION {0}=@enamel_{0}", setting.name));
            assert!(begin.contains(&keep) && end.contains(&back), "{}", setting.name);
        }
        assert!(begin.contains(&format!("sql_mode='{LOAD_MODE}'")));
        let comment = written(&|script| script.comment("a\nDROP\u{85}TABLE").unwrap());
        assert_eq!(comment, "-- a DROP TABLE\n");
    }

    #[test]
    fn mariadb_passes_over_what_is_mysql_s() {
        let of_mysql = settings(Use::Script).filter(|setting| setting.mariadb.is_none());
        let too_old: Vec<_> = of_mysql.filter(|setting| setting.mysql.is_some_and(|since| since < 50700)).collect();
        assert!(too_old.is_empty(), "{too_old:?}");
    }
}
