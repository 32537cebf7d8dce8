//! Definitions that the server shows in two character sets at once.
//!
//! With `character_set_results = NULL` the body of a routine, trigger or event arrives in the character set of the client that
//! made it, and so it must be sent to be made again. Of what the server writes before the body, some arrives in UTF-8: the definer
//! of triggers and events, names of events, comments. As the statement is read in one character set, these are brought into that of the body.

use super::Connection;
use crate::error::{Error, ErrorKind, Result};

/// What stands before the body and may be in UTF-8.
pub(super) struct Header<'t> {
    /// `user@host`.
    pub definer: &'t str,
    /// The keyword before the object's name, and the name; `None` where the server has it in the body's character set.
    pub name: Option<(&'t str, &'t str)>,
    /// The comment; may be empty.
    pub comment: &'t str,
}

impl Header<'_> {
    /// The definition `create`, all in the character set `client`.
    ///
    /// # Errors
    /// If the server cannot convert.
    pub fn in_client_character_set(
        &self,
        connection: &mut Connection,
        mut create: Vec<u8>,
        client: Option<&str>,
    ) -> Result<Vec<u8>> {
        let Some(client) = client.filter(|client| !client.starts_with("utf8")) else { return Ok(create) };
        for text in self.parts() {
            if text.is_ascii() {
                continue;
            }
            let found = create.windows(text.len()).position(|window| window == text.as_bytes());
            if let Some(at) = found {
                let converted = convert(connection, &text, client)?;
                create.splice(at..at + text.len(), converted);
            }
        }
        Ok(create)
    }

    /// Parts of the header as they read in UTF-8, with what stands before them.
    fn parts(&self) -> Vec<String> {
        let user = self.definer.rsplit_once('@').map_or(self.definer, |(user, _)| user);
        let mut parts = Vec::new();
        for quote in ["`", "\""] {
            let quoted = |name: &str| format!("{quote}{}{quote}", name.replace(quote, &quote.repeat(2)));
            parts.push(format!("DEFINER={}", quoted(user)));
            parts.extend(self.name.map(|(what, name)| format!("{what} {}", quoted(name))));
        }
        parts.push(format!("COMMENT '{}'", escape(self.comment)));
        parts
    }
}

/// A comment as SHOW CREATE writes it.
fn escape(comment: &str) -> String {
    let mut escaped = String::with_capacity(comment.len());
    for c in comment.chars() {
        match c {
            '\0' => escaped.push_str("\\0"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\\' => escaped.push_str("\\\\"),
            '\'' => escaped.push_str("''"),
            c => escaped.push(c),
        }
    }
    escaped
}

fn convert(connection: &mut Connection, text: &str, character_set: &str) -> Result<Vec<u8>> {
    let hex: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
    let row = connection.rows(&format!("SELECT CONVERT(_utf8mb4 X'{hex}' USING {character_set})"))?.into_iter().next();
    row.and_then(|row| row.into_iter().next().flatten())
        .ok_or_else(|| Error::new(ErrorKind::Database, format!("the server cannot write `{text}` in {character_set}")))
}
