//! The on-disk format of an Enamel repository: types and codecs, as `FORMAT.md` beside this crate defines them.
//!
//! No I/O, no clock, no threads, no randomness, and no cryptography except hashing: bytes in, values out, and back. Decoders
//! never panic, never allocate more than the bytes at hand justify, and refuse everything beyond [`limits`].
//!
//! Read in this order: [`id`], [`limits`], [`head`] (how every object begins), [`clear`] and [`sealed`] (the two
//! framings), then the objects: [`config`], [`member`], [`keyring`], [`pack`], [`segment`], [`node`], [`entry`],
//! [`manifest`], [`evidence`], [`lease`], [`condemned`], [`card`].

pub mod card;
pub mod cbor;
pub mod clear;
pub mod condemned;
pub mod config;
pub mod context;
pub mod database;
pub mod entry;
pub mod error;
pub mod evidence;
pub mod head;
pub mod hex;
pub mod id;
pub mod keyring;
mod kinds;
pub mod lease;
pub mod limits;
pub mod log;
pub mod manifest;
pub mod member;
pub mod node;
pub mod note;
pub mod pack;
mod reader;
pub mod sealed;
mod seen;
pub mod segment;
pub mod segments;

pub use error::{FormatError, Result};
