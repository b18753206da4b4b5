//! Which collections there can be: the same rules for what a caller asks for and for what a manifest says.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::meta::{
    CollectionMeta, CollectionSpec, ColumnKind, ColumnMeta, IdKind, MAX_COLUMNS, MAX_DIMENSION,
    MAX_NAME_BYTES, MAX_VECTOR_COLUMNS,
};

/// Whether a collection, column or map can have this name.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let reason = if name.trim().is_empty() {
        "it is empty"
    } else if name.len() > MAX_NAME_BYTES {
        "it is longer than 255 bytes"
    } else if name.chars().any(char::is_control) {
        "it contains a control character"
    } else {
        return Ok(());
    };
    Err(Error::InvalidName {
        name: name.chars().take(300).collect(),
        reason: reason.to_owned(),
    })
}

fn limit(what: &str, limit: usize, actual: usize) -> Result<()> {
    if actual <= limit {
        return Ok(());
    }
    Err(Error::LimitExceeded {
        what: what.to_owned(),
        limit: limit as u64,
        actual: actual as u64,
    })
}

impl CollectionMeta {
    /// What must hold of every collection.
    pub(crate) fn check(&self) -> Result<()> {
        check_name(&self.name)?;
        limit("columns", MAX_COLUMNS, self.columns.len())?;
        limit("vector columns", MAX_VECTOR_COLUMNS, self.vectors.len())?;
        if self.vectors.is_empty() {
            return Err(Error::invalid("a collection needs a vector column"));
        }
        let mut names = HashSet::new();
        for name in self
            .columns
            .iter()
            .map(|c| &c.name)
            .chain(self.vectors.iter().map(|v| &v.name))
        {
            check_name(name)?;
            if !names.insert(name) {
                return Err(Error::InvalidName {
                    name: name.clone(),
                    reason: "another column has it already".to_owned(),
                });
            }
        }
        for vector in &self.vectors {
            if vector.dimension == 0 {
                return Err(Error::invalid(format!(
                    "vector column {:?} has no dimension",
                    vector.name
                )));
            }
            limit("dimension", MAX_DIMENSION, vector.dimension)?;
        }
        let wanted = match self.id_kind {
            IdKind::RowNumber if self.id_column.is_some() => {
                return Err(Error::invalid(
                    "a collection whose ids are row numbers has no id column",
                ));
            }
            IdKind::RowNumber => return Ok(()),
            IdKind::Int => ColumnKind::Int,
            IdKind::Text => ColumnKind::Text,
        };
        let found = self
            .columns
            .first()
            .filter(|c| Some(&c.name) == self.id_column.as_ref());
        if found.is_none_or(|c| c.kind != wanted) {
            return Err(Error::invalid(format!(
                "the id column must be the first column, of type {}",
                wanted.as_str()
            )));
        }
        Ok(())
    }

    /// The collection that a caller asks for.
    pub(crate) fn from_spec(spec: CollectionSpec) -> Result<CollectionMeta> {
        let CollectionSpec {
            name,
            id_kind,
            id_column,
            columns,
            vectors,
        } = spec;
        let mut all = Vec::with_capacity(columns.len() + 1);
        match (id_kind, &id_column) {
            (IdKind::Int, Some(id)) => all.push(ColumnMeta {
                name: id.clone(),
                kind: ColumnKind::Int,
            }),
            (IdKind::Text, Some(id)) => all.push(ColumnMeta {
                name: id.clone(),
                kind: ColumnKind::Text,
            }),
            (IdKind::Int | IdKind::Text, None) => {
                return Err(Error::invalid("the id column has no name"));
            }
            (IdKind::RowNumber, _) => {}
        }
        for field in &columns {
            all.push(column_of(field)?);
        }
        let meta = CollectionMeta {
            name,
            id_kind,
            id_column,
            columns: all,
            vectors,
        };
        meta.check()?;
        Ok(meta)
    }

    /// The same collection with more columns. Columns that it has already, of the same type, are left out.
    pub(crate) fn with_columns(&self, fields: &[arrow_schema::Field]) -> Result<CollectionMeta> {
        let mut meta = self.clone();
        for field in fields {
            let column = column_of(field)?;
            match self.column(&column.name) {
                Some(known) if known.kind == column.kind => {}
                Some(known) => {
                    return Err(Error::invalid(format!(
                        "column {:?} is there already, as {}",
                        column.name,
                        known.kind.as_str()
                    )));
                }
                None => meta.columns.push(column),
            }
        }
        meta.check()?;
        Ok(meta)
    }

    /// Values in one row over all vector columns.
    pub(crate) fn row_floats(&self) -> usize {
        self.vectors.iter().map(|v| v.dimension).sum()
    }
}

fn column_of(field: &arrow_schema::Field) -> Result<ColumnMeta> {
    let name = field.name().clone();
    match ColumnKind::of(field) {
        Some(kind) => Ok(ColumnMeta { name, kind }),
        None => Err(Error::invalid(format!(
            "column {name:?} has the type {}, which a collection cannot hold",
            field.data_type()
        ))),
    }
}
