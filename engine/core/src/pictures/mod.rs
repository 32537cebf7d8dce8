//! Pictures: whether a file is what its name says, and can be looked at.
//!
//! ```text
//! kind     what the first bytes say, and what the name says
//! decode   opens jpeg, png, bmp, gif and tiff whole, within limits
//! jpeg     whether a jpeg has its end: decoders fill in what is cut off
//! dicom    the structure of a DICOM file, and where its pixels are
//! preview  a small picture of one, as PNG
//! ```
//! Files are as hostile as anybody who could write beside the images. A decoder that panics is a picture that cannot be
//! looked at.

mod decode;
mod dicom;
mod jpeg;
mod kind;
mod preview;

pub use kind::FileKind;
pub use preview::preview;

/// Bytes of a file beyond which it is not opened.
pub const FILE_MAX: u64 = 512 << 20;

/// The result of looking at a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// It can be looked at; DICOM files have the structure that they should have.
    Good(FileKind),
    /// Nothing is known about files of its name, and its first bytes say nothing.
    Unknown,
    /// It has no bytes.
    Empty,
    /// Its first bytes are of another kind than its name says, or of none that is known.
    NotWhatItsNameSays(Option<FileKind>),
    /// It is cut off or damaged: why.
    Damaged(String),
    /// It is too large to be opened here: why.
    TooLarge(String),
}

/// Looks at a file of this name, whose contents are `bytes`.
pub fn look(name: &[u8], bytes: &[u8]) -> Look {
    let (named, found) = (FileKind::by_name(name), FileKind::by_first_bytes(bytes));
    match (named, found) {
        (Some(_), _) if bytes.is_empty() => Look::Empty,
        (None, None) => Look::Unknown,
        (Some(named), found) if found.is_none_or(|found| !named.may_be(found)) => Look::NotWhatItsNameSays(found),
        (_, Some(found)) => inside(found, bytes),
        (Some(_), None) => Look::NotWhatItsNameSays(None),
    }
}

/// Looks into a file of a known kind.
fn inside(kind: FileKind, bytes: &[u8]) -> Look {
    let checked = match kind {
        FileKind::Jpeg => jpeg::has_its_end(bytes).and_then(|()| decode::decode(kind, bytes)),
        FileKind::Dicom => dicom::check(bytes).map_err(decode::Failure::Damaged),
        _ => decode::decode(kind, bytes),
    };
    match checked {
        Ok(()) => Look::Good(kind),
        Err(decode::Failure::Damaged(why)) => Look::Damaged(why),
        Err(decode::Failure::TooLarge(why)) => Look::TooLarge(why),
    }
}

#[cfg(test)]
mod tests;
