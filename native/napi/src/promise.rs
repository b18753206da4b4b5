//! Work on a thread of its own that settles a promise. Not the pool of libuv: its four threads also serve the file system.

use napi::bindgen_prelude::*;

use crate::failure::{Failure, Outcome, guarded};

type Resolver<T> = Box<dyn FnOnce(Env) -> Result<T> + Send>;

/// Starts `work` on a thread called `name` and returns the promise of what it makes. A panic rejects the promise.
pub fn on_thread<'env, T: ToNapiValue + Send + 'static>(
    env: &'env Env,
    name: &str,
    work: impl FnOnce() -> Outcome<T> + Send + 'static,
) -> Result<Object<'env>> {
    let (deferred, promise) = env.create_deferred::<T, Resolver<T>>()?;
    let spawned = std::thread::Builder::new()
        .name(format!("omendb-{name}"))
        .spawn(move || match guarded(work) {
            Ok(value) => deferred.resolve(Box::new(move |_| Ok(value))),
            Err(failure) => deferred.reject(failure.into()),
        });
    match spawned {
        Ok(_) => Ok(promise),
        Err(e) => Err(Failure::internal(format!("no thread could be started: {e}")).into()),
    }
}
