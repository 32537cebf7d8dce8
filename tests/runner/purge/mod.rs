//! Old rows out of a live database: only what is proven kept, whatever happens meanwhile.

mod attachments;
mod deletion;
mod interruption;
mod mail;
mod planning;
pub mod practice;
mod receipts;
mod reclaim;
mod replicas;
mod sealing;
mod tables;
