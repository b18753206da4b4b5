//! npy: a magic, a version, a Python dict in a line of text that tells type, order and shape, and the array's bytes.

use crate::infer::Sampled;
use crate::limits::{MAX_DIMENSION, MAX_NPY_HEADER_BYTES, batch_rows};
use crate::matrix::{BlockReader, sample_rows, sampled};
use crate::reject::Rejected;
use crate::source::SourceFile;
use crate::{Error, Result};

pub(crate) const MAGIC: &[u8] = b"\x93NUMPY";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    F16,
    F32,
    F64,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
}

impl Element {
    fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::F16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::F16 => "float16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::I8 => "int8",
            Self::U8 => "uint8",
            Self::I16 => "int16",
            Self::U16 => "uint16",
            Self::I32 => "int32",
            Self::U32 => "uint32",
            Self::I64 => "int64",
            Self::U64 => "uint64",
        }
    }

    /// Appends the numbers of `bytes` as 32-bit floats, rounded to nearest.
    fn decode(self, big: bool, bytes: &[u8], out: &mut Vec<f32>) {
        macro_rules! each {
            ($ty:ty, $to:expr) => {
                out.extend(bytes.chunks_exact(size_of::<$ty>()).filter_map(|b| {
                    let b = b.try_into().ok()?;
                    let value = if big {
                        <$ty>::from_be_bytes(b)
                    } else {
                        <$ty>::from_le_bytes(b)
                    };
                    Some($to(value))
                }))
            };
        }
        match self {
            Self::F16 => each!(half::f16, half::f16::to_f32),
            Self::F32 => each!(f32, |x| x),
            Self::F64 => each!(f64, |x| x as f32),
            Self::I8 => each!(i8, f32::from),
            Self::U8 => each!(u8, f32::from),
            Self::I16 => each!(i16, f32::from),
            Self::U16 => each!(u16, f32::from),
            Self::I32 => each!(i32, |x| x as f32),
            Self::U32 => each!(u32, |x| x as f32),
            Self::I64 => each!(i64, |x| x as f32),
            Self::U64 => each!(u64, |x| x as f32),
        }
    }
}

/// The header's dict.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    element: Element,
    big: bool,
    fortran: bool,
    shape: Vec<u64>,
}

/// A cursor over the dict: the subset of Python literals that NumPy writes.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn eat(&mut self, token: &str) -> bool {
        self.0 = self.0.trim_start();
        match self.0.strip_prefix(token) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn string(&mut self) -> Option<&'a str> {
        self.0 = self.0.trim_start();
        let quote = self.0.chars().next().filter(|c| *c == '\'' || *c == '"')?;
        let rest = self.0.get(1..)?;
        let end = rest.find(quote)?;
        self.0 = rest.get(end + 1..)?;
        rest.get(..end)
    }

    fn number(&mut self) -> Option<u64> {
        self.0 = self.0.trim_start();
        let end = self
            .0
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(self.0.len());
        let value = self.0.get(..end)?.parse().ok()?;
        self.0 = self.0.get(end..)?;
        self.eat("L"); // Python 2 wrote long integers so.
        Some(value)
    }
}

