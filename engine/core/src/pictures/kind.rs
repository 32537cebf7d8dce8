//! Kinds of files, by their first bytes and by their names.

/// A kind of file that practices keep beside their database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// Windows bitmap.
    Bmp,
    /// GIF.
    Gif,
    /// TIFF.
    Tiff,
    /// DICOM.
    Dicom,
    /// PDF.
    Pdf,
    /// ZIP, or a document of an office program, which is one.
    Zip,
}

/// First bytes of each kind, and where they are.
const FIRST_BYTES: [(FileKind, usize, &[u8]); 11] = [
    (FileKind::Jpeg, 0, b"\xff\xd8\xff"),
    (FileKind::Png, 0, b"\x89PNG\r\n\x1a\n"),
    (FileKind::Bmp, 0, b"BM"),
    (FileKind::Gif, 0, b"GIF87a"),
    (FileKind::Gif, 0, b"GIF89a"),
    (FileKind::Tiff, 0, b"II*\0"),
    (FileKind::Tiff, 0, b"MM\0*"),
    (FileKind::Dicom, 128, b"DICM"),
    (FileKind::Pdf, 0, b"%PDF-"),
    (FileKind::Zip, 0, b"PK\x03\x04"),
    (FileKind::Zip, 0, b"PK\x05\x06"),
];

const ENDINGS: [(&str, FileKind); 16] = [
    ("jpg", FileKind::Jpeg),
    ("jpeg", FileKind::Jpeg),
    ("jfif", FileKind::Jpeg),
    ("png", FileKind::Png),
    ("bmp", FileKind::Bmp),
    ("dib", FileKind::Bmp),
    ("gif", FileKind::Gif),
    ("tif", FileKind::Tiff),
    ("tiff", FileKind::Tiff),
    ("dcm", FileKind::Dicom),
    ("dicom", FileKind::Dicom),
    ("pdf", FileKind::Pdf),
    ("zip", FileKind::Zip),
    ("docx", FileKind::Zip),
    ("xlsx", FileKind::Zip),
    ("pptx", FileKind::Zip),
];

impl FileKind {
    /// The kind that the first bytes of a file say.
    pub fn by_first_bytes(bytes: &[u8]) -> Option<Self> {
        let fits = |at: usize, first: &[u8]| bytes.get(at..).is_some_and(|rest| rest.starts_with(first));
        FIRST_BYTES.iter().find(|(_, at, first)| fits(*at, first)).map(|(kind, ..)| *kind)
    }

    /// The kind that the ending of a name says.
    pub fn by_name(name: &[u8]) -> Option<Self> {
        let at = name.iter().rposition(|byte| *byte == b'.')?;
        let ending = name.get(at + 1..)?.to_ascii_lowercase();
        ENDINGS.iter().find(|(known, _)| known.as_bytes() == ending).map(|(_, kind)| *kind)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            FileKind::Jpeg => "jpeg",
            FileKind::Png => "png",
            FileKind::Bmp => "bmp",
            FileKind::Gif => "gif",
            FileKind::Tiff => "tiff",
            FileKind::Dicom => "dicom",
            FileKind::Pdf => "pdf",
            FileKind::Zip => "zip",
        }
    }

    /// Whether it is a picture.
    pub fn is_picture(self) -> bool {
        !matches!(self, FileKind::Pdf | FileKind::Zip)
    }

    /// Whether a file that is named so may be of the kind `found`: programs save one kind of picture under the ending of
    /// another, and other programs open it all the same.
    pub fn may_be(self, found: FileKind) -> bool {
        let is_simple = |kind: FileKind| kind.is_picture() && kind != FileKind::Dicom;
        self == found || (is_simple(self) && is_simple(found))
    }
}
