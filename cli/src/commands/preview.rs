//! `enamel preview`: a picture as a small PNG. The console runs it as a process of its own, because files are hostile.

use std::io::{Read, Write};

use engine::pictures::{FILE_MAX, preview};
use engine::{Error, ErrorKind, Result};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::exit::Exit;

/// Addresses that this process may ask for: the allocator reserves one GiB, and decoders have limits of their own.
const MEMORY_MAX: u64 = 4 << 30;
/// Seconds of a processor that it may use.
const SECONDS_MAX: u64 = 10;
/// The largest side of a preview, in pixels.
const SIDE_MAX: u32 = 4096;

/// Read a picture from standard input, and write a small one as PNG.
#[derive(Debug, clap::Args)]
pub struct PreviewArgs {
    /// The largest side, in pixels
    #[arg(long, default_value_t = 1600, value_parser = clap::value_parser!(u32).range(1..=i64::from(SIDE_MAX)))]
    side: u32,
}

/// Makes the preview. From here on this process opens no file and no connection.
///
/// # Errors
/// It is no picture, or a damaged one; the system refuses the limits.
pub fn run(args: &PreviewArgs) -> Result<Exit> {
    let limits =
        [(Resource::As, MEMORY_MAX), (Resource::Cpu, SECONDS_MAX), (Resource::Nofile, 3), (Resource::Fsize, 0)];
    for (resource, limit) in limits {
        let limit = Rlimit { current: Some(limit), maximum: Some(limit) };
        let refused = |error| Error::caused(ErrorKind::Io, "cannot limit this process", std::io::Error::from(error));
        setrlimit(resource, limit).map_err(refused)?;
    }
    let mut bytes = Vec::new();
    std::io::stdin()
        .take(FILE_MAX)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::io("cannot read the picture", error))?;
    let png = preview(&bytes, args.side).map_err(|why| Error::new(ErrorKind::Damaged, format!("no preview: {why}")))?;
    std::io::stdout().write_all(&png).map_err(|error| Error::io("cannot write the preview", error))?;
    Ok(Exit::Done)
}
