use proptest::prelude::*;

use super::*;

/// Rows of codes, a query, and a line.
fn case(width: Width) -> impl Strategy<Value = (Vec<Vec<u8>>, Vec<i8>, Line)> {
    (1usize..200, 1usize..4).prop_flat_map(move |(dimension, blocks)| {
        let code = prop_oneof![2 => 0..=width.max(), 1 => Just(width.max()), 1 => Just(0)];
        let value = prop_oneof![2 => any::<i8>(), 1 => Just(i8::MIN), 1 => Just(i8::MAX)];
        let row = prop::collection::vec(code, dimension);
        let line = (-10f32..10.0, -1f32..1.0).prop_map(|(base, factor)| Line { base, factor });
        (
            prop::collection::vec(row, blocks * LANES),
            prop::collection::vec(value, dimension),
            line,
        )
    })
}

fn check(width: Width, rows: &[Vec<u8>], query: &[i8], line: Line) -> Result<(), TestCaseError> {
    let dimension = query.len();
    let bytes = width.block_bytes(dimension);
    let mut codes = vec![0; rows.len() / LANES * bytes];
    for (block, rows) in codes.chunks_exact_mut(bytes).zip(rows.chunks(LANES)) {
        for (lane, row) in rows.iter().enumerate() {
            width.put(block, lane, row);
        }
        for (lane, row) in rows.iter().enumerate() {
            for (at, code) in row.iter().enumerate() {
                prop_assert_eq!(width.get(block, lane, at), *code);
            }
        }
    }
    let mut laid_out = query.to_vec();
    laid_out.resize(width.query_len(dimension), 0);
    let wanted = rows.iter().map(|row| {
        let products = row.iter().zip(query);
        let sum: i32 = products.map(|(c, q)| i32::from(*c) * i32::from(*q)).sum();
        line.factor * sum as f32 + line.base
    });
    let wanted: Vec<f32> = wanted.collect();
    for isa in Isa::ALL {
        let Some(kernels) = kernels_for(isa) else {
            continue;
        };
        let estimate = match width {
            Width::Four => kernels.four,
            Width::Seven => kernels.seven,
        };
        let mut found = vec![0.0; rows.len()];
        // SAFETY: there are as many blocks as sixteenths of `found`, and the query is as long as such rows.
        unsafe {
            let lines = width.lines(dimension);
            estimate(&laid_out, &codes, lines, line, &[], &mut found);
        };
        prop_assert_eq!(&found, &wanted, "{:?}", isa);
        let terms: Vec<f32> = (0..rows.len()).map(|i| i as f32 * 0.3).collect();
        // SAFETY: likewise, and there are as many terms.
        unsafe {
            let lines = width.lines(dimension);
            estimate(&laid_out, &codes, lines, line, &terms, &mut found);
        };
        let wanted: Vec<f32> = wanted.iter().zip(terms).map(|(a, b)| a + b).collect();
        prop_assert_eq!(&found, &wanted, "{:?}", isa);
    }
    let blocks = Blocks::new(&codes, dimension, width).ok_or(TestCaseError::fail("blocks"))?;
    prop_assert_eq!(blocks.len(), rows.len() / LANES);
    let terms: Vec<f32> = (0..rows.len()).map(|i| i as f32).collect();
    let (last, from) = (blocks.len() - 1, rows.len() - LANES);
    let mut found = [0.0; LANES];
    blocks.estimate(&laid_out, last, line, &terms[from..], &mut found);
    for (i, found) in found.iter().enumerate() {
        prop_assert_eq!(*found, wanted[from + i] + terms[from + i]);
    }
    Ok(())
}

proptest! {
    // [Q9]
    #[test]
    fn every_instruction_set_gives_the_same_estimates_of_4_bit_rows((rows, query, line) in case(Width::Four)) {
        check(Width::Four, &rows, &query, line)?;
    }

    // [Q9]
    #[test]
    fn every_instruction_set_gives_the_same_estimates_of_7_bit_rows((rows, query, line) in case(Width::Seven)) {
        check(Width::Seven, &rows, &query, line)?;
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    assert!(Blocks::new(&[0; 65], 8, Width::Four).is_none());
    assert!(Blocks::new(&[], 0, Width::Four).is_none());
    let bytes = [0; 128];
    let blocks = Blocks::new(&bytes, 16, Width::Four).unwrap();
    let line = Line::default();
    let run = |query: &[i8], start: usize, terms: &[f32], rows: usize| {
        blocks.estimate(query, start, line, terms, &mut vec![0.0; rows]);
    };
    run(&[1; 16], 0, &[], 16);
    for (query, start, terms, rows) in [
        (16, 1, 0, 16),
        (15, 0, 0, 16),
        (16, 0, 15, 16),
        (16, 0, 0, 8),
    ] {
        let (query, terms) = (vec![1; query], vec![0.0; terms]);
        let refused = std::panic::catch_unwind(|| run(&query, start, &terms, rows));
        assert!(refused.is_err());
    }
}
