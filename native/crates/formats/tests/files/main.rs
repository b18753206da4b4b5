//! Real files in temporary folders: round trips, previews, hostile input.

mod hostile;
mod preview;
mod round_trip;
mod support;
mod vectors;
