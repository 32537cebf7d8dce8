//! Definitions that the server shows in two character sets at once.
//!
//! With `character_set_results = NULL` the body of a routine, trigger or event arrives in the character set of the
//! client that made it, and it must be sent in that character set to make it again. Some of the text before the body
//! arrives in UTF-8: the definer of triggers and events, names of events, comments. A statement has only one character
//! set, so this module converts these parts to that of the body.

use super::{Connection, quote_bytes, quote_name};
use engine_core::error::Result;

/// The parts before the body that may be in UTF-8.
pub(super) struct Header<'t> {
    /// `user@host`.
    pub definer: &'t str,
    /// The keyword before the object's name, and the name; `None` if the server returns it in the body's character set.
    pub name: Option<(&'t str, &'t str)>,
    /// The comment; may be empty.
    pub comment: &'t str,
}

impl Header<'_> {
    /// The definition `create`, all of it in the character set `client`.
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
            let Some(at) = found else { continue };
            // A name that the body's character set cannot express stays as it is; it then names nobody.
            if let Some(converted) = convert(connection, &text, client)? {
                create.splice(at..at + text.len(), converted);
            }
        }
        Ok(create)
    }

    /// Parts of the header in UTF-8, with the text before them.
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

/// A comment in the form of SHOW CREATE.
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

/// `text` in a character set; `None` if it cannot be written there.
fn convert(connection: &mut Connection, text: &str, character_set: &str) -> Result<Option<Vec<u8>>> {
    let bytes = quote_bytes(text.as_bytes());
    let converted = format!("CONVERT(_utf8mb4 {bytes} USING {})", quote_name(character_set));
    let sql = format!("SELECT {converted}, HEX(CONVERT({converted} USING utf8mb4)) = HEX({bytes})");
    let row = connection.rows(&sql)?.into_iter().next().unwrap_or_default();
    let mut row = row.into_iter();
    let (converted, is_exact) = (row.next().flatten(), row.next().flatten());
    Ok(converted.filter(|_| is_exact.is_some_and(|same| same == b"1")))
}
