//! Everything that several processes can do to one store, explored: every order of their operations, every answer
//! that gets lost, and every time at which a late put arrives.
//!
//! ```text
//!   process ----asks---> history ----request---> search ----performs---> stores
//!   (real code,          (what it was told       (every state once)      (contents, each once;
//!    on a thread)         so far: what next)                              the real store acts)
//! ```
//!
//! A process is real code that uses a [`Store`](engine::store::Store). It is deterministic: what it asks next follows
//! from what it has been told so far. So each **history** of answers is run once, alone, and then known. A state of the
//! whole is the contents of the store and a history for each process. The search walks through the states without
//! running anything again. A process that asks otherwise when it is told the same is reported: nothing could be said of
//! it.
//!
//! Steps that no other process can notice are not put in every order ([`Changes`]). Where there are too many states
//! still, those that need more than a few interruptions of a process can be left out.
//!
//! A crash needs no step of its own. A process that is never given another answer is one that has crashed, and what
//! must always hold is asked of every state, not of the last ones only.

mod history;
mod process;
mod reduction;
mod request;
mod search;
mod state;
mod trace;

pub use process::Process;
pub use reduction::{Change, Changes};
pub use request::{Answer, Request, pass};
pub use search::{Judge, Order, Report, Scenario, explore};
pub use trace::{Step, Violation};
