//! A small picture of a picture, as PNG: also of kinds that browsers do not show.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageFormat, RgbImage};

use super::decode::{self, Failure};
use super::dicom::{self, Image, Pixels};
use super::kind::FileKind;

/// A PNG of at most `side` pixels on each side. It shows the first of several pages or frames.
///
/// # Errors
/// Why there is none, in words: it is no picture, damaged, too large, or of a variant that is not opened here.
pub fn preview(bytes: &[u8], side: u32) -> Result<Vec<u8>, String> {
    let kind = FileKind::by_first_bytes(bytes).ok_or("it is no picture")?;
    let picture = match (kind, decode::format_of(kind)) {
        (_, Some(format)) => opened(format, bytes)?,
        (FileKind::Dicom, None) => of_dicom(bytes)?,
        _ => return Err("it is no picture".to_owned()),
    };
    let is_small = picture.width() <= side && picture.height() <= side;
    let small = if is_small { picture } else { picture.thumbnail(side, side) };
    // PNG has neither CMYK nor floating point.
    let small = match small {
        DynamicImage::ImageLuma8(_) | DynamicImage::ImageRgb8(_) | DynamicImage::ImageRgba8(_) => small,
        DynamicImage::ImageLuma16(_) => DynamicImage::ImageLuma8(small.to_luma8()),
        _ => DynamicImage::ImageRgba8(small.to_rgba8()),
    };
    let mut png = Cursor::new(Vec::new());
    small.write_to(&mut png, ImageFormat::Png).map_err(|error| error.to_string())?;
    Ok(png.into_inner())
}

fn opened(format: ImageFormat, bytes: &[u8]) -> Result<DynamicImage, String> {
    decode::open(format, bytes).map_err(|failure| match failure {
        Failure::Damaged(why) => format!("it is damaged: {why}"),
        Failure::TooLarge(why) => why,
    })
}

fn of_dicom(bytes: &[u8]) -> Result<DynamicImage, String> {
    match dicom::pixels(bytes)? {
        None => Err("it has no pixels that can be opened here".to_owned()),
        Some(Pixels::Plain(pixels, image)) => {
            plain(pixels, &image).ok_or_else(|| "its pixels are of a kind that is not opened here".to_owned())
        }
        Some(Pixels::Fragments(fragments)) => {
            // The first one is a table of places.
            let frame = fragments.get(1).copied().unwrap_or_default();
            match FileKind::by_first_bytes(frame) {
                Some(FileKind::Jpeg) => opened(ImageFormat::Jpeg, frame),
                _ => Err("its pixels are compressed in a way that is not opened here".to_owned()),
            }
        }
    }
}

/// The first frame of pixels that are not compressed: 8 or 16 bits of grey, or 8 bits of each colour.
fn plain(pixels: &[u8], image: &Image) -> Option<DynamicImage> {
    let (width, height) = (u32::try_from(image.columns?).ok()?, u32::try_from(image.rows?).ok()?);
    let count = usize::try_from(u64::from(width) * u64::from(height)).ok()?;
    match (image.samples.unwrap_or(1), image.bits?) {
        (1, 8) => grey(width, height, image, pixels.get(..count)?.iter().map(|pixel| u16::from(*pixel))),
        (1, 16) => {
            let pairs = pixels.get(..count.checked_mul(2)?)?.chunks_exact(2);
            grey(width, height, image, pairs.map(|pair| u16::from_le_bytes([pair[0], pair[1]])))
        }
        (3, 8) => {
            let colours = pixels.get(..count.checked_mul(3)?)?.to_vec();
            RgbImage::from_raw(width, height, colours).map(DynamicImage::ImageRgb8)
        }
        _ => None,
    }
}

