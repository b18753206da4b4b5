//! Every implementation against sums in `f64`, at every length and misalignment that the kernels can treat differently.

use omendb_distance::{Isa, Kernels, kernels_for};

const LONGEST: usize = 1025;
const MISALIGNMENTS: usize = 16;

/// Floats that look random, in -1..1, the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z >> 40) as f32) / 8_388_608.0 - 1.0
    }
}

/// Memory around a vector that starts `offset` floats past a 64-byte boundary. All around it is NaN, so that a kernel that lets one float
/// too many into its sum gives itself away.
struct Field {
    floats: Vec<f32>,
    base: usize,
}

impl Field {
    fn new() -> Field {
        let floats = vec![f32::NAN; LONGEST + MISALIGNMENTS + 64];
        let base = floats.as_ptr().align_offset(64);
        assert!(base < 16);
        Field { floats, base }
    }

    fn place(&mut self, offset: usize, vector: &[f32]) -> &mut [f32] {
        self.floats.fill(f32::NAN);
        let start = self.base + offset;
        let placed = &mut self.floats[start..start + vector.len()];
        placed.copy_from_slice(vector);
        placed
    }
}

fn available() -> Vec<&'static Kernels> {
    Isa::ALL.into_iter().filter_map(kernels_for).collect()
}

/// The most roundings on the way of one term into the sum: its own (two for a squared difference, each of which counts twice), the
/// additions of its lane, and those that fold the lanes.
fn roundings(isa: Isa, length: usize) -> f64 {
    let lanes = match isa {
        Isa::Scalar => 8,
        Isa::Avx2 | Isa::Neon => 16,
        Isa::Avx512 => 32,
    };
    // A tail of single floats or of one register adds up to four steps to a lane; folding takes five or six.
    (length / lanes + 4 + 6 + 4) as f64
}

fn assert_near(isa: Isa, what: &str, length: usize, found: f32, terms: impl Iterator<Item = f64>) {
    let (mut sum, mut size) = (0.0f64, 0.0f64);
    for term in terms {
        sum += term;
        size += term.abs();
    }
    // Half an ulp a rounding, first order; the second order is far below the slack in the count.
    let bound = roundings(isa, length) * f64::from(f32::EPSILON) / 2.0 * size
        + f64::from(f32::MIN_POSITIVE);
    let error = (f64::from(found) - sum).abs();
    assert!(
        error <= bound,
        "{isa:?} {what} of {length}: {found} instead of {sum}, off by {error:e}, more than {bound:e}"
    );
}

// [Q9]
#[test]
fn every_implementation_agrees_with_f64_sums_at_every_length_and_misalignment() {
    let mut random = Random(1);
    let source: Vec<f32> = (0..5 * LONGEST).map(|_| random.next()).collect();
    let part = |i: usize, length: usize| &source[i * LONGEST..i * LONGEST + length];
    let mut fields: [Field; 5] = std::array::from_fn(|_| Field::new());
    for kernels in available() {
        for length in 1..=LONGEST {
            for offset in 0..MISALIGNMENTS {
                let [q, a, b, c, d] = &mut fields;
                // The query and the rows are misaligned differently.
                let q: &[f32] = q.place(offset, part(0, length));
                let a: &[f32] = a.place((offset * 7 + 3) % MISALIGNMENTS, part(1, length));
                let b: &[f32] = b.place((offset * 5 + 1) % MISALIGNMENTS, part(2, length));
                let c: &[f32] = c.place(MISALIGNMENTS - 1 - offset, part(3, length));
                let d: &[f32] = d.place(0, part(4, length));
                let dots = (kernels.dot_4)(q, [a, b, c, d]);
                let squares = (kernels.l2_squared_4)(q, [a, b, c, d]);
                for (i, row) in [a, b, c, d].into_iter().enumerate() {
                    // One row alone gives the same bits as among four.
                    assert_eq!((kernels.dot)(q, row).to_bits(), dots[i].to_bits());
                    assert_eq!((kernels.l2_squared)(q, row).to_bits(), squares[i].to_bits());
                    // The placement must not matter either, so the oracle need only run once a length.
                    if offset == length % MISALIGNMENTS {
                        let pairs = || {
                            q.iter()
                                .zip(row)
                                .map(|(x, y)| (f64::from(*x), f64::from(*y)))
                        };
                        assert_near(
                            kernels.isa,
                            "dot",
                            length,
                            dots[i],
                            pairs().map(|(x, y)| x * y),
                        );
                        let terms = pairs().map(|(x, y)| (x - y) * (x - y));
                        assert_near(kernels.isa, "l2", length, squares[i], terms);
                    }
                    let plain = (kernels.dot)(part(0, length), part(i + 1, length));
                    assert_eq!(
                        plain.to_bits(),
                        dots[i].to_bits(),
                        "{:?} {length} {offset}",
                        kernels.isa
                    );
                    let plain = (kernels.l2_squared)(part(0, length), part(i + 1, length));
                    assert_eq!(
                        plain.to_bits(),
                        squares[i].to_bits(),
                        "{:?} {length} {offset}",
                        kernels.isa
                    );
                }
            }
        }
    }
}

