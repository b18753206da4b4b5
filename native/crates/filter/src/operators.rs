//! What each operator takes: types are brought together here, or refused with the columns named.

use std::collections::HashSet;

use crate::MAX_COMPUTED_ITEMS;
use crate::check::Checked;
use crate::error::FilterError;
use crate::literal::{not_a_timestamp, parse_timestamp};
use crate::node::{ArithmeticOp, CompareOp, Literal, LiteralSet, Node, TextTest, Type};

type Result<T> = std::result::Result<T, FilterError>;

/// Refuses anything but numbers and NULL.
pub(crate) fn need_number(operand: &Checked, op: &str) -> Result<()> {
    if operand.ty.is_number() || operand.ty == Type::Null {
        return Ok(());
    }
    Err(operand
        .error(format!(
            "{op} needs numbers, but {} is not one",
            operand.described()
        ))
        .hint("Calculate with int and float columns and with numbers"))
}

/// `left op right` for two values.
pub(crate) fn compare(op: CompareOp, left: Checked, right: Checked) -> Result<Node> {
    if left.ty == Type::Null || right.ty == Type::Null {
        return Ok(Node::Unknown);
    }
    let (left, right) = unify(left, right)?;
    let ordered = !matches!(op, CompareOp::Eq | CompareOp::NotEq);
    if ordered && left.ty == Type::Bool {
        return Err(left
            .error(format!("{} has no order", left.described()))
            .hint(format!("Write {} or NOT {}", left.name, left.name)));
    }
    Ok(Node::Compare(op, Box::new(left.node), Box::new(right.node)))
}

/// Brings two values to one type: an int beside a float becomes a float, text beside a timestamp
/// is read as one. Neither is NULL.
fn unify(left: Checked, right: Checked) -> Result<(Checked, Checked)> {
    for side in [&left, &right] {
        match side.ty {
            Type::Opaque => {
                return Err(side
                    .error(format!(
                        "{} holds no plain values, so it cannot be compared",
                        side.name
                    ))
                    .hint(format!(
                        "Only {0} IS NULL and {0} IS NOT NULL are possible",
                        side.name
                    )));
            }
            Type::Json => {
                return Err(side
                    .error(format!(
                        "{} cannot be compared as a whole",
                        side.described()
                    ))
                    .hint(format!(
                        "Search its text: contains({0}, 'word') or {0} LIKE '%word%'",
                        side.name
                    )));
            }
            _ => {}
        }
    }
    match (left.ty, right.ty) {
        (a, b) if a == b => Ok((left, right)),
        (Type::Int, Type::Float) => Ok((to_float(left), right)),
        (Type::Float, Type::Int) => Ok((left, to_float(right))),
        (Type::Timestamp, Type::Text) if is_text_literal(&right) => {
            Ok((left, to_timestamp(right)?))
        }
        (Type::Text, Type::Timestamp) if is_text_literal(&left) => Ok((to_timestamp(left)?, right)),
        _ => Err(mismatch(&left, &right)),
    }
}

/// Names both sides and, where it can, writes the comparison that was meant.
fn mismatch(left: &Checked, right: &Checked) -> FilterError {
    // The side that is not a constant tells what the other should have been.
    let (column, other) = match (&left.node, &right.node) {
        (Node::Literal(_), node) if !matches!(node, Node::Literal(_)) => (right, left),
        _ => (left, right),
    };
    let hint = match (column.ty, &other.node) {
        (ty, Node::Literal(Literal::Text(text))) if ty.is_number() => {
            match text.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => {
                    format!(
                        "Write the number without quotes: {} = {}",
                        column.name,
                        text.trim()
                    )
                }
                _ => format!(
                    "{} holds numbers; compare it with one, such as {} = 5",
                    column.name, column.name
                ),
            }
        }
        (Type::Text, Node::Literal(Literal::Int(_) | Literal::Float(_))) => {
            format!(
                "Put the value in single quotes: {} = '{}'",
                column.name, other.name
            )
        }
        (Type::Text, Node::Literal(Literal::Bool(_))) => {
            format!(
                "Put the value in single quotes: {} = '{}'",
                column.name,
                other.name.to_lowercase()
            )
        }
        (Type::Bool, Node::Literal(Literal::Int(1))) => {
            format!("Write {} = TRUE, or just {}", column.name, column.name)
        }
        (Type::Bool, _) => format!("Write {0} = TRUE or {0} = FALSE", column.name),
        (Type::Timestamp, _) => format!(
            "Write a date in single quotes: {} >= '2024-01-31'",
            column.name
        ),
        _ => "Compare values of the same type".to_owned(),
    };
    FilterError {
        message: format!(
            "{} cannot be compared with {}",
            column.described(),
            other.described()
        ),
        position: other.at.or(column.at),
        hint: Some(hint),
    }
}

fn is_text_literal(value: &Checked) -> bool {
    matches!(value.node, Node::Literal(Literal::Text(_)))
}

fn to_float(value: Checked) -> Checked {
    let node = match value.node {
        Node::Literal(Literal::Int(int)) => Node::Literal(Literal::Float(int as f64)),
        node => Node::ToFloat(Box::new(node)),
    };
    Checked {
        node,
        ty: Type::Float,
        ..value
    }
}

fn to_timestamp(value: Checked) -> Result<Checked> {
    match &value.node {
        Node::Literal(Literal::Text(text)) => match parse_timestamp(text) {
            Some(micros) => Ok(Checked {
                node: Node::Literal(Literal::Timestamp(micros)),
                ty: Type::Timestamp,
                ..value
            }),
            None => Err(not_a_timestamp(text, value.at)),
        },
        _ => Ok(value),
    }
}

