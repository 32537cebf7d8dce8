//! The `enamel` program: reads the command line, runs one command, exits with its code.
//!
//! The `engine` crate does the work of a command; here is what users type and see. Data goes to standard output,
//! everything else to standard error.

mod agent;
mod args;
mod binlog;
mod commands;
mod console;
mod context;
mod database;
mod dispatch;
mod duration;
mod effect;
mod environment;
mod exec;
mod exit;
mod finish;
mod fnv;
mod global;
mod health;
mod help;
mod hooks;
mod installation;
mod interrupt;
mod log_retention;
mod mark;
mod moment;
mod notify;
mod parse;
mod percent;
mod process;
mod profile;
mod retention;
mod schedule;
mod secret;
mod server_hint;
mod settings;
mod shell;
mod size;
mod snap;
mod stores;
mod strength;
mod table_name;
mod ui;
mod usage_hint;
mod whole_file;
mod writer;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    process::raise_file_limit();
    process::keep_secrets_out_of_cores();
    process::survive_limits_of_files();
    let args = match parse::parse() {
        Ok(args) => args,
        Err(code) => return code,
    };
    let interrupt = interrupt::Interrupt::install();
    process::end_with_agent();
    let ui = ui::Ui::new(&args.global, interrupt);
    let result = dispatch::run(&args, &ui);
    finish::finish(&args.command, &ui, result)
}
