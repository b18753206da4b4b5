//! Typed arrays of the caller's: numbers are copied in and out, never kept.

use std::{ptr, slice};

use napi::bindgen_prelude::*;
use napi::sys;

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

/// Hands the numbers of the `Float32Array` that is a call's first argument to `work`: without the keeping of books that a slice of napi's costs,
/// which is a third of a short call.
pub fn with_first_f32<R>(
    call: &FunctionCallContext<'_>,
    work: impl FnOnce(&mut [f32]) -> Outcome<R>,
) -> Outcome<R> {
    let refused = || Failure::invalid("this call takes a Float32Array");
    let value: Unknown<'_> = call.first_arg().map_err(|_| refused())?;
    let (mut kind, mut length, mut data) = (-1, 0, ptr::null_mut());
    // SAFETY: environment and value are those of the call; what is not asked for may be null.
    let status = unsafe {
        sys::napi_get_typedarray_info(
            call.env.raw(),
            value.raw(),
            &mut kind,
            &mut length,
            &mut data,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    if status != sys::Status::napi_ok || kind != sys::TypedarrayType::float32_array {
        return Err(refused());
    }
    // An array whose buffer was given away is empty.
    if length == 0 || data.is_null() {
        return work(&mut []);
    }
    // SAFETY: the array has so many numbers and belongs to the JavaScript thread, which waits in this call; no other array is looked at meanwhile.
    let numbers = unsafe { slice::from_raw_parts_mut(data.cast(), length) };
    work(numbers)
}
