//! A filter after checking: names resolved to columns, every operand of the right type.

use std::collections::HashSet;
use std::fmt;

use arrow_schema::{DataType, Field};

/// The types a filter computes with. Every Arrow type of a schema falls into one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    /// 64-bit signed.
    Int,
    /// 64-bit; NaN counts as NULL.
    Float,
    Text,
    /// JSON text: searched as text, never compared as a whole.
    Json,
    /// Microseconds since 1970-01-01 00:00 UTC.
    Timestamp,
    /// A bare NULL, which takes any type.
    Null,
    /// Whatever a filter can only test for NULL: vectors, lists, binary.
    Opaque,
}

impl Type {
    /// The type under which a filter reads a column.
    pub(crate) fn of(field: &Field) -> Self {
        match field.data_type() {
            DataType::Boolean => Self::Bool,
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32 => Self::Int,
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Self::Float,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                match field.metadata().get("omendb.type").map(String::as_str) {
                    Some("json") => Self::Json,
                    _ => Self::Text,
                }
            }
            DataType::Dictionary(_, values)
                if matches!(
                    **values,
                    DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
                ) =>
            {
                Self::Text
            }
            DataType::Timestamp(_, _) | DataType::Date32 => Self::Timestamp,
            _ => Self::Opaque,
        }
    }

    /// Whether arithmetic takes it.
    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Float)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::Text => "text",
            Self::Json => "json",
            Self::Timestamp => "timestamp",
            Self::Null => "null",
            Self::Opaque => "no plain value",
        })
    }
}

/// A constant of the filter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Bool(bool),
    Int(i64),
    /// Finite and never -0.0, so that equality of bits is equality of numbers.
    Float(f64),
    Text(String),
    Timestamp(i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CompareOp {
    Eq,
    NotEq,
    Lt,
    LtEq,
    Gt,
    GtEq,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArithmeticOp {
    Add,
    Subtract,
    Multiply,
    /// Always a float: 7 / 2 is 3.5.
    Divide,
    Remainder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextTest {
    Like,
    ILike,
    StartsWith,
    Contains,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    /// Text to int: Unicode scalar values, not bytes.
    Length,
    Lower,
    Upper,
    /// Number to the same type.
    Abs,
}

/// The constants of an IN list, of one type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum LiteralSet {
    /// Also timestamps. Sorted, each once.
    Int(Vec<i64>),
    /// Sorted by total order, each once; canonical floats (see [`Literal::Float`]).
    Float(Vec<f64>),
    Text(HashSet<String>),
    Bool {
        yes: bool,
        no: bool,
    },
}

/// A checked expression. What each operand's type must be stands with the variant; the
/// evaluation relies on it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    /// Position in [`crate::Filter::columns`].
    Column(usize),
    Literal(Literal),
    /// NULL where a bool stands.
    Unknown,
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    /// Both sides of one type.
    Compare(CompareOp, Box<Node>, Box<Node>),
    /// Both sides int, or both float; Divide only float.
    Arithmetic(ArithmeticOp, Box<Node>, Box<Node>),
    /// Int or float.
    Negate(Box<Node>),
    /// Int to float.
    ToFloat(Box<Node>),
    In {
        value: Box<Node>,
        literals: LiteralSet,
        /// Items that are no constants, of the same type as the value.
        computed: Vec<Node>,
        /// Whether NULL is an item: no match then means unknown, not false.
        has_null: bool,
    },
    /// Both sides text or JSON.
    Text(TextTest, Box<Node>, Box<Node>),
    /// Any type.
    IsNull(Box<Node>),
    /// Bool: is it exactly this value? `None` asks for unknown.
    IsBool(Box<Node>, Option<bool>),
    Call(Function, Box<Node>),
}
