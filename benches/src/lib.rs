//! Empty: a package needs a library or a program. The measurements are in `compare/`.
