//! cron: a line that looks every five minutes what is due.

use engine::Result;

use super::{Installation, MARK, Service, ServiceFile};

const FILE: &str = "/etc/cron.d/enamel";

/// The line, as root's.
///
/// # Errors
/// A path is not text.
pub fn installation(service: &Service) -> Result<Installation> {
    let command = service.words(&["--quiet", "agent", "--once"])?;
    let command = command.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    let text = format!(
        "# {MARK}.\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n*/5 * * * * root {command}\n"
    );
    Ok(Installation {
        files: vec![ServiceFile { path: FILE.into(), text }],
        start: Vec::new(),
        linger: None,
        stop: Vec::new(),
        forget: Vec::new(),
        is_running: None,
        notes: vec![
            "nothing runs between two looks: cron starts the agent every five minutes",
            "cron mails what the agent says to root, if the computer can send mail",
        ],
    })
}

/// A word of a shell, on a line in which cron takes `%` for the end.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:+,@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''").replace('%', "\\%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_signs_of_the_shell_are_quoted() {
        assert_eq!(quoted("/usr/bin/enamel"), "/usr/bin/enamel");
        assert_eq!(quoted("it's 5%"), r"'it'\''s 5\%'");
    }
}