fn parse_header(text: &str) -> Result<Header, String> {
    let mut at = Cursor(text);
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    if !at.eat("{") {
        return Err("the header is no dict".into());
    }
    while !at.eat("}") {
        let key = at
            .string()
            .ok_or("the header has a key that is no string")?;
        if !at.eat(":") {
            return Err("the header lacks a colon".into());
        }
        match key {
            "descr" => {
                at.0 = at.0.trim_start();
                if at.0.starts_with('[') {
                    return Err("the array holds records (a structured type), not numbers".into());
                }
                descr = Some(at.string().ok_or("the header's descr is no string")?);
            }
            "fortran_order" => {
                fortran = Some(if at.eat("True") {
                    true
                } else if at.eat("False") {
                    false
                } else {
                    return Err("the header's fortran_order is neither True nor False".into());
                });
            }
            "shape" => {
                if !at.eat("(") {
                    return Err("the header's shape is no tuple".into());
                }
                let mut sizes = Vec::new();
                while !at.eat(")") {
                    sizes.push(
                        at.number()
                            .ok_or("the header's shape holds something that is no size")?,
                    );
                    if !at.eat(",") && !at.0.trim_start().starts_with(')') {
                        return Err("the header's shape lacks a comma".into());
                    }
                }
                shape = Some(sizes);
            }
            other => return Err(format!("the header has an unknown key {other:?}")),
        }
        if !at.eat(",") && !at.0.trim_start().starts_with('}') {
            return Err("the header lacks a comma".into());
        }
    }
    let descr = descr.ok_or("the header lacks descr")?;
    let (order, name) = descr
        .split_at_checked(1)
        .ok_or("the header's descr is empty")?;
    let big = match order {
        "<" | "|" => false,
        ">" => true,
        "=" => cfg!(target_endian = "big"),
        _ => return Err(format!("the type {descr:?} is not readable")),
    };
    let element = match name {
        "f2" => Element::F16,
        "f4" => Element::F32,
        "f8" => Element::F64,
        "i1" => Element::I8,
        "u1" => Element::U8,
        "i2" => Element::I16,
        "u2" => Element::U16,
        "i4" => Element::I32,
        "u4" => Element::U32,
        "i8" => Element::I64,
        "u8" => Element::U64,
        _ if name.starts_with('O') => {
            return Err("the array holds Python objects (pickle), which are never loaded because they can run code".into());
        }
        _ => {
            return Err(format!(
                "arrays of type {descr:?} are not readable; numbers are"
            ));
        }
    };
    Ok(Header {
        element,
        big,
        fortran: fortran.ok_or("the header lacks fortran_order")?,
        shape: shape.ok_or("the header lacks shape")?,
    })
}

pub(crate) struct Npy {
    source: SourceFile,
    header: Header,
    data: u64,
    rows: u64,
    dimension: usize,
    row: u64,
    bytes: Vec<u8>,
}

impl Npy {
    pub fn open(mut source: SourceFile) -> Result<Self> {
        let path = source.path().to_owned();
        let bad = |what: String| Error::invalid(&path, what);
        let head = source.head(12)?;
        let major = head
            .get(6)
            .copied()
            .filter(|_| head.starts_with(MAGIC))
            .ok_or_else(|| bad("no npy file".into()))?;
        let (start, length) = match (major, head.get(8..10), head.get(8..12)) {
            (1, Some(&[a, b]), _) => (10usize, u32::from(u16::from_le_bytes([a, b]))),
            (2 | 3, _, Some(&[a, b, c, d])) => (12, u32::from_le_bytes([a, b, c, d])),
            (1..=3, ..) => return Err(bad("the file ends inside its header".into())),
            _ => return Err(bad(format!("npy version {major} is unknown"))),
        };
        let length = length as usize;
        if length > MAX_NPY_HEADER_BYTES {
            return Err(Error::limit(
                &path,
                format!("a header of {length} bytes; at most {MAX_NPY_HEADER_BYTES} are possible"),
            ));
        }
        let head = source.head(start + length)?;
        let text = head
            .get(start..start + length)
            .ok_or_else(|| bad("the file ends inside its header".into()))?;
        let text = std::str::from_utf8(text).map_err(|_| bad("the header is not text".into()))?;
        let header = parse_header(text).map_err(|what| {
            Error::unsupported(&path, what, "Save the vectors as a 2-D array of numbers: np.save(path, array.astype(np.float32)).")
        })?;
        let &[rows, dimension] = header.shape.as_slice() else {
            let shape: Vec<String> = header.shape.iter().map(u64::to_string).collect();
            return Err(Error::no_vector(
                &path,
                format!(
                    "the array's shape is ({}); rows x dimension is needed",
                    shape.join(", ")
                ),
            ));
        };
        // The sizes are believed only once the file is known to be that long.
        let wanted = rows
            .checked_mul(dimension)
            .and_then(|n| n.checked_mul(header.element.size() as u64));
        let data = (start + length) as u64;
        let there = source.len().saturating_sub(data);
        match wanted {
            None => {
                return Err(bad(format!(
                    "the header says {rows} x {dimension} values, more than any file can hold"
                )));
            }
            Some(wanted) if wanted > there => {
                return Err(bad(format!(
                    "the header says {rows} x {dimension} values ({wanted} bytes) and only {there} bytes follow"
                )));
            }
            Some(wanted) if wanted < there => {
                return Err(bad(format!(
                    "{} bytes follow after the {rows} x {dimension} array; one array a file is readable",
                    there - wanted
                )));
            }
            Some(_) => {}
        }
        if dimension == 0 {
            return Err(Error::no_vector(
                &path,
                format!("the array's shape is ({rows}, 0): its vectors have 0 dimensions"),
            ));
        }
        if rows == 0 {
            return Err(Error::empty(
                &path,
                format!("the array's shape is (0, {dimension})"),
            ));
        }
        let dimension = usize::try_from(dimension)
            .ok()
            .filter(|d| *d <= MAX_DIMENSION)
            .ok_or_else(|| {
                Error::limit(
                    &path,
                    format!(
                        "vectors of {dimension} dimensions; at most {MAX_DIMENSION} are possible"
                    ),
                )
            })?;
        Ok(Self {
            source,
            header,
            data,
            rows,
            dimension,
            row: 0,
            bytes: Vec::new(),
        })
    }

