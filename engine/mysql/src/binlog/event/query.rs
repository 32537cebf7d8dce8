//! Statements.

use super::{Cursor, Malformed};

/// A statement as it is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<'q> {
    /// The connection that gave it.
    pub thread: u32,
    /// The error that it ended with after it had changed something; 0 for none.
    pub error: u16,
    /// The session's settings that it depends on, each a number of one byte and its value.
    pub settings: &'q [u8],
    /// The schema that it was given in; empty for none.
    pub schema: &'q [u8],
    /// Its text.
    pub text: &'q [u8],
}

impl<'q> Query<'q> {
    /// The statement of this body.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn read(body: &'q [u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(body);
        let thread = cursor.u32()?;
        // How long it ran, in seconds.
        cursor.u32()?;
        let schema_len = cursor.u8()?;
        let error = cursor.u16()?;
        let settings_len = cursor.u16()?;
        let settings = cursor.take(settings_len.into())?;
        let schema = cursor.take(schema_len.into())?;
        cursor.take(1)?;
        Ok(Query { thread, error, settings, schema, text: cursor.rest() })
    }

    /// Whether its text is `word`, in letters of either case.
    pub fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word.as_bytes())
    }

    /// Whether its text begins with these words, in letters of either case.
    pub fn begins_with(&self, words: &str) -> bool {
        self.text.get(..words.len()).is_some_and(|start| start.eq_ignore_ascii_case(words.as_bytes()))
    }
}
