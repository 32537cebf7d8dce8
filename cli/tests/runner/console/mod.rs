//! The console, as a browser sees it: pages, forms and what they leave behind.
//!
//! ```text
//! client  a console on a machine, and a browser that writes its requests as bytes
//! ```

mod actions;
mod client;
mod door;
mod find;
mod live;
mod moments;
mod network;
mod proof;
mod remove;
mod settings;
mod supplemental;
mod trouble;
mod work;
