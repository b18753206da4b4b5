//! The functions of a filter: which there are and what they take.

use sqlparser::ast::{
    Function as SqlFunction, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectNamePart,
};

use crate::check::{Checked, Checker};
use crate::error::FilterError;
use crate::node::{Function, Node, TextTest, Type};
use crate::operators::text_test;
use crate::refusals::{short, unsupported};

/// For hints.
const KNOWN: &str = "length(text), lower(text), upper(text), abs(number), starts_with(text, text), contains(text, text)";

impl Checker<'_> {
    /// A function call, its name in any letter case.
    pub(crate) fn call(
        &mut self,
        function: &SqlFunction,
        at: Option<(u64, u64)>,
        depth: usize,
    ) -> Result<Checked, FilterError> {
        let name = match function.name.0.as_slice() {
            [ObjectNamePart::Identifier(name)] => name.value.to_lowercase(),
            _ => function.name.to_string().to_lowercase(),
        };
        let plain = function.filter.is_none()
            && function.over.is_none()
            && function.null_treatment.is_none()
            && function.within_group.is_empty()
            && matches!(function.parameters, FunctionArguments::None);
        let arguments = match &function.args {
            FunctionArguments::List(list)
                if plain && list.duplicate_treatment.is_none() && list.clauses.is_empty() =>
            {
                list.args.as_slice()
            }
            _ => {
                return Err(unsupported(
                    at,
                    format!("{}() cannot be called this way", short(&name)),
                )
                .hint(format!("The functions are {KNOWN}")));
            }
        };
        let wanted = match name.as_str() {
            "length" | "lower" | "upper" | "abs" => 1,
            "starts_with" | "contains" => 2,
            _ => {
                return Err(
                    unsupported(at, format!("There is no function {}()", short(&name)))
                        .hint(format!("The functions are {KNOWN}")),
                );
            }
        };
        if arguments.len() != wanted {
            return Err(unsupported(
                at,
                format!(
                    "{name}() takes {wanted} argument{}, not {}",
                    if wanted == 1 { "" } else { "s" },
                    arguments.len()
                ),
            )
            .hint(format!("The functions are {KNOWN}")));
        }
        let mut checked = Vec::with_capacity(wanted);
        for argument in arguments {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => {
                    checked.push(self.check(expr, depth)?)
                }
                _ => return Err(unsupported(at, format!("{name}() takes plain values only"))),
            }
        }
        let mut checked = checked.into_iter();
        let (Some(first), second) = (checked.next(), checked.next()) else {
            return Err(unsupported(at, format!("{name}() needs an argument")));
        };
        if let Some(second) = second {
            let test = if name == "contains" {
                TextTest::Contains
            } else {
                TextTest::StartsWith
            };
            return Ok(Checked::condition(
                text_test(test, &format!("{name}()"), first, second)?,
                at,
            ));
        }
        let (function, ty) = match name.as_str() {
            "length" => (Function::Length, Type::Int),
            "lower" => (Function::Lower, Type::Text),
            "upper" => (Function::Upper, Type::Text),
            _ => (Function::Abs, first.ty),
        };
        let fits = match function {
            Function::Abs => first.ty.is_number(),
            _ => matches!(first.ty, Type::Text | Type::Json),
        };
        if first.ty == Type::Null {
            return Ok(Checked {
                node: Node::Unknown,
                ty: Type::Null,
                at,
                name: format!("{name}(…)"),
            });
        }
        if !fits {
            let needs = if function == Function::Abs {
                "a number"
            } else {
                "text"
            };
            return Err(first
                .error(format!(
                    "{name}() needs {needs}, but {} is not",
                    first.described()
                ))
                .hint(format!("The functions are {KNOWN}")));
        }
        Ok(Checked {
            node: Node::Call(function, Box::new(first.node)),
            ty,
            at,
            name: format!("{name}(…)"),
        })
    }
}
