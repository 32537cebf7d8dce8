//! The console: the window of Enamel, a page in the browser of this computer. The agent serves it.
//!
//! ```text
//! assets    stylesheet and script, as they are sent
//! view      frame of a page, icons, numbers and times as people read them
//! door      the guard: addresses, forms, sessions, people and their roles
//! office    what pages look at: the repository, health, the agent's desk
//! previews  small pictures, made by a process of its own
//! pages     a file for each page, with its template beside it
//! setup     the first start: the page asks what `enamel setup` asks
//! first     the same, seen from the program
//! server    connections, limits, the end
//! patience  a connection whose other side reads nothing
//! tls       for other computers
//! call      how `enamel console` asks a running agent for a link
//! ```
//!
//! Pages look (on threads, through the office), and leave orders on the agent's desk. They never run a command
//! themselves. This folder is the only asynchronous code of the program.

mod assets;
pub mod call;
mod door;
mod first;
mod office;
mod pages;
mod patience;
mod previews;
mod server;
pub mod settings;
mod setup;
mod tls;
mod view;

use std::sync::{Arc, Mutex};

use door::{Door, People, Role};
use pages::moments::Planned;
use previews::Previews;
use tokio::sync::watch;

use crate::agent::{CopyLook, Journal, Tonight};
use crate::context::Context;

pub use first::First;
pub use office::Office;
pub use server::{Console, Inside, Kept};
pub use setup::Next;

/// Everything that a page may ask.
pub struct House {
    /// Lets people in.
    door: Arc<Door>,
    /// Looks at the repository.
    office: Arc<Office>,
    /// Small pictures.
    previews: Previews,
    /// The orders of people.
    journal: Arc<Journal>,
    /// The removal that waits for the night.
    tonight: Arc<Tonight>,
    /// The last look at the second copy.
    copy_look: Arc<CopyLook>,
    /// The restore to a moment that was planned last.
    planned: Mutex<Option<Planned>>,
    /// Becomes true when the agent ends.
    ended: watch::Receiver<bool>,
}

/// There is nowhere to keep the socket and the list of people.
pub fn no_state_dir() -> engine::Error {
    engine::Error::new(engine::ErrorKind::Usage, "there is no folder for what this computer has seen")
        .with_hint("Name one with --state-dir, ENAMEL_STATE_DIR, or `state-dir` in enamel.toml.")
}

/// Whether this person may still order what only owners may: the agent's own user, or an owner with a password.
///
/// # Errors
/// The list of people cannot be read.
pub fn is_owner(context: &Context<'_>, repository: &str, name: &str) -> engine::Result<bool> {
    let state_dir = context.state_dir().ok_or_else(no_state_dir)?;
    let people = People::of(&state_dir, repository).list()?;
    Ok(setup::owner().name == name || people.iter().any(|person| person.name == name && person.role == Role::Owner))
}
