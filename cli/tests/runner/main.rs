//! Tests of the `enamel` binary, as a user runs it: every command, every exit status, all output forms.
//!
//! Each test has its own home, cache, key file and repository, and an environment that holds nothing else.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod accept;
mod agent;
mod append_only;
mod backup;
mod binlog;
mod console;
mod copy;
mod database;
mod demo;
mod documents;
mod drill;
mod drill_trouble;
mod exclusive;
mod exec;
mod first_run;
mod forget;
mod harness;
mod help;
mod histories;
mod hold;
mod hooks;
mod hostile_storage;
mod interrupt;
mod json;
mod kept;
mod key;
mod losses;
mod messages;
mod newest;
mod notify;
mod object_storage;
#[cfg(target_os = "linux")]
mod package;
mod parts;
mod practice;
mod prune;
mod purge;
mod purge_attachments;
mod purge_history;
mod read;
mod repair;
mod restore;
mod restore_database;
mod schedule;
mod secrets;
mod settings;
mod setup;
mod status;
mod supplemental;
mod supplemental_story;
#[cfg(target_os = "linux")]
mod terminal;
mod verify;
