//! The session's settings that a statement depends on, as its event has them.

use super::{Cursor, Malformed};

/// A MySQL event that names more schemas than it can says this instead of their number.
const TOO_MANY_SCHEMAS: u8 = 254;
/// MariaDB: the number of an ALTER in two phases follows.
const ALTER_PHASES: u16 = 0x3;

/// Settings. An event leaves out settings that do not matter to its statement, or have the value of every server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QuerySettings {
    /// Switches of the session, as bits.
    pub flags: Option<u32>,
    /// `sql_mode`, as bits.
    pub sql_mode: Option<u64>,
    /// `auto_increment_increment` and `auto_increment_offset`.
    pub auto_increment: Option<(u16, u16)>,
    /// The collations of client, connection and server, by number.
    pub collations: Option<[u16; 3]>,
    /// `time_zone`.
    pub time_zone: Option<String>,
    /// `lc_time_names`, by number.
    pub language: Option<u16>,
    /// `collation_database`, by number.
    pub database_collation: Option<u16>,
    /// Microseconds of the time at which the statement began.
    pub microseconds: Option<u32>,
    /// User and host of the account that gave it, where it asks for that.
    pub invoker: Option<(Vec<u8>, Vec<u8>)>,
    /// The schemas that it changes.
    pub schemas: Option<Vec<Vec<u8>>>,
    /// MySQL: `explicit_defaults_for_timestamp`.
    pub explicit_timestamps: Option<bool>,
    /// MySQL: `default_collation_for_utf8mb4`, by number.
    pub utf8mb4_collation: Option<u16>,
    /// MySQL: `sql_require_primary_key`.
    pub requires_key: Option<bool>,
    /// MySQL: `default_table_encryption`.
    pub encrypts: Option<bool>,
    /// MySQL: `enable_cascade_triggers`.
    pub cascade_triggers: Option<bool>,
    /// MariaDB: `character_set_collations`: pairs of a character set's default collation and the one in its place, by number.
    pub replaced_collations: Option<Vec<(u16, u16)>>,
}

impl QuerySettings {
    /// Reads the settings of a statement.
    ///
    /// # Errors
    /// [`Malformed`]; also if there is one that is not known: nothing tells how long it is, or what it changes.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let (mut cursor, mut settings) = (Cursor::new(bytes), QuerySettings::default());
        while !cursor.is_empty() {
            settings.read_one(&mut cursor)?;
        }
        Ok(settings)
    }

    /// Whether the statement is in UTF-8, by the numbers of that character set's collations: two of old, ranges of MySQL, ranges of MariaDB. MariaDB adds
    /// 1,024 for those that do not pad.
    pub fn is_utf8(&self) -> bool {
        const PADS_NOT: u16 = 1024;
        let is_known = |number: u16| matches!(number, 33 | 45 | 46 | 76 | 83 | 192..=215 | 223 | 224..=247 | 255..=323 | 576..=578 | 608..=610);
        self.collations.is_some_and(|[client, ..]| {
            is_known(client) || client.checked_sub(PADS_NOT).is_some_and(is_known) || (2048..2560).contains(&client)
        })
    }

    fn read_one(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Malformed> {
        match cursor.u8()? {
            0 => self.flags = Some(cursor.u32()?),
            1 => self.sql_mode = Some(cursor.u64()?),
            // A catalog, which is always the same one.
            2 => drop(cursor.short_text()?),
            6 => {
                let length = cursor.u8()?;
                cursor.take(length.into())?;
            }
            3 => self.auto_increment = Some((cursor.u16()?, cursor.u16()?)),
            4 => self.collations = Some([cursor.u16()?, cursor.u16()?, cursor.u16()?]),
            5 => self.time_zone = Some(text(cursor)?),
            7 => self.language = Some(cursor.u16()?),
            8 => self.database_collation = Some(cursor.u16()?),
            // Bits of the tables that an UPDATE of several changes; and a size.
            9 => drop(cursor.u64()?),
            10 => drop(cursor.u32()?),
            11 => self.invoker = Some((counted(cursor)?.to_vec(), counted(cursor)?.to_vec())),
            12 => self.schemas = schemas(cursor)?,
            // MySQL writes the microseconds by one number, MariaDB by another.
            13 | 128 => self.microseconds = Some(u32::try_from(cursor.number(3)?).unwrap_or_default()),
            16 => self.explicit_timestamps = Some(cursor.u8()? != 0),
            // The transaction's number, of both servers.
            17 | 129 => drop(cursor.u64()?),
            18 => self.utf8mb4_collation = Some(cursor.u16()?),
            19 => self.requires_key = Some(cursor.u8()? != 0),
            20 => self.encrypts = Some(cursor.u8()? != 0),
            21 => self.cascade_triggers = Some(cursor.u8()? != 0),
            130 => no_alter_in_phases(cursor)?,
            131 => self.replaced_collations = Some(pairs(cursor)?),
            _ => return Err(Malformed("a statement has a setting that is not known")),
        }
        Ok(())
    }
}

