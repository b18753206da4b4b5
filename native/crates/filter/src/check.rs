//! From sqlparser's syntax tree to checked nodes: names, types, and the refusal of everything that
//! the tree can hold and a filter cannot.

use arrow_schema::Schema;
use sqlparser::ast::{BinaryOperator, DataType as SqlType, Expr, Ident, UnaryOperator, Value};

use crate::MAX_DEPTH;
use crate::error::FilterError;
use crate::literal;
use crate::names::{Lookup, Names, quoted_if_needed};
use crate::node::{ArithmeticOp, CompareOp, Literal, Node, TextTest, Type};
use crate::operators::{arithmetic, compare, in_list, need_number, text_test};
use crate::refusals::{position, refused, short, unsupported};
use crate::sql::too_deep;

/// A node with what messages need to know about it.
pub(crate) struct Checked {
    pub(crate) node: Node,
    pub(crate) ty: Type,
    pub(crate) at: Option<(u64, u64)>,
    /// How a message calls it: a column's name, a literal, "this condition".
    pub(crate) name: String,
}

impl Checked {
    pub(crate) fn condition(node: Node, at: Option<(u64, u64)>) -> Self {
        Self {
            node,
            ty: Type::Bool,
            at,
            name: "this condition".to_owned(),
        }
    }

    /// For messages: `rank (int)`, `'five' (text)`.
    pub(crate) fn described(&self) -> String {
        match self.ty {
            Type::Null => "NULL".to_owned(),
            ty => format!("{} ({ty})", self.name),
        }
    }

    pub(crate) fn error(&self, message: impl Into<String>) -> FilterError {
        FilterError {
            message: message.into(),
            position: self.at,
            hint: None,
        }
    }
}

/// Checks one expression against one schema.
pub(crate) struct Checker<'a> {
    schema: &'a Schema,
    names: &'a Names<'a>,
    /// Columns in order of first use, with the type they are read as.
    pub(crate) columns: Vec<(String, Type)>,
}

type Result<T> = std::result::Result<T, FilterError>;

impl<'a> Checker<'a> {
    pub(crate) fn new(schema: &'a Schema, names: &'a Names<'a>) -> Self {
        Self {
            schema,
            names,
            columns: Vec::new(),
        }
    }

    /// A node that gives a truth value.
    pub(crate) fn condition(&mut self, expr: &Expr, depth: usize) -> Result<Node> {
        let checked = self.check(expr, depth)?;
        match checked.ty {
            Type::Bool => Ok(checked.node),
            Type::Null => Ok(Node::Unknown),
            _ => {
                let hint = match checked.ty {
                    Type::Text | Type::Json => {
                        format!("Compare it, such as {} LIKE '%a%'", checked.name)
                    }
                    Type::Int | Type::Float => format!("Compare it, such as {} > 5", checked.name),
                    Type::Timestamp => {
                        format!("Compare it, such as {} >= '2024-01-31'", checked.name)
                    }
                    _ => format!("Test it, such as {} IS NOT NULL", checked.name),
                };
                Err(checked
                    .error(format!("{} is not a condition", checked.described()))
                    .hint(hint))
            }
        }
    }

