//! The console in a real browser: what people see, hear and do there, with a real practice on a real server.
//!
//! ```text
//! chromium  a browser without a window, over a pipe
//! page      what a person does in a page
//! office    the practice that these tests share
//! pages     each page: read by a machine, nothing from elsewhere, nothing too wide
//! keys      restoring and removing with the keyboard only, and without script
//! login     coming in by name and password
//! print     what is on paper
//! setup     the first start
//! demo      the practice that is made up: the moment before a mistake comes back
//! ```

mod chromium;
mod demo;
mod keys;
mod login;
mod office;
mod page;
mod pages;
mod print;
mod setup;
