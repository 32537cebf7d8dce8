//! The structure of a DICOM file: its elements follow each other up to the pixels, and the pixels are all there. Only
//! little-endian files without compression of the whole are looked into; the head of the others is.

const PREAMBLE: usize = 132;
const IMPLICIT: &[u8] = b"1.2.840.10008.1.2";
const DEFLATED: &[u8] = b"1.2.840.10008.1.2.1.99";
const BIG_ENDIAN: &[u8] = b"1.2.840.10008.1.2.2";
const SYNTAX: (u16, u16) = (0x0002, 0x0010);
const PIXELS: (u16, u16) = (0x7fe0, 0x0010);
const ITEM: (u16, u16) = (0xfffe, 0xe000);
const ITEM_END: (u16, u16) = (0xfffe, 0xe00d);
const SEQUENCE_END: (u16, u16) = (0xfffe, 0xe0dd);
const UNDEFINED: u32 = u32::MAX;
/// Sequences within one another.
const DEPTH_MAX: u8 = 16;
/// Values whose length has four bytes after two that are reserved.
const LONG: [&[u8; 2]; 13] =
    [b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"];

/// Checks the structure.
///
/// # Errors
/// A fault of a file.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    pixels(bytes).map(drop)
}

/// Where the pixels are.
pub(super) enum Pixels<'b> {
    /// One after the other, as the image says.
    Plain(&'b [u8], Image),
    /// Compressed, each frame in one fragment or more; the first one is a table.
    Fragments(Vec<&'b [u8]>),
}

/// The pixels; `None` of a report, and of files that are not looked into.
///
/// # Errors
/// A fault of a file.
pub(super) fn pixels(bytes: &[u8]) -> Result<Option<Pixels<'_>>, String> {
    let mut head = Walk { bytes, at: PREAMBLE, is_explicit: true };
    let mut syntax: &[u8] = b"";
    while head.peek().is_some_and(|tag| tag.0 == 2) {
        let element = head.element()?;
        let value = head.value(&element)?;
        if element.tag == SYNTAX {
            syntax = value;
        }
    }
    let end = syntax.iter().rposition(|byte| !matches!(byte, 0 | b' ')).map_or(0, |last| last + 1);
    let syntax = &syntax[..end];
    if syntax.is_empty() {
        return Err("its head does not say how it is encoded".to_owned());
    }
    if syntax == DEFLATED || syntax == BIG_ENDIAN {
        return Ok(None);
    }
    Walk { is_explicit: syntax != IMPLICIT, ..head }.dataset()
}

struct Element {
    tag: (u16, u16),
    length: u32,
    /// Whether it may be a sequence.
    is_sequence: bool,
}

#[derive(Clone, Copy)]
struct Walk<'b> {
    bytes: &'b [u8],
    at: usize,
    /// Whether elements say what their values are.
    is_explicit: bool,
}