    /// Any expression, with its type.
    pub(crate) fn check(&mut self, whole: &Expr, depth: usize) -> Result<Checked> {
        let at = position(whole);
        if depth > MAX_DEPTH {
            return Err(too_deep(at));
        }
        let depth = depth + 1;
        match whole {
            Expr::Nested(inner) => self.check(inner, depth),
            Expr::Identifier(name) => self.column(&name.value, name.quote_style, at),
            Expr::CompoundIdentifier(parts) => self.path(parts, at),
            Expr::Value(value) => literal::from_sql(&value.value, false, at),
            Expr::TypedString(typed) => match (&typed.data_type, &typed.value.value) {
                (
                    SqlType::Date | SqlType::Datetime(_) | SqlType::Timestamp(_, _),
                    Value::SingleQuotedString(text),
                ) => literal::timestamp(text, at),
                (other, _) => Err(unsupported(
                    at,
                    format!("A value of type {other} is not accepted"),
                )
                .hint("Write DATE '2024-01-31' or TIMESTAMP '2024-01-31 12:00:00'")),
            },
            Expr::UnaryOp {
                op: UnaryOperator::Not,
                expr,
            } => {
                let node = self.condition(expr, depth)?;
                Ok(Checked::condition(Node::Not(Box::new(node)), at))
            }
            Expr::UnaryOp {
                op: UnaryOperator::Minus,
                expr,
            } => self.negate(expr, at, depth),
            Expr::UnaryOp {
                op: UnaryOperator::Plus,
                expr,
            } => {
                let inner = self.check(expr, depth)?;
                need_number(&inner, "+")?;
                Ok(inner)
            }
            Expr::BinaryOp { left, op, right } => self.binary(whole, left, op, right, depth),
            Expr::IsNull(inner) | Expr::IsNotNull(inner) => {
                let inner = self.check(inner, depth)?;
                let node = match inner.ty {
                    Type::Null => Node::Literal(Literal::Bool(true)),
                    _ => Node::IsNull(Box::new(inner.node)),
                };
                Ok(Checked::condition(
                    not_if(matches!(whole, Expr::IsNotNull(_)), node),
                    at,
                ))
            }
            Expr::IsTrue(inner) => self.is_bool(inner, Some(true), false, at, depth),
            Expr::IsNotTrue(inner) => self.is_bool(inner, Some(true), true, at, depth),
            Expr::IsFalse(inner) => self.is_bool(inner, Some(false), false, at, depth),
            Expr::IsNotFalse(inner) => self.is_bool(inner, Some(false), true, at, depth),
            Expr::IsUnknown(inner) => self.is_bool(inner, None, false, at, depth),
            Expr::IsNotUnknown(inner) => self.is_bool(inner, None, true, at, depth),
            Expr::InList {
                expr,
                list,
                negated,
            } => {
                let value = self.check(expr, depth)?;
                let mut items = Vec::with_capacity(list.len());
                for item in list {
                    items.push(self.check(item, depth)?);
                }
                let node = in_list(value, items)?;
                Ok(Checked::condition(not_if(*negated, node), at))
            }
            Expr::Between {
                expr,
                negated,
                low,
                high,
            } => {
                let value = self.check(expr, depth)?;
                let low = self.check(low, depth)?;
                let high = self.check(high, depth)?;
                // The value is never a condition here, so copying it cannot multiply.
                let copy = Checked {
                    node: value.node.clone(),
                    ty: value.ty,
                    at: value.at,
                    name: value.name.clone(),
                };
                let node = Node::And(vec![
                    compare(CompareOp::GtEq, value, low)?,
                    compare(CompareOp::LtEq, copy, high)?,
                ]);
                Ok(Checked::condition(not_if(*negated, node), at))
            }
            Expr::Like {
                negated,
                any,
                expr,
                pattern,
                escape_char,
            }
            | Expr::ILike {
                negated,
                any,
                expr,
                pattern,
                escape_char,
            } => {
                let backslash = escape_char
                    .as_ref()
                    .is_none_or(|e| matches!(&e.value, Value::SingleQuotedString(c) if c == "\\"));
                if *any || !backslash {
                    return Err(unsupported(
                        at,
                        "LIKE takes one pattern and no other escape character".to_owned(),
                    )
                    .hint("Write \\% and \\_ for the characters % and _"));
                }
                let test = match whole {
                    Expr::ILike { .. } => TextTest::ILike,
                    _ => TextTest::Like,
                };
                let text = self.check(expr, depth)?;
                let pattern = self.check(pattern, depth)?;
                let node = text_test(test, "LIKE", text, pattern)?;
                Ok(Checked::condition(not_if(*negated, node), at))
            }
            Expr::Function(function) => self.call(function, at, depth),
            other => Err(refused(other, at)),
        }
    }

    /// AND and OR make long chains that lean left; they are taken apart in a loop, so that their
    /// length is not depth. Everything else goes through the depth limit.
    fn binary(
        &mut self,
        whole: &Expr,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        depth: usize,
    ) -> Result<Checked> {
        let at = position(whole);
        if matches!(op, BinaryOperator::And | BinaryOperator::Or) {
            let mut operands = vec![right];
            let mut rest = left;
            while let Expr::BinaryOp {
                left,
                op: inner,
                right,
            } = rest
                && inner == op
            {
                operands.push(right);
                rest = left;
            }
            operands.push(rest);
            let nodes = operands
                .into_iter()
                .rev()
                .map(|operand| self.condition(operand, depth))
                .collect::<Result<Vec<Node>>>()?;
            let node = if *op == BinaryOperator::And {
                Node::And(nodes)
            } else {
                Node::Or(nodes)
            };
            return Ok(Checked::condition(node, at));
        }
        if let Some(op) = compare_op(op) {
            for side in [left, right] {
                if matches!(side, Expr::BinaryOp { op, .. } if compare_op(op).is_some()) {
                    return Err(unsupported(at, "Comparisons cannot be chained")
                        .hint("Write 1 < x AND x < 5, or x BETWEEN 1 AND 5"));
                }
            }
            let left = self.check(left, depth)?;
            let right = self.check(right, depth)?;
            return Ok(Checked::condition(compare(op, left, right)?, at));
        }
        let arithmetic_op = match op {
            BinaryOperator::Plus => ArithmeticOp::Add,
            BinaryOperator::Minus => ArithmeticOp::Subtract,
            BinaryOperator::Multiply => ArithmeticOp::Multiply,
            BinaryOperator::Divide => ArithmeticOp::Divide,
            BinaryOperator::Modulo => ArithmeticOp::Remainder,
            other => {
                return Err(unsupported(
                    at,
                    format!("The operator {other} is not available in filters"),
                )
                .hint("Use = <> < <= > >= + - * / % AND OR NOT IN BETWEEN LIKE ILIKE IS"));
            }
        };
        let left = self.check(left, depth)?;
        let right = self.check(right, depth)?;
        arithmetic(arithmetic_op, &op.to_string(), left, right, at)
    }

