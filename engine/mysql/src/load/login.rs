//! Translates an account's login for a server of another family.
//!
//! Only the hash of `mysql_native_password` means the same to both. An account with any other password is made locked.
//! Its rights and the objects that run as it work, and nobody can log in until its administrator sets a new password.

use crate::database::{Server, quote_text};
use crate::dialect::{Token, is_keyword, tokens};

/// An account as another family makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The statement that makes it.
    pub create: String,
    /// Its password is not carried.
    pub is_locked: bool,
}

/// The keywords after the login that both families know.
const OPTIONS: [&str; 4] = ["REQUIRE", "WITH", "PASSWORD", "ACCOUNT"];
/// The keywords there that only MySQL knows.
const OF_MYSQL: [&str; 7] =
    ["DEFAULT", "FAILED_LOGIN_ATTEMPTS", "PASSWORD_LOCK_TIME", "ATTRIBUTE", "COMMENT", "INITIAL", "AND"];

/// The account of `create`, from a server of the other family, for `target`; `native` says whether the target accepts
/// `mysql_native_password`. `None` if it is not a CREATE USER.
pub fn login_for(create: &str, target: &Server, native: Native) -> Option<Login> {
    let rest = create.strip_prefix("CREATE USER ")?;
    let bytes = rest.as_bytes();
    let tokens = tokens(bytes)?;
    let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| is_keyword(bytes, token, word));
    let ends = |at: usize| is(at, "IDENTIFIED") || OPTIONS.iter().chain(&OF_MYSQL).any(|word| is(at, word));
    let name_end = (0..tokens.len()).find(|at| ends(*at)).unwrap_or(tokens.len());
    let name = rest.get(..tokens.get(name_end.checked_sub(1)?)?.at.end)?;
    let options = options(rest, &tokens[name_end..]);
    if !is(name_end, "IDENTIFIED") {
        return Some(Login { create: format!("CREATE USER {name}{options}"), is_locked: false });
    }
    let hash = native_hash(rest, &tokens[name_end..]);
    Some(match hash.filter(|_| native == Native::Taken) {
        Some(hash) if target.is_mariadb() => {
            let create = format!("CREATE USER {name} IDENTIFIED BY PASSWORD {}{options}", quote_text(&hash));
            Login { create, is_locked: false }
        }
        Some(hash) => {
            let hash = quote_text(&hash);
            let create = format!("CREATE USER {name} IDENTIFIED WITH mysql_native_password AS {hash}{options}");
            Login { create, is_locked: false }
        }
        None => {
            let nobody = if target.is_mariadb() {
                "IDENTIFIED VIA mysql_native_password USING 'invalid'"
            } else {
                "IDENTIFIED BY RANDOM PASSWORD"
            };
            let options = options.replace(" ACCOUNT LOCK", "");
            let lock = if target.is_mariadb() && !target.is_mariadb_from((10, 4, 2)) { "" } else { " ACCOUNT LOCK" };
            Login { create: format!("CREATE USER {name} {nobody}{options}{lock}"), is_locked: true }
        }
    })
}

/// Whether a server logs in by `mysql_native_password`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Native {
    Taken,
    Refused,
}

/// The hash of `mysql_native_password` after IDENTIFIED, if there is one.
fn native_hash(rest: &str, tokens: &[Token]) -> Option<String> {
    let bytes = rest.as_bytes();
    let text = |at: usize| tokens.get(at).and_then(|token| rest.get(token.at.clone()));
    let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| is_keyword(bytes, token, word));
    let places = 0..tokens.len();
    let by_password = places.clone().find(|at| is(*at, "BY") && is(at + 1, "PASSWORD")).map(|at| at + 2);
    let named =
        places.clone().find(|at| text(*at).is_some_and(|name| name.trim_matches('\'') == "mysql_native_password"));
    let place = by_password.or_else(|| named.filter(|at| is(at + 1, "USING") || is(at + 1, "AS")).map(|at| at + 2))?;
    let value = text(place)?;
    let hash = match value.strip_prefix("0x") {
        Some(digits) => from_hex(digits)?,
        None => value.trim_matches('\'').to_owned(),
    };
    let is_hash = hash.len() == 41 && hash.starts_with('*') && hash[1..].bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then_some(hash)
}

fn from_hex(digits: &str) -> Option<String> {
    let pairs = digits.as_bytes().chunks_exact(2);
    let bytes: Option<Vec<u8>> =
        pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    String::from_utf8(bytes?).ok()
}

