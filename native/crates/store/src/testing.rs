//! What the tests of bytes need of the parsers. No part of the API: anything here may change without notice.

use std::path::Path;

use crate::error::Result;
use crate::manifest::Manifest;
use crate::wal::{self, Delete, Edit, Kind, Revert, Upsert};

/// A log file that was parsed.
#[derive(Debug)]
pub struct Log(wal::Log);

/// One record of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its kind, as the number in the file.
    pub kind: u8,
    /// Its LSN.
    pub lsn: u64,
    /// Where it begins.
    pub offset: u64,
    /// Its payload.
    pub payload: &'a [u8],
}

impl Log {
    /// Parses a log file whose name says `first_lsn`; `newest` when no later one follows.
    ///
    /// # Errors
    /// `CORRUPT`, `UNSUPPORTED_VERSION`.
    pub fn parse(bytes: Vec<u8>, first_lsn: u64, newest: bool) -> Result<Log> {
        wal::parse(Path::new("log"), bytes, first_lsn, newest).map(Log)
    }

    /// The records that will be replayed.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.0.entries().map(|e| Record {
            kind: e.kind as u8,
            lsn: e.lsn,
            offset: e.offset,
            payload: e.payload,
        })
    }

    /// Whether the file had a header.
    pub fn has_header(&self) -> bool {
        self.0.header.is_some()
    }

    /// Where the valid records end.
    pub fn valid_len(&self) -> u64 {
        self.0.valid_len
    }

    /// Decodes every payload; the reasons of those that are refused.
    pub fn refused_payloads(&self) -> Vec<String> {
        let decode = |e: wal::Record<'_>| match e.kind {
            Kind::Upsert => Upsert::decode(e.payload, e.version).err(),
            Kind::Delete => Delete::decode(e.payload, e.version).err(),
            Kind::Edit => Edit::decode(e.payload).err(),
            Kind::Revert => Revert::decode(e.payload).err(),
            Kind::Mark => None,
        };
        self.0.entries().filter_map(decode).collect()
    }
}

/// Decodes a manifest file, and checks what must hold of it.
///
/// # Errors
/// `CORRUPT`, `UNSUPPORTED_VERSION`.
pub fn check_manifest(bytes: &[u8], generation: u64) -> Result<()> {
    Manifest::decode(Path::new("manifest"), bytes, generation).map(drop)
}