/// Grey pixels, spread over all shades from the darkest to the lightest that occur.
fn grey(width: u32, height: u32, image: &Image, pixels: impl Iterator<Item = u16> + Clone) -> Option<DynamicImage> {
    let mask = match image.bits_used {
        Some(bits @ 1..16) => (1_u16 << bits) - 1,
        _ => u16::MAX,
    };
    let used = pixels.map(move |pixel| pixel & mask);
    let (darkest, lightest) = used.clone().fold((u16::MAX, 0), |(low, high), pixel| (low.min(pixel), high.max(pixel)));
    let span = u32::from(lightest.saturating_sub(darkest)).max(1);
    let shade = |pixel: u16| {
        let shade = u8::try_from(u32::from(pixel - darkest) * 255 / span).unwrap_or(u8::MAX);
        if image.is_inverse { 255 - shade } else { shade }
    };
    GrayImage::from_raw(width, height, used.map(shade).collect()).map(DynamicImage::ImageLuma8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: (u16, u16), kind: &[u8; 2], value: &[u8]) -> Vec<u8> {
        let mut bytes = [tag.0.to_le_bytes(), tag.1.to_le_bytes()].concat();
        bytes.extend(kind);
        if matches!(kind, b"OW" | b"OB") {
            bytes.extend([0, 0]);
            bytes.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
        } else {
            bytes.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
        }
        bytes.extend(value);
        bytes
    }

    fn dicom(photometric: &[u8], bits: u16, pixels: &[u8]) -> Vec<u8> {
        let short = |value: u16| value.to_le_bytes();
        let mut bytes = vec![0; 128];
        bytes.extend(b"DICM");
        bytes.extend(element((2, 0x10), b"UI", b"1.2.840.10008.1.2.1\0"));
        bytes.extend(element((0x28, 2), b"US", &short(1)));
        bytes.extend(element((0x28, 4), b"CS", photometric));
        bytes.extend(element((0x28, 0x10), b"US", &short(1)));
        bytes.extend(element((0x28, 0x11), b"US", &short(3)));
        bytes.extend(element((0x28, 0x100), b"US", &short(bits)));
        bytes.extend(element((0x28, 0x101), b"US", &short(if bits == 16 { 12 } else { 8 })));
        bytes.extend(element((0x7fe0, 0x10), b"OW", pixels));
        bytes
    }

    fn shades(png: &[u8]) -> Vec<u8> {
        image::load_from_memory(png).unwrap().to_luma8().into_raw()
    }

    #[test]
    fn an_x_ray_is_spread_over_all_shades_and_turned_where_zero_is_white() {
        // Twelve bits of each are used; the four above are an overlay.
        let pixels = [0xf100_u16, 0x0180, 0x0200].map(u16::to_le_bytes).concat();
        assert_eq!(shades(&preview(&dicom(b"MONOCHROME2 ", 16, &pixels), 100).unwrap()), [0, 127, 255]);
        assert_eq!(shades(&preview(&dicom(b"MONOCHROME1 ", 16, &pixels), 100).unwrap()), [255, 128, 0]);
        assert_eq!(shades(&preview(&dicom(b"MONOCHROME2 ", 8, &[7, 7, 9, 0]), 100).unwrap()), [0, 0, 255]);
    }

    #[test]
    fn a_preview_is_no_larger_than_asked() {
        let wide = DynamicImage::ImageRgb8(RgbImage::from_pixel(400, 100, image::Rgb([9, 8, 7])));
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Gif, ImageFormat::Tiff] {
            let mut bytes = Cursor::new(Vec::new());
            wide.write_to(&mut bytes, format).unwrap();
            let small = image::load_from_memory(&preview(bytes.get_ref(), 40).unwrap()).unwrap();
            assert_eq!((small.width(), small.height()), (40, 10), "{format:?}");
        }
    }

    #[test]
    fn something_else_has_no_preview() {
        assert_eq!(preview(b"%PDF-1.7", 40).unwrap_err(), "it is no picture");
        assert_eq!(preview(b"", 40).unwrap_err(), "it is no picture");
        assert!(preview(b"\xff\xd8\xff\xe0garbage", 40).is_err());
        let mut cut = dicom(b"MONOCHROME2 ", 16, &[1, 2, 3, 4, 5, 6]);
        cut.truncate(cut.len() - 1);
        assert!(preview(&cut, 40).unwrap_err().contains("cut off"));
    }
}
