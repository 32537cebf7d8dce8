//! What writers, deleters and forgetting can do to each other, explored: every order of their store operations, on the real code.
//!
//! [`scene`] is the repository that they work on and [`judge`] says what must hold; [`people`] are the processes. [`toys`] shows that the
//! explorer finds what is wrong, and counts right.

mod judge;
mod people;
mod scene;
mod toys;
mod writers;
