//! Pictures of each kind, whole, cut off and made to do harm.

use std::io::Cursor;

use image::{ImageFormat, RgbImage};

use super::*;

fn picture(format: ImageFormat) -> Vec<u8> {
    let byte = |n: u32| n.to_le_bytes()[0];
    let pixels = RgbImage::from_fn(97, 61, |x, y| image::Rgb([byte(x * 7), byte(y * 5), byte(x * y)]));
    let mut bytes = Vec::new();
    pixels.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
    bytes
}

const PICTURES: [(ImageFormat, &[u8], FileKind); 5] = [
    (ImageFormat::Jpeg, b"x.JPG", FileKind::Jpeg),
    (ImageFormat::Png, b"x.png", FileKind::Png),
    (ImageFormat::Bmp, b"x.bmp", FileKind::Bmp),
    (ImageFormat::Gif, b"x.gif", FileKind::Gif),
    (ImageFormat::Tiff, b"x.tiff", FileKind::Tiff),
];

fn element(tag: (u16, u16), kind: &[u8; 2], value: &[u8]) -> Vec<u8> {
    let mut bytes = [tag.0.to_le_bytes(), tag.1.to_le_bytes()].concat();
    bytes.extend(kind);
    if [b"OW", b"SQ"].contains(&kind) {
        bytes.extend([0; 2]);
        bytes.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
    } else {
        bytes.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
    }
    bytes.extend(value);
    bytes
}

fn dicom(pixels: usize) -> Vec<u8> {
    let short = |n: u16| n.to_le_bytes();
    let mut bytes = [&[0; 128][..], b"DICM"].concat();
    bytes.extend(element((2, 0x10), b"UI", b"1.2.840.10008.1.2.1\0"));
    let mut sequence = element((0x0008, 0x1140), b"SQ", b"");
    sequence.truncate(8);
    sequence.extend(u32::MAX.to_le_bytes());
    sequence.extend([0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff]);
    sequence.extend(element((0x0008, 0x1155), b"UI", b"1.2\0"));
    sequence.extend([0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0, 0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
    bytes.extend(sequence);
    for (tag, value) in [(0x0010, 20), (0x0011, 10), (0x0100, 16)] {
        bytes.extend(element((0x0028, tag), b"US", &short(value)));
    }
    bytes.extend(element((0x7fe0, 0x0010), b"OW", &vec![7; pixels]));
    bytes
}

#[test]
fn whole_pictures_are_good() {
    for (format, name, kind) in PICTURES {
        assert_eq!(look(name, &picture(format)), Look::Good(kind));
    }
    assert_eq!(look(b"x.dcm", &dicom(400)), Look::Good(FileKind::Dicom));
    assert_eq!(look(b"letter.pdf", b"%PDF-1.7 ..."), Look::Good(FileKind::Pdf));
    assert_eq!(look(b"notes.txt", b"whatever"), Look::Unknown);
    assert_eq!(look(b"notes.txt", b""), Look::Unknown, "some files are empty");
}

#[test]
fn pictures_that_are_cut_off_are_damaged_wherever_that_is() {
    for (format, name, kind) in PICTURES {
        let whole = picture(format);
        for part in 1..10 {
            let cut = &whole[..(whole.len() * part / 10).max(40)];
            assert!(matches!(look(name, cut), Look::Damaged(_)), "{kind:?} at {part}: {:?}", look(name, cut));
        }
    }
    let whole = dicom(400);
    for cut in [133, 150, 200, whole.len() - 1] {
        assert!(matches!(look(b"x.dcm", &whole[..cut]), Look::Damaged(_)), "{cut}");
    }
    assert!(matches!(look(b"x.dcm", &dicom(398)), Look::Damaged(_)), "two bytes of pixels are missing");
}

#[test]
fn a_file_is_empty_or_of_another_kind_than_its_name_says() {
    assert_eq!(look(b"x.jpg", b""), Look::Empty);
    assert_eq!(look(b"x.jpg", &[0; 100]), Look::NotWhatItsNameSays(None));
    assert_eq!(look(b"x.jpg", b"%PDF-1.4"), Look::NotWhatItsNameSays(Some(FileKind::Pdf)));
    // Viewers open that.
    assert_eq!(look(b"x.jpg", &picture(ImageFormat::Png)), Look::Good(FileKind::Png));
    assert_eq!(look(b"no ending", &picture(ImageFormat::Png)), Look::Good(FileKind::Png));
}

#[test]
fn a_picture_that_claims_to_be_huge_takes_no_memory() {
    let mut bmp = picture(ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&60_000u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&60_000u32.to_le_bytes());
    assert!(matches!(look(b"x.bmp", &bmp), Look::TooLarge(_) | Look::Damaged(_)));
    let mut png = picture(ImageFormat::Png);
    png[16..20].copy_from_slice(&0x7fff_ffffu32.to_be_bytes());
    assert!(matches!(look(b"x.png", &png), Look::TooLarge(_) | Look::Damaged(_)));
}

#[test]
fn changed_bytes_never_end_the_program() {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let pictures = PICTURES.map(|(format, name, _)| (name, picture(format)));
    for (name, whole) in pictures.into_iter().chain([(&b"x.dcm"[..], dicom(400))]) {
        for _ in 0..200 {
            let mut bytes = whole.clone();
            for _ in 0..=next(6) {
                let at = next(bytes.len());
                bytes[at] = [0, 1, 0x7f, 0x80, 0xff][next(5)];
            }
            look(name, &bytes);
        }
    }
}
