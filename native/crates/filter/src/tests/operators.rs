use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Float32Array, LargeStringArray, RecordBatch,
    StringViewArray, TimestampSecondArray, UInt32Array,
};

use super::{batch, rows};
use crate::parse;

#[test]
fn each_comparison_of_numbers_selects_its_rows() {
    assert_eq!(rows("rank = 2"), [1]);
    assert_eq!(rows("rank == 2"), [1]);
    assert_eq!(rows("rank <> 2"), [0, 2, 3]);
    assert_eq!(rows("rank != 2"), [0, 2, 3]);
    assert_eq!(rows("rank < 2"), [0, 2]);
    assert_eq!(rows("rank <= 2"), [0, 1, 2]);
    assert_eq!(rows("rank > 1"), [1, 3]);
    assert_eq!(rows("rank >= 1"), [0, 1, 3]);
    assert_eq!(rows("1 < rank"), [1, 3]);
    assert_eq!(rows("rank > 1.5"), [1, 3]);
    assert_eq!(rows("rank = -3"), [2]);
    assert_eq!(rows("rank=-3"), [2]);
    assert_eq!(rows("rank > -9223372036854775808"), [0, 1, 2, 3]);
}

#[test]
fn integers_beyond_two_to_the_53_are_compared_exactly() {
    assert_eq!(rows("rank = 9007199254740993"), [3]);
    assert_eq!(rows("rank = 9007199254740992"), [] as [usize; 0]);
    assert_eq!(rows("rank IN (9007199254740993)"), [3]);
}

#[test]
fn negative_zero_is_zero_and_nan_counts_as_null() {
    assert_eq!(rows("score = 0"), [1]);
    assert_eq!(rows("score = -0.0"), [1]);
    assert_eq!(rows("score IN (-0.0)"), [1]);
    assert_eq!(rows("-score = 0"), [1]);
    assert_eq!(rows("score >= 0"), [0, 1, 3]);
    assert_eq!(rows("score < 0 OR score >= 0"), [0, 1, 3]);
    assert_eq!(rows("score IS NULL"), [2, 4]);
    assert_eq!(rows("NOT score > 100"), [0, 1]);
}

#[test]
fn text_is_compared_by_code_point() {
    assert_eq!(rows("word = 'king'"), [0]);
    assert_eq!(rows("word < 'a'"), [1, 3]);
    assert_eq!(rows("word >= 'z'"), [2]);
    assert_eq!(rows("'king' = word"), [0]);
    assert_eq!(rows("word = 'King'"), [] as [usize; 0]);
}

#[test]
fn bools_stand_alone_or_are_compared() {
    assert_eq!(rows("good"), [0, 2]);
    assert_eq!(rows("NOT good"), [1, 3]);
    assert_eq!(rows("good = FALSE"), [1, 3]);
    assert_eq!(rows("good <> true"), [1, 3]);
    assert_eq!(rows("good IN (TRUE)"), [0, 2]);
    assert_eq!(rows("good = (rank = 1)"), [0, 1, 3]);
}

#[test]
fn timestamps_take_dates_times_and_offsets() {
    assert_eq!(rows("created = '2024-01-01'"), [0]);
    assert_eq!(rows("created >= DATE '2024-01-02'"), [1, 2]);
    assert_eq!(rows("created < TIMESTAMP '2024-01-01 00:00:00'"), [3]);
    assert_eq!(
        rows("created < TIMESTAMP WITHOUT TIME ZONE '2024-01-01 00:00:00'"),
        [3]
    );
    assert_eq!(rows("created = '2024-01-01T02:00:00+02:00'"), [0]);
    assert_eq!(rows("created = '2024-01-01 00:00'"), [0]);
    assert_eq!(
        rows("created BETWEEN '2024-01-01' AND '2024-01-02'"),
        [0, 1]
    );
    assert_eq!(rows("created IN ('2024-01-31', '2023-12-31')"), [2, 3]);
    assert_eq!(rows("'2024-01-01' < created"), [1, 2]);
    assert_eq!(rows("day = '2024-01-01'"), [0]);
    assert_eq!(rows("day = created"), [0, 1, 2]);
    // The year 5881580 does not fit into microseconds of 64 bits in any comparison's way.
    assert_eq!(rows("day > '2024-01-15'"), [2]);
}