fn counted<'c>(cursor: &mut Cursor<'c>) -> Result<&'c [u8], Malformed> {
    let length = cursor.u8()?;
    cursor.take(length.into())
}

fn text(cursor: &mut Cursor<'_>) -> Result<String, Malformed> {
    let text = std::str::from_utf8(counted(cursor)?);
    text.map(str::to_owned).map_err(|_| Malformed("a setting of a statement is no text"))
}

fn schemas(cursor: &mut Cursor<'_>) -> Result<Option<Vec<Vec<u8>>>, Malformed> {
    let count = cursor.u8()?;
    if count == TOO_MANY_SCHEMAS {
        return Ok(None);
    }
    let mut names = Vec::new();
    for _ in 0..count {
        let rest = cursor.rest();
        let end = rest.iter().position(|byte| *byte == 0).ok_or(Malformed("the name of a schema does not end"))?;
        names.push(cursor.take(end)?.to_vec());
        cursor.take(1)?;
    }
    Ok(Some(names))
}

fn pairs(cursor: &mut Cursor<'_>) -> Result<Vec<(u16, u16)>, Malformed> {
    let count = cursor.u8()?;
    (0..count).map(|_| Ok((cursor.u16()?, cursor.u16()?))).collect()
}

/// An ALTER that is logged when it begins and again when it ends takes effect at another place than its statement.
fn no_alter_in_phases(cursor: &mut Cursor<'_>) -> Result<(), Malformed> {
    match cursor.u16()? & ALTER_PHASES {
        0 => Ok(()),
        _ => Err(Malformed("an ALTER is logged in two phases (binlog_alter_two_phase)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_both_servers_are_read() {
        let mariadb = [
            &[0, 0x00, 0x40, 0x00, 0x05][..],
            &[1, 0x00, 0x00, 0x20, 0x54, 0, 0, 0, 0],
            &[6, 3, b's', b't', b'd'],
            &[4, 0x21, 0, 0x21, 0, 8, 0],
            &[5, 6, b'S', b'Y', b'S', b'T', b'E', b'M'],
            &[128, 0xa6, 0x9d, 0x0d],
            &[129, 1, 2, 3, 4, 5, 6, 7, 8],
            &[131, 1, 33, 0, 45, 0],
        ];
        let settings = QuerySettings::read(&mariadb.concat()).unwrap();
        assert_eq!(settings.flags, Some(0x0500_4000));
        assert_eq!(settings.sql_mode, Some(0x5420_0000));
        assert_eq!(settings.collations, Some([0x21, 0x21, 8]));
        assert_eq!(settings.time_zone.as_deref(), Some("SYSTEM"));
        assert_eq!(settings.microseconds, Some(892_326));
        assert_eq!(settings.replaced_collations, Some(vec![(33, 45)]));

        let mysql = [&[3, 2, 0, 7, 0][..], &[12, 2, b'a', 0, b'b', 0], &[16, 1], &[18, 255, 0], &[19, 0, 20, 1, 21, 1]];
        let settings = QuerySettings::read(&mysql.concat()).unwrap();
        assert_eq!(settings.auto_increment, Some((2, 7)));
        assert_eq!(settings.schemas, Some(vec![b"a".to_vec(), b"b".to_vec()]));
        assert_eq!((settings.explicit_timestamps, settings.utf8mb4_collation), (Some(true), Some(255)));
        assert_eq!((settings.requires_key, settings.encrypts), (Some(false), Some(true)));
        assert_eq!(settings.cascade_triggers, Some(true));
    }

    #[test]
    fn only_known_numbers_of_utf_8_are_taken_for_it() {
        let is_utf8 =
            |client| QuerySettings { collations: Some([client, 33, 33]), ..QuerySettings::default() }.is_utf8();
        for number in [33, 45, 46, 83, 192, 224, 255, 576, 608, 1069, 1070, 2048, 2304] {
            assert!(is_utf8(number), "{number}");
        }
        // latin1, sjis, gbk, ucs2, utf16, gb18030, latin1 of MariaDB that does not pad, ucs2 of 2023.
        for number in [8, 13, 28, 35, 54, 128, 248, 1032, 2560] {
            assert!(!is_utf8(number), "{number}");
        }
        assert!(!QuerySettings::default().is_utf8());
    }

    #[test]
    fn a_setting_that_is_not_known_is_refused() {
        for wrong in [&[77][..], &[0, 1], &[5, 9, b'x'], &[12, 1, b'x'], &[130, 1, 0]] {
            assert!(QuerySettings::read(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(QuerySettings::read(&[130, 4, 0]).unwrap(), QuerySettings::default());
    }
}
