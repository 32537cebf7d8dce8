//! Files that statements load: their contents in pieces, and the statement.

use super::{Cursor, Malformed, Query};

/// Thread, seconds, lengths and error, as in other statements.
const FIXED_LEN: usize = 13;
/// The file's number, two places in the text, and what happens to duplicates.
const LOADED_LEN: usize = 13;

/// A piece of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadedPiece<'p> {
    /// The file's number.
    pub file: u32,
    /// The bytes.
    pub data: &'p [u8],
}

impl<'p> LoadedPiece<'p> {
    /// The piece in this body.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn read(body: &'p [u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(body);
        Ok(LoadedPiece { file: cursor.u32()?, data: cursor.rest() })
    }
}

/// The treatment of rows whose key is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicates {
    /// They are an error.
    Refused,
    /// They are left out.
    Ignored,
    /// They take the place of what is there.
    Replacing,
}

/// A statement that loads a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadQuery {
    /// The file's number.
    pub file: u32,
    /// Where the name of the file, with what stands before it, begins in the text; and the place behind what follows it.
    pub name: std::ops::Range<usize>,
    /// Rows whose key is there.
    pub duplicates: Duplicates,
    body: Vec<u8>,
}

impl LoadQuery {
    /// The statement of this body.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(body);
        let fixed = cursor.take(FIXED_LEN)?;
        let mut loaded = Cursor::new(cursor.take(LOADED_LEN)?);
        let (file, begin, end) = (loaded.u32()?, loaded.u32()? as usize, loaded.u32()? as usize);
        let duplicates = match loaded.u8()? {
            0 => Duplicates::Refused,
            1 => Duplicates::Ignored,
            2 => Duplicates::Replacing,
            _ => return Err(Malformed("a statement treats duplicates in an unknown way")),
        };
        let query = LoadQuery { file, name: begin..end, duplicates, body: [fixed, cursor.rest()].concat() };
        match begin <= end && end <= query.query()?.text.len() {
            true => Ok(query),
            false => Err(Malformed("the name of a loaded file is not in its statement")),
        }
    }

    /// The statement as other statements are.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn query(&self) -> Result<Query<'_>, Malformed> {
        Query::read(&self.body)
    }

    /// Its text with another file, which the client sends.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn local_text(&self) -> Result<Vec<u8>, Malformed> {
        let text = self.query()?.text;
        let duplicates: &[u8] = match self.duplicates {
            Duplicates::Refused => b"",
            Duplicates::Ignored => b" IGNORE",
            Duplicates::Replacing => b" REPLACE",
        };
        let (before, behind) = (&text[..self.name.start], &text[self.name.end..]);
        Ok([before, b" LOCAL INFILE 'log'", duplicates, b" INTO", behind].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_file_gives_way() {
        let text = b"LOAD DATA INFILE '/x/y' REPLACE INTO TABLE t";
        let (begin, end) = (9u32, 36u32);
        let fixed = [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        let body = [&fixed[..], &[5, 0, 0, 0], &begin.to_le_bytes(), &end.to_le_bytes(), &[2], b"d\0", text].concat();
        let query = LoadQuery::read(&body).unwrap();
        assert_eq!((query.file, query.query().unwrap().schema), (5, &b"d"[..]));
        assert_eq!(query.local_text().unwrap(), b"LOAD DATA LOCAL INFILE 'log' REPLACE INTO TABLE t");
        let wrong =
            [&fixed[..], &[5, 0, 0, 0], &begin.to_le_bytes(), &99u32.to_le_bytes(), &[2], b"d\0", text].concat();
        assert!(LoadQuery::read(&wrong).is_err());
        assert!(LoadQuery::read(&body[..20]).is_err());
    }
}
