//! Random filters against an evaluator that knows no Arrow and goes row by row.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use arrow_schema::{DataType, Field, Schema};
use proptest::prelude::*;

use crate::parse;

#[derive(Debug, Clone)]
struct Row {
    i: Option<i64>,
    f: Option<f64>,
    t: Option<String>,
    b: Option<bool>,
}

#[derive(Debug, Clone)]
enum Num {
    I,
    F,
    Int(i64),
    Float(f64),
    Null,
    Length(Text),
    Neg(Box<Num>),
    Op(char, Box<Num>, Box<Num>),
}

#[derive(Debug, Clone)]
enum Text {
    T,
    Lit(String),
    Lower(Box<Text>),
}

#[derive(Debug, Clone)]
enum Cond {
    B,
    Const(Option<bool>),
    Cmp(&'static str, Num, Num),
    TextCmp(&'static str, Text, Text),
    In(bool, Num, Vec<Option<i64>>),
    TextIn(bool, Text, Vec<String>),
    Between(bool, Num, Num, Num),
    Like(bool, Text, String),
    Null(bool, Num),
    Is(bool, Option<bool>, Box<Cond>),
    Not(Box<Cond>),
    And(Box<Cond>, Box<Cond>),
    Or(Box<Cond>, Box<Cond>),
}

/// An int stays an int until a float touches it.
#[derive(Debug, Clone, Copy)]
enum N {
    I(i64),
    F(f64),
}

impl N {
    fn float(self) -> f64 {
        match self {
            N::I(i) => i as f64,
            N::F(f) => f,
        }
    }
}

/// Whether the type is int, which a NULL has too.
fn is_int(n: &Num) -> Option<bool> {
    match n {
        Num::I | Num::Int(_) | Num::Length(_) => Some(true),
        Num::F | Num::Float(_) => Some(false),
        Num::Null => None,
        Num::Neg(a) => is_int(a),
        Num::Op(op, a, b) => Some(is_int(a)? & is_int(b)? & (*op != '/')),
    }
}

fn num(n: &Num, row: &Row) -> Option<N> {
    let finish = |x: f64| if x.is_nan() { None } else { Some(N::F(x)) };
    match n {
        Num::I => row.i.map(N::I),
        Num::F => row.f.and_then(finish),
        Num::Int(i) => Some(N::I(*i)),
        Num::Float(f) => Some(N::F(*f)),
        Num::Null => None,
        Num::Length(t) => text(t, row).map(|t| N::I(t.chars().count() as i64)),
        Num::Neg(a) => match num(a, row)? {
            N::I(i) => i.checked_neg().map(N::I),
            N::F(f) => finish(-f),
        },
        Num::Op(op, a, b) => {
            is_int(n)?;
            match (op, num(a, row)?, num(b, row)?) {
                ('+', N::I(a), N::I(b)) => a.checked_add(b).map(N::I),
                ('-', N::I(a), N::I(b)) => a.checked_sub(b).map(N::I),
                ('*', N::I(a), N::I(b)) => a.checked_mul(b).map(N::I),
                ('%', N::I(a), N::I(b)) => (b != 0).then(|| N::I(a.wrapping_rem(b))),
                ('+', a, b) => finish(a.float() + b.float()),
                ('-', a, b) => finish(a.float() - b.float()),
                ('*', a, b) => finish(a.float() * b.float()),
                ('/', _, b) | ('%', _, b) if b.float() == 0.0 => None,
                ('/', a, b) => finish(a.float() / b.float()),
                (_, a, b) => finish(a.float() % b.float()),
            }
        }
    }
}

fn text(t: &Text, row: &Row) -> Option<String> {
    match t {
        Text::T => row.t.clone(),
        Text::Lit(s) => Some(s.clone()),
        Text::Lower(t) => text(t, row).map(|t| t.to_lowercase()),
    }
}

fn by_op<T: PartialOrd>(op: &str, a: &T, b: &T) -> bool {
    match op {
        "=" => a == b,
        "<>" => a != b,
        "<" => a < b,
        "<=" => a <= b,
        ">" => a > b,
        _ => a >= b,
    }
}

fn compare(op: &str, a: Option<N>, b: Option<N>) -> Option<bool> {
    Some(match (a?, b?) {
        (N::I(a), N::I(b)) => by_op(op, &a, &b),
        (a, b) => by_op(op, &a.float(), &b.float()),
    })
}

fn and(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn or(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

/// `%` and `_` by trying every way.
fn like(text: &[char], pattern: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('%', rest)) => (0..=text.len()).any(|skip| like(&text[skip..], rest)),
        Some(('_', rest)) => !text.is_empty() && like(&text[1..], rest),
        Some((c, rest)) => text.first() == Some(c) && like(&text[1..], rest),
    }
}

fn cond(c: &Cond, row: &Row) -> Option<bool> {
    let flip = |negated: bool, x: Option<bool>| x.map(|x| x != negated);
    match c {
        Cond::B => row.b,
        Cond::Const(x) => *x,
        Cond::Cmp(op, a, b) => compare(op, num(a, row), num(b, row)),
        Cond::TextCmp(op, a, b) => Some(by_op(op, &text(a, row)?, &text(b, row)?)),
        Cond::In(negated, a, list) => {
            let mut found = Some(false);
            for item in list {
                found = or(found, compare("=", num(a, row), item.map(N::I)));
            }
            flip(*negated, found)
        }
        Cond::TextIn(negated, a, list) => flip(*negated, text(a, row).map(|t| list.contains(&t))),
        Cond::Between(negated, a, low, high) => {
            let a = num(a, row);
            flip(
                *negated,
                and(
                    compare(">=", a, num(low, row)),
                    compare("<=", a, num(high, row)),
                ),
            )
        }
        Cond::Like(negated, a, pattern) => {
            let t: Vec<char> = text(a, row)?.chars().collect();
            flip(
                *negated,
                Some(like(&t, &pattern.chars().collect::<Vec<_>>())),
            )
        }
        Cond::Null(negated, a) => Some(num(a, row).is_none() != *negated),
        Cond::Is(negated, want, a) => Some((cond(a, row) == *want) != *negated),
        Cond::Not(a) => cond(a, row).map(|x| !x),
        Cond::And(a, b) => and(cond(a, row), cond(b, row)),
        Cond::Or(a, b) => or(cond(a, row), cond(b, row)),
    }
}

fn quote(s: &str) -> String {
    format!("'{}'", s.replace('\'', "''"))
}

fn num_sql(n: &Num) -> String {
    match n {
        Num::I => "i".into(),
        Num::F => "f".into(),
        Num::Int(i) => i.to_string(),
        Num::Float(f) => format!("{f:?}"),
        Num::Null => "NULL".into(),
        Num::Length(t) => format!("length({})", text_sql(t)),
        Num::Neg(a) => format!("-({})", num_sql(a)),
        Num::Op(op, a, b) => format!("({} {op} {})", num_sql(a), num_sql(b)),
    }
}

fn text_sql(t: &Text) -> String {
    match t {
        Text::T => "t".into(),
        Text::Lit(s) => quote(s),
        Text::Lower(t) => format!("lower({})", text_sql(t)),
    }
}

fn sql(c: &Cond) -> String {
    let not = |negated: &bool| if *negated { "NOT " } else { "" };
    let word = |x: &Option<bool>, null: &str| match x {
        Some(true) => "TRUE".to_owned(),
        Some(false) => "FALSE".to_owned(),
        None => null.to_owned(),
    };
    match c {
        Cond::B => "b".into(),
        Cond::Const(x) => word(x, "NULL"),
        Cond::Cmp(op, a, b) => format!("{} {op} {}", num_sql(a), num_sql(b)),
        Cond::TextCmp(op, a, b) => format!("{} {op} {}", text_sql(a), text_sql(b)),
        Cond::In(n, a, list) => {
            let list: Vec<String> = list
                .iter()
                .map(|x| x.map_or("NULL".into(), |x| x.to_string()))
                .collect();
            format!("{} {}IN ({})", num_sql(a), not(n), list.join(", "))
        }
        Cond::TextIn(n, a, list) => {
            let list: Vec<String> = list.iter().map(|x| quote(x)).collect();
            format!("{} {}IN ({})", text_sql(a), not(n), list.join(", "))
        }
        Cond::Between(n, a, low, high) => {
            format!(
                "{} {}BETWEEN {} AND {}",
                num_sql(a),
                not(n),
                num_sql(low),
                num_sql(high)
            )
        }
        Cond::Like(n, a, pattern) => format!("{} {}LIKE {}", text_sql(a), not(n), quote(pattern)),
        Cond::Null(n, a) => format!("{} IS {}NULL", num_sql(a), not(n)),
        Cond::Is(n, want, a) => format!("({}) IS {}{}", sql(a), not(n), word(want, "UNKNOWN")),
        Cond::Not(a) => format!("NOT ({})", sql(a)),
        Cond::And(a, b) => format!("({}) AND ({})", sql(a), sql(b)),
        Cond::Or(a, b) => format!("({}) OR ({})", sql(a), sql(b)),
    }
}

fn small_text() -> impl Strategy<Value = String> {
    "[abÉ'%é\n ]{0,4}"
}

fn nums() -> impl Strategy<Value = Num> {
    let leaf = prop_oneof![
        3 => Just(Num::I),
        2 => Just(Num::F),
        3 => (-3i64..4).prop_map(Num::Int),
        1 => prop_oneof![Just(i64::MAX), Just(i64::MIN), Just(1 << 53)].prop_map(Num::Int),
        2 => prop_oneof![Just(-1.5), Just(0.0), Just(-0.0), Just(2.0), Just(1e300)].prop_map(Num::Float),
        1 => Just(Num::Null),
        1 => texts().prop_map(Num::Length),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| Num::Neg(Box::new(a))),
            (
                prop::sample::select(vec!['+', '-', '*', '/', '%']),
                inner.clone(),
                inner
            )
                .prop_map(|(op, a, b)| Num::Op(op, Box::new(a), Box::new(b))),
        ]
    })
}