    fn negate(&mut self, inner: &Expr, at: Option<(u64, u64)>, depth: usize) -> Result<Checked> {
        if let Expr::Value(value) = inner
            && matches!(value.value, Value::Number(..))
        {
            return literal::from_sql(&value.value, true, at);
        }
        let inner = self.check(inner, depth)?;
        need_number(&inner, "-")?;
        let node = match inner.ty {
            Type::Null => Node::Unknown,
            _ => Node::Negate(Box::new(inner.node)),
        };
        Ok(Checked {
            node,
            ty: inner.ty,
            at,
            name: "this calculation".to_owned(),
        })
    }

    fn is_bool(
        &mut self,
        inner: &Expr,
        want: Option<bool>,
        negated: bool,
        at: Option<(u64, u64)>,
        depth: usize,
    ) -> Result<Checked> {
        let node = Node::IsBool(Box::new(self.condition(inner, depth)?), want);
        Ok(Checked::condition(not_if(negated, node), at))
    }

    fn column(
        &mut self,
        name: &str,
        quote: Option<char>,
        at: Option<(u64, u64)>,
    ) -> Result<Checked> {
        let error = |message: String| FilterError {
            message,
            position: at,
            hint: None,
        };
        match self.names.find(name, quote.is_some()) {
            Lookup::Found(position) => {
                let field = self.schema.field(position);
                let ty = Type::of(field);
                let index = match self
                    .columns
                    .iter()
                    .position(|(known, _)| known == field.name())
                {
                    Some(index) => index,
                    None => {
                        self.columns.push((field.name().clone(), ty));
                        self.columns.len() - 1
                    }
                };
                Ok(Checked {
                    node: Node::Column(index),
                    ty,
                    at,
                    name: quoted_if_needed(field.name()),
                })
            }
            Lookup::Ambiguous(names) => {
                let quoted: Vec<String> = names
                    .iter()
                    .map(|n| format!("\"{}\"", n.replace('"', "\"\"")))
                    .collect();
                Err(
                    error(format!("{} could mean several columns", short(name))).hint(format!(
                        "Write one of {} with its quotes",
                        quoted.join(", ")
                    )),
                )
            }
            Lookup::Unknown => {
                let suggestion = self.names.suggestion(name);
                let hint = match quote {
                    Some(_) => format!(
                        "{suggestion}{} If you mean text, put it in single quotes: '{}'",
                        if suggestion.ends_with('?') { "" } else { "." },
                        short(&name.replace('\'', "''")),
                    ),
                    None => suggestion,
                };
                Err(error(format!("There is no column {}", short(name))).hint(hint))
            }
        }
    }

    /// `a.b`: a column whose name holds a dot, if there is one.
    fn path(&mut self, parts: &[Ident], at: Option<(u64, u64)>) -> Result<Checked> {
        let name = parts
            .iter()
            .map(|part| part.value.as_str())
            .collect::<Vec<_>>()
            .join(".");
        let quote = parts.iter().find_map(|part| part.quote_style);
        if let Some(first) = parts.first()
            && self.names.find(&name, quote.is_some()) == Lookup::Unknown
            && let Lookup::Found(position) =
                self.names.find(&first.value, first.quote_style.is_some())
        {
            let column = quoted_if_needed(self.schema.field(position).name());
            let error = unsupported(at, format!("{column} has no parts that a filter can reach"));
            return Err(match Type::of(self.schema.field(position)) {
                Type::Json => error.hint(format!("Search its text: contains({column}, 'word')")),
                _ => error.hint(format!("Write {column} alone")),
            });
        }
        self.column(&name, quote, at)
    }
}

fn compare_op(op: &BinaryOperator) -> Option<CompareOp> {
    Some(match op {
        BinaryOperator::Eq => CompareOp::Eq,
        BinaryOperator::NotEq => CompareOp::NotEq,
        BinaryOperator::Lt => CompareOp::Lt,
        BinaryOperator::LtEq => CompareOp::LtEq,
        BinaryOperator::Gt => CompareOp::Gt,
        BinaryOperator::GtEq => CompareOp::GtEq,
        _ => return None,
    })
}

fn not_if(negated: bool, node: Node) -> Node {
    if negated {
        Node::Not(Box::new(node))
    } else {
        node
    }
}
