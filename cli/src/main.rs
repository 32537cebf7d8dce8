//! The `enamel` program: reads the command line, runs one command, exits with its code.
//!
//! What a command does is decided in the `engine` crate; here is what users type and see. Data goes to standard output,
//! everything else to standard error.

mod args;
mod commands;
mod config;
mod context;
mod database;
mod dispatch;
mod duration;
mod exit;
mod finish;
mod global;
mod hooks;
mod interrupt;
mod profile;
mod secret;
mod shell;
mod size;
mod snap;
mod ui;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    context::raise_file_limit();
    let args = args::Args::parse();
    let interrupt = interrupt::Interrupt::install();
    let ui = ui::Ui::new(&args.global, interrupt);
    let result = dispatch::run(&args, &ui);
    finish::finish(&args.command, &ui, result)
}
