//! The reference: plain loops, correct on every processor. Eight running sums, so that the compiler may vectorise it for the
//! baseline of the target and so that rounding errors stay small.

const LANES: usize = 8;

#[inline(always)]
fn reduce(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (a_blocks, a_tail) = a.as_chunks::<LANES>();
    let (b_blocks, b_tail) = b.as_chunks::<LANES>();
    for (x, y) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] += term(x[lane], y[lane]);
        }
    }
    for (lane, (x, y)) in a_tail.iter().zip(b_tail).enumerate() {
        sums[lane] += term(*x, *y);
    }
    ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]))
}

pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len(), "vectors of different lengths");
    reduce(a, b, |x, y| x * y)
}

pub(crate) fn l2_squared(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len(), "vectors of different lengths");
    reduce(a, b, |x, y| (x - y) * (x - y))
}

pub(crate) fn dot_4(query: &[f32], rows: [&[f32]; 4]) -> [f32; 4] {
    rows.map(|row| dot(query, row))
}

pub(crate) fn l2_squared_4(query: &[f32], rows: [&[f32]; 4]) -> [f32; 4] {
    rows.map(|row| l2_squared(query, row))
}

/// The greatest size, by the bits: as integers sizes order alike.
#[inline(always)]
pub(crate) fn largest(numbers: &[f32]) -> f32 {
    let bits = numbers
        .iter()
        .fold(0u32, |most, x| most.max(x.to_bits() & 0x7FFF_FFFF));
    f32::from_bits(bits)
}

#[inline(always)]
pub(crate) fn round(numbers: &[f32], factor: f32, out: &mut [i8]) -> i32 {
    /// 1.5 * 2^23: in numbers of this size a step is 1, and the sum is rounded to it. Unlike the library's function this is no call.
    const SHIFT: f32 = 12_582_912.0;
    assert_eq!(numbers.len(), out.len(), "as many integers as numbers");
    let mut sum = 0;
    for (out, x) in out.iter_mut().zip(numbers) {
        *out = (x * factor + SHIFT).to_bits().wrapping_sub(SHIFT.to_bits()) as i8;
        sum += i32::from(*out);
    }
    sum
}

pub(crate) fn add_scaled(out: &mut [f32], factor: f32, row: &[f32]) {
    assert_eq!(out.len(), row.len(), "vectors of different lengths");
    for (sum, x) in out.iter_mut().zip(row) {
        *sum += factor * x;
    }
}
