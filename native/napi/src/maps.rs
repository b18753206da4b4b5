//! Two maps of the same rows.

use napi::bindgen_prelude::*;
use napi_derive::napi;
use omendb_store::{MapOf, Moves, Turn};

use crate::arrays::{fill_f32, fill_u8, fill_u32};
use crate::failure::{Failure, Outcome, guard};
use crate::promise::on_thread;

/// Reads a turn: a matrix, row-major, and a shift.
pub(crate) fn turn(numbers: &[f32]) -> Outcome<Turn> {
    let &[a, b, c, d, x, y] = numbers else {
        return Err(Failure::invalid("a turn has six numbers"));
    };
    Ok(Turn {
        m: [a, b, c, d],
        shift: [x, y],
    })
}

/// Turns `xy` so that its rows lie as `ontoXy` has them, as well as a turn can; rows ascend. `out` becomes that turn, six numbers. False, and nothing changes, where the two
/// share too few rows.
#[napi(catch_unwind)]
pub fn turn_onto(
    rows: Uint32ArraySlice<'_>,
    mut xy: Float32ArraySlice<'_>,
    onto_rows: Uint32ArraySlice<'_>,
    onto_xy: Float32ArraySlice<'_>,
    mut out: Float32ArraySlice<'_>,
) -> Result<bool> {
    guard(|| {
        let map = MapOf {
            rows: &rows,
            xy: &xy,
        };
        let onto = MapOf {
            rows: &onto_rows,
            xy: &onto_xy,
        };
        let Some(turn) = omendb_store::turn_onto(map, onto).map_err(Failure::invalid)? else {
            return Ok(false);
        };
        let mut turned = xy.to_vec();
        turn.apply_all(&mut turned);
        fill_f32(&mut xy, &turned)?;
        let [a, b, c, d] = turn.m;
        let [x, y] = turn.shift;
        fill_f32(&mut out, &[a, b, c, d, x, y])?;
        Ok(true)
    })
}

/// What moved between two maps, and which of the k nearest on the first each row has beside it on the other too.
#[napi(catch_unwind, ts_return_type = "Promise<NativeMoves>")]
pub fn map_moves<'env>(
    env: &'env Env,
    rows: Uint32ArraySlice<'_>,
    xy: Float32ArraySlice<'_>,
    other_rows: Uint32ArraySlice<'_>,
    other_xy: Float32ArraySlice<'_>,
    k: u32,
) -> Result<Object<'env>> {
    let (rows, xy) = (rows.to_vec(), xy.to_vec());
    let (other_rows, other_xy) = (other_rows.to_vec(), other_xy.to_vec());
    on_thread(env, "moves", move || {
        let map = MapOf {
            rows: &rows,
            xy: &xy,
        };
        let other = MapOf {
            rows: &other_rows,
            xy: &other_xy,
        };
        let moves = omendb_store::moves(map, other, k as usize).map_err(Failure::invalid)?;
        Ok(NativeMoves { moves })
    })
}

/// What moved between two maps.
#[napi]
pub struct NativeMoves {
    moves: Moves,
}

#[napi]
impl NativeMoves {
    /// Rows that both maps have.
    #[napi(getter, catch_unwind)]
    pub fn length(&self) -> u32 {
        self.moves.rows.len() as u32
    }

    /// Neighbours that were compared.
    #[napi(getter, catch_unwind)]
    pub fn k(&self) -> u32 {
        self.moves.k as u32
    }

    /// Writes their numbers, ascending, into an array of that length.
    #[napi(catch_unwind)]
    pub fn rows(&self, mut out: Uint32ArraySlice<'_>) -> Result<()> {
        guard(|| fill_u32(&mut out, &self.moves.rows))
    }

    /// Writes how far each moved, 1 being the map's radius.
    #[napi(catch_unwind)]
    pub fn moved(&self, mut out: Float32ArraySlice<'_>) -> Result<()> {
        guard(|| fill_f32(&mut out, &self.moves.moved))
    }

    /// Writes how many of its neighbours each kept.
    #[napi(catch_unwind)]
    pub fn kept(&self, mut out: Uint8ArraySlice<'_>) -> Result<()> {
        guard(|| fill_u8(&mut out, &self.moves.kept))
    }
}