impl<'b> Walk<'b> {
    fn dataset(mut self) -> Result<Option<Pixels<'b>>, String> {
        let mut image = Image::default();
        while self.at < self.bytes.len() {
            let element = self.element()?;
            if element.tag == PIXELS {
                return self.pixels(&element, image).map(Some);
            }
            if element.length == UNDEFINED {
                self.sequence(DEPTH_MAX)?;
            } else {
                let value = self.value(&element)?;
                image.learn(element.tag, value);
            }
        }
        // A report has no pixels.
        Ok(None)
    }

    /// The pixels: as many as the image says, or fragments up to their end.
    fn pixels(&mut self, element: &Element, image: Image) -> Result<Pixels<'b>, String> {
        if element.length == UNDEFINED {
            return self.fragments().map(Pixels::Fragments);
        }
        let bytes = self.value(element)?;
        let there = bytes.len() as u64;
        match image.bytes() {
            Some(wanted) if there < wanted => Err(format!("its pixels take {wanted} bytes, and {there} are there")),
            _ => Ok(Pixels::Plain(bytes, image)),
        }
    }

    fn fragments(&mut self) -> Result<Vec<&'b [u8]>, String> {
        let mut fragments = Vec::new();
        loop {
            let tag = self.tag()?;
            let length = self.u32()?;
            match tag {
                SEQUENCE_END => return Ok(fragments),
                ITEM => fragments.push(self.take(length)?),
                _ => return Err("something else stands among the fragments of its picture".to_owned()),
            }
        }
    }

    /// A sequence without a length, up to its end.
    fn sequence(&mut self, depth: u8) -> Result<(), String> {
        let deeper = depth.checked_sub(1).ok_or("its sequences are nested too deep")?;
        loop {
            let tag = self.tag()?;
            let length = self.u32()?;
            match (tag, length) {
                (SEQUENCE_END, _) => return Ok(()),
                (ITEM, UNDEFINED) => self.item(deeper)?,
                (ITEM, _) => {
                    self.take(length)?;
                }
                _ => return Err("something else stands among the items of a sequence".to_owned()),
            }
        }
    }

    fn item(&mut self, depth: u8) -> Result<(), String> {
        loop {
            if self.peek() == Some(ITEM_END) {
                self.take(8)?;
                return Ok(());
            }
            let element = self.element()?;
            if element.length == UNDEFINED {
                if !element.is_sequence {
                    return Err("a value has no end".to_owned());
                }
                self.sequence(depth)?;
            } else {
                self.value(&element)?;
            }
        }
    }

    fn peek(&self) -> Option<(u16, u16)> {
        let mut ahead = *self;
        ahead.tag().ok()
    }

    fn tag(&mut self) -> Result<(u16, u16), String> {
        Ok((self.u16()?, self.u16()?))
    }

    fn element(&mut self) -> Result<Element, String> {
        let tag = self.tag()?;
        if !self.is_explicit {
            return Ok(Element { tag, length: self.u32()?, is_sequence: true });
        }
        let kind = self.take(2)?;
        let is_sequence = kind == b"SQ" || kind == b"UN";
        let length = if LONG.iter().any(|long| long.as_slice() == kind) {
            self.take(2)?;
            self.u32()?
        } else {
            self.u16()?.into()
        };
        Ok(Element { tag, length, is_sequence })
    }

    fn value(&mut self, element: &Element) -> Result<&'b [u8], String> {
        self.take(element.length)
    }

    fn u16(&mut self) -> Result<u16, String> {
        let bytes = self.take(2)?;
        Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    fn u32(&mut self) -> Result<u32, String> {
        Ok(u32::from(self.u16()?) | u32::from(self.u16()?) << 16)
    }

    fn take(&mut self, length: u32) -> Result<&'b [u8], String> {
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or_else(|| format!("it is cut off: something at byte {} ends behind its end", self.at))?;
        self.at += taken.len();
        Ok(taken)
    }
}

/// The elements that say how many bytes the pixels take, and what they mean.
#[derive(Default)]
pub(super) struct Image {
    pub(super) rows: Option<u64>,
    pub(super) columns: Option<u64>,
    pub(super) samples: Option<u64>,
    /// Bits that each sample takes.
    pub(super) bits: Option<u64>,
    /// Bits of it that are used.
    pub(super) bits_used: Option<u64>,
    frames: Option<u64>,
    /// Whether zero is white.
    pub(super) is_inverse: bool,
}

impl Image {
    fn learn(&mut self, tag: (u16, u16), value: &[u8]) {
        let short = || value.first_chunk().map(|bytes: &[u8; 2]| u64::from(u16::from_le_bytes(*bytes)));
        match tag {
            (0x0028, 0x0002) => self.samples = short(),
            (0x0028, 0x0008) => self.frames = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse().ok()),
            (0x0028, 0x0010) => self.rows = short(),
            (0x0028, 0x0011) => self.columns = short(),
            (0x0028, 0x0100) => self.bits = short(),
            (0x0028, 0x0101) => self.bits_used = short(),
            (0x0028, 0x0004) => self.is_inverse = value.starts_with(b"MONOCHROME1"),
            _ => {}
        }
    }

    fn bytes(&self) -> Option<u64> {
        let pixels = self.rows?.checked_mul(self.columns?)?.checked_mul(self.samples.unwrap_or(1))?;
        let bits = pixels.checked_mul(self.bits?)?.checked_mul(self.frames.unwrap_or(1))?;
        Some(bits.div_ceil(8))
    }
}
