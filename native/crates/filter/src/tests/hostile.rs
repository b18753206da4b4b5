//! Filters written to do harm: they are refused, or they cost what their length allows.

use std::time::{Duration, Instant};

use super::{batch, refusal, rows};
use crate::{MAX_DEPTH, MAX_EXPRESSION_BYTES, MAX_OPERATORS, parse};

// [Q4]
#[test]
fn statements_and_subqueries_are_refused() {
    for expression in [
        "1=1; DROP TABLE x",
        "rank = 1; DELETE FROM words",
        "rank IN (SELECT rank FROM other)",
        "rank = (SELECT max(rank) FROM words)",
        "EXISTS (SELECT 1)",
        "NOT EXISTS (SELECT 1)",
        "SELECT * FROM words",
        "DROP TABLE words",
        "(WITH a AS (SELECT 1) SELECT * FROM a)",
        "rank = 1 UNION SELECT 1",
        "rank = 1 ORDER BY rank",
        "rank = 1 LIMIT 5",
        "rank = ANY(SELECT 1)",
        "rank IN UNNEST(ARRAY[1])",
        "row_number() OVER (ORDER BY rank) = 1",
        "pg_sleep(10) = 1",
        "load_file('/etc/passwd') = 'x'",
        "*",
        "words.*",
        "@@version = 1",
        "rank = (VALUES (1))",
    ] {
        let error = refusal(expression);
        assert!(
            error.position.is_some() || error.hint.is_some(),
            "{expression}: {error}"
        );
    }
    assert!(
        refusal("rank IN (SELECT rank FROM other)")
            .to_string()
            .contains("subqueries")
    );
    assert_eq!(
        rows("word = '1=1; DROP TABLE x'"),
        [] as [usize; 0],
        "inside quotes it is only text"
    );
}

#[test]
fn nesting_is_bounded_whatever_it_is_made_of() {
    let many = 20_000;
    for expression in [
        "(".repeat(many),
        "(".repeat(many) + "good" + &")".repeat(many),
        "NOT ".repeat(many / 2) + "good",
        "- ".repeat(many) + "1 = 1",
        "-(".repeat(many / 2) + "1" + &")".repeat(many / 2) + " = 1",
        "1".to_owned() + &" - 1".repeat(many / 2) + " = 1",
        "abs(".repeat(many / 4) + "rank" + &")".repeat(many / 4) + " = 1",
        "good IN (".repeat(many / 10) + "good" + &")".repeat(many / 10),
        "CASE WHEN ".repeat(many / 10),
        "rank IN (".repeat(many / 10),
        "[".repeat(many),
        "{".repeat(many),
    ] {
        let start = Instant::now();
        let error = refusal(&expression);
        assert!(
            start.elapsed() < Duration::from_secs(2),
            "{:.30} took {:?}",
            expression,
            start.elapsed()
        );
        assert!(
            error.to_string().chars().count() < 400,
            "{:.30}: {error}",
            expression
        );
    }
    let deep = "(".repeat(MAX_DEPTH - 2) + "good" + &")".repeat(MAX_DEPTH - 2);
    assert_eq!(rows(&deep), [0, 2]);
    let error = refusal(&("(".repeat(MAX_DEPTH * 3) + "good" + &")".repeat(MAX_DEPTH * 3)));
    assert!(error.message.contains("nested more than"), "{error}");
}

#[test]
fn long_chains_of_and_and_or_are_not_deep() {
    let chain = |n: usize| vec!["rank = 1"; n].join(" OR ");
    assert_eq!(rows(&chain(MAX_OPERATORS / 2)), [0]);
    assert_eq!(rows(&chain(MAX_OPERATORS / 2).replace("OR", "AND")), [0]);
    let error = refusal(&chain(MAX_OPERATORS)).to_string();
    assert!(
        error.contains("more than 2000 operators") && error.contains("IN (…)"),
        "{error}"
    );
}

#[test]
fn a_list_as_long_as_the_limit_allows_is_searched_quickly() {
    let list = |from: usize, n: usize| {
        (from..from + n)
            .map(|i| i.to_string())
            .collect::<Vec<_>>()
            .join(",")
    };
    let expression = format!("rank IN ({})", list(1, 11_000));
    assert!(expression.len() < MAX_EXPRESSION_BYTES);
    let start = Instant::now();
    assert_eq!(rows(&expression), [0, 1]);
    assert!(start.elapsed() < Duration::from_secs(2));
    let negative = format!(
        "rank IN ({})",
        (1..9_000)
            .map(|i| format!("-{i}"))
            .collect::<Vec<_>>()
            .join(",")
    );
    assert_eq!(rows(&negative), [2], "signs are not operators");
    let computed = format!("rank IN ({})", vec!["rank"; 300].join(","));
    assert!(refusal(&computed).to_string().contains("at most 256 items"));
}

