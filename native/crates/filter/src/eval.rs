//! Running a checked filter over a batch, a column at a time.

use std::sync::Arc;

use arrow_arith::boolean::{and_kleene, is_null, not, or_kleene};
use arrow_array::cast::AsArray;
use arrow_array::types::ArrowPrimitiveType;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Datum, Float64Array, Int64Array, PrimitiveArray, StringArray,
    TimestampMicrosecondArray,
};
use arrow_buffer::BooleanBuffer;
use arrow_ord::cmp;
use arrow_schema::ArrowError;
use arrow_string::like;

use crate::columns::{canonical_floats, ints_to_floats};
use crate::error::FilterError;
use crate::node::{ArithmeticOp, CompareOp, Function, Literal, LiteralSet, Node, TextTest};

type Result<T> = std::result::Result<T, FilterError>;

/// A column of values, or one value for all rows (an array of length 1).
enum Value {
    Array(ArrayRef),
    Scalar(ArrayRef),
}

impl Value {
    fn array(&self) -> &ArrayRef {
        match self {
            Self::Array(array) | Self::Scalar(array) => array,
        }
    }

    fn is_scalar(&self) -> bool {
        matches!(self, Self::Scalar(_))
    }

    fn map(&self, array: ArrayRef) -> Self {
        if self.is_scalar() {
            Self::Scalar(array)
        } else {
            Self::Array(array)
        }
    }
}

impl Datum for Value {
    fn get(&self) -> (&dyn Array, bool) {
        (self.array().as_ref(), self.is_scalar())
    }
}

/// The columns of one batch, in the order of [`crate::Filter::columns`].
pub(crate) struct Input {
    pub(crate) columns: Vec<ArrayRef>,
    pub(crate) rows: usize,
}

impl Input {
    /// A truth value for each row; null is unknown.
    pub(crate) fn condition(&self, node: &Node) -> Result<BooleanArray> {
        match node {
            Node::Unknown => Ok(BooleanArray::new_null(self.rows)),
            Node::Not(inner) => arrow(not(&self.condition(inner)?)),
            Node::And(operands) => {
                let mut all = constant(self.rows, true);
                for operand in operands {
                    all = arrow(and_kleene(&all, &self.condition(operand)?))?;
                    if all.null_count() == 0 && !all.has_true() {
                        break;
                    }
                }
                Ok(all)
            }
            Node::Or(operands) => {
                let mut any = constant(self.rows, false);
                for operand in operands {
                    any = arrow(or_kleene(&any, &self.condition(operand)?))?;
                    if any.null_count() == 0 && !any.has_false() {
                        break;
                    }
                }
                Ok(any)
            }
            Node::Compare(op, left, right) => {
                self.compare(*op, &self.value(left)?, &self.value(right)?)
            }
            Node::In {
                value,
                literals,
                computed,
                has_null,
            } => {
                let value = self.value(value)?;
                let mut found = self.spread(&value, in_set(value.array(), literals, *has_null));
                for item in computed {
                    let equal = self.compare(CompareOp::Eq, &value, &self.value(item)?)?;
                    found = arrow(or_kleene(&found, &equal))?;
                }
                Ok(found)
            }
            Node::Text(test, left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                let matched = arrow(text_test(*test, &left, &right))?;
                Ok(if left.is_scalar() && right.is_scalar() {
                    self.repeat(&matched)
                } else {
                    matched
                })
            }
            Node::IsNull(inner) => {
                let inner = self.value(inner)?;
                let nulls = arrow(is_null(inner.array().as_ref()))?;
                Ok(self.spread(&inner, nulls))
            }
            Node::IsBool(inner, want) => {
                let inner = self.condition(inner)?;
                Ok(match want {
                    Some(want) => BooleanArray::new(exactly(&inner, *want), None),
                    None => arrow(is_null(&inner))?,
                })
            }
            Node::Literal(Literal::Bool(value)) => Ok(constant(self.rows, *value)),
            Node::Column(_) => {
                let value = self.value(node)?;
                value
                    .array()
                    .as_boolean_opt()
                    .cloned()
                    .ok_or_else(inconsistent)
            }
            Node::Literal(_)
            | Node::Arithmetic(..)
            | Node::Negate(_)
            | Node::ToFloat(_)
            | Node::Call(..) => Err(inconsistent()),
        }
    }

