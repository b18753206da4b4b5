//! What a preview shows of a Parquet file.

use std::collections::HashSet;

use arrow_array::{Array, ArrayRef};
use serde_json::Value;

use crate::arrow_cells::{is_number, natural, values};
use crate::arrow_vectors::{Vectors, group_vectors, list_vectors, usual_length};
use crate::infer::{self, Sampled, Script};
use crate::limits::{MAX_BATCH_CELL_BYTES, PREVIEW_ROWS, SAMPLE_ROWS};
use crate::parquet::{Opened, guarded, is_text, open_file};
use crate::plan::ColumnType;
use crate::source::SourceFile;
use crate::{Error, Result};

/// What a preview needs to know of a Parquet file.
pub(crate) fn sample(source: &SourceFile) -> Result<(Vec<Sampled>, u64)> {
    let Opened {
        builder,
        names,
        types,
        rows,
        row_bytes,
    } = open_file(source)?;
    let path = source.path();
    let at_once = SAMPLE_ROWS
        .min(MAX_BATCH_CELL_BYTES / row_bytes.max(1))
        .max(1);
    let batch = guarded(path, || {
        let mut reader = builder
            .with_batch_size(at_once)
            .with_limit(at_once)
            .build()
            .map_err(|e| e.to_string())?;
        reader.next().transpose().map_err(|e| e.to_string())
    })?;
    let batch = batch.ok_or_else(|| Error::empty(path, "the file has columns and no rows"))?;
    let columns = guarded(path, || {
        let columns = names.iter().zip(batch.columns());
        columns
            .map(|(name, array)| sampled(name, array))
            .collect::<Result<Vec<_>, _>>()
    })?;
    let groups = infer::groups(&names, |index| types.get(index).is_some_and(is_number));
    let vectors = |group: &[usize]| {
        let arrays: Vec<&ArrayRef> = group
            .iter()
            .filter_map(|i| batch.columns().get(*i))
            .collect();
        let found = group_vectors(&arrays, batch.num_rows()).unwrap_or(Vectors {
            values: Vec::new(),
            faults: Vec::new(),
        });
        let bad: HashSet<usize> = found.faults.iter().map(|(row, _)| *row).collect();
        let rows = found.values.chunks_exact(arrays.len().max(1)).enumerate();
        rows.map(|(row, v)| (!bad.contains(&row)).then(|| v.to_vec()))
            .collect()
    };
    Ok((
        infer::put_together(&names, columns, &groups, "numbers", vectors),
        rows,
    ))
}

fn sampled(name: &str, array: &ArrayRef) -> Result<Sampled, String> {
    let mut column = Sampled {
        name: name.into(),
        source_type: array.data_type().to_string(),
        ty: Some(natural(array.data_type())),
        nulls: array.logical_null_count(),
        ..Sampled::default()
    };
    if column.ty == Some(ColumnType::Vector) {
        let mut dimension = usual_length(array);
        let found = list_vectors(array.clone(), &mut dimension)?;
        column.dimension = dimension;
        let bad: HashSet<usize> = found.faults.iter().map(|(row, _)| *row).collect();
        for (row, vector) in found
            .values
            .chunks_exact(dimension.unwrap_or(1))
            .enumerate()
        {
            if column.cells.len() < PREVIEW_ROWS {
                column.cells.push(if bad.contains(&row) {
                    Value::Null
                } else {
                    infer::vector_cell(vector)
                });
            }
            if !bad.contains(&row) {
                column.vectors.extend_from_slice(vector);
            }
        }
        return Ok(column);
    }
    let cells = values(array).map_err(|e| e.to_string())?;
    let texts: Vec<String> = cells
        .iter()
        .map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
        .collect();
    if is_text(array.data_type()) {
        // A text column may hold vectors that were written as text.
        let bytes: Vec<&[u8]> = texts
            .iter()
            .zip(&cells)
            .map(|(t, v)| if v.is_null() { &b""[..] } else { t.as_bytes() })
            .collect();
        let guess = infer::column(name, &bytes, Script::Csv);
        if guess.ty == Some(ColumnType::Vector) {
            return Ok(Sampled {
                source_type: column.source_type,
                ..guess
            });
        }
    }
    if column.ty == Some(ColumnType::Int) && cells.iter().any(|v| v.is_u64() && !v.is_i64()) {
        column.ty = Some(ColumnType::Text); // Numbers beyond 63 bits would not fit.
    }
    let mut seen = HashSet::new();
    column.unique = column.nulls == 0 && texts.iter().all(|t| seen.insert(t.as_str()));
    column.mean_length = texts.iter().map(String::len).sum::<usize>() / texts.len().max(1);
    column.cells = cells
        .into_iter()
        .take(PREVIEW_ROWS)
        .map(infer::safe_numbers)
        .collect();
    Ok(column)
}
