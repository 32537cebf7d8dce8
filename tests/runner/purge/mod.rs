//! Old rows out of a live database: only what is proven kept, whatever happens meanwhile.

mod deletion;
mod interruption;
mod listener;
mod planning;
mod practice;
mod receipts;
mod reclaim;
mod replicas;
mod tables;