/// The options behind the way to log in that both families have, with a blank before them.
fn options(rest: &str, tokens: &[Token]) -> String {
    let bytes = rest.as_bytes();
    let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| is_keyword(bytes, token, word));
    let begins = |at: usize| {
        let is_password = is(at, "PASSWORD") && !is(at.saturating_sub(1), "BY");
        let is_limit = is(at, "WITH")
            && tokens.get(at + 1).is_some_and(|next| {
                rest.get(next.at.clone()).is_some_and(|word| word.to_ascii_uppercase().starts_with("MAX_"))
            });
        is(at, "REQUIRE") && !is(at.saturating_sub(1), "PASSWORD") || is_limit || is_password || is(at, "ACCOUNT")
    };
    let mut options = String::new();
    for start in (0..tokens.len()).filter(|at| begins(*at)) {
        let ends = |at: &usize| begins(*at) || OF_MYSQL.iter().any(|word| is(*at, word)) && !is(at - 1, "EXPIRE");
        let end = (start + 1..tokens.len()).find(ends).unwrap_or(tokens.len());
        let is_common = if is(start, "PASSWORD") {
            is(start + 1, "EXPIRE")
        } else {
            !is(start + 1, "UNLOCK") && !is(start + 1, "NONE")
        };
        if let Some(text) = rest.get(tokens[start].at.start..tokens[end - 1].at.end).filter(|_| is_common) {
            options.push(' ');
            options.push_str(text);
        }
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "*B69027D44F6E5EDC07F1AEAD1477967B16F28227";

    fn of(create: &str, version: &str, native: Native) -> (String, bool) {
        let login = login_for(create, &Server::from_version(version), native).unwrap();
        (login.create, login.is_locked)
    }

    #[test]
    fn a_hash_that_both_know_is_carried() {
        let maria =
            format!("CREATE USER `a`@`%` IDENTIFIED BY PASSWORD '{HASH}' REQUIRE SSL WITH MAX_USER_CONNECTIONS 3");
        let expected = format!(
            "CREATE USER `a`@`%` IDENTIFIED WITH mysql_native_password AS '{HASH}' REQUIRE SSL WITH MAX_USER_CONNECTIONS 3"
        );
        assert_eq!(of(&maria, "8.0.30", Native::Taken), (expected, false));
        let either = format!(
            "CREATE USER `b`@`h` IDENTIFIED VIA unix_socket OR mysql_native_password USING '{HASH}' ACCOUNT LOCK"
        );
        let expected = format!("CREATE USER `b`@`h` IDENTIFIED WITH mysql_native_password AS '{HASH}' ACCOUNT LOCK");
        assert_eq!(of(&either, "8.0.30", Native::Taken), (expected, false));
        let hex: String = HASH.bytes().map(|byte| format!("{byte:02X}")).collect();
        let mysql = format!(
            "CREATE USER `a`@`%` IDENTIFIED WITH 'mysql_native_password' AS 0x{hex} REQUIRE NONE PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK PASSWORD HISTORY DEFAULT PASSWORD REUSE INTERVAL DEFAULT PASSWORD REQUIRE CURRENT DEFAULT"
        );
        let expected = format!("CREATE USER `a`@`%` IDENTIFIED BY PASSWORD '{HASH}' PASSWORD EXPIRE DEFAULT");
        assert_eq!(of(&mysql, "11.8.0-MariaDB", Native::Taken), (expected, false));
    }

    #[test]
    fn an_account_whose_password_cannot_be_carried_is_locked() {
        let maria = format!("CREATE USER `a`@`%` IDENTIFIED BY PASSWORD '{HASH}' ACCOUNT LOCK");
        let expected = "CREATE USER `a`@`%` IDENTIFIED BY RANDOM PASSWORD ACCOUNT LOCK";
        assert_eq!(of(&maria, "9.7.0", Native::Refused), (expected.to_owned(), true));
        let mysql = "CREATE USER `a`@`%` IDENTIFIED WITH 'caching_sha2_password' AS 0x2441 DEFAULT ROLE `r`@`%` REQUIRE SSL WITH MAX_USER_CONNECTIONS 3 PASSWORD EXPIRE ACCOUNT UNLOCK PASSWORD HISTORY DEFAULT FAILED_LOGIN_ATTEMPTS 3 ATTRIBUTE '{\"x\": 1}'";
        let expected = "CREATE USER `a`@`%` IDENTIFIED VIA mysql_native_password USING 'invalid' REQUIRE SSL WITH MAX_USER_CONNECTIONS 3 PASSWORD EXPIRE ACCOUNT LOCK";
        assert_eq!(of(mysql, "11.8.0-MariaDB", Native::Taken), (expected.to_owned(), true));
        assert_eq!(of("CREATE USER `a`@`%`", "9.7.0", Native::Refused), ("CREATE USER `a`@`%`".to_owned(), false));
        assert_eq!(login_for("CREATE ROLE `r`", &Server::from_version("9.7.0"), Native::Refused), None);
    }
}
