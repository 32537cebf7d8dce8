//! systemd: a service of the computer, or of a user.

use std::path::Path;

use engine::Result;

use super::{Installation, MARK, Service, ServiceFile, words};

const UNIT: &str = "enamel-agent.service";
const FOLDER: &str = "/etc/systemd/system";
const FOLDER_OF_USER: &str = ".config/systemd/user";

/// The service of the computer, or of the user with this home folder.
///
/// # Errors
/// A path is not text.
pub fn installation(service: &Service, home: Option<&Path>) -> Result<Installation> {
    let control = |action: &str| {
        let scope = if home.is_some() { "systemctl --user" } else { "systemctl" };
        words(&format!("{scope} {action}"))
    };
    let folder = home.map_or_else(|| FOLDER.into(), |home| home.join(FOLDER_OF_USER));
    let command = service.words(&["agent"])?.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    let text = unit(&command, if home.is_some() { &USER } else { &COMPUTER });
    Ok(Installation {
        files: vec![ServiceFile { path: folder.join(UNIT), text }],
        start: vec![control("daemon-reload"), control(&format!("enable {UNIT}")), control(&format!("restart {UNIT}"))],
        linger: home.map(|_| words("loginctl enable-linger")),
        stop: vec![control(&format!("disable --now {UNIT}"))],
        forget: vec![control("daemon-reload")],
        is_running: Some(control(&format!("is-active --quiet {UNIT}"))),
        notes: vec!["`journalctl -u enamel-agent` shows what it said; with --user before -u for a service of a user"],
    })
}

/// The lines that are different for the computer and for a user.
struct Scope {
    after: &'static str,
    sandbox: &'static str,
    target: &'static str,
}

const COMPUTER: Scope = Scope {
    after: "Wants=network-online.target\nAfter=network-online.target time-sync.target mariadb.service mysql.service\n",
    // Servers have their sockets in /tmp, and what is saved may lie anywhere.
    sandbox: "ProtectSystem=full\nPrivateTmp=no\n",
    target: "multi-user.target",
};
const USER: Scope = Scope { after: "", sandbox: "", target: "default.target" };

/// The agent ends its job first, within a minute and a half. The watchdog waits for storage that is away for minutes.
fn unit(command: &str, scope: &Scope) -> String {
    let Scope { after, sandbox, target } = scope;
    format!(
        "# {MARK}.\n\
         [Unit]\n\
         Description=Enamel: backups on schedule\n\
         {after}\
         StartLimitIntervalSec=0\n\
         \n\
         [Service]\n\
         Type=notify\n\
         ExecStart={command}\n\
         Restart=always\n\
         RestartSec=30\n\
         WatchdogSec=900\n\
         KillMode=mixed\n\
         TimeoutStopSec=120\n\
         CPUWeight=20\n\
         UMask=0077\n\
         NoNewPrivileges=yes\n\
         {sandbox}\
         \n\
         [Install]\n\
         WantedBy={target}\n"
    )
}

/// A word of `ExecStart=`: in it `%` and `$` mean something, and so do quotes and backslashes.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:+,@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    let mut text = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '%' | '$' => text.extend([c, c]),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_signs_of_systemd_are_quoted() {
        assert_eq!(quoted("/usr/bin/enamel"), "/usr/bin/enamel");
        assert_eq!(quoted("/srv/a b/100%\"$HOME\\x"), "\"/srv/a b/100%%\\\"$$HOME\\\\x\"");
        assert_eq!(quoted(""), "\"\"");
    }
}
