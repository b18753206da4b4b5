//! Typed arrays of the caller's: numbers are copied in and out, never kept.

use napi::bindgen_prelude::*;

use crate::failure::{Failure, Outcome};

macro_rules! fill {
    ($(#[$doc:meta])* $name:ident, $slice:ident, $number:ty) => {
        $(#[$doc])*
        pub fn $name(out: &mut $slice<'_>, values: &[$number]) -> Outcome<()> {
            let length = out.len();
            // SAFETY: the array belongs to the JavaScript thread that waits in this call, so nothing else reads or writes it, and
            // no other reference to its memory exists while this one does: arrays are filled one after another.
            let out = unsafe { out.as_mut() };
            let Some(out) = out.get_mut(..values.len()) else {
                return Err(Failure::invalid(format!(
                    "an array of {length} numbers was given for {} results",
                    values.len()
                )));
            };
            out.copy_from_slice(values);
            Ok(())
        }
    };
}

fill!(
    /// Writes numbers to the start of an array.
    fill_u32, Uint32ArraySlice, u32);
fill!(
    /// Writes numbers to the start of an array.
    fill_u8, Uint8ArraySlice, u8);
fill!(
    /// Writes numbers to the start of an array.
    fill_f32, Float32ArraySlice, f32);
