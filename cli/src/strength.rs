//! Whether a new password is good enough: somebody who has the repository can try passwords as fast as their machines allow.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

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
/// Fewest characters of a password for a repository that somebody else holds, who may guess for years.
const OFF_SITE_CHARACTERS_MIN: usize = 12;
/// Fewest generated words that are enough instead.
const OFF_SITE_WORDS_MIN: usize = 4;
/// The words of a generated password: one more than are needed.
const WORDS: usize = 5;
/// The words of a password for paper.
const PAPER_WORDS: usize = 12;
/// Words for generated passwords: 2,048, so each has 11 bits. The list of BIP 39 (MIT).
const WORD_LIST: &str = include_str!("strength/words.txt");
/// Words that passwords of people begin with.
const COMMON_LIST: &str = include_str!("strength/common.txt");
/// Rows of a keyboard or an alphabet: a password must not be a mere part of one.
const ROWS: [&str; 3] = ["01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "98765432109876543210"];

/// Requirements for a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// Not easy to guess.
    Strong,
    /// Not to be guessed in years by somebody who holds the repository.
    OffSite,
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
        if self == Strength::OffSite {
            return check_off_site(password);
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

fn check_off_site(password: &str) -> Result<(), String> {
    if generated_words(password) >= OFF_SITE_WORDS_MIN {
        return Ok(());
    }
    if password.chars().count() < OFF_SITE_CHARACTERS_MIN {
        return Err(format!(
            "has fewer than {OFF_SITE_CHARACTERS_MIN} characters: the host of a copy can try passwords for years; --generate makes one of {WORDS} words"
        ));
    }
    let lower = password.to_lowercase();
    if is_obvious(&lower) || is_common(&lower) {
        return Err(format!("is made of words that attackers try first; --generate makes one of {WORDS} words"));
    }
    Ok(())
}

/// The number of different words of the list, if the password is made of nothing else.
fn generated_words(password: &str) -> usize {
    let words: BTreeSet<&str> = password.split([' ', '-']).filter(|word| !word.is_empty()).collect();
    if words.iter().all(|word| WORD_LIST.lines().any(|known| known == *word)) { words.len() } else { 0 }
}

/// Whether little is left of a password without common words, digits and signs, also where signs stand for letters.
fn is_common(password: &str) -> bool {
    let spelled: String = password.chars().map(spell).collect();
    let bare = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
    [bare(password), bare(&spelled)].into_iter().any(|mut rest| {
        let mut common: Vec<_> = COMMON_LIST.split_whitespace().chain(ROWS).collect();
        // `password` before `pass`: the longest goes first.
        common.sort_by_key(|word| std::cmp::Reverse(word.len()));
        for word in common {
            rest = rest.replace(word, "");
        }
        let mut letters: Vec<_> = rest.chars().collect();
        letters.sort_unstable();
        letters.dedup();
        letters.len() < UNCOMMON_LETTERS_MIN
    })
}

/// Fewest different letters of a password beside common words.
const UNCOMMON_LETTERS_MIN: usize = 4;

/// The letter that a digit or sign stands for.
fn spell(character: char) -> char {
    match character {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

/// A new password of words that are drawn at random.
///
/// # Errors
/// The operating system has no randomness.
pub fn generate() -> engine::Result<Zeroizing<String>> {
    draw::<{ 2 * WORDS }>()
}

/// A new password for paper: 132 random bits, which nobody guesses at any speed.
///
/// # Errors
/// The operating system has no randomness.
pub fn generate_for_paper() -> engine::Result<Zeroizing<String>> {
    draw::<{ 2 * PAPER_WORDS }>()
}

/// A word for each two of `BYTES` random bytes.
fn draw<const BYTES: usize>() -> engine::Result<Zeroizing<String>> {
    let words: Vec<_> = WORD_LIST.lines().collect();
    let drawn = Zeroizing::new(engine::crypto::random::<BYTES>()?);
    // 2,048 divides 65,536, so each word is as likely as any other.
    let picked = drawn.chunks_exact(2).map(|pair| usize::from(u16::from_le_bytes([pair[0], pair[1]])) % words.len());
    Ok(Zeroizing::new(picked.map(|at| words[at]).collect::<Vec<_>>().join(" ")))
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
    fn the_password_of_a_copy_elsewhere_is_long_and_not_of_words_that_are_tried_first() {
        let check = |password: &str| Strength::OffSite.check(password);
        for good in [
            "correct horse battery",
            "Vq7-mzLw0kRa",
            "zoo act fix add",
            "abandon-zebra-oak-hotel",
            "Müllers Zahnbürste 7",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for weak in [
            "elevenchars",
            "Password1234!",
            "P@ssw0rd2026!",
            "dental-office-2026",
            "qwertyuiop123",
            "123456789012",
            "aaaaaaaaaaaaa",
            "zoo zoo zoo",
            "sunshine1234",
            "abcdefghijkl",
        ] {
            assert!(check(weak).is_err(), "{weak}");
        }
    }

    #[test]
    fn generated_passwords_are_accepted_and_differ() {
        assert_eq!(WORD_LIST.lines().count(), 2048);
        let (first, second) = (generate().unwrap(), generate().unwrap());
        assert_ne!(*first, *second);
        for password in [first, second] {
            assert_eq!(password.split(' ').count(), WORDS);
            assert_eq!(Strength::OffSite.check(&password), Ok(()));
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
