//! Three-valued logic, from its tables.

use super::rows;

/// TRUE, FALSE, NULL as `+`, `-`, `?`.
fn literal(mark: char) -> &'static str {
    match mark {
        '+' => "TRUE",
        '-' => "FALSE",
        _ => "NULL",
    }
}

/// Whether the expression is true, false or unknown, asked with IS.
#[track_caller]
fn verdict(expression: &str) -> char {
    let all = |test: &str| rows(&format!("({expression}) IS {test}")).len();
    let (yes, no, unknown) = (all("TRUE"), all("FALSE"), all("UNKNOWN"));
    assert_eq!(
        yes + no + unknown,
        5,
        "{expression}: exactly one of the three"
    );
    match (yes, no) {
        (5, _) => '+',
        (_, 5) => '-',
        _ => '?',
    }
}

// [Q4]
#[test]
fn and_or_and_not_follow_their_tables() {
    let order = ['+', '-', '?'];
    let and = ["+-?", "---", "?-?"];
    let or = ["+++", "+-?", "+??"];
    for (i, a) in order.into_iter().enumerate() {
        for (j, b) in order.into_iter().enumerate() {
            let (x, y) = (literal(a), literal(b));
            assert_eq!(
                Some(verdict(&format!("{x} AND {y}"))),
                and[i].chars().nth(j),
                "{x} AND {y}"
            );
            assert_eq!(
                Some(verdict(&format!("{x} OR {y}"))),
                or[i].chars().nth(j),
                "{x} OR {y}"
            );
        }
    }
    assert_eq!(verdict("NOT TRUE"), '-');
    assert_eq!(verdict("NOT FALSE"), '+');
    assert_eq!(verdict("NOT NULL"), '?');
}

#[test]
fn whatever_touches_null_is_unknown() {
    for expression in [
        "NULL = NULL",
        "rank = NULL",
        "NULL <> 1",
        "NULL + 1 = 1",
        "-NULL = 1",
        "word LIKE NULL",
        "NULL LIKE 'a'",
        "length(NULL) = 1",
        "abs(NULL) > 0",
        "contains(NULL, 'a')",
        "NULL IN (1, 2)",
        "1 IN (2, NULL)",
        "1 NOT IN (2, NULL)",
        "2 BETWEEN NULL AND 5",
        "NULL BETWEEN 1 AND 2",
        "1 IN (NULL)",
    ] {
        assert_eq!(verdict(expression), '?', "{expression}");
    }
    assert_eq!(verdict("1 IN (1, NULL)"), '+');
    assert_eq!(verdict("1 NOT IN (1, NULL)"), '-');
    assert_eq!(verdict("9 BETWEEN NULL AND 5"), '-');
    assert_eq!(verdict("NULL IS NULL"), '+');
    assert_eq!(verdict("NULL IS NOT NULL"), '-');
    assert_eq!(rows("NULL"), [] as [usize; 0]);
}

#[test]
fn null_rows_match_neither_a_condition_nor_its_opposite() {
    for expression in [
        "rank > 0",
        "word = 'king'",
        "word LIKE '%'",
        "good",
        "created > '1900-01-01'",
        "rank IN (1, -3)",
        "length(word) > 0",
        "rank BETWEEN 0 AND 5",
        "starts_with(word, 'k')",
    ] {
        assert!(!rows(expression).contains(&4), "{expression}");
        assert!(
            !rows(&format!("NOT ({expression})")).contains(&4),
            "NOT {expression}"
        );
        assert_eq!(
            rows(&format!("({expression}) IS NULL")),
            [4],
            "{expression}"
        );
    }
    assert_eq!(rows("rank NOT IN (1, NULL)"), [] as [usize; 0]);
    assert_eq!(rows("rank IN (1, NULL)"), [0]);
}

#[test]
fn null_tests_work_on_every_column() {
    for column in ["word", "rank", "good", "created", "day", "meta", "vector"] {
        assert!(rows(&format!("{column} IS NULL")).contains(&4), "{column}");
        assert!(
            rows(&format!("{column} IS NOT NULL")).contains(&0),
            "{column}"
        );
    }
    assert_eq!(rows("good IS NOT TRUE"), [1, 3, 4]);
    assert_eq!(rows("good IS NOT FALSE"), [0, 2, 4]);
    assert_eq!(rows("good IS FALSE"), [1, 3]);
    assert_eq!(rows("good IS UNKNOWN"), [4]);
    assert_eq!(rows("good IS NOT UNKNOWN"), [0, 1, 2, 3]);
}