#[test]
fn like_takes_wildcards_and_their_escapes() {
    assert_eq!(rows("word LIKE 'k%'"), [0]);
    assert_eq!(rows("word LIKE '%n_'"), [0]);
    assert_eq!(rows("word LIKE '_t_'"), [2]);
    assert_eq!(rows("word NOT LIKE '%e%'"), [0, 2, 3]);
    assert_eq!(rows("word ILIKE 'QUEEN'"), [1]);
    assert_eq!(rows("word ILIKE 'ÉT%'"), [2]);
    assert_eq!(rows("word NOT ILIKE '%n%'"), [2, 3]);
    assert_eq!(rows(r"word LIKE '50\%\_%'"), [3]);
    assert_eq!(rows(r"word LIKE '50\%x%'"), [] as [usize; 0]);
    assert_eq!(rows("word LIKE '%.%'"), [] as [usize; 0], "a dot is a dot");
    assert_eq!(rows("'king of' LIKE word"), [] as [usize; 0]);
    assert_eq!(rows("'king' LIKE word"), [0]);
    assert_eq!(rows("meta LIKE '%cat%'"), [0]);
}

#[test]
fn in_and_between_include_their_ends_and_take_expressions() {
    assert_eq!(rows("rank IN (1, 2)"), [0, 1]);
    assert_eq!(rows("rank NOT IN (1, 2)"), [2, 3]);
    assert_eq!(rows("rank IN (1.0, 2.5)"), [0]);
    assert_eq!(rows("score IN (0, 0.5)"), [0, 1]);
    assert_eq!(rows("word IN ('king', 'été', 'king')"), [0, 2]);
    assert_eq!(rows("rank IN (length - 3, 2)"), [0, 1]);
    assert_eq!(rows("rank NOT IN (length - 3, 2)"), [2, 3]);
    assert_eq!(rows("rank BETWEEN 1 AND 2"), [0, 1]);
    assert_eq!(rows("rank NOT BETWEEN 1 AND 2"), [2, 3]);
    assert_eq!(rows("rank BETWEEN 2 AND 1"), [] as [usize; 0]);
    assert_eq!(rows("word BETWEEN 'a' AND 'l'"), [0]);
    assert_eq!(rows("2 IN (rank)"), [1]);
}

#[test]
fn arithmetic_divides_to_floats_and_turns_the_impossible_into_null() {
    assert_eq!(rows("rank + 1 = 3"), [1]);
    assert_eq!(rows("rank - 1 = 1"), [1]);
    assert_eq!(rows("rank * 2 = -6"), [2]);
    assert_eq!(rows("length / 2 = 2.5"), [1]);
    assert_eq!(rows("length % 2 = 1"), [1, 2, 3]);
    assert_eq!(rows("-7 % 2 = -1"), [0, 1, 2, 3, 4]);
    assert_eq!(rows("2 + 3 * 4 = 14"), [0, 1, 2, 3, 4]);
    assert_eq!(rows("(2 + 3) * 4 = 20 AND 10 - 2 - 3 = 5"), [0, 1, 2, 3, 4]);
    assert_eq!(rows("-rank = 3"), [2]);
    assert_eq!(rows("+rank = 1"), [0]);
    assert_eq!(rows("1 / length > 0"), [0, 1, 2, 3]);
    assert_eq!(rows("(1 / 0) IS NULL AND (1 % 0) IS NULL"), [0, 1, 2, 3, 4]);
    assert_eq!(rows("length <> 0 AND 12 / length = 4"), [2]);
    assert_eq!(rows("rank * 9223372036854775807 IS NULL"), [1, 2, 3, 4]);
    assert_eq!(rows("-9223372036854775808 % -1 = 0"), [0, 1, 2, 3, 4]);
    assert_eq!(rows("abs(-9223372036854775808) IS NULL"), [0, 1, 2, 3, 4]);
    assert_eq!(
        rows("score * 1e300 > 1"),
        [0, 3],
        "1e600 is infinite, and infinity is large"
    );
    assert_eq!(rows("(score * 1e300 - score * 1e300) IS NULL"), [2, 3, 4]);
}

