//! How a file fits the collection that it goes into, or which one it makes.

use arrow_schema::{DataType, Field};
use omendb_formats::{ColumnPlan, ColumnType, ReadPlan, Reader};
use omendb_store::{
    Collection, CollectionMeta, CollectionSpec, Error as StoreError, IdKind, MAX_NAME_BYTES,
    Metric, VectorSpec,
};

use crate::Result;
use crate::import::ImportRequest;

/// What the vector column is called when its name in the file cannot be its name in the store.
const DEFAULT_VECTOR_NAME: &str = "vector";

/// Which of the file's vectors goes into each vector column of the collection: the one of its name, or the only one into the only one.
/// Distances of two metrics cannot stand in one list, so an import may not change the metric.
pub(crate) fn fits(
    meta: &CollectionMeta,
    request: &ImportRequest,
    names: &[String],
) -> Result<Vec<usize>> {
    let refused = |reason| StoreError::VectorColumns {
        collection: meta.name.clone(),
        reason,
        known: meta.vectors.iter().map(|v| v.name.clone()).collect(),
    };
    let mut order = Vec::with_capacity(meta.vectors.len());
    for vector in &meta.vectors {
        let at = match (meta.vectors.len(), names.len()) {
            (1, 1) => Some(0),
            _ => names.iter().position(|name| *name == vector.name),
        };
        let at = at.ok_or_else(|| {
            refused(format!(
                "the import brings no vectors for {:?}",
                vector.name
            ))
        })?;
        let asked = match at {
            0 => Some(request.metric),
            _ => request.metrics.get(&names[at]).copied(),
        };
        if let Some(asked) = asked.filter(|asked| *asked != vector.metric) {
            return Err(StoreError::InvalidRequest {
                reason: format!(
                    "vector column {:?} of collection {:?} has the metric {}, and the import asks for {}",
                    vector.name,
                    meta.name,
                    vector.metric.as_str(),
                    asked.as_str()
                ),
            }
            .into());
        }
        order.push(at);
    }
    let mut unplaced = (0..names.len()).filter(|at| !order.contains(at));
    match unplaced.next() {
        None => Ok(order),
        Some(at) => {
            Err(refused(format!("the import brings vectors for {:?} too", names[at])).into())
        }
    }
}

/// The plan with the file's id read as the collection's: under its name and in its type, whatever the file calls it.
pub(crate) fn adapted(plan: &ReadPlan, meta: &CollectionMeta) -> ReadPlan {
    let mut plan = plan.clone();
    let (Some(source), Some(name)) = (&plan.id, &meta.id_column) else {
        return plan;
    };
    let id = ColumnPlan {
        source: source.clone(),
        name: name.clone(),
        ty: if meta.id_kind == IdKind::Int {
            ColumnType::Int
        } else {
            ColumnType::Text
        },
        dimension: None,
    };
    let mut columns = plan.columns.iter_mut();
    match columns.find(|c| &c.source == source && c.ty != ColumnType::Vector) {
        Some(column) => *column = id,
        None => plan.columns.insert(0, id),
    }
    plan
}

/// Columns of the file that the collection does not have.
pub(crate) fn missing_columns(collection: &Collection, reader: &Reader) -> Vec<Field> {
    let meta = collection.meta();
    reader
        .schema()
        .fields()
        .iter()
        .filter(|field| meta.column(field.name()).is_none())
        .map(|field| field.as_ref().clone())
        .collect()
}

/// The collection that a file makes; `names` are those of its vector columns.
pub(crate) fn spec(
    request: &ImportRequest,
    reader: &Reader,
    names: Vec<String>,
) -> Result<CollectionSpec> {
    let schema = reader.schema();
    let id = reader
        .id_column()
        .and_then(|at| schema.fields().get(at).cloned());
    let columns: Vec<Field> = schema
        .fields()
        .iter()
        .enumerate()
        .filter(|(at, _)| Some(*at) != reader.id_column())
        .map(|(_, field)| field.as_ref().clone())
        .collect();
    let metrics = metrics_of(request)?;
    let vectors = reader.vectors().iter().zip(names).zip(metrics);
    Ok(CollectionSpec {
        name: request.collection.clone(),
        id_kind: match id.as_ref().map(|f| f.data_type()) {
            None => IdKind::RowNumber,
            Some(DataType::Int64) => IdKind::Int,
            Some(_) => IdKind::Text,
        },
        id_column: id.map(|f| f.name().clone()),
        columns,
        vectors: vectors
            .map(|((column, name), metric)| VectorSpec {
                name,
                dimension: column.dimension,
                metric,
            })
            .collect(),
    })
}

/// The metrics of the plan's vector columns, in their order. Those that were not said are those that a preview suggests.
fn metrics_of(request: &ImportRequest) -> Result<Vec<Metric>> {
    let further = further_vectors(&request.plan);
    let mut metrics = vec![request.metric];
    let mut preview = None;
    for column in further {
        if let Some(metric) = request.metrics.get(&column.name) {
            metrics.push(*metric);
            continue;
        }
        let preview = match &mut preview {
            Some(preview) => preview,
            none => none.insert(omendb_formats::inspect_with(
                &request.path,
                request.plan.csv,
            )?),
        };
        let mut candidates = preview.vector_candidates.iter();
        let found = candidates.find(|c| c.column == column.source);
        let name = found.map_or(preview.metric.metric, |c| c.metric.metric);
        metrics.push(Metric::parse(name).map_err(|e| StoreError::InvalidRequest {
            reason: e.to_string(),
        })?);
    }
    Ok(metrics)
}

/// The columns of a plan that are vector columns beside the first.
fn further_vectors(plan: &ReadPlan) -> impl Iterator<Item = &ColumnPlan> {
    plan.columns.iter().filter(|c| c.ty == ColumnType::Vector)
}

/// What the plan's vector columns are called, the first one first.
pub(crate) fn vector_names(plan: &ReadPlan) -> Vec<String> {
    let taken = |name: &str| {
        plan.columns.iter().any(|c| c.name == name) || plan.id.as_deref() == Some(name)
    };
    let mut names = vec![vector_name(&plan.vector, taken)];
    names.extend(further_vectors(plan).map(|c| c.name.clone()));
    names
}

/// The vector column's name in the file, unless the store could not take it or another column has it.
fn vector_name(source: &str, taken: impl Fn(&str) -> bool) -> String {
    // A range of numbered columns ("v0…v99") is a description, not a name that a person would type.
    let usable = !source.is_empty() && source.len() <= MAX_NAME_BYTES && !source.contains('…');
    let wanted = if usable { source } else { DEFAULT_VECTOR_NAME };
    let mut name = wanted.to_owned();
    let mut n = 2u32;
    while taken(&name) {
        name = format!("{DEFAULT_VECTOR_NAME}_{n}");
        n += 1;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_column_keeps_its_name_unless_it_is_a_range_or_taken() {
        assert_eq!(vector_name("embedding", |_| false), "embedding");
        assert_eq!(vector_name("v0…v99", |_| false), "vector");
        assert_eq!(vector_name("", |_| false), "vector");
        assert_eq!(vector_name("embedding", |n| n == "embedding"), "vector_2");
        assert_eq!(
            vector_name("x…y", |n| n == "vector" || n == "vector_2"),
            "vector_3"
        );
    }
}