fn texts() -> impl Strategy<Value = Text> {
    prop_oneof![
        3 => Just(Text::T),
        1 => small_text().prop_map(Text::Lit),
        1 => Just(Text::Lower(Box::new(Text::T))),
    ]
}

fn conds() -> impl Strategy<Value = Cond> {
    let op = || prop::sample::select(vec!["=", "<>", "<", "<=", ">", ">="]);
    let leaf = prop_oneof![
        Just(Cond::B),
        prop::option::of(any::<bool>()).prop_map(Cond::Const),
        (op(), nums(), nums()).prop_map(|(o, a, b)| Cond::Cmp(o, a, b)),
        (op(), texts(), texts()).prop_map(|(o, a, b)| Cond::TextCmp(o, a, b)),
        (
            any::<bool>(),
            nums(),
            prop::collection::vec(prop::option::weighted(0.8, -3i64..4), 1..4)
        )
            .prop_map(|(n, a, l)| Cond::In(n, a, l)),
        (
            any::<bool>(),
            texts(),
            prop::collection::vec(small_text(), 1..4)
        )
            .prop_map(|(n, a, l)| Cond::TextIn(n, a, l)),
        (any::<bool>(), nums(), nums(), nums()).prop_map(|(n, a, b, c)| Cond::Between(n, a, b, c)),
        (any::<bool>(), texts(), "[abé%_\n']{0,4}").prop_map(|(n, a, p)| Cond::Like(n, a, p)),
        (any::<bool>(), nums()).prop_map(|(n, a)| Cond::Null(n, a)),
    ];
    leaf.prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| Cond::Not(Box::new(a))),
            (
                any::<bool>(),
                prop::option::of(any::<bool>()),
                inner.clone()
            )
                .prop_map(|(n, w, a)| Cond::Is(n, w, Box::new(a))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Cond::And(Box::new(a), Box::new(b))),
            (inner.clone(), inner).prop_map(|(a, b)| Cond::Or(Box::new(a), Box::new(b))),
        ]
    })
}

