//! The options that every command takes.

use std::path::PathBuf;

use crate::size::parse_rate;

/// Options that every command takes, before or after its name.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Global options")]
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