/// `left op right` for numbers; division always gives a float.
pub(crate) fn arithmetic(
    op: ArithmeticOp,
    symbol: &str,
    left: Checked,
    right: Checked,
    at: Option<(u64, u64)>,
) -> Result<Checked> {
    need_number(&left, symbol)?;
    need_number(&right, symbol)?;
    let name = "this calculation".to_owned();
    if left.ty == Type::Null || right.ty == Type::Null {
        return Ok(Checked {
            node: Node::Unknown,
            ty: Type::Null,
            at,
            name,
        });
    }
    let float = op == ArithmeticOp::Divide || left.ty == Type::Float || right.ty == Type::Float;
    let (left, right, ty) = if float {
        let convert = |side: Checked| {
            if side.ty == Type::Int {
                to_float(side)
            } else {
                side
            }
        };
        (convert(left), convert(right), Type::Float)
    } else {
        (left, right, Type::Int)
    };
    let node = Node::Arithmetic(op, Box::new(left.node), Box::new(right.node));
    Ok(Checked { node, ty, at, name })
}

/// LIKE, ILIKE, starts_with, contains.
pub(crate) fn text_test(test: TextTest, name: &str, left: Checked, right: Checked) -> Result<Node> {
    for side in [&left, &right] {
        if !matches!(side.ty, Type::Text | Type::Json | Type::Null) {
            let error = side.error(format!(
                "{name} needs text, but {} is not",
                side.described()
            ));
            return Err(match (&side.node, side.ty) {
                (Node::Literal(_), _) => {
                    error.hint(format!("Put it in single quotes: '{}'", side.name))
                }
                (_, ty) if ty.is_number() => error.hint(format!(
                    "Compare numbers with = < >, such as {} > 5",
                    side.name
                )),
                _ => error.hint(format!("Use {name} on text columns")),
            });
        }
    }
    if left.ty == Type::Null || right.ty == Type::Null {
        return Ok(Node::Unknown);
    }
    if let (TextTest::Like | TextTest::ILike, Node::Literal(Literal::Text(pattern))) =
        (test, &right.node)
    {
        crate::eval::check_pattern(test, pattern).map_err(|_| {
            right
                .error("This LIKE pattern is too complex")
                .hint("Use a shorter pattern with fewer % signs")
        })?;
    }
    Ok(Node::Text(test, Box::new(left.node), Box::new(right.node)))
}

/// `value IN (items)`. The items that are constants become one set.
pub(crate) fn in_list(value: Checked, items: Vec<Checked>) -> Result<Node> {
    if items.is_empty() {
        return Err(value
            .error("IN needs at least one value")
            .hint("Write column IN (1, 2, 3)"));
    }
    if value.ty == Type::Null {
        return Ok(Node::Unknown);
    }
    // One float among the items makes the whole comparison one of floats.
    let float = value.ty == Type::Float
        || (value.ty == Type::Int && items.iter().any(|i| i.ty == Type::Float));
    let value = if float && value.ty == Type::Int {
        to_float(value)
    } else {
        value
    };
    let sample = |value: &Checked| Checked {
        // Only its type and name are looked at.
        node: Node::Unknown,
        ty: value.ty,
        at: value.at,
        name: value.name.clone(),
    };
    let mut has_null = false;
    let mut literals = Vec::new();
    let mut computed = Vec::new();
    for item in items {
        if item.ty == Type::Null {
            has_null = true;
            continue;
        }
        let at = item.at;
        let (_, item) = unify(sample(&value), item)?;
        match item.node {
            Node::Literal(literal) => literals.push(literal),
            node if computed.len() < MAX_COMPUTED_ITEMS => computed.push(node),
            _ => {
                return Err(FilterError {
                    message: format!(
                        "IN takes at most {MAX_COMPUTED_ITEMS} items that are not constants"
                    ),
                    position: at,
                    hint: Some("Join conditions with OR".to_owned()),
                });
            }
        }
    }
    // A NULL alone still has to say what the value's NULLs give, which is unknown everywhere.
    Ok(Node::In {
        value: Box::new(value.node),
        literals: set_of(value.ty, literals),
        computed,
        has_null,
    })
}

fn set_of(ty: Type, literals: Vec<Literal>) -> LiteralSet {
    match ty {
        Type::Bool => LiteralSet::Bool {
            yes: literals.contains(&Literal::Bool(true)),
            no: literals.contains(&Literal::Bool(false)),
        },
        Type::Float => {
            let mut set: Vec<f64> = literals
                .into_iter()
                .filter_map(|l| {
                    if let Literal::Float(x) = l {
                        Some(x)
                    } else {
                        None
                    }
                })
                .collect();
            set.sort_by(f64::total_cmp);
            set.dedup();
            LiteralSet::Float(set)
        }
        Type::Text => LiteralSet::Text(
            literals
                .into_iter()
                .filter_map(|l| {
                    if let Literal::Text(x) = l {
                        Some(x)
                    } else {
                        None
                    }
                })
                .collect::<HashSet<String>>(),
        ),
        _ => {
            let mut set: Vec<i64> = literals
                .into_iter()
                .filter_map(|l| match l {
                    Literal::Int(x) | Literal::Timestamp(x) => Some(x),
                    _ => None,
                })
                .collect();
            set.sort_unstable();
            set.dedup();
            LiteralSet::Int(set)
        }
    }
}
