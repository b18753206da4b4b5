//! From text to sqlparser's syntax tree: limits before anything recursive, and messages for people.

use sqlparser::ast::Expr;
use sqlparser::dialect::GenericDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Word};

use crate::dialect::FilterDialect;
use crate::error::FilterError;
use crate::names::{Names, is_reserved};
use crate::{MAX_DEPTH, MAX_EXPRESSION_BYTES, MAX_OPERATORS};

/// sqlparser spends up to this many of its recursion steps on one level of parentheses.
const STEPS_PER_LEVEL: usize = 2;

/// Parses one expression and nothing after it.
pub(crate) fn parse_expression(text: &str, names: &Names<'_>) -> Result<Expr, FilterError> {
    if text.len() > MAX_EXPRESSION_BYTES {
        return Err(FilterError::new(format!(
            "The filter is {} bytes long; at most {MAX_EXPRESSION_BYTES} are accepted",
            text.len()
        )));
    }
    let tokens = Tokenizer::new(&GenericDialect, text)
        .tokenize_with_location()
        .map_err(|error| tokenizer_error(&error.message, place(error.location)))?;
    let tokens = prepare(tokens, names)?;

    let mut parser = Parser::new(&FilterDialect)
        .with_recursion_limit(MAX_DEPTH * STEPS_PER_LEVEL)
        .with_tokens_with_locations(tokens);
    let expression = parser
        .parse_expr()
        .map_err(|error| parser_error(&error, text))?;
    let rest = parser.peek_token();
    match rest.token {
        Token::EOF => Ok(expression),
        token => Err(FilterError::at(
            place(rest.span.start),
            format!("The filter should end here, but {} follows", shown(&token)),
        )
        .hint("Join conditions with AND or OR; put text in single quotes")),
    }
}

/// Refuses what no filter contains, and quotes column names that SQL would take for keywords.
fn prepare(
    tokens: Vec<TokenWithSpan>,
    names: &Names<'_>,
) -> Result<Vec<TokenWithSpan>, FilterError> {
    let mut tokens: Vec<TokenWithSpan> = tokens
        .into_iter()
        .filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF))
        .collect();
    if tokens.is_empty() {
        return Err(
            FilterError::new("The filter is empty").hint("Write a condition, such as length > 5")
        );
    }
    let mut operators = 0usize;
    for i in 0..tokens.len() {
        let around = Around::new(&tokens, i);
        let Some(token) = tokens.get(i) else { break };
        let at = place(token.span.start);
        operators += usize::from(is_operator(&token.token));
        if operators > MAX_OPERATORS {
            return Err(FilterError::at(
                at,
                format!("The filter has more than {MAX_OPERATORS} operators"),
            )
            .hint("Write a long list of values as column IN (…)"));
        }
        if let Some(error) = refused(&token.token, at) {
            return Err(error);
        }
        if token.token == Token::Period && !joins_names(&around) {
            return Err(FilterError::at(
                at,
                "A dot stands only between the parts of a column's name",
            )
            .hint("Put odd column names in double quotes: \"name\""));
        }
        let Token::Word(word) = &token.token else {
            continue;
        };
        // Beside a dot even a word of the grammar is a part of a name. And sqlparser knows words that it reads in two ways, level by level
        // (POSITION, INTERVAL): it is told only those that a filter has, or that get a message of their own.
        let beside_dot = [around.last, around.next].contains(&Some(&Token::Period));
        let word = if beside_dot || !KNOWN.contains(&word.keyword) {
            let plain = Word {
                keyword: Keyword::NoKeyword,
                ..word.clone()
            };
            if let Some(slot) = tokens.get_mut(i) {
                slot.token = Token::Word(plain.clone());
            }
            plain
        } else {
            word.clone()
        };
        if beside_dot {
            continue;
        }
        let around = Around::new(&tokens, i);
        if word.quote_style.is_some() {
            continue;
        }
        if is(&word, &["IN"])
            && matches!(
                (around.next, around.after_next),
                (Some(Token::LParen), Some(Token::RParen))
            )
        {
            return Err(FilterError::at(at, "IN needs at least one value")
                .hint("Write column IN (1, 2, 3)"));
        }
        let column = if column_like(&word, &around) {
            names.spelling(&word.value)
        } else {
            None
        };
        if let Some(column) = column {
            // A quoted name is looked up exactly, so it takes the schema's own spelling.
            let quoted = Token::make_word(column, Some('"'));
            if let Some(slot) = tokens.get_mut(i) {
                slot.token = quoted;
            }
        } else if is(&word, &["INTERVAL"])
            && matches!(
                around.next,
                Some(Token::SingleQuotedString(_) | Token::Number(..))
            )
        {
            return Err(
                FilterError::at(at, "Intervals are not available in filters").hint(
                    "Write both ends as dates: created BETWEEN '2024-01-01' AND '2024-01-31'",
                ),
            );
        } else if around.last.is_none() && is(&word, &["WHERE"]) {
            return Err(FilterError::at(at, "A filter starts after the word WHERE")
                .hint("Leave out WHERE and write the condition alone"));
        } else if matches!(around.last, None | Some(Token::LParen)) && is(&word, &STATEMENTS) {
            return Err(FilterError::at(
                at,
                format!("{} is not part of a filter", word.value.to_uppercase()),
            )
            .hint(
                "A filter is one condition over this collection's columns, such as length > 5 \
                 AND kind = 'word'; subqueries and statements are not accepted",
            ));
        }
    }
    Ok(tokens)
}

