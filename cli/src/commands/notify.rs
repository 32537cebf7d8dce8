//! `enamel notify`: try whether notices arrive.

use clap::Subcommand;
use engine::{Error, ErrorKind, Result};
use serde::Serialize;

use crate::agent::now;
use crate::context::Context;
use crate::exit::{Exit, after_printing};
use crate::notify::{Notifier, Tested, Way};

/// Try whether notices arrive.
///
/// `enamel agent` sends notices as `[notify]` in enamel.toml says. It is silent as long as all is well. It tells when a job
/// has failed three times or for an hour, when no backup was made for some office hours, when damage is found, and when
/// backups leave something out. One cause is one notice. It comes again each day, and a last one says that it is well
/// again. A notice has numbers, times and the label, and no name of a file, folder or table.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
[notify] in enamel.toml, in which all is optional; paths are relative to its folder
  nothing-for = \"4h\"                an alarm after so many office hours without
                                    a backup; or \"off\"
  label = \"Dr Smith, server\"        instead of the name of this computer
  summary = \"Mon 07:00\"             by mail, each week; or \"off\"
  prometheus = \"enamel.prom\"        figures for the collector of node_exporter
  ping = \"https://hc.example/id\"    Healthchecks or Uptime Kuma; or
                                    { url-file = \"ping.url\" }
  time-limit = \"10s\"                of each step of sending, up to 30s
  ca = \"office-ca.pem\"              trusted in place of the system's authorities
  [notify.mail]
  to = [\"dana@example.org\"]         also from
  server = \"smtp.example.org\"       a port may follow; also
                                    tls = \"starttls\", \"tls\" or \"none\"
  user = \"office@example.org\"
  password-file = \"mail.password\"
  [[notify.webhook]]                for each service; also token-file
  url = \"https://ntfy.example/it\"   or url-file
  preset = \"ntfy\"                   or slack, teams, discord, json

Examples
  enamel notify test
  enamel notify test --only mail

Exit status: that of `enamel notify test`")]
pub struct NotifyArgs {
    #[command(subcommand)]
    action: NotifyAction,
}

#[derive(Debug, Subcommand)]
enum NotifyAction {
    /// Send a test in each way that the settings name
    #[command(after_help = "\
Examples
  enamel notify test
  enamel notify test --only mail --json

Exit status: 0 all were sent, 1 one was not, 2 the settings name no way, or make no sense")]
    Test(TestArgs),
}

#[derive(Debug, clap::Args)]
struct TestArgs {
    /// Only in this way
    #[arg(long, value_name = "WAY")]
    only: Option<Way>,
}

#[derive(Serialize)]
struct TestMessage<'a> {
    way: &'a str,
    host: Option<&'a str>,
    sent: bool,
    problem: Option<&'a str>,
}

/// Runs the sub-command.
///
/// # Errors
/// The settings name no way, or make no sense.
pub fn run(args: &NotifyArgs, context: &Context<'_>) -> Result<Exit> {
    let NotifyAction::Test(args) = &args.action;
    let tested = Notifier::new(context, &now())?.test(args.only);
    if tested.is_empty() {
        let what = args.only.map_or("mail, ping or webhook", Way::name);
        return Err(Error::new(ErrorKind::Usage, format!("[notify] of enamel.toml has no {what}"))
            .with_hint("`enamel notify --help` shows the lines; `enamel config show` the file that is used."));
    }
    let is_sent = tested.iter().all(|tested| tested.problem.is_none());
    let exit = if is_sent { Exit::Done } else { Exit::Failed };
    after_printing(exit, tested.iter().try_for_each(|tested| print(tested, context)))
}

fn print(tested: &Tested, context: &Context<'_>) -> Result<()> {
    let Tested { way, host, problem } = tested;
    let (way, ui) = (way.name(), context.ui);
    if ui.is_json() {
        let (host, problem) = (host.as_deref(), problem.as_deref());
        return ui.message("notice_test", TestMessage { way, host, sent: problem.is_none(), problem });
    }
    let to = host.as_ref().map(|host| format!(" to {host}")).unwrap_or_default();
    match problem {
        None => ui.prose(format_args!("{way}{to}: sent; see whether it has arrived")),
        Some(problem) => ui.prose(format_args!("{way}{to}: not sent: {problem}")),
    }
}