    pub fn sample(mut self) -> Result<(Sampled, u64)> {
        let mut vectors = Vec::new();
        self.read_rows(sample_rows(self.dimension), &mut vectors)?;
        let order = match (self.header.fortran, self.header.big) {
            (false, false) => "",
            (true, false) => ", Fortran order",
            (false, true) => ", big-endian",
            (true, true) => ", Fortran order, big-endian",
        };
        Ok((
            sampled(
                format!("{}{order}", self.header.element.name()),
                self.dimension,
                vectors,
            ),
            self.rows,
        ))
    }

    /// Appends the next rows, `limit` at most, and returns how many.
    fn read_rows(&mut self, limit: usize, out: &mut Vec<f32>) -> Result<usize> {
        let rows = usize::try_from(self.rows - self.row)
            .unwrap_or(usize::MAX)
            .min(limit);
        let size = self.header.element.size();
        let (start, values) = (out.len(), rows * self.dimension);
        if rows == 0 {
            return Ok(0);
        }
        if self.header.fortran {
            // Column by column: the piece of each column that these rows have, scattered over the rows.
            out.resize(start + values, 0.0);
            self.bytes.resize(rows * size, 0);
            let mut column = Vec::with_capacity(rows);
            for index in 0..self.dimension {
                self.source
                    .seek(self.data + (index as u64 * self.rows + self.row) * size as u64)?;
                self.source.read_exact(&mut self.bytes)?;
                column.clear();
                self.header
                    .element
                    .decode(self.header.big, &self.bytes, &mut column);
                let cells = out
                    .get_mut(start + index..)
                    .unwrap_or_default()
                    .iter_mut()
                    .step_by(self.dimension);
                cells.zip(&column).for_each(|(cell, value)| *cell = *value);
            }
        } else {
            self.source
                .seek(self.data + self.row * self.dimension as u64 * size as u64)?;
            if cfg!(target_endian = "little")
                && self.header.element == Element::F32
                && !self.header.big
            {
                out.resize(start + values, 0.0);
                self.source.read_exact(bytemuck::cast_slice_mut(
                    out.get_mut(start..).unwrap_or_default(),
                ))?;
            } else {
                self.bytes.resize(values * size, 0);
                self.source.read_exact(&mut self.bytes)?;
                self.header
                    .element
                    .decode(self.header.big, &self.bytes, out);
            }
        }
        self.row += rows as u64;
        Ok(rows)
    }
}

impl BlockReader for Npy {
    fn dimension(&self) -> usize {
        self.dimension
    }

    fn rows_total(&self) -> Option<u64> {
        Some(self.rows)
    }

    fn source(&self) -> &SourceFile {
        &self.source
    }

    fn bytes_read(&self) -> u64 {
        self.data + self.row * (self.dimension * self.header.element.size()) as u64
    }

    fn read(
        &mut self,
        out: &mut Vec<f32>,
        numbers: &mut Vec<u64>,
        _: &mut Vec<Rejected>,
    ) -> Result<bool> {
        let first = self.row + 1;
        let rows = self.read_rows(batch_rows(self.dimension), out)?;
        numbers.extend(first..first + rows as u64);
        Ok(rows > 0)
    }
}
