//! The options that every command takes.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::size::parse_rate;

/// Options that every command takes, before or after its name.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Global {
    /// The repository: a folder, or s3://BUCKET/PREFIX [or ENAMEL_REPO, or `repository` in enamel.toml]
    #[arg(long, global = true, value_name = "REPO")]
    pub repo: Option<PathBuf>,
    /// Read settings from this file [or ENAMEL_CONFIG; else the first enamel.toml found, see `enamel config --help`]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Unlock the repository with this key file [or ENAMEL_KEY_FILE]
    #[arg(long, global = true, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Unlock the repository with the password in the first line of this file [or ENAMEL_PASSWORD: the password itself]
    #[arg(long, global = true, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Unlock the repository with the password that this shell command prints
    #[arg(long, global = true, value_name = "COMMAND")]
    pub password_command: Option<String>,
    /// Spend as much time and memory on a password as the repository says, however much that is
    #[arg(long, global = true)]
    pub costly_password: bool,
    /// Where to keep what can be rebuilt [or ENAMEL_CACHE_DIR; else `enamel` in your cache folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
    /// Where to keep what this computer has seen of repositories [or ENAMEL_STATE_DIR; else `enamel` in your state folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Delete and replace nothing in the repository [or `append-only` in enamel.toml]
    #[arg(long, global = true)]
    pub append_only: bool,
    /// Send no faster than this to object storage, in bytes a second: 500K, 2M [or `limit-upload` in enamel.toml]
    #[arg(long, global = true, value_name = "RATE", value_parser = parse_rate)]
    pub limit_upload: Option<u64>,
    /// Receive no faster than this from object storage [or `limit-download` in enamel.toml]
    #[arg(long, global = true, value_name = "RATE", value_parser = parse_rate)]
    pub limit_download: Option<u64>,
    /// Print JSON, one object a line, each with a `message_type`
    #[arg(long, global = true)]
    pub json: bool,
    /// Say only what went wrong
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more
    #[arg(long, short, global = true)]
    pub verbose: bool,
    /// Show no progress
    #[arg(long, global = true)]
    pub no_progress: bool,
}

impl Global {
    /// The words of a command line with these options, but for how it is shown: another process of this program gets what this
    /// one was given.
    pub fn words(&self) -> Vec<OsString> {
        let paths = [
            ("--repo", &self.repo),
            ("--config", &self.config),
            ("--key-file", &self.key_file),
            ("--password-file", &self.password_file),
            ("--cache-dir", &self.cache_dir),
            ("--state-dir", &self.state_dir),
        ];
        let texts = [
            ("--password-command", self.password_command.clone()),
            ("--limit-upload", self.limit_upload.map(|rate| rate.to_string())),
            ("--limit-download", self.limit_download.map(|rate| rate.to_string())),
        ];
        let switches = [("--costly-password", self.costly_password), ("--append-only", self.append_only)];
        let paths = paths.into_iter().filter_map(|(name, path)| Some((name, path.clone()?.into_os_string())));
        let texts = texts.into_iter().filter_map(|(name, text)| Some((name, OsString::from(text?))));
        let valued = paths.chain(texts).flat_map(|(name, value)| [OsString::from(name), value]);
        let switched = switches.into_iter().filter(|(_, is_on)| *is_on).map(|(name, _)| OsString::from(name));
        valued.chain(switched).collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        global: Global,
    }

    #[test]
    fn another_process_gets_what_this_one_was_given() {
        let given = [
            "enamel",
            "--repo",
            "a b",
            "--config",
            "c",
            "--key-file",
            "k",
            "--cache-dir",
            "d",
            "--state-dir",
            "e",
            "--password-command",
            "p 'q'",
            "--limit-upload",
            "2M",
            "--limit-download",
            "500K",
            "--costly-password",
            "--append-only",
        ];
        let first = Program::parse_from(given).global;
        let words = std::iter::once(OsString::from("enamel")).chain(first.words());
        let second = Program::parse_from(words).global;
        assert_eq!(format!("{first:?}"), format!("{second:?}"));
    }
}
