//! Typed arrays of the caller's for the shortest calls: the usual borrowing enters each array into a table, which costs more than such a call.

use std::marker::PhantomData;
use std::ptr::null_mut;

use napi::bindgen_prelude::*;
use napi::sys;

/// Numbers that typed arrays are made of.
pub trait Number: Copy {
    const KIND: i32;
    const NAME: &str;
}

impl Number for f32 {
    const KIND: i32 = sys::TypedarrayType::float32_array;
    const NAME: &str = "Float32Array";
}

impl Number for u32 {
    const KIND: i32 = sys::TypedarrayType::uint32_array;
    const NAME: &str = "Uint32Array";
}

/// An array of a call's, where it lies at the moment. Numbers are copied in and out: views may overlap.
///
/// Holds as long as no JavaScript runs, so it must not outlive the call, nor be used after a call of napi.
pub struct View<T> {
    data: *mut T,
    len: usize,
    /// It belongs to one thread.
    _thread: PhantomData<*mut T>,
}

impl<T: Number> View<T> {
    /// Copies the numbers into `to`, which is emptied first.
    pub fn copy_to(&self, to: &mut Vec<T>) {
        to.clear();
        to.reserve(self.len);
        if self.len > 0 {
            // SAFETY: napi gave `data` as the start of `len` numbers; `to` has room for them, and its memory is Rust's own.
            unsafe {
                std::ptr::copy_nonoverlapping(self.data, to.as_mut_ptr(), self.len);
                to.set_len(self.len);
            }
        }
    }

    /// Copies `values` to the start of the array; those past its end are left out.
    pub fn fill(&self, values: &[T]) {
        let len = self.len.min(values.len());
        if len > 0 {
            // SAFETY: napi gave `data` as the start of `self.len` numbers, and `values` is Rust's own memory.
            unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), self.data, len) };
        }
    }
}

impl<T: Number> TypeName for View<T> {
    fn type_name() -> &'static str {
        T::NAME
    }

    fn value_type() -> ValueType {
        ValueType::Object
    }
}

impl<T: Number> ValidateNapiValue for View<T> {}

impl<T: Number> FromNapiValue for View<T> {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<View<T>> {
        let (mut kind, mut len, mut data) = (0, 0, null_mut());
        // SAFETY: env and value are those of the call; the buffer and the offset are not asked for.
        let status = unsafe {
            sys::napi_get_typedarray_info(
                env,
                value,
                &mut kind,
                &mut len,
                &mut data,
                null_mut(),
                null_mut(),
            )
        };
        if status != sys::Status::napi_ok || kind != T::KIND {
            return Err(Error::new(
                Status::InvalidArg,
                format!("a {} was expected", T::NAME),
            ));
        }
        // The memory of an array that was given away is nowhere.
        let len = if data.is_null() { 0 } else { len };
        Ok(View {
            data: data.cast(),
            len,
            _thread: PhantomData,
        })
    }
}
