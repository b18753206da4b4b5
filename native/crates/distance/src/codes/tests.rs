use proptest::prelude::*;

use super::*;

/// Rows, a query, and their sums, written as plainly as can be.
fn sums(codes: &[Vec<u8>], query: &[i8]) -> Vec<i32> {
    let sum = |row: &Vec<u8>| {
        let products = row
            .iter()
            .zip(query)
            .map(|(c, q)| i32::from(*c) * i32::from(*q));
        products.sum()
    };
    codes.iter().map(sum).collect()
}

fn case(width: Width) -> impl Strategy<Value = (Vec<Vec<u8>>, Vec<i8>, Vec<u32>)> {
    (1usize..300, 1usize..12).prop_flat_map(move |(dimension, rows)| {
        let code = prop_oneof![2 => 0..=width.max(), 1 => Just(width.max()), 1 => Just(0)];
        let value = prop_oneof![2 => any::<i8>(), 1 => Just(i8::MIN), 1 => Just(i8::MAX)];
        let row = prop::collection::vec(code, dimension);
        (
            prop::collection::vec(row, rows),
            prop::collection::vec(value, dimension),
            prop::collection::vec(0..rows as u32, 0..40),
        )
    })
}

fn check(width: Width, codes: &[Vec<u8>], query: &[i8], ids: &[u32]) -> Result<(), TestCaseError> {
    let (dimension, row_bytes) = (query.len(), width.row_bytes(query.len()));
    let mut bytes = vec![0; codes.len() * row_bytes];
    for (row, codes) in bytes.chunks_exact_mut(row_bytes).zip(codes) {
        width.pack(codes, row);
        for (at, code) in codes.iter().enumerate() {
            prop_assert_eq!(width.code(row, at), *code);
        }
    }
    let rows =
        CodeRows::new(&bytes, dimension, width).ok_or_else(|| TestCaseError::fail("rows"))?;
    prop_assert_eq!(rows.len(), codes.len());
    let mut planes = vec![1; width.query_bytes(dimension)];
    let laid_out = QueryCode::lay_out(width, query, &mut planes);
    let all = sums(codes, query);
    let wanted: Vec<i32> = ids.iter().map(|id| all[*id as usize]).collect();
    for isa in Isa::ALL {
        let Some(kernels) = kernels_for(isa) else {
            continue;
        };
        let table = match width {
            Width::Four => &kernels.four,
            Width::Eight => &kernels.eight,
        };
        let mut found = vec![0; codes.len()];
        // SAFETY: there are as many rows as sums, and `lay_out` laid the query out for such rows.
        unsafe { (table.dot_run)(laid_out.planes, &bytes, row_bytes, &mut found) };
        prop_assert_eq!(&found, &all, "{:?}", isa);
        let mut found = vec![0; ids.len()];
        // SAFETY: likewise; ids are below the number of rows.
        unsafe { (table.dot)(laid_out.planes, &bytes, row_bytes, ids, &mut found) };
        prop_assert_eq!(&found, &wanted, "{:?}", isa);
    }
    let mut found = vec![0; ids.len()];
    rows.dot(laid_out, ids, &mut found);
    prop_assert_eq!(found, wanted);
    Ok(())
}

proptest! {
    // [Q9]
    #[test]
    fn every_instruction_set_gives_the_exact_sum_of_4_bit_rows((codes, query, ids) in case(Width::Four)) {
        check(Width::Four, &codes, &query, &ids)?;
    }

    // [Q9]
    #[test]
    fn every_instruction_set_gives_the_exact_sum_of_8_bit_rows((codes, query, ids) in case(Width::Eight)) {
        check(Width::Eight, &codes, &query, &ids)?;
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    assert!(CodeRows::new(&[0; 33], 64, Width::Four).is_none());
    let bytes = [0; 64];
    let rows = CodeRows::new(&bytes, 64, Width::Four).unwrap();
    let (mut four, mut eight) = ([0; 64], [0; 64]);
    let query = QueryCode::lay_out(Width::Four, &[1; 64], &mut four);
    for (ids, sums) in [(vec![2], 1), (vec![0], 2)] {
        let dot = || rows.dot(query, &ids, &mut vec![0; sums]);
        assert!(std::panic::catch_unwind(dot).is_err());
    }
    assert!(std::panic::catch_unwind(|| rows.dot_run(query, 1, &mut [0, 0])).is_err());
    let other = QueryCode::lay_out(Width::Eight, &[1; 64], &mut eight);
    assert!(std::panic::catch_unwind(|| rows.dot(other, &[0], &mut [0])).is_err());
}