#[test]
fn the_length_limit_stands_at_64_kib() {
    let fits = format!("word = '{}'", "x".repeat(MAX_EXPRESSION_BYTES - 9));
    assert_eq!(fits.len(), MAX_EXPRESSION_BYTES);
    assert!(rows(&fits).is_empty());
    assert!(
        refusal(&(fits + " "))
            .to_string()
            .contains("at most 65536 are accepted")
    );
}

#[test]
fn enormous_patterns_are_refused_or_run_but_never_panic() {
    let batch = batch();
    for pattern in [
        "%".repeat(60_000),
        "_".repeat(60_000),
        "%a".repeat(30_000),
        "é%_".repeat(10_000),
        "\\".repeat(60_000),
    ] {
        for op in ["LIKE", "ILIKE"] {
            if let Ok(filter) = parse(&format!("word {op} '{pattern}'"), batch.schema_ref()) {
                let _ = filter.evaluate(&batch);
            }
        }
    }
}

#[test]
fn messages_stay_short_when_the_filter_is_long() {
    let name = "x".repeat(60_000);
    for expression in [
        format!("{name} = 1"),
        format!("\"{name}\" = 1"),
        format!("rank = '{name}'"),
        format!("{name}(1) = 1"),
        format!("a.{name} = 1"),
        format!("rank = {}", "9".repeat(60_000)),
        format!("rank = 1 {name}"),
        format!("{} = 1", vec!["a"; 30_000].join(".")),
        format!("created = '{name}'"),
        format!("CAST(rank AS {name}) = 1"),
        format!("{name} '1' = rank"),
    ] {
        let text = refusal(&expression).to_string();
        assert!(
            text.chars().count() < 500,
            "{:.20}: {} characters: {:.200}",
            expression,
            text.chars().count(),
            text
        );
    }
}

#[test]
fn odd_characters_are_refused_or_compared_as_they_are() {
    for expression in [
        "\u{0}",
        "rank = \u{0}1",
        "\u{202e}rank = 1",
        "🦀 = 1",
        "rank = ١",
        "\u{feff}rank = 1",
        "'",
        "\"",
        "`",
        "--",
        "/*",
        "/* /* */",
        "\\",
        "$$",
        "$a$",
        "N'x' = word",
        "E'\\",
        "U&'\\zzzz'",
        "Q'[",
        "@",
        "#",
        ":a = 1",
        "0x",
        "1e",
        "1e+",
        ".",
        "..",
        "1.2.3 = 1",
        "rank = 1_000_",
        "::",
    ] {
        let _ = refusal(expression);
    }
    assert_eq!(rows("word = '\u{0}🦀\u{202e}'"), [] as [usize; 0]);
}

// [Q4]
#[test]
fn no_word_of_sql_nested_and_wrong_at_the_end_doubles_the_time_with_each_level() {
    // 2^40 tries would never end.
    const LEVELS: usize = 40;
    let schema = batch().schema();
    let start = Instant::now();
    let mut count = 0u32;
    for word in sqlparser::keywords::ALL_KEYWORDS {
        for level in [
            format!("{word} ("),
            format!("{word} "),
            format!("rank {word} ("),
            format!("rank = {word} ("),
            format!("rank.{word}."),
            format!("{word}.rank "),
            format!("{word}(rank, "),
            format!("rank IN (({word} "),
            format!("{word} 'x' ("),
        ] {
            let expression = level.repeat(LEVELS) + "1 1";
            assert!(parse(&expression, &schema).is_err(), "{expression}");
            count += 1;
        }
    }
    let each = start.elapsed() / count;
    assert!(each < Duration::from_millis(5), "{each:?} each");
}

// Found by the fuzzer: 128 bytes took twelve seconds, 86 three.
#[test]
fn texts_that_once_took_seconds_are_refused_at_once() {
    for expression in [
        "odNN.Ngo.N[CoN.NNtoodNN.Ngood.oN.NNtoodNN.Ngood.#NN.N[CoN.NN.NULL#NJ.N[CoN.NN.NUNLod.#NN.N[CoN.NNtoodNN.Ngood.#NN.N[CoN.NN.NULL",
        "tNi.CANta.a.tNta.Na.(at^a:=N.ta.CQSTa.Jta.a.tNta.Dinta.a.Nta.a.ta.a.inta.a.Jta.a.tNta.",
    ] {
        let start = Instant::now();
        refusal(expression);
        assert!(start.elapsed() < Duration::from_secs(1), "{expression}");
    }
}