fn table() -> impl Strategy<Value = Vec<Row>> {
    let int = prop_oneof![4 => -3i64..4, 1 => Just(i64::MAX), 1 => Just(i64::MIN)];
    let float = prop::sample::select(vec![
        0.0,
        -0.0,
        1.0,
        -1.5,
        2.0,
        f64::NAN,
        f64::INFINITY,
        1e300,
    ]);
    let row = (
        prop::option::weighted(0.8, int),
        prop::option::weighted(0.8, float),
        prop::option::weighted(0.8, small_text()),
        prop::option::weighted(0.8, any::<bool>()),
    );
    prop::collection::vec(row.prop_map(|(i, f, t, b)| Row { i, f, t, b }), 0..20)
}

fn to_batch(table: &[Row]) -> RecordBatch {
    let schema = Schema::new(vec![
        Field::new("i", DataType::Int64, true),
        Field::new("f", DataType::Float64, true),
        Field::new("t", DataType::Utf8, true),
        Field::new("b", DataType::Boolean, true),
    ]);
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(table.iter().map(|r| r.i).collect::<Int64Array>()),
        Arc::new(table.iter().map(|r| r.f).collect::<Float64Array>()),
        Arc::new(table.iter().map(|r| r.t.clone()).collect::<StringArray>()),
        Arc::new(table.iter().map(|r| r.b).collect::<BooleanArray>()),
    ];
    RecordBatch::try_new(Arc::new(schema), arrays).expect("the fixture is consistent")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_filter_selects_what_a_row_by_row_evaluation_selects(c in conds(), table in table()) {
        let expression = sql(&c);
        let batch = to_batch(&table);
        let filter = parse(&expression, batch.schema_ref()).map_err(|e| TestCaseError::fail(format!("{expression}: {e}")))?;
        let got = filter.evaluate(&batch).map_err(|e| TestCaseError::fail(format!("{expression}: {e}")))?;
        prop_assert_eq!(got.null_count(), 0);
        for (position, row) in table.iter().enumerate() {
            prop_assert_eq!(got.value(position), cond(&c, row) == Some(true), "{} on {:?}", &expression, row);
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[a-z0-9 ()'\"=<>.,;%+*/é‘!&|$?:@#\\[\\]{}-]{0,60}", raw in any::<String>()) {
        let batch = to_batch(&[]);
        for text in [text, raw] {
            if let Err(error) = parse(&text, batch.schema_ref()) {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }

    #[test]
    fn no_order_of_the_words_of_the_grammar_makes_the_parser_or_the_evaluation_panic(
        words in prop::collection::vec(prop::sample::select(vec![
            "i", "f", "t", "b", "1", "-", "2.5", "'a'", "NULL", "TRUE", "AND", "OR", "NOT", "IN", "(", ")", ",", "=", "<",
            "BETWEEN", "LIKE", "ILIKE", "IS", "length", "lower", "abs", "+", "*", "/", "%", "DATE", "CASE", "WHEN", "SELECT",
            "EXISTS", "::", "[", "]", ".", "ARRAY", "INTERVAL", "CAST", "AS",
        ]), 0..20),
        table in table(),
    ) {
        let batch = to_batch(&table);
        if let Ok(filter) = parse(&words.join(" "), batch.schema_ref()) {
            prop_assert!(filter.evaluate(&batch).is_ok(), "{}", words.join(" "));
        }
    }
}
