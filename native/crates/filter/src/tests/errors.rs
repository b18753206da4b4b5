//! What people get to read.

use super::refusal;

/// The whole text, as it is shown.
#[track_caller]
fn says(expression: &str, text: &str) {
    assert_eq!(refusal(expression).to_string(), text, "{expression}");
}

#[test]
fn an_unknown_column_lists_the_near_names() {
    says(
        "wrod = 'king'",
        "There is no column wrod (column 1). Did you mean word?",
    );
    says(
        "good AND Rnak > 1",
        "There is no column Rnak (column 10). Did you mean rank?",
    );
    assert!(
        refusal("letter = 'a'")
            .to_string()
            .contains("Did you mean \"First Letter\"?")
    );
    let far = refusal("zzzzzzzz = 1").to_string();
    assert!(
        far.contains("The columns are word, rank, score, good, created and 10 more"),
        "{far}"
    );
}

#[test]
fn text_in_double_quotes_is_explained() {
    let error = refusal("word = \"king\"").to_string();
    assert!(
        error.contains("There is no column king") && error.contains("single quotes: 'king'"),
        "{error}"
    );
}

#[test]
fn two_columns_that_differ_in_case_ask_for_quotes() {
    says(
        "SIZE = 1",
        "SIZE could mean several columns (column 1). Write one of \"Size\", \"size\" with its quotes.",
    );
}

#[test]
fn types_that_do_not_fit_name_the_column_its_type_and_the_repair() {
    says(
        "rank = '5'",
        "rank (int) cannot be compared with '5' (text) (column 8). Write the number without quotes: rank = 5.",
    );
    says(
        "rank > 'five'",
        "rank (int) cannot be compared with 'five' (text) (column 8). rank holds numbers; compare it with one, such as rank = 5.",
    );
    says(
        "word = 5",
        "word (text) cannot be compared with 5 (int) (column 8). Put the value in single quotes: word = '5'.",
    );
    says(
        "5 = word",
        "word (text) cannot be compared with 5 (int) (column 1). Put the value in single quotes: word = '5'.",
    );
    says(
        "good = 1",
        "good (bool) cannot be compared with 1 (int) (column 8). Write good = TRUE, or just good.",
    );
    assert!(refusal("good > TRUE").to_string().contains("no order"));
    assert!(
        refusal("created > 5")
            .to_string()
            .contains("created >= '2024-01-31'")
    );
    assert!(
        refusal("created > 'yesterday'")
            .to_string()
            .contains("'yesterday' is not a date or time")
    );
    assert!(
        refusal("created > word")
            .to_string()
            .contains("cannot be compared")
    );
    assert!(
        refusal("word + 1 = 2")
            .to_string()
            .contains("+ needs numbers, but word (text) is not one")
    );
    assert!(
        refusal("rank LIKE '1%'")
            .to_string()
            .contains("LIKE needs text, but rank (int) is not")
    );
    assert!(
        refusal("word LIKE 5")
            .to_string()
            .contains("Put it in single quotes: '5'")
    );
    assert!(
        refusal("rank IN (1, 'two')")
            .to_string()
            .contains("rank (int) cannot be compared with 'two' (text)")
    );
    assert!(
        refusal("rank BETWEEN 1 AND 'b'")
            .to_string()
            .contains("'b' (text)")
    );
    assert!(refusal("vector = 1").to_string().contains("vector IS NULL"));
    assert!(
        refusal("meta = 'x'")
            .to_string()
            .contains("contains(meta, 'word')")
    );
    assert!(
        refusal("meta.a = 'x'")
            .to_string()
            .contains("contains(meta, 'word')")
    );
    assert!(
        refusal("length(rank) = 1")
            .to_string()
            .contains("length() needs text, but rank (int) is not")
    );
    assert!(
        refusal("NOT rank")
            .to_string()
            .contains("rank (int) is not a condition")
    );
    assert!(refusal("-word = 1").to_string().contains("- needs numbers"));
}

#[test]
fn a_value_alone_is_not_a_condition() {
    says(
        "rank",
        "rank (int) is not a condition (column 1). Compare it, such as rank > 5.",
    );
    assert!(refusal("'a'").to_string().contains("is not a condition"));
    assert!(refusal("vector").to_string().contains("vector IS NOT NULL"));
}

// [Q4]
#[test]
fn the_position_counts_lines_and_characters() {
    let error = refusal("word = 'été' AND\n  rnak = 1");
    assert_eq!(error.position, Some((2, 3)));
    assert!(error.to_string().contains("(line 2, column 3)"));
    assert_eq!(refusal("word = 'été' AND rnak = 1").position, Some((1, 18)));
    assert_eq!(refusal("rank >").position, Some((1, 7)));
}

#[test]
fn the_usual_slips_are_answered_with_the_right_way() {
    let mut wrong = Vec::new();
    for (expression, answer) in [
        ("", "The filter is empty"),
        ("  \n", "The filter is empty"),
        ("rank = 1;", "`;`"),
        ("rank = 1 && good", "Write AND"),
        ("rank = 1 || good", "Write OR"),
        ("!good", "Write NOT"),
        ("word = ‘king’", "straight single quotes"),
        ("word = “king”", "straight single quotes"),
        ("rank ≥ 5", "Write >="),
        ("word = 'king", "no closing quote"),
        ("\"word = 1", "no closing quote"),
        ("rank = 1 good", "should end here"),
        ("rank = ", "ends too early"),
        ("(rank = 1", "ends too early"),
        ("rank = 1)", "should end here"),
        ("rank = = 1", "Expected a column or a value here"),
        ("1 < rank < 5", "Write 1 < x AND x < 5"),
        ("rank IN ()", "IN needs at least one value"),
        ("WHERE rank = 1", "Leave out WHERE"),
        ("rank = ?", "Placeholders"),
        ("rank = $1", "Placeholders"),
        (
            "rank = 99999999999999999999",
            "does not fit a 64-bit integer",
        ),
        ("score = 1e999", "not a number that a float can hold"),
        ("size(word) = 1", "There is no function size()"),
        ("length() = 1", "length() takes 1 argument, not 0"),
        ("contains(word) ", "contains() takes 2 arguments, not 1"),
        ("word LIKE 'a' ESCAPE '#'", "no other escape character"),
        ("rank ^ 2 = 4", "not available in filters"),
        ("CASE WHEN good THEN TRUE END", "CASE is not available"),
        ("CAST(rank AS TEXT) = '1'", "Casts are not available"),
        ("rank::text = '1'", "Casts are not available"),
        ("rank > INTERVAL '1' DAY", "Intervals are not available"),
        ("intervall > 5", "interval"),
        ("rank . = 1", "A dot stands only between"),
        ("position(1) = 2", "no function position()"),
        ("word SIMILAR TO 'a'", "Regular expressions"),
        ("(rank, 1) = 1", "A list of values stands only after IN"),
        ("X'1F' = 1", "This way of writing a value"),
        ("INTERVAL '1 day' = 1", "Intervals are not available"),
        ("DATE '2024-13-01' < created", "is not a date or time"),
        ("good IS DISTINCT FROM TRUE", "a <> b OR a IS NULL"),
        ("meta['a'] = 1", "Parts of a column"),
        ("count(*) > 1", "There is no function count()"),
        ("length(DISTINCT word) = 1", "cannot be called this way"),
    ] {
        let text = refusal(expression).to_string();
        if !text.contains(answer) || text.contains("sql parser error") {
            wrong.push(format!("{expression}: {text} (wanted: {answer})"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