    fn value(&self, node: &Node) -> Result<Value> {
        match node {
            Node::Column(index) => self
                .columns
                .get(*index)
                .cloned()
                .map(Value::Array)
                .ok_or_else(inconsistent),
            Node::Literal(literal) => Ok(Value::Scalar(one(literal))),
            Node::Arithmetic(op, left, right) => {
                self.arithmetic(*op, &self.value(left)?, &self.value(right)?)
            }
            Node::Negate(inner) => {
                let inner = self.value(inner)?;
                let array: ArrayRef = match inner.array().as_primitive_opt::<Int64Type>() {
                    Some(ints) => Arc::new(ints.unary_opt::<_, Int64Type>(i64::checked_neg)),
                    None => {
                        // Zero minus x, unlike -x, never gives -0.0.
                        let floats = floats(inner.array())?;
                        Arc::new(floats.unary::<_, Float64Type>(|x| 0.0 - x))
                    }
                };
                Ok(inner.map(array))
            }
            Node::ToFloat(inner) => {
                let inner = self.value(inner)?;
                ints(inner.array())?;
                let array = ints_to_floats(inner.array().as_ref());
                Ok(inner.map(array))
            }
            Node::Call(function, inner) => {
                let inner = self.value(inner)?;
                let array = call(*function, inner.array())?;
                Ok(inner.map(array))
            }
            condition => Ok(Value::Array(Arc::new(self.condition(condition)?))),
        }
    }

    fn compare(&self, op: CompareOp, left: &Value, right: &Value) -> Result<BooleanArray> {
        let kernel = match op {
            CompareOp::Eq => cmp::eq,
            CompareOp::NotEq => cmp::neq,
            CompareOp::Lt => cmp::lt,
            CompareOp::LtEq => cmp::lt_eq,
            CompareOp::Gt => cmp::gt,
            CompareOp::GtEq => cmp::gt_eq,
        };
        let compared = arrow(kernel(left, right))?;
        Ok(if left.is_scalar() && right.is_scalar() {
            self.repeat(&compared)
        } else {
            compared
        })
    }

    fn arithmetic(&self, op: ArithmeticOp, left: &Value, right: &Value) -> Result<Value> {
        let array: ArrayRef = match left.array().as_primitive_opt::<Int64Type>() {
            Some(l) => {
                let r = ints(right.array())?;
                let f: fn(i64, i64) -> Option<i64> = match op {
                    ArithmeticOp::Add => i64::checked_add,
                    ArithmeticOp::Subtract => i64::checked_sub,
                    ArithmeticOp::Multiply => i64::checked_mul,
                    // The smallest integer % -1 is 0, which checked_rem calls an overflow.
                    ArithmeticOp::Remainder => |a, b| (b != 0).then(|| a.wrapping_rem(b)),
                    ArithmeticOp::Divide => return Err(inconsistent()),
                };
                let out: Int64Array = self.zip((l, left.is_scalar()), (r, right.is_scalar()), f);
                Arc::new(out)
            }
            None => {
                let (l, r) = (floats(left.array())?, floats(right.array())?);
                let f: fn(f64, f64) -> Option<f64> = match op {
                    ArithmeticOp::Add => |a, b| Some(a + b),
                    ArithmeticOp::Subtract => |a, b| Some(a - b),
                    ArithmeticOp::Multiply => |a, b| Some(a * b),
                    ArithmeticOp::Divide => |a, b| (b != 0.0).then(|| a / b),
                    ArithmeticOp::Remainder => |a, b| (b != 0.0).then(|| a % b),
                };
                let out: Float64Array = self.zip((l, left.is_scalar()), (r, right.is_scalar()), f);
                Arc::new(canonical_floats(&out))
            }
        };
        let scalar = left.is_scalar() && right.is_scalar();
        Ok(if scalar {
            Value::Scalar(array)
        } else {
            Value::Array(array)
        })
    }

    /// Row by row; NULL where either side is, or where `f` gives nothing.
    fn zip<T: ArrowPrimitiveType>(
        &self,
        (left, left_scalar): (&PrimitiveArray<T>, bool),
        (right, right_scalar): (&PrimitiveArray<T>, bool),
        f: fn(T::Native, T::Native) -> Option<T::Native>,
    ) -> PrimitiveArray<T> {
        let first = |array: &PrimitiveArray<T>| array.iter().next().flatten();
        match (left_scalar, right_scalar) {
            (false, false) => left
                .iter()
                .zip(right.iter())
                .map(|(a, b)| f(a?, b?))
                .collect(),
            (false, true) => match first(right) {
                Some(b) => left.unary_opt(|a| f(a, b)),
                None => PrimitiveArray::new_null(left.len()),
            },
            (true, false) => match first(left) {
                Some(a) => right.unary_opt(|b| f(a, b)),
                None => PrimitiveArray::new_null(right.len()),
            },
            (true, true) => {
                std::iter::once(first(left).zip(first(right)).and_then(|(a, b)| f(a, b))).collect()
            }
        }
    }

    /// A result computed on `value`'s array, as long as the batch.
    fn spread(&self, value: &Value, result: BooleanArray) -> BooleanArray {
        if value.is_scalar() {
            self.repeat(&result)
        } else {
            result
        }
    }

    /// The first truth value for every row.
    fn repeat(&self, result: &BooleanArray) -> BooleanArray {
        match result.iter().next().flatten() {
            Some(value) => constant(self.rows, value),
            None => BooleanArray::new_null(self.rows),
        }
    }
}

/// True where the condition is true, false where it is false or unknown.
pub(crate) fn matches(condition: &BooleanArray) -> BooleanArray {
    BooleanArray::new(exactly(condition, true), None)
}

