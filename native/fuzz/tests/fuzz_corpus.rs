//! What was found once stays found.

use std::process::Command;

// [I4] [W4]
#[test]
fn no_kept_input_makes_a_parser_panic_hang_or_take_too_much_memory() {
    let program = env!("CARGO_BIN_EXE_omendb-fuzz");
    let output = Command::new(program).arg("corpus").output();
    let output = output.expect("the program runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert_eq!(said.lines().count(), 11, "{said}");
}
