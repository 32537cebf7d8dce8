//! The names in a `sql_mode`: in the tables of routines and events, and in the form of a session.

use crate::database::Server;

/// Modes that MySQL 8 has given up, and those that are MariaDB's alone.
const NOT_OF_MYSQL_8: [&str; 11] = [
    "NO_AUTO_CREATE_USER",
    "NO_FIELD_OPTIONS",
    "NO_KEY_OPTIONS",
    "NO_TABLE_OPTIONS",
    "DB2",
    "MAXDB",
    "MSSQL",
    "MYSQL323",
    "MYSQL40",
    "ORACLE",
    "POSTGRESQL",
];
const OF_MARIADB: [&str; 4] =
    ["IGNORE_BAD_TABLE_OPTIONS", "SIMULTANEOUS_ASSIGNMENT", "EMPTY_STRING_IS_NULL", "TIME_ROUND_FRACTIONAL"];
const OF_MYSQL: [&str; 1] = ["TIME_TRUNCATE_FRACTIONAL"];

/// The modes in `modes` as a session calls them: the server's tables have another name for one, and keep the place of one that is gone.
pub fn session_modes(modes: &str) -> impl Iterator<Item = &str> {
    let modes = modes.split(',').filter(|mode| !mode.is_empty() && *mode != "NOT_USED");
    modes.map(|mode| if mode == "INVALID_DATES" { "ALLOW_INVALID_DATES" } else { mode })
}

/// The modes in `modes` that a session of `server` takes.
pub fn modes_for(server: &Server, modes: &str) -> String {
    session_modes(modes).filter(|mode| knows(server, mode)).collect::<Vec<_>>().join(",")
}

/// Whether servers of both families take it, whatever their version.
pub fn is_common(mode: &str) -> bool {
    ![&NOT_OF_MYSQL_8[..], &OF_MARIADB, &OF_MYSQL].concat().contains(&mode)
}

fn knows(server: &Server, mode: &str) -> bool {
    if server.is_mariadb() {
        !OF_MYSQL.contains(&mode)
    } else {
        !(OF_MARIADB.contains(&mode) || server.is_mysql_from((8, 0, 0)) && NOT_OF_MYSQL_8.contains(&mode))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_those_of_the_server() {
        let modes =
            "INVALID_DATES,NOT_USED,NO_AUTO_CREATE_USER,ANSI_QUOTES,TIME_TRUNCATE_FRACTIONAL,EMPTY_STRING_IS_NULL";
        let of = |version: &str| modes_for(&Server::from_version(version), modes);
        assert_eq!(of("9.7.0"), "ALLOW_INVALID_DATES,ANSI_QUOTES,TIME_TRUNCATE_FRACTIONAL");
        assert_eq!(of("5.7.0"), "ALLOW_INVALID_DATES,NO_AUTO_CREATE_USER,ANSI_QUOTES,TIME_TRUNCATE_FRACTIONAL");
        assert_eq!(of("10.11.0-MariaDB"), "ALLOW_INVALID_DATES,NO_AUTO_CREATE_USER,ANSI_QUOTES,EMPTY_STRING_IS_NULL");
        assert_eq!(modes_for(&Server::from_version("9.7.0"), ""), "");
    }
}
