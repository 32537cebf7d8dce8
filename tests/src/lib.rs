//! Empty: a package needs a library or a program. The tests are in `runner/`.
