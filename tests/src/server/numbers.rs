//! The numbers `seq_1_to_100`, which MariaDB has as tables, for the scripts of all servers.

use std::borrow::Cow;

const PREFIX: &str = "seq_";

/// The script with a query in place of each such table. One with bytes that are no UTF-8 stays as it is.
pub fn with_queries(script: &[u8]) -> Cow<'_, [u8]> {
    let Ok(text) = std::str::from_utf8(script) else { return Cow::Borrowed(script) };
    let mut parts = text.split(PREFIX);
    let mut changed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match table(part) {
            Some((first, last, rest)) => {
                changed += &format!(
                    "(WITH RECURSIVE numbers AS (SELECT {first} AS seq UNION ALL SELECT seq + 1 FROM numbers WHERE seq < {last}) \
                     SELECT seq FROM numbers) AS {PREFIX}{first}_to_{last}{rest}"
                );
            }
            None => changed += &format!("{PREFIX}{part}"),
        }
    }
    Cow::Owned(changed.into_bytes())
}

/// The first number, the last one, and what follows.
fn table(part: &str) -> Option<(&str, &str, &str)> {
    let (first, rest) = part.split_once("_to_")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (last, rest) = rest.split_at(digits);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(first) && is_number(last)).then_some((first, last, rest))
}
