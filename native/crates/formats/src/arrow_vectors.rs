//! Vectors out of Arrow arrays: from lists, from text, from one column a dimension.

use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use crate::dense::{all_finite, finite_fault};
use crate::limits::MAX_DIMENSION;
use crate::parse;
use crate::reject::{Fault, RejectKind};

/// The vectors of an array of lists: values, and a fault for each row that has none.
pub(crate) struct Vectors {
    pub values: Vec<f32>,
    pub faults: Vec<(usize, Fault)>,
}

/// Which values of a child array belong to each row.
fn ranges(array: &ArrayRef) -> Option<(ArrayRef, Vec<(usize, usize)>)> {
    let range = |a: i64, b: i64| Some((usize::try_from(a).ok()?, usize::try_from(b).ok()?));
    Some(match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let pairs = list.value_offsets().windows(2);
            let found = pairs.map(|w| {
                if let [a, b] = w {
                    range((*a).into(), (*b).into())
                } else {
                    None
                }
            });
            (list.values().clone(), found.collect::<Option<_>>()?)
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let found = list
                .value_offsets()
                .windows(2)
                .map(|w| if let [a, b] = w { range(*a, *b) } else { None });
            (list.values().clone(), found.collect::<Option<_>>()?)
        }
        DataType::FixedSizeList(_, size) => {
            let (list, size) = (array.as_fixed_size_list(), usize::try_from(*size).ok()?);
            let found = (0..list.len()).map(|row| (row * size, (row + 1) * size));
            (list.values().clone(), found.collect())
        }
        _ => return None,
    })
}

pub(crate) fn list_vectors(
    array: ArrayRef,
    dimension: &mut Option<usize>,
) -> Result<Vectors, String> {
    let expected = dimension.unwrap_or(MAX_DIMENSION);
    let rows = array.len();
    let (child, ranges) = ranges(&array).ok_or("its lists do not fit its values")?;
    let child = arrow_cast::cast(&child, &DataType::Float32).map_err(|e| e.to_string())?;
    let floats = child.as_primitive::<Float32Type>();
    let slice: &[f32] = floats.values();
    let checked = |row: usize, (from, to): (usize, usize)| -> Result<&[f32], Fault> {
        let missing = || Fault::new(RejectKind::MissingVector, "the vector is null or empty");
        if array.is_null(row) || from >= to {
            return Err(missing());
        }
        if floats.null_count() > 0 && (from..to).any(|i| i < floats.len() && floats.is_null(i)) {
            return Err(Fault::new(
                RejectKind::Unparsable,
                "a value of the vector is null",
            ));
        }
        let vector = slice.get(from..to).ok_or_else(missing)?;
        match finite_fault(vector) {
            Some(fault) => Err(fault),
            None if vector.len() > MAX_DIMENSION => Err(Fault::dimension(vector.len(), expected)),
            None => Ok(vector),
        }
    };
    if dimension.is_none() {
        *dimension = ranges
            .iter()
            .enumerate()
            .find_map(|(row, r)| checked(row, *r).ok().map(<[f32]>::len));
    }
    let Some(wanted) = *dimension else {
        let faults = ranges
            .iter()
            .enumerate()
            .filter_map(|(row, r)| Some((row, checked(row, *r).err()?)));
        return Ok(Vectors {
            values: Vec::new(),
            faults: faults.collect(),
        });
    };
    // The common case: every list whole, nothing null, nothing infinite. Then the child is the matrix already.
    let (first, last) = (
        ranges.first().map_or(0, |r| r.0),
        ranges.last().map_or(0, |r| r.1),
    );
    let regular = array.null_count() == 0
        && floats.null_count() == 0
        && ranges.iter().all(|(a, b)| b.wrapping_sub(*a) == wanted);
    if let Some(matrix) = slice
        .get(first..last)
        .filter(|m| regular && m.len() == rows * wanted && all_finite(m))
    {
        return Ok(Vectors {
            values: matrix.to_vec(),
            faults: Vec::new(),
        });
    }
    let mut out = Vectors {
        values: Vec::with_capacity(rows * wanted),
        faults: Vec::new(),
    };
    for (row, range) in ranges.iter().enumerate() {
        let vector = checked(row, *range).and_then(|vector| match vector.len() == wanted {
            true => Ok(vector),
            false => Err(Fault::dimension(vector.len(), wanted)),
        });
        match vector {
            Ok(vector) => out.values.extend_from_slice(vector),
            Err(fault) => {
                out.values.resize(out.values.len() + wanted, 0.0);
                out.faults.push((row, fault));
            }
        }
    }
    Ok(out)
}

/// Vectors written as text in a text column.
pub(crate) fn text_vectors(
    array: &ArrayRef,
    dimension: &mut Option<usize>,
) -> Result<Vectors, String> {
    let text = arrow_cast::cast(array, &DataType::Utf8).map_err(|e| e.to_string())?;
    let mut out = Vectors {
        values: Vec::new(),
        faults: Vec::new(),
    };
    let mut waiting = 0;
    for (row, cell) in text.as_string::<i32>().iter().enumerate() {
        let start = out.values.len();
        let found = parse::push_vector(cell.unwrap_or_default().as_bytes(), &mut out.values)
            .and_then(|n| match *dimension.get_or_insert(n) == n {
                true => Ok(()),
                false => Err(Fault::dimension(n, dimension.unwrap_or(n))),
            });
        if let Err(fault) = found {
            out.values.truncate(start);
            match *dimension {
                Some(d) => out.values.resize(start + d, 0.0),
                None => waiting += 1,
            }
            out.faults.push((row, fault));
        }
    }
    // Rows before the first good one get their place now that their length is known.
    out.values.splice(
        0..0,
        std::iter::repeat_n(0.0, waiting * dimension.unwrap_or(0)),
    );
    Ok(out)
}

/// One column a dimension, put together row by row.
pub(crate) fn group_vectors(arrays: &[&ArrayRef], rows: usize) -> Result<Vectors, String> {
    let width = arrays.len();
    let mut out = Vectors {
        values: vec![0.0; rows * width],
        faults: Vec::new(),
    };
    let mut null = vec![false; rows];
    for (index, array) in arrays.iter().enumerate() {
        let floats = arrow_cast::cast(array, &DataType::Float32).map_err(|e| e.to_string())?;
        let floats = floats.as_primitive::<Float32Type>();
        let cells = out
            .values
            .get_mut(index..)
            .unwrap_or_default()
            .iter_mut()
            .step_by(width);
        cells
            .zip(floats.values())
            .for_each(|(cell, value)| *cell = *value);
        if floats.null_count() > 0 {
            null.iter_mut()
                .enumerate()
                .for_each(|(row, null)| *null |= floats.is_null(row));
        }
    }
    for (row, (vector, null)) in out.values.chunks_exact(width).zip(null).enumerate() {
        let missing =
            null.then(|| Fault::new(RejectKind::MissingVector, "a value of the vector is null"));
        out.faults.extend(
            missing
                .or_else(|| finite_fault(vector))
                .map(|fault| (row, fault)),
        );
    }
    Ok(out)
}

/// The length that most lists of a sample have.
pub(crate) fn usual_length(array: &ArrayRef) -> Option<usize> {
    let mut counts = std::collections::BTreeMap::<usize, usize>::new();
    for (from, to) in ranges(array)?.1 {
        if to > from {
            *counts.entry(to - from).or_default() += 1;
        }
    }
    counts
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map(|(length, _)| length)
}
