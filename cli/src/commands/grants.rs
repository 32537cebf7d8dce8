//! `enamel grants`: the statements, or the policy, that give an account what it needs.

mod storage;

use clap::ValueEnum;
use engine::Result;
use engine::database::{
    AccountName, Connection, GrantRules, Privileges, Purpose, Reach, Server, grant_statements, missing,
};
use serde::Serialize;

use crate::context::Context;
use crate::database::DatabaseArgs;
use crate::exit::Exit;

/// The host of an account that is named without one: any.
const HOST_DEFAULT: &str = "%";

/// Print the GRANT statements, or the policy in object storage, that an account needs.
///
/// Nothing is changed: run the statements yourself, as a user who may grant. They grant the least that Enamel needs,
/// and fit the server that is there. The account must exist. `s3` and `s3-prune` print a policy for the bucket of the
/// repository, with which a backup can add and cannot delete or replace.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel grants backup --for enamel@10.0.0.5 \\
      --database 'mysql://root@localhost/?socket=/run/mysqld/mysqld.sock'
  enamel grants restore --schema opendental \\
      --database mysql://root@db.example --tls
  enamel grants s3 --repo s3://practice-backup/office >policy.json

Exit status: 0 done, 1 failed, 2 usage")]
pub struct GrantsArgs {
    /// The purpose of the account
    purpose: PurposeArg,
    /// The account [default: the one that asks; without HOST: any host]
    #[arg(long = "for", value_name = "USER@HOST")]
    account: Option<String>,
    #[command(flatten)]
    database: DatabaseArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PurposeArg {
    /// `enamel backup`
    Backup,
    /// `enamel restore`
    Restore,
    /// `enamel restore --overwrite`
    Overwrite,
    /// Deleting old rows that a snapshot holds: `enamel purge`
    Purge,
    /// `enamel purge run --reclaim`
    Reclaim,
    /// Saving users and their rights, besides a backup
    Accounts,
    /// `enamel watch`, and the log that a backup keeps: the account can read what changes in every schema of the server
    Watch,
    /// Backups and restores in object storage; the account can neither delete nor replace what is there
    S3,
    /// `forget`, `prune`, `repair`, `protect` and changes of keys in object storage, besides backups
    S3Prune,
}

#[derive(Serialize)]
struct Grant<'a> {
    statement: &'a str,
}

/// Prints the statements.
///
/// # Errors
/// The server cannot be reached.
pub fn run(args: &GrantsArgs, context: &Context<'_>) -> Result<Exit> {
    let purpose = match args.purpose {
        PurposeArg::S3 => return storage::print(storage::Rights::AddOnly, context),
        PurposeArg::S3Prune => return storage::print(storage::Rights::All, context),
        PurposeArg::Backup => Purpose::Backup,
        PurposeArg::Restore => Purpose::Restore,
        PurposeArg::Overwrite => Purpose::Replace,
        PurposeArg::Purge => Purpose::Purge,
        PurposeArg::Reclaim => Purpose::Reclaim,
        PurposeArg::Accounts => Purpose::Accounts,
        PurposeArg::Watch => Purpose::Watch,
    };
    let address = args.database.required_address(context)?;
    let reach = Reach::unknown(&args.database.schemas(context));
    let mut connection = Connection::open(&address)?;
    let server = Server::detect(&mut connection)?;
    let account = match &args.account {
        Some(account) => account.clone(),
        None => {
            let privileges = Privileges::read(&mut connection, &server)?;
            let account = connection.value("SELECT CURRENT_USER()")?.unwrap_or_default();
            let lacks = missing(&privileges, &server, purpose, &reach).len();
            match lacks {
                0 => context.ui.say(format_args!("{account} has all these rights already")),
                _ => context.ui.say(format_args!("{account} lacks {lacks} of these rights")),
            }
            account
        }
    };
    let (user, host) = account.rsplit_once('@').unwrap_or((&account, HOST_DEFAULT));
    let rules = GrantRules::read(&mut connection, &server)?;
    for statement in grant_statements(&server, &rules, purpose, &reach, AccountName { user, host }) {
        if context.ui.is_json() {
            context.ui.message("grant", Grant { statement: &statement })?
        } else {
            context.ui.line(format_args!("{statement};"))?
        }
    }
    Ok(Exit::Done)
}