#[test]
fn adding_a_scaled_row_touches_exactly_its_floats_at_every_length_and_misalignment() {
    let mut random = Random(2);
    let source: Vec<f32> = (0..2 * LONGEST).map(|_| random.next()).collect();
    let (mut to, mut from) = (Field::new(), Field::new());
    for kernels in available() {
        for length in 1..=LONGEST {
            let offset = length % MISALIGNMENTS;
            for offset in [offset, MISALIGNMENTS - 1 - offset] {
                let row: &[f32] = from.place((offset * 7 + 3) % MISALIGNMENTS, &source[..length]);
                let sums = to.place(offset, &source[LONGEST..LONGEST + length]);
                (kernels.add_scaled)(sums, 0.75, row);
                for (i, sum) in sums.iter().enumerate() {
                    let exact = f64::from(source[LONGEST + i]) + 0.75 * f64::from(source[i]);
                    // Two roundings, of the product and of the sum.
                    let bound = f64::from(f32::EPSILON) * (exact.abs() + 0.75);
                    assert!(
                        (f64::from(*sum) - exact).abs() <= bound,
                        "{:?} {length}",
                        kernels.isa
                    );
                }
                let start = to.base + offset;
                let around = to.floats[..start]
                    .iter()
                    .chain(&to.floats[start + length..]);
                assert!(
                    around.copied().all(f32::is_nan),
                    "{:?} wrote past {length}",
                    kernels.isa
                );
            }
        }
    }
}

#[test]
fn a_block_of_rows_gives_the_same_bits_as_its_rows_alone() {
    let mut random = Random(3);
    for kernels in available() {
        for dimension in [1, 3, 8, 16, 17, 100, 384] {
            for rows in [0, 1, 2, 3, 4, 5, 8, 11] {
                let query: Vec<f32> = (0..dimension).map(|_| random.next()).collect();
                let data: Vec<f32> = (0..dimension * rows).map(|_| random.next()).collect();
                let (mut dots, mut squares) = (vec![f32::NAN; rows], vec![f32::NAN; rows]);
                kernels.dot_rows(&query, &data, &mut dots);
                kernels.l2_squared_rows(&query, &data, &mut squares);
                for (i, row) in data.chunks_exact(dimension).enumerate() {
                    assert_eq!(dots[i].to_bits(), (kernels.dot)(&query, row).to_bits());
                    assert_eq!(
                        squares[i].to_bits(),
                        (kernels.l2_squared)(&query, row).to_bits()
                    );
                }
            }
        }
        kernels.dot_rows(&[], &[], &mut [1.0; 3][..0]);
    }
}

#[test]
fn vectors_of_different_lengths_are_refused_by_every_implementation() {
    let long = vec![1.0f32; 40];
    for kernels in available() {
        for (a, b) in [(40, 39), (39, 40), (0, 1), (16, 17), (8, 0)] {
            let (a, b) = (&long[..a], &long[..b]);
            let refused = |f: &dyn Fn()| {
                let quiet = std::panic::AssertUnwindSafe(f);
                assert!(
                    std::panic::catch_unwind(quiet).is_err(),
                    "{:?}",
                    kernels.isa
                );
            };
            refused(&|| {
                let _ = (kernels.dot)(a, b);
            });
            refused(&|| {
                let _ = (kernels.l2_squared)(a, b);
            });
            refused(&|| {
                let _ = (kernels.dot_4)(a, [a, a, b, a]);
            });
            refused(&|| {
                let _ = (kernels.l2_squared_4)(a, [a, a, a, b]);
            });
            refused(&|| (kernels.add_scaled)(&mut a.to_vec(), 1.0, b));
            refused(&|| kernels.dot_rows(a, &long, &mut [0.0; 3]));
        }
    }
}

#[test]
fn the_environment_variable_chooses_the_implementation_of_the_process() {
    const CHILD: &str = "OMENDB_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        assert_eq!(omendb_distance::isa(), Isa::Scalar);
        assert_eq!(omendb_distance::isa_note(), None);
        return;
    }
    let program = std::env::current_exe().expect("the test program has a path");
    let output = std::process::Command::new(program)
        .args([
            "--exact",
            "the_environment_variable_chooses_the_implementation_of_the_process",
        ])
        .env(CHILD, "1")
        .env("OMENDB_ISA", "scalar")
        .output()
        .expect("the test program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

// [Q9]
#[test]
fn rounding_gives_the_same_integers_on_every_instruction_set() {
    let scalar = kernels_for(Isa::Scalar).unwrap();
    let mut random = Random(5);
    for length in (0..200).chain([784, LONGEST]) {
        let mut numbers: Vec<f32> = (0..length).map(|_| random.next()).collect();
        for kernels in available() {
            let largest = (kernels.largest)(&numbers);
            let expected = numbers.iter().fold(0.0f32, |most, x| most.max(x.abs()));
            assert_eq!(largest, expected, "{:?} {length}", kernels.isa);
            let factor = if largest > 0.0 { 127.0 / largest } else { 0.0 };
            let (mut plain, mut found) = (vec![99; length], vec![99; length]);
            let sum = (scalar.round)(&numbers, factor, &mut plain);
            assert_eq!((kernels.round)(&numbers, factor, &mut found), sum);
            assert_eq!(found, plain, "{:?} {length}", kernels.isa);
            assert_eq!(plain.iter().map(|x| i32::from(*x)).sum::<i32>(), sum);
            for (integer, x) in plain.iter().zip(&numbers) {
                assert_eq!(*integer, (x * factor).round_ties_even() as i8);
            }
        }
        if let Some(last) = numbers.last_mut() {
            *last = f32::NAN;
            let all = available();
            assert!(
                all.iter()
                    .all(|kernels| (kernels.largest)(&numbers).is_nan())
            );
        }
    }
}
