//! The bytes of a Parquet file, given to the library only where their Thrift structures claim no more than the file holds.
//!
//! The library skips what it does not know without a look at the end of the file: a few bytes that say "a list of 2^31 numbers" keep it busy for an
//! hour. So the footer and each page's header are walked through here first.
//! (Thrift compact protocol: <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>.)

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use crate::parquet_fields::{FILE, Fields, Holds, PAGE};

/// The file's last bytes: the length of the footer, and the magic.
const TAIL: u64 = 8;
/// Structures inside of structures; the library goes no deeper.
const MAX_DEPTH: usize = 64;
/// Bytes of a page when it is unpacked.
const MAX_PAGE: u64 = 256 << 20;
/// Bytes of a dictionary that are believed when its values are counted.
const MAX_DICTIONARY: u64 = 64 << 20;
/// Elements that take no bytes (booleans in lists, as the library reads them), in all.
const MAX_EMPTY: u64 = 1 << 16;

/// A file whose structures are looked at before the library reads them.
pub(crate) struct Pages(pub File);

impl Length for Pages {
    fn len(&self) -> u64 {
        Length::len(&self.0)
    }
}

/// Reads on from somewhere; the structure there is looked at before the first byte is given.
pub(crate) struct Looking {
    inner: BufReader<File>,
    /// Where it starts, while nothing was read.
    start: Option<u64>,
}

impl Looking {
    fn look(&mut self, start: u64) -> std::io::Result<()> {
        let file = self.inner.get_mut();
        let room = Length::len(&*file).saturating_sub(start);
        if room > TAIL {
            let claims = check(&mut BufReader::new(&mut *file), room, PAGE);
            claims
                .and_then(Claims::believe)
                .map_err(std::io::Error::other)?;
            file.seek(SeekFrom::Start(start))?;
        }
        Ok(())
    }
}

impl Read for Looking {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if let Some(start) = self.start {
            self.look(start)?;
            self.start = None;
        }
        self.inner.read(buffer)
    }
}

impl ChunkReader for Pages {
    type T = Looking;

    /// The library reads from here the tail, and headers of pages. It also asks for the start of pages' data, and then does not read.
    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(Looking {
            inner: self.0.get_read(start)?,
            start: Some(start),
        })
    }

    /// The library reads from here the footer, which ends at the tail, and the pages.
    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let room = self.len().saturating_sub(start);
        if length as u64 > room {
            return Err(damaged("a part of it is longer than the file"));
        }
        let bytes = self.0.get_bytes(start, length)?;
        if room == length as u64 + TAIL {
            check(&mut &bytes[..], length as u64, FILE)?;
        }
        Ok(bytes)
    }
}

