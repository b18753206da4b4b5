//! Tells the linker where Node-API symbols come from.

fn main() {
    napi_build::setup();
}
