//! Whether a new password is good enough: somebody who has the repository can try passwords as fast as their machines allow.

/// Fewest characters of a new password.
const CHARACTERS_MIN: usize = 8;
/// Passwords that are tried first everywhere, beside those of one character or a row of them.
const OBVIOUS: [&str; 12] = [
    "password",
    "password1",
    "passw0rd",
    "passwort",
    "qwertyui",
    "qwertyuiop",
    "qwertzui",
    "iloveyou",
    "administrator",
    "abcd1234",
    "1q2w3e4r",
    "changeme",
];
/// Rows of a keyboard or an alphabet: a password must not be a mere part of one.
const ROWS: [&str; 3] = ["01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "98765432109876543210"];

/// Requirements for a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// Not easy to guess.
    Strong,
    /// Anything that can be typed: the user has said so.
    Any,
}

impl Strength {
    /// The requirements of a command with or without `--weak`.
    pub fn of(arg: WeakArg) -> Self {
        if arg.weak { Strength::Any } else { Strength::Strong }
    }

    /// Checks a new password.
    ///
    /// # Errors
    /// The fault, in words that continue a sentence about the password.
    pub fn check(self, password: &str) -> Result<(), String> {
        if password.chars().any(|c| c.is_control() || c == '\u{feff}') {
            return Err("holds a character that nobody can type".into());
        }
        if self == Strength::Any {
            return Ok(());
        }
        if password.chars().count() < CHARACTERS_MIN {
            return Err(format!(
                "has fewer than {CHARACTERS_MIN} characters, which is soon guessed; --weak accepts it anyway"
            ));
        }
        if is_obvious(&password.to_lowercase()) {
            return Err("is one that attackers try first; --weak accepts it anyway".into());
        }
        Ok(())
    }
}

fn is_obvious(password: &str) -> bool {
    let mut characters = password.chars();
    let first = characters.next();
    let is_one = characters.all(|c| Some(c) == first);
    is_one || OBVIOUS.contains(&password) || ROWS.iter().any(|row| row.contains(password))
}

/// The option of commands that take a new password.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct WeakArg {
    /// Take a password that is short or easy to guess
    #[arg(long)]
    weak: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_long_and_not_one_that_is_tried_first() {
        for good in ["correct horse", "geheim1234", "RepoS3cret", "zähneputzen"] {
            assert_eq!(Strength::Strong.check(good), Ok(()), "{good}");
        }
        for weak in ["a", "1234567", "12345678", "Password", "aaaaaaaaaa", "abcdefgh", "ÄÖÜäöü"] {
            assert!(Strength::Strong.check(weak).is_err(), "{weak}");
            assert_eq!(Strength::Any.check(weak), Ok(()), "{weak}");
        }
    }

    #[test]
    fn what_nobody_can_type_is_no_password() {
        for strength in [Strength::Strong, Strength::Any] {
            assert!(strength.check("correct\u{0}horse").is_err());
            assert!(strength.check("\u{feff}correct horse").is_err());
        }
    }
}