fn exactly(condition: &BooleanArray, want: bool) -> BooleanBuffer {
    let values = if want {
        condition.values().clone()
    } else {
        !condition.values()
    };
    match condition.nulls() {
        Some(valid) => &values & valid.inner(),
        None => values,
    }
}

/// Whether a LIKE pattern compiles.
pub(crate) fn check_pattern(test: TextTest, pattern: &str) -> std::result::Result<(), ArrowError> {
    let nothing = Value::Array(Arc::new(StringArray::from(Vec::<&str>::new())));
    let pattern = Value::Scalar(one(&Literal::Text(pattern.to_owned())));
    text_test(test, &nothing, &pattern).map(|_| ())
}

fn text_test(
    test: TextTest,
    left: &Value,
    right: &Value,
) -> std::result::Result<BooleanArray, ArrowError> {
    match test {
        TextTest::Like => like::like(left, right),
        TextTest::ILike => like::ilike(left, right),
        TextTest::StartsWith => like::starts_with(left, right),
        TextTest::Contains => like::contains(left, right),
    }
}

fn in_set(values: &ArrayRef, set: &LiteralSet, has_null: bool) -> BooleanArray {
    // What a row without a match says: unknown when NULL is in the list.
    let verdict = |found: bool| {
        if found {
            Some(true)
        } else if has_null {
            None
        } else {
            Some(false)
        }
    };
    match set {
        LiteralSet::Int(set) => {
            let contains = |x: i64| verdict(set.binary_search(&x).is_ok());
            match values.as_primitive_opt::<TimestampMicrosecondType>() {
                Some(times) => times.iter().map(|x| contains(x?)).collect(),
                None => values
                    .as_primitive::<Int64Type>()
                    .iter()
                    .map(|x| contains(x?))
                    .collect(),
            }
        }
        LiteralSet::Float(set) => values
            .as_primitive::<Float64Type>()
            .iter()
            .map(|x| x.and_then(|x| verdict(set.binary_search_by(|y| y.total_cmp(&x)).is_ok())))
            .collect(),
        LiteralSet::Text(set) => values
            .as_string::<i32>()
            .iter()
            .map(|x| verdict(set.contains(x?)))
            .collect(),
        LiteralSet::Bool { yes, no } => values
            .as_boolean()
            .iter()
            .map(|x| verdict(if x? { *yes } else { *no }))
            .collect(),
    }
}

fn call(function: Function, values: &ArrayRef) -> Result<ArrayRef> {
    if function == Function::Abs {
        return Ok(match values.as_primitive_opt::<Int64Type>() {
            Some(ints) => Arc::new(ints.unary_opt::<_, Int64Type>(i64::checked_abs)),
            None => Arc::new(floats(values)?.unary::<_, Float64Type>(f64::abs)),
        });
    }
    let texts = values.as_string_opt::<i32>().ok_or_else(inconsistent)?;
    Ok(match function {
        Function::Length => {
            let lengths: Int64Array = texts
                .iter()
                .map(|t| t.map(|t| i64::try_from(t.chars().count()).unwrap_or(i64::MAX)))
                .collect();
            Arc::new(lengths)
        }
        Function::Upper => Arc::new(
            texts
                .iter()
                .map(|t| t.map(str::to_uppercase))
                .collect::<StringArray>(),
        ),
        _ => Arc::new(
            texts
                .iter()
                .map(|t| t.map(str::to_lowercase))
                .collect::<StringArray>(),
        ),
    })
}

/// A literal as an array of length 1.
fn one(literal: &Literal) -> ArrayRef {
    match literal {
        Literal::Bool(x) => Arc::new(BooleanArray::from(vec![*x])),
        Literal::Int(x) => Arc::new(Int64Array::from(vec![*x])),
        Literal::Float(x) => Arc::new(Float64Array::from(vec![*x])),
        Literal::Text(x) => Arc::new(StringArray::from(vec![x.as_str()])),
        Literal::Timestamp(x) => Arc::new(TimestampMicrosecondArray::from(vec![*x])),
    }
}

fn constant(rows: usize, value: bool) -> BooleanArray {
    let values = if value {
        BooleanBuffer::new_set(rows)
    } else {
        BooleanBuffer::new_unset(rows)
    };
    BooleanArray::new(values, None)
}

fn ints(array: &ArrayRef) -> Result<&Int64Array> {
    array
        .as_primitive_opt::<Int64Type>()
        .ok_or_else(inconsistent)
}

fn floats(array: &ArrayRef) -> Result<&Float64Array> {
    array
        .as_primitive_opt::<Float64Type>()
        .ok_or_else(inconsistent)
}

fn arrow<T>(result: std::result::Result<T, ArrowError>) -> Result<T> {
    result.map_err(|error| FilterError::new(format!("The filter could not be computed: {error}")))
}

/// The check lets no such tree through; should it ever, the filter fails rather than the program.
fn inconsistent() -> FilterError {
    FilterError::new("The filter could not be computed: its types do not fit (this is a bug)")
}