#[test]
fn functions_read_characters_not_bytes() {
    assert_eq!(rows("length(word) = 3"), [2]);
    assert_eq!(rows("LENGTH(word) = length"), [0, 1, 2, 3]);
    assert_eq!(rows("lower(word) = 'queen'"), [1]);
    assert_eq!(rows("upper(word) = 'ÉTÉ'"), [2]);
    assert_eq!(rows("abs(rank) = 3"), [2]);
    assert_eq!(rows("abs(score) = 0.5"), [0]);
    assert_eq!(rows("starts_with(word, 'k')"), [0]);
    assert_eq!(
        rows("starts_with(lower(word), 'q') AND contains(word, 'ee')"),
        [1]
    );
    assert_eq!(rows("contains(word, '%')"), [3]);
    assert_eq!(rows("contains('king size', word)"), [0]);
    assert_eq!(rows("contains(meta, 'cat')"), [0]);
    assert_eq!(
        rows("upper('abc') = 'ABC' AND length('été') = 3"),
        [0, 1, 2, 3, 4]
    );
    assert_eq!(rows("contains('abc', 'b')"), [0, 1, 2, 3, 4]);
}

#[test]
fn precedence_is_that_of_sql() {
    assert_eq!(rows("rank = 1 OR rank = 2 AND good"), [0]);
    assert_eq!(rows("(rank = 1 OR rank = -3) AND good"), [0, 2]);
    assert_eq!(rows("NOT rank = 1 AND good"), [2]);
    assert_eq!(rows("NOT (rank = 1 AND good)"), [1, 2, 3]);
    assert_eq!(rows("rank BETWEEN 1 AND 2 AND good"), [0]);
    assert_eq!(rows("rank + 1 > 2 * 1 AND rank < 5"), [1]);
    assert_eq!(rows("NOT NOT good"), [0, 2]);
    assert_eq!(rows("rank IS NULL OR good"), [0, 2, 4]);
}

#[test]
fn names_are_found_as_people_write_them() {
    assert_eq!(rows("RANK = 1"), [0]);
    assert_eq!(rows("\"First Letter\" = 'k'"), [0]);
    assert_eq!(rows("`First Letter` = 'k'"), [0]);
    assert_eq!(rows("meta.author = 'bob'"), [1]);
    assert_eq!(rows("\"meta.author\" = 'bob'"), [1]);
    assert_eq!(
        rows("size = 1"),
        [4],
        "an exact name wins over its other spelling"
    );
    assert_eq!(rows("Size = 1"), [0]);
    assert_eq!(rows("\"Size\" = 1"), [0]);
    assert_eq!(
        rows("date = 2 AND interval = 2"),
        [1],
        "SQL's own words can be columns"
    );
    assert_eq!(
        rows("length = 4 -- a comment\n AND /* another */ good"),
        [0]
    );
    assert_eq!(rows("word = 'it''s'"), [] as [usize; 0]);
    assert_eq!(rows("'it''s' = 'it''s'"), [0, 1, 2, 3, 4]);
}

#[test]
fn a_column_named_like_a_word_of_the_grammar_disturbs_nothing() {
    let names = [
        "unknown",
        "select",
        "where",
        "case",
        "struct",
        "array",
        "from",
        "any",
        "distinct",
        "timestamp",
        "exists",
        "cast",
    ];
    let flag = || -> ArrayRef { Arc::new(BooleanArray::from(vec![Some(true), None])) };
    let batch = RecordBatch::try_from_iter(names.map(|name| (name, flag()))).unwrap();
    for name in names {
        for (expression, want) in [
            (name.to_owned(), [true, false]),
            (format!("{name} IS UNKNOWN"), [false, true]),
            (
                format!("{name} IS NOT UNKNOWN AND NOT NOT {name}"),
                [true, false],
            ),
            (format!("({name} = TRUE) OR FALSE"), [true, false]),
            (format!("TRUE AND {name} IN (TRUE)"), [true, false]),
        ] {
            let filter = parse(&expression, batch.schema_ref())
                .unwrap_or_else(|e| panic!("{expression}: {e}"));
            let got: Vec<bool> = filter.evaluate(&batch).unwrap().iter().flatten().collect();
            assert_eq!(got, want, "{expression}");
        }
    }
}

