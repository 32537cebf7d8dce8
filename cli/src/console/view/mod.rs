//! Parts that all pages share: the frame, signs of states, numbers and times as people read them.

mod frame;
pub mod number;
pub mod time;
mod tone;
pub mod words;

pub use frame::{Frame, Tab};
pub use tone::{Mark, Tone};
