//! Layers of cells as one.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{FieldRef, Schema};
use arrow_select::interleave::interleave;
use roaring::RoaringBitmap;

use super::Cells;
use crate::segment::guard;

/// The same values in layers that do not overlap: of each cell the value in the last layer that has it. Without this the layers of a
/// revert would be all those of the reverts behind it, twice as many with each undo and redo.
pub(super) fn merge(layers: Vec<Cells>) -> Result<Vec<Cells>, String> {
    if layers.len() < 2 {
        return Ok(layers);
    }
    let mut fields: Vec<FieldRef> = Vec::new();
    for layer in &layers {
        for field in layer.columns.schema_ref().fields() {
            if fields.iter().all(|known| known.name() != field.name()) {
                fields.push(field.clone());
            }
        }
    }
    // Columns of the same rows share a layer.
    let mut merged: Vec<(RoaringBitmap, Vec<FieldRef>, Vec<ArrayRef>)> = Vec::new();
    for field in fields {
        let (rows, values) = last_values(&layers, &field)?;
        let same = merged.iter_mut().find(|(known, _, arrays)| {
            *known == rows && arrays.iter().all(|a| a.len() == values.len())
        });
        match same {
            Some((_, fields, arrays)) => {
                fields.push(field);
                arrays.push(values);
            }
            None if rows.is_empty() => {}
            None => merged.push((rows, vec![field], vec![values])),
        }
    }
    let layer = |(rows, fields, arrays): (_, Vec<FieldRef>, _)| {
        let columns = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays);
        let columns = columns.map_err(|e| e.to_string())?;
        Ok(Cells { rows, columns })
    };
    merged.into_iter().map(layer).collect()
}

/// The rows that have a value of this column in some layer, and the last value of each; one value if it is the same for all.
fn last_values(layers: &[Cells], field: &FieldRef) -> Result<(RoaringBitmap, ArrayRef), String> {
    let own = layers.iter().filter_map(|layer| {
        let values = layer.columns.column_by_name(field.name())?;
        (values.data_type() == field.data_type()).then_some((&layer.rows, values))
    });
    let own: Vec<(&RoaringBitmap, &ArrayRef)> = own.collect();
    let mut taken = RoaringBitmap::new();
    // Row, layer, and place in the layer.
    let mut from: Vec<(u32, usize, usize)> = Vec::new();
    for (at, (rows, values)) in own.iter().enumerate().rev() {
        if at + 1 == own.len() && own.iter().all(|(others, _)| others.is_subset(rows)) {
            return Ok(((*rows).clone(), (*values).clone()));
        }
        let one = values.len() == 1;
        let places = rows
            .iter()
            .zip(0..)
            .filter(|(row, _)| !taken.contains(*row));
        from.extend(places.map(|(row, place)| (row, at, if one { 0 } else { place })));
        taken |= *rows;
    }
    from.sort_unstable();
    let arrays: Vec<&dyn arrow_array::Array> = own.iter().map(|(_, a)| a.as_ref()).collect();
    let places: Vec<(usize, usize)> = from.iter().map(|(_, at, place)| (*at, *place)).collect();
    Ok((taken, guard(|| interleave(&arrays, &places))?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    use arrow_array::{Int64Array, RecordBatch};
    use proptest::prelude::*;

    use super::*;

    /// A layer of some columns; one value for all rows, or one each.
    fn layer() -> impl Strategy<Value = Cells> {
        let columns = prop::sample::subsequence(vec!["a", "b", "c"], 1..=3);
        let rows = prop::collection::btree_set(0u32..12, 1..8);
        (columns, rows, any::<bool>(), 0i64..1000).prop_map(|(names, rows, one, start)| {
            let count = if one { 1 } else { rows.len() as i64 };
            let columns = names.iter().zip(0i64..).map(|(name, n)| {
                let values = (0..count).map(|i| ((start + i + n) % 7 > 0).then_some(start + i + n));
                let array: ArrayRef = Arc::new(values.collect::<Int64Array>());
                (*name, array)
            });
            Cells {
                rows: rows.into_iter().collect(),
                columns: RecordBatch::try_from_iter_with_nullable(
                    columns.map(|(n, a)| (n, a, true)),
                )
                .unwrap(),
            }
        })
    }

    type Values = BTreeMap<(String, u32), Option<i64>>;

    /// What the layers say one after the other, and how many cells they name.
    fn values(layers: &[Cells]) -> (Values, usize) {
        let mut out = Values::new();
        let mut cells = 0;
        for layer in layers {
            for (field, array) in layer
                .columns
                .schema()
                .fields()
                .iter()
                .zip(layer.columns.columns())
            {
                let array = array.as_primitive::<Int64Type>();
                for (row, place) in layer.rows.iter().zip(0..) {
                    let place = if array.len() == 1 { 0 } else { place };
                    let value =
                        arrow_array::Array::is_valid(array, place).then(|| array.value(place));
                    out.insert((field.name().clone(), row), value);
                    cells += 1;
                }
            }
        }
        (out, cells)
    }

    proptest! {
        #[test]
        fn merged_layers_say_the_same_and_name_each_cell_once(layers in prop::collection::vec(layer(), 0..6)) {
            let (wanted, _) = values(&layers);
            let merged = merge(layers.clone()).unwrap();
            let (found, cells) = values(&merged);
            prop_assert_eq!(&found, &wanted);
            if layers.len() > 1 {
                prop_assert_eq!(cells, wanted.len());
                prop_assert!(merged.len() <= 3);
            }
        }
    }
}