#[test]
fn the_columns_are_named_once_in_order_of_first_use() {
    let batch = batch();
    let filter = parse(
        "RANK > 1 AND word LIKE 'a%' AND rank < 5",
        batch.schema_ref(),
    )
    .unwrap();
    assert_eq!(filter.columns(), ["rank", "word"]);
    assert!(
        parse("TRUE", batch.schema_ref())
            .unwrap()
            .columns()
            .is_empty()
    );
    let only = batch.project(&[1, 0]).unwrap();
    assert_eq!(filter.evaluate(&only).unwrap().len(), 5);
}

#[test]
fn a_batch_of_no_rows_and_a_slice_both_work() {
    let batch = batch();
    for expression in [
        "rank > 1",
        "TRUE",
        "1 = 1",
        "NULL IS NULL",
        "word IN ('a') OR length(word) = 1",
        "lower('A') LIKE 'a'",
    ] {
        let filter = parse(expression, batch.schema_ref()).unwrap();
        assert_eq!(
            filter.evaluate(&batch.slice(0, 0)).unwrap().len(),
            0,
            "{expression}"
        );
    }
    let filter = parse("NOT good AND rank = 2", batch.schema_ref()).unwrap();
    let got: Vec<bool> = filter
        .evaluate(&batch.slice(1, 3))
        .unwrap()
        .iter()
        .flatten()
        .collect();
    assert_eq!(got, [true, false, false]);
}

#[test]
fn a_missing_or_changed_column_is_an_error_not_a_panic() {
    let batch = batch();
    let filter = parse("rank = 1", batch.schema_ref()).unwrap();
    let error = filter.evaluate(&batch.project(&[0]).unwrap()).unwrap_err();
    assert!(error.message.contains("no column rank"), "{error}");
    let text: ArrayRef = Arc::new(LargeStringArray::from(vec!["1"]));
    let other = RecordBatch::try_from_iter([("rank", text)]).unwrap();
    let error = filter.evaluate(&other).unwrap_err();
    assert!(error.message.contains("rank is text here"), "{error}");
}

#[test]
fn the_other_arrow_types_of_a_kind_read_the_same() {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("u", Arc::new(UInt32Array::from(vec![1, u32::MAX]))),
        ("f", Arc::new(Float32Array::from(vec![0.5, f32::NAN]))),
        ("large", Arc::new(LargeStringArray::from(vec!["a", "b"]))),
        ("view", Arc::new(StringViewArray::from(vec!["a", "b"]))),
        (
            "dict",
            Arc::new(DictionaryArray::<Int32Type>::from_iter(["a", "b"])),
        ),
        (
            "s",
            Arc::new(TimestampSecondArray::from(vec![0, 86_400]).with_timezone("+02:00")),
        ),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    for (expression, want) in [
        ("u > 5", [false, true]),
        ("f = 0.5", [true, false]),
        ("f IS NULL", [false, true]),
        ("large = 'a'", [true, false]),
        ("view LIKE 'b'", [false, true]),
        ("dict IN ('b', 'c')", [false, true]),
        ("large = dict AND upper(view) = 'A'", [true, false]),
        ("s = '1970-01-01'", [true, false]),
        ("s = '1970-01-02T02:00:00+02:00'", [false, true]),
    ] {
        let filter =
            parse(expression, batch.schema_ref()).unwrap_or_else(|e| panic!("{expression}: {e}"));
        let got: Vec<bool> = filter.evaluate(&batch).unwrap().iter().flatten().collect();
        assert_eq!(got, want, "{expression}");
    }
}
