//! One error type on the way to JavaScript.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};

/// An error as the contract has it.
#[derive(Debug)]
pub struct Failure {
    code: &'static str,
    message: String,
    remedy: String,
    detail: Value,
    retry: bool,
}

/// The result of everything that may fail on our side of the border.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// A bug of ours.
    pub fn internal(what: impl ToString) -> Failure {
        Failure {
            code: "INTERNAL",
            message: format!("Something in OmenDB's native engine failed that should not: {}", what.to_string()),
            remedy: "Everything acknowledged before is kept. Try again; if it stays, report it with this text.".to_owned(),
            detail: json!({}),
            retry: false,
        }
    }

    /// Arguments that do not fit.
    pub fn invalid(what: impl ToString) -> Failure {
        Failure {
            code: "INVALID_REQUEST",
            message: sentence(&what.to_string()),
            remedy: "Nothing was changed. Correct the request.".to_owned(),
            detail: json!({}),
            retry: false,
        }
    }

    /// A panic that was caught.
    pub fn panicked(panic: &(dyn Any + Send)) -> Failure {
        let what = panic
            .downcast_ref::<&str>()
            .map(|s| (*s).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a message".to_owned());
        Failure::internal(what)
    }
}

/// The message as a sentence for a person: a capital at the start, a full stop at the end.
fn sentence(message: &str) -> String {
    let mut chars = message.chars();
    let mut text: String = match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    };
    if !text.ends_with(['.', '!', '?', '…']) {
        text.push('.');
    }
    text
}

impl From<omendb_store::Error> for Failure {
    fn from(e: omendb_store::Error) -> Failure {
        Failure {
            code: e.code(),
            message: sentence(&e.to_string()),
            remedy: e.remedy().to_owned(),
            detail: e.detail(),
            retry: matches!(e.code(), "STORE_LOCKED"),
        }
    }
}

impl From<omendb_formats::Error> for Failure {
    fn from(e: omendb_formats::Error) -> Failure {
        omendb_ingest::Error::from(e).into()
    }
}

impl From<omendb_ingest::Error> for Failure {
    fn from(e: omendb_ingest::Error) -> Failure {
        match e {
            omendb_ingest::Error::Store(e) => e.into(),
            omendb_ingest::Error::Format(_) => Failure {
                code: e.code(),
                message: sentence(&e.to_string()),
                remedy: e.remedy(),
                detail: e.detail(),
                retry: false,
            },
        }
    }
}

impl From<Failure> for napi::Error {
    fn from(f: Failure) -> napi::Error {
        let Failure {
            code,
            message,
            remedy,
            detail,
            retry,
        } = f;
        let reason = json!({ "code": code, "message": message, "remedy": remedy, "detail": detail, "retry": retry });
        napi::Error::from_reason(reason.to_string())
    }
}

/// Runs something that may panic; a panic becomes `INTERNAL`.
///
/// Unwind safety: the store's own state is poisoned or untouched by its own rules; the skin keeps no state that a panic
/// could leave half written.
pub fn guarded<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(Failure::panicked(&*panic)))
}

/// [`guarded`], with the error as JavaScript gets it.
pub fn guard<T>(work: impl FnOnce() -> Outcome<T>) -> napi::Result<T> {
    Ok(guarded(work)?)
}

/// JSON text from the other side as a value.
pub fn parse<'a, T: serde::Deserialize<'a>>(what: &str, text: &'a str) -> Outcome<T> {
    serde_json::from_str(text).map_err(|e| Failure::invalid(format!("{what} cannot be read: {e}")))
}
