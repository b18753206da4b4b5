//! A process that runs out of file handles, or whose files may not grow.

use std::path::Path;

use omendb_torture::limits::run;
use omendb_torture::part::Budget;

// [W1] [W5]
#[cfg(unix)]
#[test]
fn a_process_without_file_handles_gets_a_typed_error_and_loses_nothing() {
    let binary = Path::new(env!("CARGO_BIN_EXE_torture"));
    let outcome = run(binary, &Budget::trials(1, 30));
    assert!(outcome.failures.is_empty(), "{:#?}", outcome.failures);
    assert_eq!(outcome.passed, 30);
    // The test would say nothing if no limit was reached.
    assert!(outcome.figure.contains("IO"), "{}", outcome.figure);
}