/// The words that sqlparser is to take for more than names.
const KNOWN: [Keyword; 36] = [
    Keyword::AND,
    Keyword::AS,
    Keyword::BETWEEN,
    Keyword::CASE,
    Keyword::CAST,
    Keyword::CONVERT,
    Keyword::DATE,
    Keyword::DATETIME,
    Keyword::DISTINCT,
    Keyword::ELSE,
    Keyword::END,
    Keyword::ESCAPE,
    Keyword::EXISTS,
    Keyword::FALSE,
    Keyword::FROM,
    Keyword::ILIKE,
    Keyword::IN,
    Keyword::IS,
    Keyword::LIKE,
    Keyword::NOT,
    Keyword::NULL,
    Keyword::OR,
    Keyword::REGEXP,
    Keyword::RLIKE,
    Keyword::SELECT,
    Keyword::SIMILAR,
    Keyword::THEN,
    Keyword::TIME,
    Keyword::TIMESTAMP,
    Keyword::TO,
    Keyword::TRUE,
    Keyword::UNKNOWN,
    Keyword::WHEN,
    Keyword::WITH,
    Keyword::WITHOUT,
    Keyword::ZONE,
];

/// Words that begin something other than a condition.
const STATEMENTS: [&str; 10] = [
    "SELECT", "WITH", "VALUES", "INSERT", "UPDATE", "DELETE", "DROP", "CREATE", "ALTER", "EXISTS",
];

/// The tokens beside one.
struct Around<'a> {
    before_last: Option<&'a Token>,
    last: Option<&'a Token>,
    next: Option<&'a Token>,
    after_next: Option<&'a Token>,
}

impl<'a> Around<'a> {
    fn new(tokens: &'a [TokenWithSpan], i: usize) -> Self {
        let token = |i: Option<usize>| i.and_then(|i| tokens.get(i)).map(|t| &t.token);
        Self {
            before_last: token(i.checked_sub(2)),
            last: token(i.checked_sub(1)),
            next: token(i.checked_add(1)),
            after_next: token(i.checked_add(2)),
        }
    }
}

fn is(word: &Word, any: &[&str]) -> bool {
    word.quote_style.is_none() && any.iter().any(|w| w.eq_ignore_ascii_case(&word.value))
}

/// A word that stands where a column can stand, whatever SQL thinks of the word.
fn column_like(word: &Word, around: &Around<'_>) -> bool {
    let word_is =
        |token: Option<&Token>, name: &str| matches!(token, Some(Token::Word(w)) if is(w, &[name]));
    let after_is = word_is(around.last, "IS")
        || (word_is(around.last, "NOT") && word_is(around.before_last, "IS"));
    word.quote_style.is_none()
        && !is_reserved(&word.value)
        // `x IS UNKNOWN`, `x IS DISTINCT FROM`: the grammar's words, also beside a column of that name.
        && !after_is
        && !matches!(around.next, Some(Token::LParen | Token::Period | Token::SingleQuotedString(_)))
}

/// Whether a dot stands between two words, of which the latter is not called like a function.
fn joins_names(around: &Around<'_>) -> bool {
    let word = |token: Option<&Token>| matches!(token, Some(Token::Word(_)));
    word(around.last) && word(around.next) && around.after_next != Some(&Token::LParen)
}

fn is_operator(token: &Token) -> bool {
    match token {
        Token::Word(word) => {
            let value = &word.value;
            word.quote_style.is_none()
                && is_reserved(value)
                && !is(word, &["TRUE", "FALSE", "NULL"])
        }
        // Minus is mostly the sign of a number, and lists of numbers are full of signs; what a
        // chain of minuses costs, the depth limit bounds.
        Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::Comma
        | Token::LParen
        | Token::RParen
        | Token::Period
        | Token::Minus => false,
        _ => true,
    }
}

