//! Opens pictures whole, within limits.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::error::{ImageError, LimitErrorKind};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::FileKind;

/// Pixels of a picture on one side: more than any sensor or scanner has.
const SIDE_MAX: u32 = 65_535;
/// Bytes that one picture may take when it is open, and as many besides for its decoder.
const OPEN_MAX: u64 = 512 << 20;

/// Why a picture cannot be looked at.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is damaged.
    Damaged(String),
    /// It needs more than the limits.
    TooLarge(String),
}

/// Decodes all pixels of a picture; of several pages or frames, those of the first. Kinds that are no pictures are not looked
/// into.
///
/// # Errors
/// [`Failure`].
pub(super) fn decode(kind: FileKind, bytes: &[u8]) -> Result<(), Failure> {
    format_of(kind).map_or(Ok(()), |format| open(format, bytes).map(drop))
}

/// Opens a picture.
///
/// # Errors
/// [`Failure`].
pub(super) fn open(format: ImageFormat, bytes: &[u8]) -> Result<DynamicImage, Failure> {
    // Nothing that the decoder was working on is used afterwards.
    let decoded = catch_unwind(AssertUnwindSafe(|| pixels(format, bytes)));
    decoded.unwrap_or_else(|_| Err(Failure::Damaged("its decoder fails".to_owned())))
}

/// The decoder for a kind; `None` of kinds that are no pictures, or that it does not know.
pub(super) fn format_of(kind: FileKind) -> Option<ImageFormat> {
    match kind {
        FileKind::Jpeg => Some(ImageFormat::Jpeg),
        FileKind::Png => Some(ImageFormat::Png),
        FileKind::Bmp => Some(ImageFormat::Bmp),
        FileKind::Gif => Some(ImageFormat::Gif),
        FileKind::Tiff => Some(ImageFormat::Tiff),
        FileKind::Dicom | FileKind::Pdf | FileKind::Zip => None,
    }
}

fn pixels(format: ImageFormat, bytes: &[u8]) -> Result<DynamicImage, Failure> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(OPEN_MAX);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(failure)?;
    let size = decoder.total_bytes();
    let (width, height) = decoder.dimensions();
    if size > OPEN_MAX {
        return Err(Failure::TooLarge(format!("it has {width} x {height} pixels, which take {} MB", size >> 20)));
    }
    DynamicImage::from_decoder(decoder).map_err(failure)
}

fn failure(error: ImageError) -> Failure {
    match error {
        ImageError::Limits(limits) => match limits.kind() {
            LimitErrorKind::DimensionError => Failure::TooLarge("it has too many pixels on a side".to_owned()),
            _ => Failure::TooLarge("it takes too much memory when it is open".to_owned()),
        },
        // Rare variants of a kind are no damage.
        ImageError::Unsupported(error) => {
            Failure::TooLarge(format!("it is of a variant that is not opened here: {error}"))
        }
        error => Failure::Damaged(error.to_string()),
    }
}
