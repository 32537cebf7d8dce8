//! How files of a kind begin: what the name of a file promises, and whether its first bytes keep that.
//!
//! Sources: the specifications of the formats. Only kinds of which every program writes the same first bytes are here.

/// Bytes at the beginning of a file that are looked at.
pub const LOOKED_AT: usize = 1024;

/// How files of a kind begin.
struct Kind {
    /// Ends of their names, in lower case.
    names: &'static [&'static str],
    /// One of these stands at this place.
    at: usize,
    begins: &'static [&'static [u8]],
}

const KINDS: [Kind; 12] = [
    Kind { names: &["jpg", "jpeg", "jpe", "jfif"], at: 0, begins: &[b"\xff\xd8\xff"] },
    Kind { names: &["png"], at: 0, begins: &[b"\x89PNG\r\n\x1a\n"] },
    Kind { names: &["gif"], at: 0, begins: &[b"GIF87a", b"GIF89a"] },
    Kind { names: &["bmp", "dib"], at: 0, begins: &[b"BM"] },
    Kind { names: &["tif", "tiff"], at: 0, begins: &[b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"] },
    Kind { names: &["dcm", "dicom"], at: 128, begins: &[b"DICM"] },
    Kind {
        names: &["docx", "xlsx", "pptx", "odt", "ods", "zip", "jar"],
        at: 0,
        begins: &[b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"],
    },
    Kind {
        names: &["doc", "xls", "ppt", "msg"],
        at: 0,
        begins: &[b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"{\\rtf", b"PK\x03\x04"],
    },
    Kind { names: &["gz", "tgz"], at: 0, begins: &[b"\x1f\x8b"] },
    Kind { names: &["7z"], at: 0, begins: &[b"7z\xbc\xaf\x27\x1c"] },
    Kind { names: &["webp", "avi", "wav"], at: 0, begins: &[b"RIFF"] },
    Kind {
        names: &["mp4", "m4v", "mov", "heic"],
        at: 4,
        begins: &[b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"],
    },
];
/// Readers find this anywhere near the beginning.
const PDF: &[u8] = b"%PDF-";

/// Whether a file of this name begins as its name says; `None` if the name says nothing, or there is too little of the file to tell.
pub fn agree(name: &[u8], first: &[u8]) -> Option<bool> {
    let dot = name.iter().rposition(|byte| *byte == b'.')?;
    let end = name[dot + 1..].to_ascii_lowercase();
    if end == b"pdf" {
        return (!first.is_empty()).then(|| first.windows(PDF.len()).any(|part| part == PDF));
    }
    let kind = KINDS.iter().find(|kind| kind.names.iter().any(|name| name.as_bytes() == end))?;
    let there = first.get(kind.at..).filter(|there| !there.is_empty())?;
    Some(kind.begins.iter().any(|begin| there.starts_with(begin)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_begin_as_their_names_say() {
        let dicom = [&[0; 128][..], b"DICM", b"more"].concat();
        for (name, first) in [
            ("x.JPG", &b"\xff\xd8\xff\xe0 JFIF"[..]),
            ("x.png", b"\x89PNG\r\n\x1a\n"),
            ("x.tif", b"II*\0"),
            ("a.b.dcm", &dicom),
            ("x.pdf", b"junk before %PDF-1.7"),
            ("x.docx", b"PK\x03\x04"),
        ] {
            assert_eq!(agree(name.as_bytes(), first), Some(true), "{name}");
            assert_eq!(agree(name.as_bytes(), &[0x5a; 200]), Some(false), "{name}");
        }
    }

    #[test]
    fn nothing_is_said_of_other_names_and_of_empty_files() {
        for (name, first) in
            [("x.jpg", &b""[..]), ("x.dcm", b"short"), ("x.unknown", b"abc"), ("x", b"abc"), ("x.jpg.locked", b"abc")]
        {
            assert_eq!(agree(name.as_bytes(), first), None, "{name}");
        }
    }
}
