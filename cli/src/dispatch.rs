//! From the command line to the command that it names.

use clap::CommandFactory;
use engine::Result;

use crate::args::{Args, Command};
use crate::commands::{
    accept, agent, backup, cat, check, completions, config, console, copy, demo, diff, drill, evidence, export_sql,
    find, forget, grants, hold, init, key, leases, log, ls, man, notify, preview, protect, prune, purge, recover,
    repair, restore, schedule, setup, snapshots, stats, status, supplemental, verify, watch,
};
use crate::context::Context;
use crate::exit::Exit;
use crate::ui::Ui;

/// Runs the command that `args` hold.
///
/// # Errors
/// The error that stopped the command.
pub fn run(args: &Args, ui: &Ui) -> Result<Exit> {
    // These need no settings, or make them: they must work when there are none.
    match &args.command {
        Command::Demo(demo) => return demo::run(demo, ui),
        Command::Completions(completions) => return completions::run(completions, &mut Args::command(), ui),
        Command::Man(man) => return man::run(man, Args::command()),
        Command::Console(console) => return console::start(console, &args.global, ui),
        Command::Preview(preview) => return preview::run(preview),
        Command::Setup(setup) => return setup::run(setup, &args.global, ui),
        _ => {}
    }
    let context = Context::new(&args.global, ui)?;
    run_with(args, &context).map(|exit| context.ended(exit))
}

fn run_with(args: &Args, context: &Context<'_>) -> Result<Exit> {
    match &args.command {
        Command::Init(args) => init::run(args, context),
        Command::Backup(args) => backup::run(args, context),
        Command::Watch(args) => watch::run(args, context),
        Command::Schedule(args) => schedule::run(args, context),
        Command::Notify(args) => notify::run(args, context),
        Command::Agent(agent) => agent::run(agent, &args.global, context),
        Command::Status(args) => status::run(args, context),
        Command::Snapshots(args) => snapshots::run(args, context),
        Command::Log(args) => log::run(args, context),
        Command::Ls(args) => ls::run(args, context),
        Command::Find(args) => find::run(args, context),
        Command::Diff(args) => diff::run(args, context),
        Command::Cat(args) => cat::run(args, context),
        Command::Stats(args) => stats::run(args, context),
        Command::Restore(args) => restore::run(args, context),
        Command::ExportSql(args) => export_sql::run(args, context),
        Command::Verify(args) => verify::run(args, context),
        Command::Drill(args) => drill::run(args, context),
        Command::Evidence(args) => evidence::run(args, context),
        Command::Forget(args) => forget::run(args, context),
        Command::Prune(args) => prune::run(args, context),
        Command::Purge(args) => purge::run(args, context),
        Command::Copy(args) => copy::run(args, context),
        Command::Accept(args) => accept::run(args, context),
        Command::Leases(args) => leases::run(args, context),
        Command::Hold(args) => hold::run(args, context),
        Command::Repair(args) => repair::run(args, context),
        Command::Protect(args) => protect::run(args, context),
        Command::Recover(args) => recover::run(args, context),
        Command::Check(args) => check::run(args, context),
        Command::Grants(args) => grants::run(args, context),
        Command::Key(args) => key::run(args, context),
        Command::Supplemental(args) => supplemental::run(args, context),
        Command::Config(args) => config::run(args, context),
        Command::Console(_)
        | Command::Demo(_)
        | Command::Completions(_)
        | Command::Man(_)
        | Command::Preview(_)
        | Command::Setup(_) => Ok(Exit::Done),
    }
}
