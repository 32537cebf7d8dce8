//! Old rows out of a live database: only what is proven kept, whatever happens meanwhile.

mod attachments;
mod deletion;
mod mail;
mod planning;
mod practice;
