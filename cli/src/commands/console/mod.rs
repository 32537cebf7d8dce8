//! `enamel console`: opens the page of Enamel in the browser.

mod demo;

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;

use crate::agent::{Agent, Until};
use crate::console::{self, First, Inside, Kept, Next, call};
use crate::context::Context;
use crate::exit::Exit;
use crate::global::Global;
use crate::shell::program;
use crate::ui::{Ui, format};
use demo::Demo;

/// How long a service may take until its page is there.
const SERVICE_WITHIN: Duration = Duration::from_secs(20);
/// How often it is asked.
const POLL: Duration = Duration::from_millis(200);
/// Programs that open an address in the user's browser.
const OPENERS: [&str; 3] = ["xdg-open", "open", "wslview"];

/// Open the window of Enamel, a page in the browser of this computer.
///
/// The page shows whether everything is safe, makes backups, finds and brings back what was lost. The agent serves it:
/// if one is running for this repository, its page is opened; if none is, this command is the agent until you stop it.
///
/// The page is on this computer only. The link that this command prints is good for one minute, once: who has it is let
/// in as you. If nothing is set up yet, the page asks what `enamel setup` asks. Other people come in with a name and a password that you give them on the page, under Settings.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel console
  enamel console --no-browser       only print the link
  enamel console --demo             a practice that is made up, to try things in

  [console]                         in enamel.toml
  listen = \"127.0.0.1:7717\"         the port, unless another program has it; for
                                    other computers an address with `names`,
                                    `certificate` and `key`
  restore-to = [\"/srv/restored\"]    staff may bring something back into these
  off = true                        no page at all

Exit status: 0 opened, or stopped; 1 failed, 2 usage, 10 no repository, 12 wrong password")]
pub struct ConsoleArgs {
    /// Only print the link
    #[arg(long)]
    no_browser: bool,
    /// Show a practice that is made up, with a database where a server is installed; it is removed at the end
    #[arg(long)]
    demo: bool,
}

/// Opens the console of the demo, or that of the settings.
///
/// # Errors
/// As of [`run`]; the practice of the demo cannot be made.
pub fn start(args: &ConsoleArgs, global: &Global, ui: &Ui) -> Result<Exit> {
    if !args.demo {
        let context = Context::new(global, ui)?;
        return match First::of(&context, global)? {
            Some(first) => set_up(args, global, &context, &first),
            None => run(args, global, &context, Before::Nothing).map(|exit| context.ended(exit)),
        };
    }
    let demo = Demo::make(ui)?;
    let global = demo.global();
    run(args, &global, &Context::new(&global, ui)?, Before::Nothing)
}

/// The page before the console.
enum Before {
    /// There was none.
    Nothing,
    /// The page of the first start, which goes on by itself.
    Page(Kept),
    /// The same, which has said that a window opens.
    Window(Kept),
}

/// Lets the page ask what `enamel setup` asks, and then opens the console.
///
/// # Errors
/// As of [`run`]; the page cannot be opened.
fn set_up(args: &ConsoleArgs, global: &Global, context: &Context<'_>, first: &First) -> Result<Exit> {
    refuse_if_off(context)?;
    if let Some(link) = first.link()? {
        return show(args, context, &link).map(|()| Exit::Done);
    }
    let opened = first.open(context, global)?;
    context.ui.say("nothing is set up yet: the page asks what is needed");
    let link = first.link()?.ok_or_else(no_answer)?;
    show(args, context, &link)?;
    let Some((next, kept)) = opened.wait(context.ui) else { return Ok(Exit::Done) };
    let global = first.global(global);
    let context = Context::new(&global, context.ui)?;
    let before = match next {
        Next::Here => Before::Page(kept),
        Next::Service => match link_of_service(&context)? {
            Some(link) => return show(args, &context, &link).map(|()| Exit::Done),
            None => Before::Window(kept),
        },
    };
    run(args, &global, &context, before).map(|exit| context.ended(exit))
}

/// A link to the page of the service, which has just begun; `None` if it has none after a while. Cron serves none.
fn link_of_service(context: &Context<'_>) -> Result<Option<String>> {
    let repository = format::short(context.open(Access::Read)?.id());
    let state_dir = context.state_dir().ok_or_else(console::no_state_dir)?;
    let inside = Inside { state_dir: &state_dir, repository: &repository };
    let begun = Instant::now();
    while begun.elapsed() < SERVICE_WITHIN && !context.ui.is_interrupted() {
        if let Some(link) = call::ask(&inside)? {
            return Ok(Some(link));
        }
        std::thread::sleep(POLL);
    }
    context.ui.warn("the service has no page yet: this is one now, until you stop it with Ctrl-C");
    Ok(None)
}

fn refuse_if_off(context: &Context<'_>) -> Result<()> {
    if context.settings.file.console.off {
        return Err(Error::new(ErrorKind::Usage, "the console is off: `[console]` in enamel.toml says so"));
    }
    Ok(())
}

fn no_answer() -> Error {
    Error::new(ErrorKind::Io, "the console does not answer")
}

/// Opens the console.
///
/// # Errors
/// The repository cannot be opened, or the settings allow no agent.
fn run(args: &ConsoleArgs, global: &Global, context: &Context<'_>, before: Before) -> Result<Exit> {
    refuse_if_off(context)?;
    let repository = format::short(context.open(Access::Read)?.id());
    let state_dir = context.state_dir().ok_or_else(console::no_state_dir)?;
    let inside = Inside { state_dir: &state_dir, repository: &repository };
    if let Some(link) = call::ask(&inside)? {
        return show(args, context, &link).map(|()| Exit::Done);
    }
    context.ui.say("no agent is running for this repository: this is one now, until you stop it with Ctrl-C");
    let mut agent = Agent::new(context, global, Arc::default())?;
    let (kept, is_shown) = match before {
        Before::Nothing => (None, false),
        Before::Page(kept) => (Some(kept), true),
        Before::Window(kept) => (Some(kept), false),
    };
    agent.open_console(kept)?;
    if !is_shown {
        show(args, context, &call::ask(&inside)?.ok_or_else(no_answer)?)?;
    }
    agent.run(Until::Stopped)
}

fn show(args: &ConsoleArgs, context: &Context<'_>, link: &str) -> Result<()> {
    context.ui.line(link)?;
    context.ui.flush()?;
    if args.no_browser {
        context.ui.say("open the link above in a browser of this computer within a minute: it is good once");
    } else if !open(link) {
        context.ui.say("no browser could be opened: open the link above within a minute");
    }
    Ok(())
}

/// Whether a program took the address.
fn open(link: &str) -> bool {
    OPENERS.iter().any(|name| {
        let mut opener = program(std::ffi::OsStr::new(name));
        opener.arg(link).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // It may go on as long as the browser.
        opener.spawn().is_ok()
    })
}