fn damaged(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

/// What a page's header says of the page (parquet.thrift, PageHeader and DictionaryPageHeader).
#[derive(Default)]
struct Claims {
    bytes: u64,
    dictionary: u64,
}

impl Claims {
    /// The library makes room for all values of a dictionary before it looks whether they are there. They take two bytes each at least, but for
    /// types of one byte, which have few.
    fn believe(self) -> Result<()> {
        if self.bytes > MAX_PAGE || self.dictionary > (self.bytes.min(MAX_DICTIONARY) / 2).max(256)
        {
            return Err(damaged("a page of it claims to be too large"));
        }
        Ok(())
    }

    /// A number in a field, by the numbers of the fields that lead to it.
    fn take(&mut self, path: [i64; 2], value: u64) {
        // Signed numbers lie folded, the sign in the lowest bit; one below 0 claims nothing that is true.
        let value = if value & 1 == 1 { u64::MAX } else { value >> 1 };
        match path {
            [0, 2] => self.bytes = value,
            [7, 1] => self.dictionary = value,
            _ => {}
        }
    }
}

/// What is being walked through, and the fields of the structures there.
enum Level {
    Struct {
        last: i64,
        fields: Fields,
    },
    /// Elements of these types in turn (one for a list, key and value for a map), so many still to come.
    Elements {
        types: [u8; 2],
        left: u64,
        fields: Fields,
    },
}

/// Walks through one structure of these fields. Fails where it claims more than `room` bytes, is none, or has a known field of another type.
/// Gives what it says if it is a page's header.
fn check(reader: &mut impl Read, room: u64, fields: Fields) -> Result<Claims> {
    let mut input = Input {
        reader,
        room,
        empty: MAX_EMPTY,
    };
    let mut claims = Claims::default();
    let mut levels = vec![Level::Struct { last: 0, fields }];
    // The field of the outermost structure that is being walked through.
    let mut outer = 0;
    while let Some(level) = levels.last_mut() {
        let mut path = None;
        let mut holds = None;
        let kind = match level {
            Level::Struct { last, fields } => {
                let field = input.byte()?;
                // As the library takes it, whatever the upper half says.
                if field & 15 == 0 {
                    levels.pop();
                    continue;
                }
                // A number of its own where the step from the last field is not in the byte.
                *last = match field >> 4 {
                    0 => {
                        let folded = input.number()?;
                        i64::from(((folded >> 1) as i64 ^ -((folded & 1) as i64)) as i16)
                    }
                    step => last.wrapping_add(i64::from(step)),
                };
                let id = *last;
                let known = fields.iter().find(|(number, _)| *number == id);
                holds = known.map(|(_, holds)| *holds);
                path = match levels.len() {
                    1 => {
                        outer = id;
                        Some([0, id])
                    }
                    2 => Some([outer, id]),
                    _ => None,
                };
                field & 15
            }
            Level::Elements { left: 0, .. } => {
                levels.pop();
                continue;
            }
            Level::Elements {
                types,
                left,
                fields,
            } => {
                *left -= 1;
                if types[0] == 12 {
                    holds = Some(Holds::Struct(fields));
                }
                let kind = types[0];
                types.swap(0, 1);
                if kind == 1 || kind == 2 {
                    input.empty = input
                        .empty
                        .checked_sub(1)
                        .ok_or_else(|| damaged("a list in it is too long"))?;
                }
                kind
            }
        };
        if holds.is_some_and(|holds: Holds| !holds.is(kind)) {
            return Err(damaged("a field in it is of another type"));
        }
        if let (4..=6, Some(path)) = (kind, path) {
            claims.take(path, input.number()?);
            continue;
        }
        if let Some(inner) = value(&mut input, kind, holds)? {
            if levels.len() == MAX_DEPTH {
                return Err(damaged("its structures are nested too deeply"));
            }
            levels.push(inner);
        }
    }
    Ok(claims)
}

/// Walks over a value, or gives what is inside of it. `holds` is what it must hold, of a field that is known.
fn value<R: Read>(
    input: &mut Input<'_, R>,
    kind: u8,
    holds: Option<Holds>,
) -> Result<Option<Level>> {
    let fields = holds.map_or(&[][..], Holds::fields);
    match kind {
        1 | 2 => {}
        3 => drop(input.byte()?),
        4..=6 => drop(input.number()?),
        7 => input.skip(8)?,
        8 => {
            let length = input.number()?;
            input.skip(length)?;
        }
        9 | 10 => {
            let head = input.byte()?;
            let left = match head >> 4 {
                15 => input.number()?,
                few => u64::from(few),
            };
            let wanted = holds.and_then(Holds::element);
            if left > 0 && wanted.is_some_and(|wanted| wanted != head & 15) {
                return Err(damaged("a list in it is of another type"));
            }
            return Ok(Some(Level::Elements {
                types: [head & 15; 2],
                left,
                fields,
            }));
        }
        11 => {
            let pairs = input.number()?;
            if pairs > 0 {
                let head = input.byte()?;
                return Ok(Some(Level::Elements {
                    types: [head >> 4, head & 15],
                    left: pairs.saturating_mul(2),
                    fields,
                }));
            }
        }
        12 => return Ok(Some(Level::Struct { last: 0, fields })),
        13 => input.skip(16)?,
        _ => return Err(damaged("it holds a value of no known type")),
    }
    Ok(None)
}

struct Input<'a, R> {
    reader: &'a mut R,
    room: u64,
    empty: u64,
}

