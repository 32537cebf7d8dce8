//! Hints for errors of a database server: one table, by the server's own error number.

use engine::Error;
use engine::database::{ConnectionTrouble, connection_trouble, error_code};

use crate::args::Command;

/// The hint.
enum Advice {
    Say(&'static str),
    /// The statements that give the account what it lacks.
    Grants,
}

use Advice::{Grants, Say};

/// Numbers of MySQL and MariaDB; where both use one, they mean the same.
const ADVICE: &[(&[u16], Advice)] = &[
    (&[1044, 1142, 1143, 1227, 1370], Grants),
    (
        &[1045, 1698],
        Say(
            "Check user and password; --defaults-file, --database-password-file or ENAMEL_DB_PASSWORD give the password.",
        ),
    ),
    (&[1049], Say("`enamel check --database URL` without --schema lists the schemas that the account sees.")),
    (&[1040], Say("Run this again when fewer clients are connected, or raise the server's setting `max_connections`.")),
    (
        &[1203, 1226],
        Say(
            "The account has a limit, and a backup takes up to thirty connections at once: ALTER USER … WITH MAX_USER_CONNECTIONS 40, \
             or the server's setting `max_user_connections`.",
        ),
    ),
    (
        &[1129],
        Say(
            "Run `FLUSH HOSTS` on the server, or where that is gone `TRUNCATE TABLE performance_schema.host_cache`, and find out what keeps \
             breaking connections to it.",
        ),
    ),
    (&[1130], Say("The account may not connect from this machine: create it for this host on the server.")),
    (
        &[1820, 1862],
        Say(
            "The password has expired: set another one with `ALTER USER … IDENTIFIED BY …`, and give Enamel the new one.",
        ),
    ),
    (&[3118, 4151], Say("Unlock the account on the server: ALTER USER … ACCOUNT UNLOCK.")),
    (
        &[3955],
        Say("Too many wrong passwords have locked the account: ALTER USER … ACCOUNT UNLOCK, then check the password."),
    ),
    (&[3159, 1275], Say("The server takes encrypted connections only: --tls, with --tls-ca for its authority.")),
    (
        &[1290, 1836, 1792],
        Say(
            "The server accepts no changes now, like a replica, or a server that is being copied: choose another server, or let it accept changes.",
        ),
    ),
    (
        &[1969, 3024, 4031],
        Say(
            "A time limit of the server or the account ended it: `max_statement_time`, `max_execution_time` or `wait_timeout`.",
        ),
    ),
    (
        &[3, 20, 1021, 1041, 1114, 1037, 1038],
        Say("Make room on the server's disk, or in its memory, then run this command again."),
    ),
    (
        &[1153, 2020],
        Say("Raise the server's setting `max_allowed_packet`, to 1G at most, then run this command again."),
    ),
    (
        &[1205, 1213, 3572],
        Say("Other sessions hold locks that are needed: run this command again when they have finished."),
    ),
    (&[1053, 1077, 1079, 1927, 3169], Say("The server ended the session: run this command again when it is up.")),
];

/// The hint for `error` in `command`; `None` where only the error itself can give one.
pub fn server_hint(command: &Command, error: &Error) -> Option<&'static str> {
    if let Some(trouble) = connection_trouble(error) {
        return Some(match trouble {
            ConnectionTrouble::Unreachable => "Check the URL, that the server runs, and that no firewall is between.",
            ConnectionTrouble::Encryption => {
                "--tls-ca names the authority that signed the server's certificate. The certificates that MySQL makes for itself have no names to check: use --tls-any-name, with its `ca.pem` as --tls-ca."
            }
            ConnectionTrouble::Lost => {
                "The server's error log says why it ended the connection; run this command again when it is up."
            }
        });
    }
    let code = error_code(error);
    let found = ADVICE.iter().find(|(codes, _)| code.is_some_and(|code| codes.contains(&code)));
    match (found, command) {
        (Some((_, Say(hint))), _) => Some(hint),
        (Some((_, Grants)), command) => Some(grants_hint(command)),
        // It has just been asked.
        (None, Command::Check(_) | Command::Grants(_)) => None,
        (None, _) => {
            Some("`enamel check --database URL` describes the server, and names the rights that the account lacks.")
        }
    }
}

/// The purpose whose grants give an account the rights for `command`.
pub fn grants_hint(command: &Command) -> &'static str {
    match command {
        Command::Purge(args) if args.reclaims() => {
            "`enamel grants reclaim --database URL` prints the statements that give the account the missing rights."
        }
        Command::Purge(_) => {
            "`enamel grants purge --database URL` prints the statements that give the account the missing rights."
        }
        Command::Restore(_) => {
            "`enamel grants restore --database URL` prints the statements that give the account the missing rights."
        }
        _ => "`enamel grants backup --database URL` prints the statements that give the account the missing rights.",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_number_has_one_advice() {
        let mut seen = BTreeSet::new();
        let twice = ADVICE.iter().flat_map(|(codes, _)| *codes).find(|code| !seen.insert(**code));
        assert_eq!(twice, None);
    }
}