/// The mistakes that a keyboard or another language makes.
fn refused(token: &Token, at: (u64, u64)) -> Option<FilterError> {
    let (message, hint) = match token {
        Token::SemiColon => (
            "A filter is one condition; `;` and what follows it are not accepted",
            "Join conditions with AND or OR",
        ),
        Token::Overlap => ("`&&` is not an operator here", "Write AND"),
        Token::StringConcat => (
            "`||` is not an operator here",
            "Write OR between two conditions",
        ),
        Token::ExclamationMark | Token::DoubleExclamationMark => (
            "`!` is not an operator here",
            "Write NOT, or <> for not equal",
        ),
        // sqlparser tries what follows these in several ways, level by level.
        Token::DoubleColon => (
            "Casts are not available in filters",
            "Compare a column with a value of its own type",
        ),
        Token::LBracket | Token::RBracket | Token::LBrace | Token::RBrace | Token::Colon => (
            "Parts of a column cannot be reached in a filter",
            "Search the column's text: contains(column, 'word')",
        ),
        Token::Placeholder(_) | Token::Question => {
            ("Placeholders are not accepted", "Write the value itself")
        }
        Token::Char('‘' | '’' | '‚' | '‛') => (
            "Curly quotes do not quote",
            "Put text in straight single quotes: 'text'",
        ),
        Token::Char('“' | '”' | '„') => (
            "Curly quotes do not quote",
            "Put text in straight single quotes: 'text', and column names in straight double quotes: \"name\"",
        ),
        Token::Char('≥') => ("`≥` is not an operator here", "Write >="),
        Token::Char('≤') => ("`≤` is not an operator here", "Write <="),
        Token::Char('≠') => ("`≠` is not an operator here", "Write <>"),
        Token::DoubleQuotedString(_)
        | Token::TripleSingleQuotedString(_)
        | Token::TripleDoubleQuotedString(_)
        | Token::DollarQuotedString(_)
        | Token::SingleQuotedByteStringLiteral(_)
        | Token::DoubleQuotedByteStringLiteral(_)
        | Token::TripleSingleQuotedByteStringLiteral(_)
        | Token::TripleDoubleQuotedByteStringLiteral(_)
        | Token::SingleQuotedRawStringLiteral(_)
        | Token::DoubleQuotedRawStringLiteral(_)
        | Token::TripleSingleQuotedRawStringLiteral(_)
        | Token::TripleDoubleQuotedRawStringLiteral(_)
        | Token::NationalStringLiteral(_)
        | Token::QuoteDelimitedStringLiteral(_)
        | Token::NationalQuoteDelimitedStringLiteral(_)
        | Token::EscapedStringLiteral(_)
        | Token::UnicodeStringLiteral(_)
        | Token::HexStringLiteral(_) => (
            "This way of writing a value is not accepted",
            "Put text in single quotes: 'text'; write numbers in decimal",
        ),
        Token::Char(other) => {
            return Some(
                FilterError::at(at, format!("{other:?} has no meaning in a filter"))
                    .hint("Put text in single quotes: 'text'"),
            );
        }
        _ => return None,
    };
    Some(FilterError::at(at, message).hint(hint))
}

fn tokenizer_error(message: &str, at: (u64, u64)) -> FilterError {
    if message.starts_with("Unterminated string") {
        return FilterError::at(at, "This text has no closing quote")
            .hint("End it with ' and write a quote inside text twice: 'it''s'");
    }
    if message.starts_with("Expected close delimiter") {
        return FilterError::at(at, "This quoted column name has no closing quote")
            .hint("Column names may stand in double quotes: \"first letter\"; text in single quotes: 'text'");
    }
    FilterError::at(at, format!("The filter cannot be read here: {message}"))
}

/// sqlparser reports "Expected: X, found: Y at Line: L, Column: C" as one text.
fn parser_error(error: &ParserError, text: &str) -> FilterError {
    let message = match error {
        ParserError::RecursionLimitExceeded => return too_deep(None),
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
    };
    let (message, position) = split_place(message);
    let error = |message: String| FilterError {
        message,
        position: position.or_else(|| Some(end_of(text))),
        hint: None,
    };
    let Some((expected, found)) = message
        .strip_prefix("Expected: ")
        .and_then(|rest| rest.rsplit_once(", found: "))
    else {
        return error(format!("The filter cannot be read: {message}"));
    };
    let expected = match expected {
        "an expression" => "a column or a value",
        "an SQL statement" => "a condition",
        ")" => "a closing parenthesis",
        other => other,
    };
    if found == "EOF" {
        return error(format!("The filter ends too early: {expected} is missing"))
            .hint("Complete the condition, such as length > 5");
    }
    let found: String = found.chars().take(40).collect();
    error(format!("Expected {expected} here, but found {found}"))
        .hint("Join conditions with AND or OR; put text in single quotes and odd column names in double quotes")
}

pub(crate) fn too_deep(position: Option<(u64, u64)>) -> FilterError {
    FilterError {
        message: format!("The filter is nested more than {MAX_DEPTH} levels deep"),
        position,
        hint: Some("Remove parentheses that change nothing, or split the filter".to_owned()),
    }
}

fn split_place(message: &str) -> (&str, Option<(u64, u64)>) {
    let parsed = message.rsplit_once(" at Line: ").and_then(|(head, tail)| {
        let (line, column) = tail.split_once(", Column: ")?;
        Some((
            head,
            (line.trim().parse().ok()?, column.trim().parse().ok()?),
        ))
    });
    match parsed {
        Some((head, place)) => (head, Some(place)),
        None => (message, None),
    }
}

/// Just behind the last character.
fn end_of(text: &str) -> (u64, u64) {
    let line = text.matches('\n').count() as u64 + 1;
    let column = text.rsplit('\n').next().unwrap_or("").chars().count() as u64 + 1;
    (line, column)
}

pub(crate) fn place(location: Location) -> (u64, u64) {
    (location.line, location.column)
}

fn shown(token: &Token) -> String {
    let text: String = token.to_string().chars().take(40).collect();
    format!("`{text}`")
}