impl<R: Read> Input<'_, R> {
    fn take(&mut self, count: u64) -> Result<()> {
        let left = self.room.checked_sub(count);
        self.room = left.ok_or_else(|| damaged("it ends in the middle of a structure"))?;
        Ok(())
    }

    fn byte(&mut self) -> Result<u8> {
        self.take(1)?;
        let mut byte = [0];
        self.reader.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    /// A number of at most ten bytes, seven bits each, the lowest first.
    fn number(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Ok(value);
            }
        }
        Err(damaged("it holds a number that is too long"))
    }

    fn skip(&mut self, count: u64) -> Result<()> {
        self.take(count)?;
        std::io::copy(&mut self.reader.by_ref().take(count), &mut std::io::sink())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bytes: &[u8]) -> Result<()> {
        check(&mut &bytes[..], bytes.len() as u64, PAGE)?.believe()
    }

    #[test]
    fn known_fields_have_their_types_however_deep() {
        let footer = |bytes: &[u8]| check(&mut &bytes[..], bytes.len() as u64, FILE).map(drop);
        // Field 4, one row group; there field 1, one column; there field 3, its metadata; there field 12, statistics; there field 3, so many nulls.
        let nulls = |kind: u8| {
            [
                &[0x49, 0x1C, 0x19, 0x1C, 0x3C, 0xCC, 0x30 | kind, 2][..],
                &[0; 20],
            ]
            .concat()
        };
        footer(&nulls(6)).unwrap();
        for kind in (1..=13).filter(|kind| *kind != 6) {
            assert!(footer(&nulls(kind)).is_err(), "{kind}");
        }
        // Field 2 of that metadata: a list of one encoding.
        let encodings = |kind: u8| {
            [
                &[0x49, 0x1C, 0x19, 0x1C, 0x3C, 0x29, 0x10 | kind, 2][..],
                &[0; 20],
            ]
            .concat()
        };
        footer(&encodings(5)).unwrap();
        for kind in (1..=13).filter(|kind| *kind != 5) {
            assert!(footer(&encodings(kind)).is_err(), "{kind}");
        }
    }

    #[test]
    fn a_page_is_believed_as_far_as_its_bytes_go() {
        // Fields 1 to 3: type 2, so many bytes unpacked and packed; field 7: so many values.
        let header = |bytes: [u8; 2], values: [u8; 2]| {
            let [a, b] = bytes;
            let [c, d] = values;
            told(&[
                0x15, 4, 0x15, a, b, 0x15, 8, 0x4C, 0x15, c, d, 0x15, 0, 0, 0,
            ])
        };
        // 1,024 bytes, and 512 values; 513; and -1.
        header([0x80, 0x10], [0x80, 0x08]).unwrap();
        assert!(header([0x80, 0x10], [0x82, 0x08]).is_err());
        assert!(header([0x80, 0x10], [0x81, 0x00]).is_err());
        // The number of values as if it were a double.
        let double = [&[0x15, 4, 0x15, 2, 0x15, 2, 0x4C, 0x17][..], &[0; 10]].concat();
        assert!(told(&double).is_err());
        let huge = [0x15, 4, 0x15, 0xFE, 0xFF, 0xFF, 0xFF, 0x0F, 0];
        assert!(told(&huge).is_err());
    }

    #[test]
    fn structures_that_claim_no_more_than_is_there_pass() {
        // Field 1 an i32; fields that no page has: 11 a list of two i64, 12 a map of one text to true, 13 a structure with a double, 20 a byte.
        let inner: &[u8] = &[0x17, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let all = [
            &[
                0x15, 4, 0xA9, 0x26, 1, 2, 0x1B, 1, 0x81, 2, b'a', b'b', 0x1C,
            ][..],
            inner,
            &[0x03, 40, 7, 0][..],
        ]
        .concat();
        told(&all).unwrap();
        for end in 0..all.len() {
            assert!(told(&all[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn lists_of_what_is_not_there_are_refused_at_once() {
        let many = [0xFF, 0xFF, 0xFF, 0xFF, 0x07];
        let start = std::time::Instant::now();
        for kind in 1..=15u8 {
            for list in [0x19, 0x1A] {
                let bytes = [&[list, 0xF0 | kind][..], &many, &[0; 9]].concat();
                assert!(told(&bytes).is_err(), "a list of {kind}");
            }
            let map = [&[0x1B][..], &many, &[kind << 4 | kind], &[0; 9]].concat();
            assert!(told(&map).is_err(), "a map of {kind}");
        }
        // Lists of lists of booleans, which take no bytes.
        let deep = [
            &[0x19, 0xF9][..],
            &many,
            &[0xF1, 0xFF, 0xFF, 0xFF, 0xFF, 0x07].repeat(500),
        ]
        .concat();
        assert!(told(&deep).is_err());
        let nested = [0x1C].repeat(1_000);
        assert!(told(&nested).is_err());
        assert!(start.elapsed() < std::time::Duration::from_secs(1));
    }
}
